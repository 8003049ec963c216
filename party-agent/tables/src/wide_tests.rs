//! Work on wide tables costs as much as they have cells: the directory of a partition's file, whose size grows with the columns, is
//! not read for each column. Counted, not timed.

use vocabulary::TableRef;

use crate::import::import;
use crate::import_options::ImportOptions;
use crate::table::Table;
use crate::table_store::TableStore;
use crate::transform::{Label, Settings, ValueKind, apply, fit};

const COLUMNS: usize = 600;
const PARTITIONS: u32 = 3;

/// A table on the table store, of `COLUMNS` numbers and a label.
fn stored(folder: &tempfile::TempDir) -> Table {
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("x{column}")).collect();
    let mut text = format!("id,y,{}\n", names.join(","));
    for row in 0..6 {
        let cells: Vec<String> = (0..COLUMNS)
            .map(|column| (row * COLUMNS + column).to_string())
            .collect();
        text += &format!("a{row},{},{}\n", row % 2, cells.join(","));
    }
    let (table, _) =
        import(text.as_bytes(), &ImportOptions::default(), &mut |_| ()).expect("import");
    let table_store = TableStore::open(folder.path()).expect("a table store");
    let name = TableRef::new("n", "wide");
    table_store
        .write(&name, &table, PARTITIONS)
        .expect("written");
    table_store.read(&name).expect("read")
}

/// How often a directory is read while work is done on a fresh table.
fn directories(work: impl FnOnce(&Table)) -> u64 {
    let folder = tempfile::tempdir().expect("folder");
    let table = stored(&folder);
    assert_eq!(table.directories_read(), 0);
    work(&table);
    table.directories_read()
}

#[test]
fn reads_a_directory_once_whoever_reads_column_by_column() {
    let parts = u64::from(PARTITIONS);
    let each = |table: &Table| {
        for column in &table.schema().columns {
            table.floats(&column.name).expect("numbers");
            table.texts(&column.name).expect("texts");
        }
    };
    assert_eq!(directories(each), parts);
    // Tables made of this one share what is known of the files.
    let selected = |table: &Table| {
        let names: Vec<&str> = table
            .schema()
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        for name in &names {
            table
                .select(&[*name])
                .expect("a column")
                .ids()
                .expect("ids");
        }
        each(&table.with_schema(table.schema().clone()).expect("the same"));
    };
    assert_eq!(directories(selected), parts);
    let whole = |table: &Table| assert_eq!(table.content_hash().expect("hash").len(), 64);
    assert_eq!(directories(whole), parts);
}

#[test]
fn transforms_a_wide_table_with_few_reads_of_directories() {
    let label = Label {
        name: "y".to_owned(),
        kind: ValueKind::Integer,
    };
    let settings = Settings {
        label: Some(label),
        ..Settings::default()
    };
    let folder = tempfile::tempdir().expect("folder");
    let table = stored(&folder);
    let made = fit(&table, &settings, "guest_9999").expect("fits");
    assert_eq!(made.table.schema().features().len(), COLUMNS);
    let (after_fit, parts) = (table.directories_read(), u64::from(PARTITIONS));
    assert!(after_fit <= 3 * parts, "{after_fit} directories were read");
    apply(&table, &settings, &made.learned, "guest_9999").expect("applies");
    assert!(
        table.directories_read() <= 6 * parts,
        "{} directories were read",
        table.directories_read()
    );
}

#[test]
fn finds_every_column_by_its_name() {
    let folder = tempfile::tempdir().expect("folder");
    let table = stored(&folder);
    for (at, column) in table.schema().columns.iter().enumerate() {
        assert_eq!(table.position(&column.name).expect("there"), at);
    }
    assert!(table.position("x600").is_err() && table.position("id").is_err());
}
