//! What tables answer and how they are reshaped.

use ndarray::array;
use proptest::prelude::*;

use super::*;
use crate::instances::Missing;
use crate::schema::{Column, Part, TableKind};

fn schema() -> Schema {
    let columns = vec![
        Column::new("x0", ColumnKind::Float, Part::Feature),
        Column::new("name", ColumnKind::Text, Part::Feature),
        Column::new("y", ColumnKind::Integer, Part::Label),
        Column::new("w", ColumnKind::Float, Part::Weight),
        Column::new("m", ColumnKind::Text, Part::MatchId),
    ];
    Schema::new(TableKind::Instances, "sid", columns)
}

fn table(rows: usize) -> Table {
    let number = |row: usize| f64::from(u32::try_from(row).expect("small"));
    let values = vec![
        Values::Float(
            (0..rows)
                .map(|row| {
                    if row == 2 {
                        f64::NAN
                    } else {
                        number(row) + 0.5
                    }
                })
                .collect(),
        ),
        Values::Text(
            (0..rows)
                .map(|row| (row != 1).then(|| format!("{row}")))
                .collect(),
        ),
        Values::Integer(
            (0..rows)
                .map(|row| i64::try_from(row % 2).expect("small"))
                .collect(),
        ),
        Values::Float(vec![1.0; rows]),
        Values::of_texts((0..rows).map(|row| format!("m{row}"))),
    ];
    Table::from_columns(
        schema(),
        (0..rows).map(|row| format!("id{row}")).collect(),
        values,
    )
    .expect("table")
}

fn ids(table: &Table) -> Vec<String> {
    table.ids().expect("ids")
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn previews_rows_in_the_order_of_the_header() {
    let table = table(5).in_partitions(3).expect("partitions");
    assert_eq!(
        table.schema().display_header(),
        ["sid", "m", "y", "w", "x0", "name"]
    );
    let expected = [
        ["id0", "m0", "0", "1.0", "0.5", "0"],
        ["id1", "m1", "1", "1.0", "1.5", ""],
        ["id2", "m2", "0", "1.0", "", "2"],
    ];
    assert_eq!(table.preview(3).expect("rows"), expected);
    assert_eq!(table.preview(100).expect("rows").len(), 5);
    assert!(table.preview(0).expect("rows").is_empty());
}

#[test]
fn gives_a_row_major_matrix_across_partitions() {
    let table = table(4).in_partitions(3).expect("partitions");
    let matrix = table.matrix(&["y", "x0", "w"]).expect("matrix");
    assert!(matrix.is_standard_layout());
    assert_eq!(
        matrix.rows().into_iter().nth(3).expect("row"),
        array![1.0, 3.5, 1.0]
    );
    assert!(matrix[[2, 1]].is_nan());
    assert_eq!(table.features_matrix().expect("matrix").dim(), (4, 2));
    assert!(
        table.features_matrix().expect("matrix")[[1, 1]].is_nan(),
        "a missing text is a missing number"
    );
    assert_eq!(table.matrix(&[]).expect("matrix").dim(), (4, 0));
}

#[test]
fn reads_columns_as_numbers_and_as_text() {
    let table = table(3);
    assert_eq!(table.labels().expect("read"), Some(vec![0.0, 1.0, 0.0]));
    assert_eq!(
        table.label_texts().expect("read").expect("label")[1].as_deref(),
        Some("1")
    );
    assert_eq!(table.weights().expect("read"), Some(vec![1.0; 3]));
    assert_eq!(
        table.texts("x0").expect("read"),
        [Some("0.5".to_owned()), Some("1.5".to_owned()), None]
    );
    assert!(
        matches!(table.floats("z"), Err(TableError::ColumnMissing { column }) if column == "z")
    );
    assert_eq!(
        table
            .select(&["x0"])
            .expect("select")
            .labels()
            .expect("read"),
        None
    );
}

#[test]
fn counts_a_bad_number_from_the_start_of_the_table() {
    let schema = Schema::new(
        TableKind::Raw,
        "id",
        vec![Column::new("x", ColumnKind::Text, Part::Feature)],
    );
    let values = vec![Values::of_texts(["1", "2", "NA", "4", "five"])];
    let table =
        Table::from_columns(schema, owned(&["a", "b", "c", "d", "e"]), values).expect("table");
    let table = table.in_partitions(3).expect("partitions");
    assert!(matches!(
        table.floats("x"),
        Err(TableError::NotANumber { row: 4, .. })
    ));
    assert!(matches!(
        table.matrix(&["x"]),
        Err(TableError::NotANumber { row: 4, .. })
    ));
    let missing = Missing::of(["NA", "five"]);
    assert_eq!(
        table
            .floats_with("x", &missing)
            .expect("read")
            .iter()
            .filter(|number| number.is_nan())
            .count(),
        2
    );
}

#[test]
fn refuses_columns_that_do_not_fit() {
    let one = || {
        Schema::new(
            TableKind::Raw,
            "id",
            vec![Column::new("x", ColumnKind::Text, Part::Feature)],
        )
    };
    let refused = |ids: &[&str], values| {
        Table::from_columns(one(), owned(ids), values).expect_err("must not fit")
    };
    assert!(matches!(
        refused(&["a"], vec![]),
        TableError::SchemaMismatch { .. }
    ));
    assert!(matches!(
        refused(&["a"], vec![Values::Float(vec![1.0])]),
        TableError::SchemaMismatch { .. }
    ));
    assert!(matches!(
        refused(&["a"], vec![Values::of_texts(["1", "2"])]),
        TableError::LengthMismatch {
            expected: 1,
            found: 2,
            ..
        }
    ));
    assert!(matches!(
        refused(&["a", "b", "a"], vec![Values::of_texts(["1", "2", "3"])]),
        TableError::IdRepeated { row: 2 }
    ));
}

#[test]
fn joins_in_the_order_of_the_list() {
    let table = table(6).in_partitions(4).expect("partitions");
    let joined = table
        .join_ids(&owned(&["id5", "id0", "id3"]))
        .expect("join");
    assert_eq!(ids(&joined), ["id5", "id0", "id3"]);
    assert_eq!(joined.floats("x0").expect("read"), [5.5, 0.5, 3.5]);
    let missing = table
        .join_ids(&owned(&["id1", "id9", "id8"]))
        .expect_err("missing");
    assert!(matches!(
        missing,
        TableError::IdMissing {
            position: 1,
            missing: 2,
            asked: 3
        }
    ));
    assert!(matches!(
        table.join_ids(&owned(&["id1", "id1"])),
        Err(TableError::IdRepeated { row: 1 })
    ));
    assert_eq!(table.join_ids(&[]).expect("join").rows(), 0);
}

#[test]
fn picks_rows_by_number_once_or_under_new_ids() {
    let table = table(4);
    assert_eq!(ids(&table.rows_at(&[3, 1]).expect("rows")), ["id3", "id1"]);
    assert!(matches!(
        table.rows_at(&[1, 1]),
        Err(TableError::IdRepeated { .. })
    ));
    assert!(matches!(
        table.rows_at(&[4]),
        Err(TableError::RowMissing { row: 4, rows: 4 })
    ));
    let sampled = table.rows_as(&[1, 1], owned(&["a", "b"])).expect("rows");
    assert_eq!(
        (ids(&sampled), sampled.floats("x0").expect("read")),
        (owned(&["a", "b"]), vec![1.5, 1.5])
    );
    assert!(matches!(
        table.rows_as(&[1, 2], owned(&["a", "a"])),
        Err(TableError::IdRepeated { .. })
    ));
}

#[test]
fn lets_the_first_row_of_an_id_stand_in_a_union() {
    let first = table(3);
    let second = table(5)
        .with_columns(vec![(
            schema().columns[0].clone(),
            Values::Float(vec![9.0; 5]),
        )])
        .expect("columns");
    let union = Table::union(&[first.clone(), second]).expect("union");
    assert_eq!(ids(&union), ["id0", "id1", "id2", "id3", "id4"]);
    assert_eq!(union.floats("x0").expect("read")[3..], [9.0, 9.0]);
    assert_eq!(union.floats("x0").expect("read")[0], 0.5);
    let other = first.select(&["x0"]).expect("select");
    assert!(matches!(
        Table::union(&[first, other]),
        Err(TableError::SchemaMismatch { .. })
    ));
    assert!(Table::union(&[]).is_err());
}

#[test]
fn replaces_and_appends_columns_across_partitions() {
    let table = table(5).in_partitions(2).expect("partitions");
    let added = Column::new("z", ColumnKind::Integer, Part::Feature);
    let replaced = Column::new("name", ColumnKind::Float, Part::Feature);
    let columns = vec![
        (added, Values::Integer((0..5).collect())),
        (replaced, Values::Float(vec![0.0; 5])),
    ];
    let changed = table.with_columns(columns).expect("columns");
    assert_eq!(changed.schema().features(), ["x0", "name", "z"]);
    assert_eq!(
        changed.floats("z").expect("read"),
        [0.0, 1.0, 2.0, 3.0, 4.0]
    );
    assert_eq!(changed.floats("name").expect("read"), [0.0; 5]);
    assert_eq!(
        changed.partition(1).expect("partition").ids().expect("ids"),
        ["id2", "id3", "id4"]
    );
    let short = vec![(
        Column::new("z", ColumnKind::Integer, Part::Feature),
        Values::Integer(vec![1]),
    )];
    assert!(matches!(
        table.with_columns(short),
        Err(TableError::LengthMismatch {
            expected: 5,
            found: 1,
            ..
        })
    ));
}

#[test]
fn takes_another_schema_of_the_same_kinds_only() {
    let mut renamed = schema();
    renamed.columns[0].name = "first".to_owned();
    assert_eq!(
        table(2)
            .with_schema(renamed.clone())
            .expect("schema")
            .floats("first")
            .expect("read"),
        [0.5, 1.5]
    );
    renamed.columns.pop();
    assert!(table(2).with_schema(renamed).is_err());
}

#[test]
fn shows_no_value_when_printed() {
    let text = format!("{:?} {:?}", table(2), Values::of_texts(["secret"]));
    assert!(!text.contains("secret") && !text.contains("id0"), "{text}");
}

proptest! {
    #[test]
    fn hashes_the_same_in_any_number_of_partitions(rows in 0usize..40, partitions in 1u32..50) {
        let whole = table(rows);
        let parted = whole.in_partitions(partitions).expect("partitions");
        prop_assert_eq!(parted.partitions(), partitions as usize);
        prop_assert_eq!(ids(&parted), ids(&whole));
        prop_assert_eq!(parted.content_hash().expect("hash"), whole.content_hash().expect("hash"));
    }

    #[test]
    fn hashes_differently_when_anything_differs(row in 0usize..5) {
        let whole = table(5);
        let hash = whole.content_hash().expect("hash");
        let mut numbers = whole.floats("w").expect("read");
        numbers[row] = 2.0;
        let column = whole.schema().column("w").expect("column").clone();
        prop_assert_ne!(&whole.with_columns(vec![(column, Values::Float(numbers))]).expect("columns").content_hash().expect("hash"), &hash);
        let mut renamed = schema();
        renamed.columns[row].name.push('_');
        prop_assert_ne!(&whole.with_schema(renamed).expect("schema").content_hash().expect("hash"), &hash);
        let order: Vec<usize> = (0..5).map(|at| (at + row + 1) % 5).collect();
        prop_assert_eq!(whole.rows_at(&order).expect("rows").content_hash().expect("hash") == hash, row == 4);
    }
}
