//! What stands on the table store after writes, replacements and crashes.

use proptest::prelude::*;
use serde_json::json;
use vocabulary::{ErrorCode, Fault};

use super::*;
use crate::schema::{Column, ColumnKind, Part, TableKind};
use crate::values::Values;

struct Place {
    folder: tempfile::TempDir,
    table_store: TableStore,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("folder");
    let table_store = TableStore::open(folder.path().join("shelf")).expect("open");
    Place {
        folder,
        table_store,
    }
}

impl Place {
    fn root(&self) -> PathBuf {
        self.folder.path().join("shelf")
    }

    /// The folder of a table with plain names.
    fn of(&self, table: &TableRef) -> PathBuf {
        self.root().join(&table.namespace).join(&table.name)
    }

    /// Ends the process and starts it again, as far as the table store can tell.
    fn restarted(self) -> Place {
        drop(self.table_store);
        let table_store = TableStore::open(self.folder.path().join("shelf")).expect("open");
        Place {
            folder: self.folder,
            table_store,
        }
    }
}

fn name() -> TableRef {
    TableRef::new("experiment", "breast_guest")
}

fn table(rows: usize, first: f64) -> Table {
    let columns = vec![
        Column::new("x", ColumnKind::Float, Part::Feature),
        Column::new("t/é", ColumnKind::Text, Part::Feature),
        Column::new("y", ColumnKind::Integer, Part::Label),
    ];
    let mut schema = Schema::new(TableKind::Instances, "sid", columns);
    schema
        .meta
        .insert("anonymous_header".into(), json!(["guest_9999_x0"]));
    let values = vec![
        Values::Float(
            (0..rows)
                .map(|row| if row == 1 { f64::NAN } else { first })
                .collect(),
        ),
        Values::Text(
            (0..rows)
                .map(|row| (row != 0).then(|| format!("é{row}")))
                .collect(),
        ),
        Values::Integer(vec![i64::MIN; rows]),
    ];
    Table::from_columns(
        schema,
        (0..rows).map(|row| format!("id{row}")).collect(),
        values,
    )
    .expect("table")
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| entries.count())
}

#[test]
fn reads_back_what_was_written_in_any_partitioning() {
    let place = place();
    for rows in [0, 1, 2, 100] {
        for partitions in [1, 3, 7] {
            let written = table(rows, 1.0);
            let stored = place
                .table_store
                .write(&name(), &written, partitions)
                .expect("write");
            let read = place.table_store.read(&name()).expect("read");
            assert_eq!(
                (read.rows(), read.partitions()),
                (rows, partitions as usize)
            );
            assert_eq!(read.schema(), written.schema());
            assert_eq!(
                read.preview(1000).expect("rows"),
                written.preview(1000).expect("rows")
            );
            assert_eq!(
                read.content_hash().expect("hash"),
                written.content_hash().expect("hash")
            );
            assert_eq!(
                stored.info.content_hash,
                written.content_hash().expect("hash")
            );
            assert_eq!(place.table_store.info(&name()).expect("info"), stored.info);
        }
    }
    assert_eq!(
        entries(&place.of(&name())),
        2,
        "older versions are gone: a version and its pointer remain"
    );
}

#[test]
fn keeps_raw_tables_and_predictions() {
    let place = place();
    let (raw, _) = crate::import(
        b"id,a,b\n1, 0.10,x\n2,,NA\n".as_slice(),
        &crate::ImportOptions::default(),
        &mut |_| {},
    )
    .expect("import");
    let values = vec![
        Values::Integer(vec![1]),
        Values::Integer(vec![0]),
        Values::Float(vec![0.25]),
        Values::of_texts([r#"{"0": 0.75, "1": 0.25}"#]),
        Values::of_texts(["train"]),
    ];
    let predictions = Table::from_columns(
        Schema::predictions("id", ColumnKind::Integer),
        vec!["1".into()],
        values,
    )
    .expect("table");
    for (name, table) in [("raw", raw), ("predictions", predictions)] {
        let name = TableRef::new("n", name);
        place.table_store.write(&name, &table, 2).expect("write");
        let read = place.table_store.read(&name).expect("read");
        assert_eq!(read.schema(), table.schema());
        assert_eq!(
            read.preview(9).expect("rows"),
            table.preview(9).expect("rows")
        );
    }
}

#[test]
fn works_on_waiting_tables_as_on_tables_in_memory() {
    let place = place();
    let memory = table(10, 1.0);
    place.table_store.write(&name(), &memory, 3).expect("write");
    let read = place.table_store.read(&name()).expect("read");
    let selected = read.select(&["y", "x"]).expect("select");
    assert_eq!(
        selected.preview(9).expect("rows"),
        memory
            .select(&["y", "x"])
            .expect("select")
            .preview(9)
            .expect("rows")
    );
    assert_eq!(
        read.rows_at(&[9, 0]).expect("rows").ids().expect("ids"),
        ["id9", "id0"]
    );
    let mut renamed = selected.schema().clone();
    renamed.columns[1].name = "z".into();
    assert_eq!(
        selected
            .with_schema(renamed)
            .expect("schema")
            .floats("z")
            .expect("read")[0],
        1.0
    );
    assert_eq!(
        place
            .table_store
            .write(&TableRef::new("a", "copy"), &read, 5)
            .expect("write")
            .info
            .content_hash,
        memory.content_hash().expect("hash")
    );
}

#[test]
fn lets_a_reader_finish_with_the_version_it_began_with() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(4, 1.0), 2)
        .expect("write");
    let older = place.table_store.read(&name()).expect("read");
    let also_older = older.select(&["x"]).expect("select");
    place
        .table_store
        .write(&name(), &table(4, 2.0), 2)
        .expect("write");
    assert_eq!(older.floats("x").expect("read")[0], 1.0);
    assert_eq!(
        place
            .table_store
            .read(&name())
            .expect("read")
            .floats("x")
            .expect("read")[0],
        2.0
    );
    drop(older);
    assert_eq!(also_older.floats("x").expect("read")[0], 1.0);
    assert!(place.table_store.delete(&name()).expect("delete"));
    assert_eq!(also_older.floats("x").expect("read")[0], 1.0);
    drop(also_older);
    assert_eq!(
        entries(&place.of(&name())),
        0,
        "the last reader takes the older version away"
    );
}

#[test]
fn cleans_up_after_a_crash_and_keeps_the_older_table() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(4, 1.0), 2)
        .expect("write");
    let folder = place.of(&name());
    // A crash while writing, one after the folder was named but before the pointer moved, one while the pointer moved.
    std::fs::create_dir(folder.join(".new-half")).expect("folder");
    std::fs::write(folder.join(".new-half").join("part-00000.parquet"), b"half").expect("file");
    std::fs::create_dir(folder.join("v99-complete")).expect("folder");
    std::fs::write(folder.join(".new-pointer"), b"v99-complete").expect("file");
    let never = place.root().join("experiment").join("never_finished");
    std::fs::create_dir_all(never.join(".new-x")).expect("folder");
    assert_eq!(place.table_store.list().expect("list"), [name()]);
    let place = place.restarted();
    assert_eq!(
        place
            .table_store
            .read(&name())
            .expect("read")
            .floats("x")
            .expect("read")[0],
        1.0
    );
    assert_eq!(entries(&folder), 2);
    assert!(!never.exists());
}

#[test]
fn leaves_the_work_of_another_that_has_the_table_store_open() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(1, 1.0), 1)
        .expect("write");
    let unfinished = place.of(&name()).join(".new-at-work");
    std::fs::create_dir(&unfinished).expect("folder");
    let second = TableStore::open(place.root()).expect("open");
    assert!(unfinished.exists());
    assert!(second.exists(&name()));
}

#[test]
fn leaves_the_older_table_when_a_write_fails() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(4, 1.0), 2)
        .expect("write");
    let broken = table(4, 2.0);
    place
        .table_store
        .write(&TableRef::new("n", "broken"), &broken, 2)
        .expect("write");
    let broken = place
        .table_store
        .read(&TableRef::new("n", "broken"))
        .expect("read");
    let version = current(&place.of(&TableRef::new("n", "broken")))
        .expect("pointer")
        .expect("version");
    std::fs::write(version.join(part_name(1)), b"overwritten").expect("damage");
    assert!(matches!(
        place.table_store.write(&name(), &broken, 2),
        Err(TableError::Damaged { .. })
    ));
    assert_eq!(
        place
            .table_store
            .read(&name())
            .expect("read")
            .floats("x")
            .expect("read")[0],
        1.0
    );
    assert_eq!(
        entries(&place.of(&name())),
        2,
        "the unfinished folder is gone"
    );
    assert!(place.table_store.write(&name(), &table(1, 1.0), 0).is_err());
}

#[test]
fn names_the_nearest_table_when_one_is_missing() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(1, 1.0), 1)
        .expect("write");
    place
        .table_store
        .write(
            &TableRef::new("output_data_1_a_0", "brest_guest"),
            &table(1, 1.0),
            1,
        )
        .expect("write");
    let error = place
        .table_store
        .read(&TableRef::new("experiment", "brest_guest"))
        .expect_err("missing");
    let fault = Fault::from(error);
    assert_eq!(fault.code, ErrorCode::TableMissing);
    assert_eq!(
        fault.next.as_deref(),
        Some("did you mean experiment.breast_guest")
    );
    for outcome in [
        place.table_store.info(&TableRef::new("q", "q")).err(),
        place
            .table_store
            .set_enabled(&TableRef::new("q", "q"), true)
            .err(),
    ] {
        assert!(matches!(
            outcome,
            Some(TableError::TableMissing { nearest: None, .. })
        ));
    }
}

#[test]
fn changes_what_is_known_of_a_table_without_touching_rows() {
    let place = place();
    let stored = place
        .table_store
        .write_from(&name(), &table(3, 1.0), 1, Origin::Upload)
        .expect("write");
    assert!(stored.info.enabled);
    assert!(
        !place
            .table_store
            .set_enabled(&name(), false)
            .expect("change")
            .enabled
    );
    let mut schema = stored.info.schema.clone();
    schema.columns[0].name = "renamed".into();
    let info = place
        .table_store
        .set_schema(&name(), schema.clone())
        .expect("change");
    assert_ne!(info.content_hash, stored.info.content_hash);
    let place = place.restarted();
    let read = place.table_store.read(&name()).expect("read");
    assert_eq!(read.floats("renamed").expect("read")[0], 1.0);
    assert_eq!(read.content_hash().expect("hash"), info.content_hash);
    let known = place.table_store.info(&name()).expect("info");
    assert_eq!(
        (known.enabled, known.origin, known.rows),
        (false, Origin::Upload, 3)
    );
    schema.columns.pop();
    assert!(matches!(
        place.table_store.set_schema(&name(), schema),
        Err(TableError::SchemaMismatch { .. })
    ));
    assert_eq!(
        stored.summary(Some("data")).header,
        ["sid", "y", "x", "t/é"]
    );
}

#[test]
fn deletes_once() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(1, 1.0), 1)
        .expect("write");
    assert!(place.table_store.delete(&name()).expect("delete"));
    assert!(!place.table_store.delete(&name()).expect("delete"));
    assert!(!place.table_store.exists(&name()));
    assert!(place.table_store.list().expect("list").is_empty());
    place
        .table_store
        .write(&name(), &table(1, 1.0), 1)
        .expect("write again");
}

#[test]
fn refuses_a_description_of_a_newer_version_and_a_pointer_that_leads_away() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(1, 1.0), 1)
        .expect("write");
    let version = current(&place.of(&name()))
        .expect("pointer")
        .expect("version");
    std::fs::write(version.join("schema.json"), r#"{"format": 3}"#).expect("write");
    assert!(
        matches!(place.table_store.read(&name()), Err(TableError::Damaged { reason }) if reason.contains("format 3"))
    );
    std::fs::write(place.of(&name()).join("current"), "../../other").expect("write");
    assert!(matches!(
        place.table_store.read(&name()),
        Err(TableError::Damaged { .. })
    ));
}

#[test]
fn serves_many_threads() {
    let place = place();
    place
        .table_store
        .write(&name(), &table(4, 0.0), 2)
        .expect("write");
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let table_store = place.table_store.clone();
            scope.spawn(move || {
                (0..5).for_each(|_| {
                    _ = table_store
                        .write(&name(), &table(4, f64::from(writer)), 2)
                        .expect("write")
                })
            });
        }
        for _ in 0..2 {
            let table_store = place.table_store.clone();
            scope.spawn(move || {
                for _ in 0..20 {
                    let numbers = table_store
                        .read(&name())
                        .expect("read")
                        .floats("x")
                        .expect("read");
                    assert!(
                        numbers[0] == numbers[3],
                        "a mixture of two versions was read"
                    );
                }
            });
        }
    });
    assert_eq!(entries(&place.of(&name())), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn keeps_hostile_names_inside_and_apart(
        names in prop::collection::btree_set("\\PC{0,8}|[./\\\\%#~A-Ca-c\u{0}]{0,6}|(\\.\\./){1,4}x|[a-b]{300,301}", 2..4)
    ) {
        let place = place();
        let names: Vec<TableRef> = names.iter().flat_map(|name| [TableRef::new(name, "n"), TableRef::new("n", name)]).collect();
        for (at, name) in names.iter().enumerate() {
            place.table_store.write(name, &table(1, f64::from(u32::try_from(at).expect("small"))), 1).expect("write");
        }
        prop_assert_eq!(entries(place.folder.path()), 1, "something was written beside the table store");
        let mut expected = names.clone();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(place.table_store.list().expect("list"), expected.clone());
        for name in &expected {
            let last = names.iter().rposition(|other| other == name).expect("written");
            let number = place.table_store.read(name).expect("read").floats("x").expect("read")[0];
            prop_assert_eq!(number, f64::from(u32::try_from(last).expect("small")));
        }
    }
}
