//! In the mathematics a wrong index is a bug, and a bug stops the task: no default stands in for a missing element.
//!
//! What is looked for: `get`, `get_mut`, `nth` or `pop` of a list whose absence becomes a value by `unwrap_or…` or `map_or…`,
//! and `first` or `last` whose absence becomes one by `unwrap_or…`. A look into a map by a borrowed key (`get(&key)`,
//! `get("name")`) is no index, a piece of a list (`get(from..to)`) may be empty, and what an empty list means may be said
//! (`rows.first().map_or(0, Vec::len)`).

use std::fmt::Write as _;
use std::path::Path;

use super::circles::tokens;
use super::{root, sources};

/// The crates that compute.
const MATHEMATICS: [&str; 6] = [
    "common/crypto/src",
    "party-agent/learning/src",
    "party-agent/local-learning/src",
    "party-agent/secure-compute/src",
    "party-agent/learners/src",
    "party-agent/components/src",
];
/// What gives an element that may be missing.
const LOOKS: [&str; 4] = ["get", "get_mut", "nth", "pop"];
/// The same, where an empty list has none.
const ENDS: [&str; 2] = ["first", "last"];
/// What hands it on.
const STEPS: [&str; 4] = ["copied", "cloned", "map", "and_then"];
/// What puts a value in its place.
const DEFAULTS: [&str; 4] = ["unwrap_or", "unwrap_or_default", "unwrap_or_else", "map_or"];

/// Looks into lists that end in a default, as they stand in the text.
fn silent(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let word = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let (look, end_of_list) = (LOOKS.contains(&word(at + 1)), ENDS.contains(&word(at + 1)));
        if word(at) != "." || !(look || end_of_list) || word(at + 2) != "(" {
            continue;
        }
        let end = after_brackets(&tokens, at + 2);
        let argument = &tokens[at + 3..end - 1];
        // Texts are left out of the tokens: a look by a name has nothing in its brackets.
        let named = argument.is_empty() && look && word(at + 1) != "pop";
        let key = named || argument.first().is_some_and(|first| first == "&");
        let piece = argument.windows(2).any(|two| two == [".", "."]);
        if key || piece {
            continue;
        }
        let mut step = end;
        while word(step) == "." && STEPS.contains(&word(step + 1)) {
            step = after_brackets(&tokens, step + 2);
        }
        let stated = end_of_list && word(step + 1) == "map_or";
        if word(step) == "." && DEFAULTS.contains(&word(step + 1)) && !stated {
            let end = after_brackets(&tokens, step + 2);
            found.push(tokens[at.saturating_sub(1)..end].concat());
        }
    }
    found
}

/// Behind the bracket that closes the one that opens here.
fn after_brackets(tokens: &[String], open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(token == "(") - i32::from(token == ")");
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn is_test(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let below = file.components().any(|part| part.as_os_str() == "tests");
    below || name.ends_with("tests.rs")
}

#[test]
fn no_default_stands_in_for_a_missing_element_of_a_list() {
    let computes = |file: &&std::path::PathBuf| {
        let inside = MATHEMATICS
            .iter()
            .any(|part| file.starts_with(root().join(part)));
        inside && !is_test(file)
    };
    let (mut told, mut read) = (String::new(), 0);
    for file in sources().iter().filter(computes) {
        read += 1;
        let text = std::fs::read_to_string(file).expect("a source file");
        let shown = file.strip_prefix(root()).expect("inside").display();
        for look in silent(&text) {
            let _ = write!(told, "\n{shown}: {look}");
        }
    }
    assert!(read > 50, "the mathematics were not found");
    assert!(told.is_empty(), "say by `expect` what must be there:{told}");
}

#[test]
fn finds_silent_numbers_over_several_lines() {
    let text = "let x = weights\n    .get(index) // the first\n    .copied()\n    .unwrap_or(0.0);\n\
                let y = list.pop().map_or(1, |x| x + 1);";
    assert_eq!(
        silent(text),
        [
            "weights.get(index).copied().unwrap_or(0.0)",
            "list.pop().map_or(1,|x|x+1)"
        ]
    );
    let fine = "map.get(&key).copied().unwrap_or(0); bytes.get(3..).unwrap_or_default(); \
                object.get(\"name\").map_or(0, f); list.first().expect(\"one\"); list.first().map_or(0, len); // list.get(1).unwrap_or(0)";
    assert_eq!(silent(fine), [""; 0]);
}
