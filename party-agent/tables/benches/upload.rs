//! Rows a second from a CSV file onto the table store, beside the table engine reading the same file in the same process.
//!
//! Run with `cargo bench -p tables --features csv-yardstick --bench upload`. The file has 1,000,000 rows of an id and 30 numbers; the
//! variable `ROWS` makes it smaller. The engine turns text into numbers and keeps them in memory; an upload gives texts back,
//! finds repeated ids, hashes every column, compresses, and syncs to the disk.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use polars::prelude::{CsvReadOptions, SerReader};
use tables::{ImportOptions, Origin, TableStore};
use vocabulary::TableRef;

const COLUMNS: usize = 30;
const TIMES: usize = 3;

fn main() {
    let rows = std::env::var("ROWS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wide.csv");
    write_file(&path, rows);
    let megabytes = path.metadata().expect("the file").len() as f64 / 1e6;
    println!("{rows} rows x {COLUMNS} columns, {megabytes:.0} MB, the best of {TIMES}");
    let engine = best(|| {
        let reader = CsvReadOptions::default()
            .try_into_reader_with_file_path(Some(path.clone()))
            .expect("a reader");
        assert_eq!(reader.finish().expect("reads").height(), rows);
    });
    tell("polars reads the file", rows, engine, engine);
    let read = best(|| assert_eq!(import(&path).rows(), rows));
    tell("import reads it", rows, read, engine);
    let table_store = TableStore::open(folder.path().join("shelf")).expect("opens");
    let table = import(&path);
    let name = TableRef::new("bench", "wide");
    let kept = best(|| {
        table_store
            .write_from(
                &name,
                &table,
                ImportOptions::default().partitions,
                Origin::Upload,
            )
            .expect("stores");
    });
    tell("the table store keeps it", rows, kept, engine);
    tell("an upload, both", rows, read + kept, engine);
}

fn import(path: &Path) -> tables::Table {
    let file = File::open(path).expect("opens");
    tables::import(file, &ImportOptions::default(), &mut |_| ())
        .expect("imports")
        .0
}

fn best(mut work: impl FnMut()) -> Duration {
    let times = (0..TIMES).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    times.min().expect("some")
}

fn tell(what: &str, rows: usize, took: Duration, engine: Duration) {
    let seconds = took.as_secs_f64();
    let share = engine.as_secs_f64() / seconds;
    println!(
        "  {what:<24} {seconds:>7.2} s, {:>10.0} rows/s, {share:.2} of the engine's speed",
        rows as f64 / seconds
    );
}

/// Numbers of six digits: the same on every machine.
fn write_file(path: &Path, rows: usize) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("creates"));
    let header: Vec<String> = (0..COLUMNS).map(|column| format!("x{column}")).collect();
    writeln!(out, "id,{}", header.join(",")).expect("writes");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for row in 0..rows {
        write!(out, "person{row}").expect("writes");
        for _ in 0..COLUMNS {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let number = state >> 44;
            write!(out, ",{}.{:05}", number % 10, number % 100_000).expect("writes");
        }
        out.write_all(b"\n").expect("writes");
    }
    out.flush().expect("writes");
}
