//! Whatever takes long on tables ends in the middle when it is stopped, and leaves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vocabulary::{Stop, TableRef};

use crate::error::Result;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::{Table, TableError, TableStore, Values, write_text};

const ROWS: usize = 10_000;
const COLUMNS: usize = 20;

fn table() -> Table {
    let names: Vec<String> = (0..COLUMNS).map(|at| format!("c{at}")).collect();
    let columns = names
        .iter()
        .map(|name| Column::new(name, ColumnKind::Float, Part::Feature))
        .collect();
    let values = (0..COLUMNS)
        .map(|at| Values::Float((0..ROWS).map(|row| (row * at) as f64).collect()))
        .collect();
    let ids = (0..ROWS).map(|row| row.to_string()).collect();
    Table::from_columns(
        Schema::new(TableKind::Instances, "id", columns),
        ids,
        values,
    )
    .expect("a table")
}

/// How often work on the table asked whether it is still wanted, which it is not from question `most` on, and its end.
fn asked(table: &Table, most: usize, work: impl Fn(&Table) -> Result<()>) -> (usize, Result<()>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counts = count.clone();
    let watched = table.watched(Stop::when(move || {
        counts.fetch_add(1, Ordering::SeqCst) >= most
    }));
    let ended = work(&watched);
    (count.load(Ordering::SeqCst), ended)
}

fn ends_in_the_middle(
    what: &str,
    table: &Table,
    least: usize,
    work: impl Fn(&Table) -> Result<()>,
) {
    let (all, ended) = asked(table, usize::MAX, &work);
    assert!(
        ended.is_ok() && all >= least,
        "{what}: {all} questions, {ended:?}"
    );
    for most in [0, all / 3, all / 2, all * 4 / 5] {
        let (questions, ended) = asked(table, most, &work);
        assert!(
            matches!(ended, Err(TableError::Stopped(_))),
            "{what}, stopped at {most} of {all}: {ended:?}"
        );
        // Those that are at work on other threads ask once more.
        let late = questions - most;
        assert!(
            late <= 2 * rayon::current_num_threads() + 2,
            "{what}: {late} questions after the stop at {most}"
        );
    }
}

#[test]
fn long_work_ends_in_the_middle() {
    let folder = tempfile::tempdir().expect("a folder");
    let table_store = TableStore::open(folder.path()).expect("a table store");
    let name = TableRef::new("n", "t");
    let written = |table: &Table| table_store.write(&name, table, 3).map(|_| ());
    // Each column of each partition is hashed and packed.
    ends_in_the_middle("write", &table(), 3 * 2 * COLUMNS, |table| {
        let ended = written(table);
        assert_eq!(
            ended.is_ok(),
            table_store.exists(&name),
            "a table that was not written to its end is there"
        );
        table_store.delete(&name)?;
        ended
    });
    let begun = std::fs::read_dir(folder.path().join("n").join("t"));
    assert_eq!(
        begun.into_iter().flatten().count(),
        0,
        "what was begun is gone"
    );
    written(&table()).expect("written");
    let stored = table_store.read(&name).expect("read");
    for table in [table(), stored] {
        let pieces = ROWS.div_ceil(4_096);
        ends_in_the_middle("export", &table, pieces, |table| {
            write_text(table, std::io::sink(), ',', true, None).map(|_| ())
        });
        ends_in_the_middle("preview", &table, pieces, |table| {
            table.preview(usize::MAX).map(|_| ())
        });
        ends_in_the_middle("lines", &table, pieces, |table| table.lines().map(|_| ()));
        ends_in_the_middle("hash", &table, COLUMNS, |table| {
            table.content_hash().map(|_| ())
        });
    }
}
