//! What becomes of the rows of a file.

use proptest::prelude::*;

use super::*;
use crate::export::write_text;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};

fn read(text: &[u8], options: &ImportOptions) -> Result<(Table, Receipt)> {
    import(text, options, &mut |_| {})
}

fn with_header(text: &str) -> (Table, Receipt) {
    read(text.as_bytes(), &ImportOptions::default()).expect("import")
}

fn no_header() -> ImportOptions {
    ImportOptions {
        head: false,
        ..ImportOptions::default()
    }
}

fn texts(table: &Table, column: &str) -> Vec<String> {
    table
        .texts(column)
        .expect("texts")
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect()
}

#[test]
fn keeps_values_as_they_are_written() {
    let (table, receipt) = with_header("id,x0,Name\n1,0.10,\" a\"\n2,1e3,\"b,\"\"c\"\"\"\n");
    assert_eq!(texts(&table, "x0"), ["0.10", "1e3"]);
    assert_eq!(texts(&table, "Name"), [" a", "b,\"c\""]);
    assert_eq!((receipt.rows_in, receipt.stored), (2, 2));
    assert_eq!(
        (
            table.schema().id_name.as_str(),
            table.schema().header_line().as_str()
        ),
        ("id", "x0,Name")
    );
    assert_eq!(table.partitions(), 4);
}

#[test]
fn gives_every_refused_row_a_reason_and_a_line() {
    let mut text = "id,x,y\n1,2,3\n2,2\n3,1,2,3\n\n,1,2\n".to_owned();
    text += &format!("6,{},1\n7,1\n", "x".repeat(40));
    text += &format!("8,{},1\n", "x".repeat(15));
    let options = ImportOptions {
        max_line_bytes: 30,
        max_field_bytes: 10,
        ..ImportOptions::default()
    };
    let (table, receipt) = read(text.as_bytes(), &options).expect("import");
    let reasons: Vec<(&str, u64, u64)> = receipt
        .reasons
        .iter()
        .map(|found| (found.reason.as_str(), found.rows, found.first_line))
        .collect();
    let expected = [
        ("the row has fewer fields than the header", 2, 3),
        ("the row has more fields than the header", 1, 4),
        ("the id is empty", 1, 6),
        ("the line is too long", 1, 7),
        ("a field is too long", 1, 9),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(
        (
            receipt.rows_in,
            receipt.stored,
            receipt.replaced,
            receipt.rejected
        ),
        (7, 1, 0, 6)
    );
    assert_eq!(table.ids().expect("ids"), ["1"]);
}

#[test]
fn lets_the_later_row_of_an_id_stand() {
    let (table, receipt) = with_header("id,x\na,1\nb,2\na,3\na,4\n");
    assert_eq!((receipt.stored, receipt.replaced), (2, 2));
    assert_eq!(table.ids().expect("ids"), ["b", "a"]);
    assert_eq!(texts(&table, "x"), ["2", "4"]);
}

#[test]
fn keeps_ragged_rows_of_a_file_without_header() {
    let text = "1,0,1:0.5 4:2\n2,1\n3\n";
    let (table, receipt) = read(text.as_bytes(), &no_header()).expect("import");
    assert_eq!(texts(&table, "value"), ["0,1:0.5 4:2", "1", ""]);
    assert_eq!(receipt.stored, 3);
    assert_eq!(
        (
            table.schema().id_name.as_str(),
            table.schema().header_line().as_str()
        ),
        ("", "")
    );
    let mut out = Vec::new();
    write_text(&table, &mut out, ',', true, None).expect("write");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "1,0,1:0.5 4:2\n2,1\n3,\n"
    );
}

#[test]
fn takes_the_id_from_another_column_and_other_delimiters() {
    let options = ImportOptions {
        delimiter: '\t',
        id_column: 1,
        ..ImportOptions::default()
    };
    let (table, _) = read(b"x\tid\ty\n5\ta\t1,0\n", &options).expect("import");
    assert_eq!(table.preview(9).expect("rows"), [["a", "5", "1,0"]]);
    assert_eq!(table.schema().display_header(), ["id", "x", "y"]);
}

#[test]
fn makes_up_ids_when_asked() {
    let counted = ImportOptions {
        extend_sid: true,
        auto_increasing_sid: true,
        ..ImportOptions::default()
    };
    let (table, _) = read(b"x,y\n5,6\n5,6\n", &counted).expect("import");
    assert_eq!(table.ids().expect("ids"), ["0", "1"]);
    assert_eq!(
        (
            table.schema().id_name.as_str(),
            table.schema().header_line().as_str()
        ),
        ("extend_sid", "x,y")
    );
    let random = ImportOptions {
        auto_increasing_sid: false,
        ..counted
    };
    let ids = |_| {
        read(b"x,y\n5,6\n5,6\n", &random)
            .expect("import")
            .0
            .ids()
            .expect("ids")
    };
    let (one, other) = (ids(0), ids(1));
    assert!(
        one.iter().all(|id| !other.contains(id)),
        "two imports made up the same id"
    );
    assert_eq!(one.len(), 2);
}

#[test]
fn refuses_what_cannot_be_a_table() {
    let default = ImportOptions::default();
    assert!(matches!(read(b"", &default), Err(TableError::FileEmpty)));
    assert!(matches!(
        read(b"\n\n", &no_header()),
        Err(TableError::FileEmpty)
    ));
    assert!(matches!(
        read(b"\nid,x\n1,2\n", &default),
        Err(TableError::HeaderInvalid { .. })
    ));
    assert!(matches!(
        read(b"id,\xff\n1,2\n", &default),
        Err(TableError::NotUtf8 { line: 1, .. })
    ));
    let far = ImportOptions {
        id_column: 2,
        ..ImportOptions::default()
    };
    assert!(matches!(
        read(b"id,x\n1,2\n", &far),
        Err(TableError::HeaderInvalid { .. })
    ));
    for partitions in [0, 1024] {
        let options = ImportOptions {
            partitions,
            ..ImportOptions::default()
        };
        assert!(matches!(
            read(b"id,x\n1,2\n", &options),
            Err(TableError::PartitionsOutOfRange { .. })
        ));
    }
    for delimiter in ['"', '\n', 'é'] {
        let options = ImportOptions {
            delimiter,
            ..ImportOptions::default()
        };
        assert!(matches!(
            read(b"id,x\n1,2\n", &options),
            Err(TableError::DelimiterInvalid { .. })
        ));
    }
}

#[test]
fn tells_its_progress_and_crosses_pieces() {
    let mut text = "id,x\n".to_owned();
    (0..20_000).for_each(|row| text.push_str(&format!("{},{row}\n", row % 15_000)));
    let mut told = Vec::new();
    let (table, receipt) = import(text.as_bytes(), &ImportOptions::default(), &mut |rows| {
        told.push(rows)
    })
    .expect("import");
    // Pieces are cut by bytes, so that how often it is told is not for a test to know.
    assert!(told.is_sorted() && told.last() == Some(&20_000), "{told:?}");
    assert_eq!((receipt.stored, receipt.replaced), (15_000, 5_000));
    assert_eq!(texts(&table, "x").first().map(String::as_str), Some("5000"));
    assert_eq!(texts(&table, "x").last().map(String::as_str), Some("19999"));
}

#[test]
fn fails_when_the_file_cannot_be_read_to_its_end() {
    struct Torn(bool);
    impl Read for Torn {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("torn"));
            }
            buffer[..9].copy_from_slice(b"id,x\n1,2\n");
            Ok(9)
        }
    }
    let outcome = import(Torn(false), &ImportOptions::default(), &mut |_| {});
    assert!(matches!(outcome, Err(TableError::Unreadable { .. })));
}

#[test]
fn a_quoted_field_may_hold_line_ends_and_no_row_is_made_of_it() {
    let (table, receipt) = with_header(
        "id,note,y\na0,ok,0\na5,\"see a7,1,2\na7,x,1,2\nend\",1\na6,\"two\r\nlines\",1\n",
    );
    assert_eq!(table.ids().expect("ids"), ["a0", "a5", "a6"]);
    assert_eq!(
        texts(&table, "note"),
        ["ok", "see a7,1,2\na7,x,1,2\nend", "two\r\nlines"]
    );
    assert_eq!(
        (receipt.rows_in, receipt.stored, receipt.rejected),
        (3, 3, 0)
    );
    let mut out = Vec::new();
    write_text(&table, &mut out, ',', true, None).expect("write");
    let (back, _) = read(&out, &ImportOptions::default()).expect("import");
    assert_eq!(
        back.content_hash().expect("hash"),
        table.content_hash().expect("hash")
    );
    let (ragged, _) = read(b"1,\"a\nb\",c\n2,d\n", &no_header()).expect("import");
    assert_eq!(texts(&ragged, "value"), ["\"a\nb\",c", "d"]);
}

#[test]
fn what_spoils_a_file_leaves_no_table() {
    let default = ImportOptions::default();
    let line_of = |text: &[u8]| match read(text, &default) {
        Err(TableError::NotUtf8 { line, .. } | TableError::TextBroken { line, .. }) => line,
        other => panic!("{:?} gave {other:?}", String::from_utf8_lossy(text)),
    };
    assert_eq!(line_of(b"id,x\na0,1\na1,M\xfcller\na2,3\n"), 3);
    assert_eq!(line_of(b"id,x\na0,1\na1,\0\na2,3\n"), 3);
    assert_eq!(line_of(b"id,x\na0,1\na1,\"open\na2,3\n"), 3);
    assert_eq!(line_of(b"id,x\ra0,1\ra1,2\r"), 1);
    assert_eq!(line_of(b"id,x\na0,1\ra1,2\n"), 2);
    assert_eq!(line_of(b"sep=,\nid,x\na0,1\n"), 1);
    assert!(matches!(
        read(b"PK\x03\x04book", &default),
        Err(TableError::NotText { .. })
    ));
    assert!(matches!(
        read(b"id;x\na0;1\n", &default),
        Err(TableError::DelimiterAbsent { other: ";", .. })
    ));
    assert!(matches!(
        read(b"a0;1\na1;2\n", &no_header()),
        Err(TableError::DelimiterAbsent { .. })
    ));
    let semicolons = ImportOptions {
        delimiter: ';',
        ..ImportOptions::default()
    };
    assert_eq!(
        texts(
            &read(b"id;x\na0;1,5\n", &semicolons).expect("import").0,
            "x"
        ),
        ["1,5"]
    );
}

#[test]
fn a_file_without_a_row_to_keep_is_refused_with_the_first_line() {
    let refused = |text: &str| {
        read(text.as_bytes(), &ImportOptions::default())
            .expect_err("no row")
            .to_string()
    };
    assert!(
        refused("id,x\n").contains("no row"),
        "{}",
        refused("id,x\n")
    );
    assert!(refused("id,x\n\n\n").contains("no row"));
    let all = refused("id,x\n\n1,2,3\n2\n3\n");
    assert!(
        all.contains("3 rows are refused") && all.contains("line 3: the row has more fields"),
        "{all}"
    );
    assert!(
        all.contains("line 4: the row has fewer fields than the header (2 rows)"),
        "{all}"
    );
}

#[test]
fn empty_fields_after_the_last_column_are_left_out_and_noted() {
    let (table, receipt) = with_header("id,x\na0,1,\na1,2,,\na2,3\n");
    assert_eq!(
        (
            table.schema().header_line().as_str(),
            receipt.stored,
            receipt.rejected
        ),
        ("x", 3, 0)
    );
    assert!(
        receipt.notes[0].starts_with("2 rows end with empty fields"),
        "{:?}",
        receipt.notes
    );
    let (table, receipt) = with_header("id,x,,\na0,1,,\na1,2,, \n");
    assert_eq!(
        (table.schema().header_line().as_str(), receipt.stored),
        ("x", 2)
    );
    assert!(
        receipt.notes[0].contains("column 3, 4"),
        "{:?}",
        receipt.notes
    );
    // A value under no name is a value: nothing of the file is lost.
    let (table, receipt) = with_header("id,x,,\na0,1,,\na1,2,7,\n");
    assert_eq!((table.schema().columns.len(), receipt.notes.len()), (2, 2));
    assert_eq!(texts(&table, "column_3"), ["", "7"]);
    assert_eq!(
        receipt.notes[1],
        "column 3 has values and no name: it is called column_3"
    );
    let (table, receipt) = with_header("id,,x,,column_2\na0,1,2,3,4\n");
    assert_eq!(
        table.schema().header_line(),
        "column_2_,x,column_4,column_2"
    );
    assert!(
        receipt.notes[0].starts_with("column 2, 4 have values and no name"),
        "{:?}",
        receipt.notes
    );
    let (table, receipt) = with_header(",x\n0,1\n");
    assert_eq!(
        (table.schema().id_name.as_str(), receipt.notes.len()),
        ("", 0),
        "an id needs no name"
    );
    let (_, receipt) = with_header("id,x\na0,1,\na1,2,7\n");
    assert_eq!((receipt.stored, receipt.rejected), (1, 1));
}

#[test]
fn another_delimiter_behind_decimal_commas_is_refused() {
    let refused = |text: &str, options: &ImportOptions| {
        matches!(
            read(text.as_bytes(), options),
            Err(TableError::DelimiterAbsent {
                line: 1,
                other: ";",
                ..
            })
        )
    };
    assert!(refused(
        "id;x, cm;y, cm\na1;1,5;2,5\n",
        &ImportOptions::default()
    ));
    assert!(refused("a;1,5;2,5\nb;1,7;2,25\n", &no_header()));
    let made_up = ImportOptions {
        extend_sid: true,
        ..no_header()
    };
    assert_eq!(
        read(b"a;1,5;2,5\n", &made_up)
            .expect("a line is a value")
            .1
            .stored,
        1
    );
    let (table, receipt) = with_header("id,x\na|1,5\nb|2,7\n");
    assert_eq!(
        (table.rows(), receipt.notes),
        (2, vec!["ids hold '|': is it the delimiter?".to_owned()])
    );
}

#[test]
fn ids_with_spaces_are_other_ids_with_a_note() {
    let (table, receipt) = with_header("id,x\na1,1\n a1,2\na1 ,3\na2, 4\n");
    assert_eq!(table.ids().expect("ids"), ["a1", " a1", "a1 ", "a2"]);
    let note = "2 ids have spaces before or behind them: they are other ids than those without";
    assert_eq!(receipt.notes, [note]);
    let (_, receipt) = read(b" 1,2\n3, 4\n", &no_header()).expect("import");
    assert!(
        receipt.notes[0].starts_with("1 ids have spaces"),
        "{:?}",
        receipt.notes
    );
}

#[test]
fn a_row_that_is_taken_for_names_is_noted() {
    let (table, receipt) = with_header("a0,1,0.5\na1,2,0.25\n");
    assert_eq!(table.schema().header_line(), "1,0.5");
    assert!(receipt.notes[0].contains("head 0"), "{:?}", receipt.notes);
    let (_, receipt) = with_header("id,1,y\na1,2,3\n");
    assert!(receipt.notes.is_empty(), "{:?}", receipt.notes);
    let (_, receipt) = read(b"a0,1,0.5\n", &no_header()).expect("import");
    assert!(receipt.notes.is_empty(), "{:?}", receipt.notes);
}

#[test]
fn equal_names_are_kept_apart_with_a_note() {
    let (table, receipt) = with_header("id,x,y,x\n1,2,3,4\n");
    assert_eq!(table.schema().header_line(), "x,y,x_2");
    assert_eq!(
        (texts(&table, "x"), texts(&table, "x_2")),
        (vec!["2".to_owned()], vec!["4".to_owned()])
    );
    assert_eq!(receipt.notes.len(), 1);
}

#[test]
fn reads_utf_16_whole_and_says_so() {
    let bytes: Vec<u8> = "id,name\na0,Müller\na1,名\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (table, receipt) = read(&bytes, &ImportOptions::default()).expect("import");
    assert_eq!(texts(&table, "name"), ["Müller", "名"]);
    assert!(receipt.notes[0].contains("UTF-16"));
    assert!(matches!(
        read(&bytes[..bytes.len() - 1], &ImportOptions::default()),
        Err(TableError::Unreadable { .. })
    ));
}

proptest! {
    /// Whatever the bytes, a table holds every row that its receipt does not name.
    #[test]
    fn accounts_for_every_row_or_leaves_no_table(
        lines in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"ab,1\"\r \xff\0"[..]), 0..9), 0..8),
        tidy in prop::collection::vec("[a-c]{0,2},[0-9]{0,3}", 0..40),
    ) {
        let mut text = b"id,x".to_vec();
        for line in lines.iter().map(|line| line.as_slice()).chain(tidy.iter().map(String::as_bytes)) {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        let options = ImportOptions { max_line_bytes: 8, max_field_bytes: 5, ..ImportOptions::default() };
        let Ok((table, receipt)) = read(&text, &options) else { return Ok(()) };
        prop_assert_eq!(receipt.rows_in, receipt.stored + receipt.replaced + receipt.rejected);
        prop_assert_eq!(receipt.stored, table.rows() as u64);
        prop_assert!(receipt.stored > 0);
        prop_assert_eq!(receipt.rejected, receipt.reasons.iter().map(|reason| reason.rows).sum::<u64>());
        let ids = table.ids().expect("ids");
        prop_assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        // No line holds a quote: then every line that is not blank is a row.
        if !text.contains(&b'"') {
            let rows = text.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty() && *line != b"\r");
            prop_assert_eq!(receipt.rows_in, rows.count() as u64);
        }
    }

    #[test]
    fn reads_back_what_it_wrote(values in prop::collection::vec(("[a,\"é ]{0,5}", "\\PC{0,5}"), 1..20)) {
        let schema = Schema::new(TableKind::Raw, "id", ["x", "y"].map(|name| Column::new(name, ColumnKind::Text, Part::Feature)).to_vec());
        let ids = (0..values.len()).map(|row| format!("r{row}")).collect();
        let (x, y): (Vec<String>, Vec<String>) = values.into_iter().unzip();
        let columns = vec![crate::values::Values::of_texts(x), crate::values::Values::of_texts(y)];
        let table = Table::from_columns(schema, ids, columns).expect("table");
        let mut out = Vec::new();
        write_text(&table, &mut out, ',', true, None).expect("write");
        let (back, receipt) = read(&out, &ImportOptions::default()).expect("import");
        prop_assert_eq!(receipt.rejected, 0);
        prop_assert_eq!(back.content_hash().expect("hash"), table.content_hash().expect("hash"));
    }
}

#[test]
fn takes_other_names_for_columns_with_and_without_a_header() {
    let names = |head: bool, columns: &[&str]| ImportOptions {
        head,
        id_name: Some("k".to_owned()),
        column_names: Some(columns.iter().map(|name| (*name).to_owned()).collect()),
        ..ImportOptions::default()
    };
    let (table, receipt) = read(b"1,2,3\n2,3,4\n", &names(false, &["a", "b"])).expect("import");
    assert_eq!(
        (
            table.schema().id_name.as_str(),
            table.schema().header_line().as_str()
        ),
        ("k", "a,b")
    );
    assert_eq!(
        (receipt.stored, texts(&table, "b")),
        (2, vec!["3".to_owned(), "4".to_owned()])
    );
    let (table, _) = read(b"id,x,y\n1,2,3\n", &names(true, &["a", "b"])).expect("import");
    assert_eq!(
        (table.rows(), table.schema().header_line().as_str()),
        (1, "a,b")
    );
    let second = ImportOptions {
        id_column: 1,
        ..names(true, &["a", "b"])
    };
    let (table, _) = read(b"x,id,y\n1,2,3\n", &second).expect("import");
    assert_eq!(
        (table.ids().expect("ids"), texts(&table, "a")),
        (vec!["2".to_owned()], vec!["1".to_owned()])
    );
    assert!(matches!(
        read(b"id,x\n1,2\n", &names(true, &["a", "b"])),
        Err(TableError::HeaderInvalid { .. })
    ));
}
