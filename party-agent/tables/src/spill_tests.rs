//! Rows of large tables stand in files while they are worked on, and are handed on without being written again.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use vocabulary::{Stop, TableRef};

use super::Gathered;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::spill::SpillFolder;
use crate::{ImportOptions, Table, TableError, TableStore, Values, import};

const ROWS: usize = 20_000;

fn table(rows: usize) -> Table {
    let columns = vec![
        Column::new("x", ColumnKind::Float, Part::Feature),
        Column::new("t", ColumnKind::Text, Part::Feature),
    ];
    let values = vec![
        Values::Float((0..rows).map(|row| row as f64 / 7.0).collect()),
        Values::of_texts((0..rows).map(|row| format!("t{row}"))),
    ];
    let ids = (0..rows).map(|row| format!("id{row}")).collect();
    Table::from_columns(
        Schema::new(TableKind::Instances, "id", columns),
        ids,
        values,
    )
    .expect("a table")
}

fn name(name: &str) -> TableRef {
    TableRef::new("n", name)
}

/// All files below a folder that hold rows.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(parts(&path));
        } else if path.extension().is_some_and(|end| end == "parquet") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn doubled(part: &Table) -> Result<Table, TableError> {
    let column = part.schema().columns.first().expect("a column").clone();
    let values = part.floats("x")?.iter().map(|value| value * 2.0).collect();
    part.with_columns(vec![(column, Values::Float(values))])
}

#[test]
fn a_table_is_handed_on_by_reference_and_each_name_keeps_its_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TableStore::open(folder.path()).expect("opens");
    store.write(&name("a"), &table(ROWS), 3).expect("written");
    let read = store.read(&name("a")).expect("read");
    let hash = read.content_hash().expect("hash");
    let stored = store.write(&name("b"), &read, 5).expect("handed on");
    drop(read);
    assert_eq!(
        (stored.info.partitions, stored.info.content_hash.as_str()),
        (5, hash.as_str())
    );
    let (a, b) = (
        parts(&folder.path().join("n/a")),
        parts(&folder.path().join("n/b")),
    );
    let nodes = |paths: &[PathBuf]| -> Vec<u64> {
        paths
            .iter()
            .map(|path| path.metadata().expect("there").ino())
            .collect()
    };
    assert_eq!(nodes(&a), nodes(&b), "no row was written again");
    // Whatever becomes of one, the other stays: replaced, deleted, cleaned up after the end of the process.
    store.write(&name("a"), &table(3), 1).expect("replaced");
    assert!(store.delete(&name("a")).expect("deleted"));
    let again = store.read(&name("b")).expect("read");
    assert_eq!(
        (again.partitions(), again.content_hash().expect("hash")),
        (5, hash.clone())
    );
    drop((again, store));
    let store = TableStore::open(folder.path()).expect("opens");
    let again = store.read(&name("b")).expect("read");
    assert_eq!(again.content_hash().expect("hash"), hash);
    assert_eq!(store.list().expect("names"), [name("b")]);
    // A part of a table, and one with other values, is written.
    for other in [
        again.select(&["x"]).expect("x"),
        doubled(&again).expect("doubled"),
    ] {
        store.write(&name("c"), &other, 2).expect("written");
        let read = store.read(&name("c")).expect("read");
        assert_eq!(
            read.content_hash().expect("hash"),
            other.content_hash().expect("hash")
        );
        assert_ne!(read.content_hash().expect("hash"), hash);
    }
}

#[test]
fn what_is_made_of_a_stored_table_waits_in_files_and_goes_with_its_last_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TableStore::open(folder.path()).expect("opens");
    store.write(&name("a"), &table(ROWS), 4).expect("written");
    let read = store.read(&name("a")).expect("read");
    let made = read.map_partitions(|part, _| doubled(part)).expect("made");
    let spilled = parts(&folder.path().join(".spill"));
    assert!(spilled.len() > 1, "{spilled:?}");
    let expected = doubled(&table(ROWS))
        .expect("doubled")
        .content_hash()
        .expect("hash");
    assert_eq!(made.content_hash().expect("hash"), expected);
    assert_eq!((made.rows(), made.partitions()), (ROWS, 4));

    let stored = store.write(&name("b"), &made, 4).expect("written");
    assert_eq!(stored.info.content_hash, expected);
    let of_b = parts(&folder.path().join("n/b"));
    assert_eq!(of_b.len(), spilled.len());
    assert!(
        of_b.iter()
            .all(|path| path.metadata().expect("there").nlink() == 2)
    );
    let part = made.partition(1).expect("a partition");
    assert_eq!(
        part.ids().expect("ids").first().map(String::as_str),
        Some("id5000")
    );
    drop(made);
    assert_eq!(parts(&folder.path().join(".spill")), Vec::<PathBuf>::new());
    assert!(
        of_b.iter()
            .all(|path| path.metadata().expect("there").nlink() == 1)
    );
    let back = store.read(&name("b")).expect("read");
    assert_eq!(back.content_hash().expect("hash"), expected);
    assert_eq!(store.list().expect("names"), [name("a"), name("b")]);
}

#[test]
fn a_file_is_read_into_files_and_is_the_table_that_it_is_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TableStore::open(folder.path()).expect("opens");
    let mut text = "id,n,x,w\n".to_owned();
    for row in 0..ROWS {
        // Some ids come twice, some cells are empty, and one column is of no numbers in its last rows.
        let word = if row < ROWS - 5 { "7" } else { "x" };
        let gap = if row % 11 == 0 { "" } else { "0.50" };
        text += &format!("id{},{row},{gap},{word}\n", row % (ROWS - 100));
    }
    let options = ImportOptions::default();
    let (whole, receipt) = import(text.as_bytes(), &options, &mut |_| ()).expect("imported");
    assert_eq!((receipt.replaced, whole.rows()), (100, ROWS - 100));
    let (read, same) = store
        .import(text.as_bytes(), &options, &mut |_| ())
        .expect("imported");
    assert_eq!(same, receipt);
    assert!(parts(&folder.path().join(".spill")).len() > 1);
    let stored = store.write(&name("a"), &read, 4).expect("written");
    drop(read);
    assert_eq!(parts(&folder.path().join(".spill")), Vec::<PathBuf>::new());
    let hash = whole.content_hash().expect("hash");
    assert_eq!(stored.info.content_hash, hash);
    let back = store.read(&name("a")).expect("read");
    assert_eq!(back.content_hash().expect("hash"), hash);
    assert_eq!(
        back.floats("n").expect("numbers"),
        whole.floats("n").expect("numbers")
    );
    // Numbers take less than half of what texts of 5 bytes take with their places.
    assert!(stored.bytes < 12 * ROWS as u64, "{} bytes", stored.bytes);
}

#[test]
fn work_that_is_stopped_or_crashes_leaves_no_rows_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TableStore::open(folder.path()).expect("opens");
    store.write(&name("a"), &table(ROWS), 4).expect("written");
    let read = store.read(&name("a")).expect("read");
    let place = folder.path().join(".spill");
    let late = place.clone();
    // Stopped once rows are in files.
    let watched = read.watched(Stop::when(move || !parts(&late).is_empty()));
    let ended = watched.map_partitions(|part, _| doubled(part));
    assert!(matches!(ended, Err(TableError::Stopped(_))));
    assert_eq!(parts(&place), Vec::<PathBuf>::new());

    let made = read.map_partitions(|part, _| doubled(part)).expect("made");
    // The process ends without dropping anything.
    std::mem::forget(made);
    drop((read, watched, store));
    assert!(!parts(&place).is_empty());
    let store = TableStore::open(folder.path()).expect("opens");
    assert!(!place.exists());
    assert_eq!(store.list().expect("names"), [name("a")]);
}

#[test]
fn rows_by_position_come_in_any_order_across_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = TableStore::open(folder.path()).expect("opens");
    let whole = table(ROWS);
    store.write(&name("a"), &whole, 3).expect("written");
    let read = store.read(&name("a")).expect("read");
    let mixed: Vec<usize> = (0..ROWS).map(|row| (row * 7_919) % ROWS).collect();
    let sorted: Vec<usize> = (0..ROWS).step_by(3).collect();
    for rows in [mixed, sorted, vec![], vec![ROWS - 1, 0]] {
        let ids: Vec<String> = rows.iter().map(|row| format!("id{row}")).collect();
        let picked = read.rows_at(&rows).expect("rows");
        assert_eq!(picked.ids().expect("ids"), ids);
        let expected: Vec<f64> = rows.iter().map(|row| *row as f64 / 7.0).collect();
        assert_eq!(picked.floats("x").expect("numbers"), expected);
        let joined = read.join_ids(&ids).expect("rows");
        assert_eq!(
            joined.content_hash().expect("hash"),
            picked.content_hash().expect("hash")
        );
    }
    let often: Vec<usize> = (0..ROWS).map(|row| row / 2).collect();
    let ids: Vec<String> = (0..ROWS).map(|row| format!("new{row}")).collect();
    let drawn = read.rows_as(&often, ids.clone()).expect("rows");
    assert_eq!(drawn.ids().expect("ids"), ids);
    let texts: Vec<_> = often.iter().map(|row| Some(format!("t{row}"))).collect();
    assert_eq!(drawn.texts("t").expect("texts"), texts);
    assert!(matches!(
        read.rows_at(&[ROWS]),
        Err(TableError::RowMissing { .. })
    ));
}

#[test]
fn what_cannot_be_removed_keeps_no_table_store_from_opening() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join(".spill");
    // Something else in the folder's place.
    std::fs::write(&place, "no folder").expect("written");
    drop(TableStore::open(folder.path()).expect("opens"));
    assert!(!place.exists());
    // A folder whose files may not be removed (by others than root), beside others.
    for name in ["a", "locked", "z"] {
        std::fs::create_dir_all(place.join(name)).expect("made");
        std::fs::write(place.join(name).join("part"), "rows").expect("written");
    }
    let allow = |mode: u32| {
        let locked = place.join("locked");
        if locked.exists() {
            std::fs::set_permissions(locked, PermissionsExt::from_mode(mode)).expect("set");
        }
    };
    allow(0o500);
    let store = TableStore::open(folder.path()).expect("opens");
    allow(0o700);
    assert!(!place.join("a").exists() && !place.join("z").exists());
    // Work that is put aside goes on beside it.
    store.write(&name("a"), &table(ROWS), 3).expect("written");
    let read = store.read(&name("a")).expect("read");
    let made = read
        .map_partitions(|part, _| doubled(part))
        .expect("doubled");
    assert_eq!(made.rows(), ROWS);
}

#[test]
fn a_table_in_files_is_held_to_its_schema_as_one_in_memory_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = SpillFolder::of(folder.path());
    let columns = vec![
        Column::new("x", ColumnKind::Integer, Part::Feature),
        Column::new("t", ColumnKind::Text, Part::Feature),
    ];
    let schema = Schema::new(TableKind::Instances, "id", columns);
    let gathered = |rows: usize| {
        let mut gathered = Gathered::new(Some(place.clone()), &Stop::NEVER);
        let rows = table(rows);
        for piece in 0..rows.pieces() {
            let frame = rows.load(piece, &rows.everything()).expect("loads");
            gathered.push(&frame).expect("pushed");
        }
        (gathered.writer.is_some(), gathered)
    };
    for (rows, in_files) in [(10, false), (ROWS, true)] {
        let (spilled, right) = gathered(rows);
        assert_eq!(spilled, in_files);
        let made = right.finish(table(1).schema().clone(), None).expect("fits");
        assert_eq!(made.rows(), rows);
        let refused = gathered(rows).1.finish(schema.clone(), None);
        let Err(TableError::SchemaMismatch { reason }) = refused else {
            panic!("{rows} rows are taken");
        };
        assert!(
            reason.contains("the schema says [Text, Integer, Text]"),
            "{reason}"
        );
    }
}
