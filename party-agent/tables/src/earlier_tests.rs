//! Tables that were written before numbers were kept as numbers open as they were, and uploads have the hash that they had.

use std::path::Path;

use vocabulary::TableRef;

use crate::{ImportOptions, Origin, Table, TableStore, import, write_text};

/// A file, and the table store's folder that was made of it by format 1, in two partitions.
const FILE: &[u8] = include_bytes!("../fixtures/version-1/rows.csv");
/// What a download of it gave: the same, without quotes that nothing needs.
const DOWNLOADED: &[u8] = include_bytes!("../fixtures/version-1/downloaded.csv");
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/version-1/n/old");

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the fixture") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

fn text(table: &Table) -> Vec<u8> {
    let mut text = Vec::new();
    write_text(table, &mut text, ',', true, None).expect("written");
    text
}

#[test]
fn a_table_of_format_1_opens_and_is_what_an_upload_gives_today() {
    let folder = tempfile::tempdir().expect("a folder");
    copy(Path::new(STORED), &folder.path().join("n").join("old"));
    let table_store = TableStore::open(folder.path()).expect("opens");
    let (old, new) = (TableRef::new("n", "old"), TableRef::new("n", "new"));
    let read = table_store.read(&old).expect("reads");
    assert_eq!((read.rows(), read.partitions()), (7, 2));

    let options = ImportOptions {
        meta: read.schema().meta.clone(),
        ..ImportOptions::default()
    };
    let (imported, _) = import(FILE, &options, &mut |_| ()).expect("imports");
    table_store
        .write_from(&new, &imported, 3, Origin::Upload)
        .expect("stores");
    let again = table_store.read(&new).expect("reads");
    let hash = table_store.info(&old).expect("info").content_hash;
    assert_eq!(read.content_hash().expect("hash"), hash);
    assert_eq!(table_store.info(&new).expect("info").content_hash, hash);
    assert_eq!(again.content_hash().expect("hash"), hash);
    for table in [&read, &imported, &again] {
        assert_eq!(text(table), DOWNLOADED);
        assert_eq!(table.schema().columns, read.schema().columns);
    }
    for column in ["plain", "fixed", "shortest", "python"] {
        let numbers = |table: &Table| table.floats(column).expect("numbers");
        assert_eq!(numbers(&again), numbers(&read), "{column}");
    }
    for column in ["mixed", "gaps", "words"] {
        let same = again.texts(column).expect("texts") == read.texts(column).expect("texts");
        assert!(same, "{column}");
    }
    // What was written before can be written again, and added to.
    table_store.write(&old, &read, 2).expect("stores");
    let rewritten = table_store.read(&old).expect("reads");
    assert_eq!(rewritten.content_hash().expect("hash"), hash);
    let both = Table::union(&[rewritten, again]).expect("a union");
    assert_eq!(both.rows(), 7);
}
