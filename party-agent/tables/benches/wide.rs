//! Tables of 10, 1,000 and 10,000 columns and few rows: what each step of an upload and a transform costs for each column.
//!
//! Run with `cargo bench -p tables --bench wide`. The figure to look at is the time for a column: it does not grow with the number of
//! columns.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

use std::hint::black_box;
use std::time::Instant;

use tables::transform::{Label, Settings, ValueKind, apply, fit};
use tables::{ImportOptions, Origin, Table, TableStore};
use vocabulary::TableRef;

const ROWS: usize = 6;
const TIMES: usize = 3;

fn main() {
    for columns in [10, 1_000, 10_000] {
        measure(columns);
    }
}

fn text(columns: usize) -> String {
    let names: Vec<String> = (0..columns).map(|column| format!("x{column}")).collect();
    let mut text = format!("id,y,{}\n", names.join(","));
    for row in 0..ROWS {
        let cells: Vec<String> = (0..columns)
            .map(|column| format!("{}.5", row + column))
            .collect();
        text += &format!("a{row},{},{}\n", row % 2, cells.join(","));
    }
    text
}

fn measure(columns: usize) {
    println!("{columns} columns x {ROWS} rows, the best of {TIMES}");
    let folder = tempfile::tempdir().expect("a folder");
    let table_store = TableStore::open(folder.path()).expect("opens");
    let (file, name) = (text(columns), TableRef::new("bench", "wide"));
    let read = || {
        tables::import(file.as_bytes(), &ImportOptions::default(), &mut |_| ())
            .expect("imports")
            .0
    };
    tell("import", columns, || drop(read()));
    let table = read();
    tell("write", columns, || {
        table_store
            .write_from(
                &name,
                &table,
                ImportOptions::default().partitions,
                Origin::Upload,
            )
            .expect("stores");
    });
    let stored = || table_store.read(&name).expect("there");
    tell("texts, one by one", columns, || {
        let table = stored();
        table
            .schema()
            .columns
            .iter()
            .for_each(|column| drop(black_box(table.texts(&column.name).expect("texts"))));
    });
    let label = Label {
        name: "y".to_owned(),
        kind: ValueKind::Integer,
    };
    let settings = Settings {
        label: Some(label),
        ..Settings::default()
    };
    tell("fit of data_transform", columns, || {
        drop(fit(&stored(), &settings, "guest_1").expect("fits"))
    });
    let made = fit(&stored(), &settings, "guest_1").expect("fits");
    tell("apply of it", columns, || {
        drop(apply(&stored(), &settings, &made.learned, "guest_1").expect("applies"))
    });
    table_store.write(&name, &made.table, 4).expect("stores");
    let instances: Table = stored();
    tell("matrix of features", columns, || {
        drop(black_box(instances.features_matrix().expect("a matrix")))
    });
    tell("rows by their ids", columns, || {
        drop(
            instances
                .join_ids(&["a3".to_owned(), "a1".to_owned()])
                .expect("rows"),
        )
    });
    tell("hash of the content", columns, || {
        drop(instances.content_hash().expect("a hash"))
    });
}

fn tell(what: &str, columns: usize, mut work: impl FnMut()) {
    let times = (0..TIMES).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    let took = times.min().expect("some").as_secs_f64();
    println!(
        "  {what:<22} {:>9.1} ms, {:>7.1} µs for a column",
        took * 1e3,
        took * 1e6 / columns as f64
    );
}
