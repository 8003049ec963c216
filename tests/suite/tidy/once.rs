//! What stands at one place of the code and is used everywhere: each of these stood several times once, and differed.

use std::fmt::Write as _;

use super::{root, sources};

/// What only one file may write, and which.
const PLACES: [(&str, &str); 6] = [
    ("format!(\"{byte:02x}\")", "common/vocabulary/src/hex.rs"),
    ("\"output_data_\"", "common/vocabulary/src/table.rs"),
    ("\"fedflow_inference\"", "common/vocabulary/src/table.rs"),
    ("86_400_000", DAY.1),
    ("24 * 3_600_000", DAY.1),
    DAY,
];

/// How the length of a day is written, and where.
const DAY: (&str, &str) = ("24 * 60 * 60 * 1_000", "common/vocabulary/src/time.rs");

/// The places that still have what the others use: without it a row would guard nothing.
#[test]
fn what_is_used_stands_where_it_is_said_to_stand() {
    for (written, place) in [PLACES[1], PLACES[2], DAY] {
        let text = std::fs::read_to_string(root().join(place)).expect("a source file");
        assert!(text.contains(written), "{place} no longer writes {written}");
    }
}

#[test]
fn what_everybody_uses_stands_once() {
    let mut told = String::new();
    for file in sources() {
        let shown = file.strip_prefix(root()).expect("inside");
        let shown = shown.display().to_string();
        if shown.contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file");
        // What a file's own tests expect is written out there.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (written, place) in PLACES {
            if code.contains(written) && shown != place {
                let _ = write!(told, "\n{shown} writes {written}, which {place} has");
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}
