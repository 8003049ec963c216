//! Records, quotes over several lines, and what breaks them.

use proptest::prelude::*;

use super::*;

fn fields(line: &str) -> std::result::Result<Vec<String>, Unclosed> {
    let mut splitter = Splitter::new(b',');
    let mut fields = Vec::new();
    splitter.split(line, &mut fields)?;
    Ok(fields.into_iter().map(str::to_owned).collect())
}

/// Every record with the number of its first line; a record that is too long is none.
fn records(text: &str, longest: usize) -> Result<Vec<(u64, Option<String>)>> {
    let mut lines = Lines::new(text.as_bytes(), b',', longest);
    let mut read = Vec::new();
    loop {
        match lines.advance()? {
            Line::End => return Ok(read),
            Line::TooLong => read.push((lines.number, None)),
            Line::Whole => read.push((
                lines.number,
                Some(String::from_utf8(lines.line.clone()).expect("text")),
            )),
        }
    }
}

fn broken(text: &str) -> (u64, &'static str) {
    match records(text, 100) {
        Err(TableError::TextBroken { line, reason }) => (line, reason),
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn splits_plain_and_quoted_fields() {
    assert_eq!(fields("a,,b").expect("fields"), ["a", "", "b"]);
    assert_eq!(fields("\"a,b\",c").expect("fields"), ["a,b", "c"]);
    assert_eq!(
        fields("x,\"say \"\"hi\"\"\",\"\"").expect("fields"),
        ["x", "say \"hi\"", ""]
    );
    assert_eq!(fields("5\" pipe,1").expect("fields"), ["5\" pipe", "1"]);
    assert_eq!(
        fields("1,\"two\r\nlines\n\",2").expect("fields"),
        ["1", "two\r\nlines\n", "2"]
    );
    assert_eq!(fields("1,\"open,2"), Err(Unclosed));
    assert_eq!(fields("\""), Err(Unclosed));
}

#[test]
fn a_quoted_field_may_span_lines() {
    let read =
        records("a,1\r\nb,\"two\r\n\n\"\"lines\"\"\"\r\nc,\"x\"\n\nd", 100).expect("records");
    let expected = [
        (1, Some("a,1".to_owned())),
        (2, Some("b,\"two\r\n\n\"\"lines\"\"\"".to_owned())),
        (5, Some("c,\"x\"".to_owned())),
        (6, Some(String::new())),
        (7, Some("d".to_owned())),
    ];
    assert_eq!(read, expected);
}

#[test]
fn skips_a_line_that_is_too_long_and_goes_on() {
    let read = records("ok\nfar too long\r\nfits!\r\nlast", 5).expect("records");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        read,
        [
            (1, text("ok")),
            (2, None),
            (3, text("fits!")),
            (4, text("last"))
        ]
    );
    let long = format!("ok\n{}\nlast", "x,\"y\",".repeat(40_000));
    assert_eq!(
        records(&long, 5).expect("records"),
        [(1, text("ok")), (2, None), (3, text("last"))]
    );
}

#[test]
fn what_breaks_the_rules_spoils_the_file_and_names_the_line() {
    assert_eq!(
        broken("a,1\nb,\"open\nc,2\n"),
        (2, "a quote opens in its row and is not closed")
    );
    assert_eq!(broken("b,\"open").0, 1);
    assert_eq!(
        broken("a,1\nb,\"open,2\nc,\"x\",1\n"),
        (3, "text follows a closing quote")
    );
    assert_eq!(broken("a,1\nb,\"closed\"x,2\n").0, 2);
    assert_eq!(broken("id,x\ra0,1\ra1,2\r"), (1, LONE_RETURN));
    assert_eq!(broken("a,1\nb,2\r\r\n"), (2, LONE_RETURN));
    assert_eq!(broken("a,\"q\"\rb,2\n"), (1, LONE_RETURN));
    // The quote would hide the next row, or make one of it.
    assert_eq!(broken("a, \"p\nq,1,2,3\"\n"), (1, LOOSE));
    assert_eq!(broken("a, \"p,q\",2\n"), (1, LOOSE));
    let open = records(
        &format!("{},\"{}\nb,1\n", "x".repeat(5), "y".repeat(200)),
        100,
    );
    assert!(
        matches!(open, Err(TableError::TextBroken { line: 1, .. })),
        "{open:?}"
    );
    let grown = records(&format!("a,\"{}\"\nb,1\n", "line\n".repeat(50)), 100);
    assert!(
        matches!(grown, Err(TableError::TextBroken { .. })),
        "{grown:?}"
    );
}

#[test]
fn quotes_that_are_no_quoting_stay_as_they_are() {
    for text in ["5\" pipe,1", "a, \"b\",1", "x\"y\"z"] {
        assert_eq!(
            records(text, 100).expect("records"),
            [(1, Some(text.to_owned()))]
        );
    }
}

proptest! {
    #[test]
    fn joins_fields_so_that_they_split_again(values in prop::collection::vec("[a,\" é\r\n]{0,6}", 1..6)) {
        let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
        let line = join_fields(&borrowed, ',');
        prop_assert_eq!(fields(&line).expect("fields"), values);
    }

    /// What is written by the rules is read as it was, wherever lines end in it.
    #[test]
    fn reads_back_rows_with_any_text(rows in prop::collection::vec(prop::collection::vec("[ab,\" é\r\n]{0,6}", 2..4), 1..8)) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let text: String = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n").collect();
        let read = records(&text, 1000).expect("records");
        let back: Vec<Vec<String>> =
            read.into_iter().map(|(_, line)| fields(&line.expect("short")).expect("fields")).collect();
        prop_assert_eq!(back, rows);
    }
}
