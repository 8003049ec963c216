//! What numbers cost from a file to instances: an upload, and a Reader step with a DataTransform step, beside the table engine reading
//! the same file into numbers in the same process; and how much memory each takes for a number of rows and for ten times as many.
//!
//! Run with `cargo bench -p tables --features csv-yardstick --bench streams`. `ROWS` and `COLUMNS` make the file of the times smaller
//! (100,000 x 300), `PEAK_ROWS` that of the peaks (50,000 rows, and ten times as many). Each peak is of a process of its own.
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
use std::process::Command;
use std::time::{Duration, Instant};

use polars::prelude::{CsvReadOptions, SerReader};
use tables::transform::{Label, Settings, ValueKind, fit};
use tables::{ImportOptions, Origin, TableStore};
use vocabulary::TableRef;

/// How numbers are written.
#[derive(Clone, Copy)]
enum Style {
    /// With five digits after the point.
    Fixed,
    /// With as many as they need, as most programs write them.
    Shortest,
}

fn number_from(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, file, store] = &arguments[..]
        && what != "--bench"
    {
        return alone(what, Path::new(file), Path::new(store));
    }
    let (rows, columns) = (number_from("ROWS", 100_000), number_from("COLUMNS", 300));
    for (style, name) in [
        (Style::Fixed, "numbers of five digits"),
        (Style::Shortest, "floating-point numbers of 16 digits"),
    ] {
        times(rows, columns, (style, name));
    }
    peaks(number_from("PEAK_ROWS", 50_000), columns);
}

fn times(rows: usize, columns: usize, (style, name): (Style, &str)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.csv");
    write_file(&path, rows, columns, style);
    let megabytes = path.metadata().expect("the file").len() as f64 / 1e6;
    println!("{rows} rows x {columns} columns, {name}, {megabytes:.0} MB; best of 3");
    let engine = best(|| {
        let reader = CsvReadOptions::default()
            .try_into_reader_with_file_path(Some(path.clone()))
            .expect("a reader");
        assert_eq!(reader.finish().expect("reads").height(), rows);
    });
    tell("the engine reads the file", engine, engine);
    let store = TableStore::open(folder.path().join("store")).expect("opens");
    let whole = best(|| upload(&store, &path));
    tell("upload", whole, engine);
    tell("Reader", best(|| hand_on(&store)), engine);
    let both = best(|| {
        hand_on(&store);
        transform(&store);
    });
    tell("Reader and DataTransform", both, engine);
}

fn name(name: &str) -> TableRef {
    TableRef::new("bench", name)
}

fn upload(store: &TableStore, path: &Path) {
    let file = File::open(path).expect("opens");
    let options = ImportOptions::default();
    let (table, _) = store.import(file, &options, &mut |_| ()).expect("imports");
    store
        .write_from(&name("raw"), &table, options.partitions, Origin::Upload)
        .expect("stores");
}

fn hand_on(store: &TableStore) {
    let table = store.read(&name("raw")).expect("there");
    store.write(&name("read"), &table, 4).expect("stores");
}

fn transform(store: &TableStore) {
    let settings = Settings {
        label: Some(Label {
            name: "y".to_owned(),
            kind: ValueKind::Integer,
        }),
        ..Settings::default()
    };
    let table = store.read(&name("read")).expect("there");
    let made = fit(&table, &settings, "guest_1").expect("fits");
    store.write(&name("made"), &made.table, 4).expect("stores");
}

/// One piece of work in this process, and the most memory that it took.
fn alone(what: &str, file: &Path, store: &Path) {
    let store = TableStore::open(store).expect("opens");
    let before = most_memory();
    match what {
        "upload" => upload(&store, file),
        "transform" => {
            hand_on(&store);
            transform(&store);
        }
        other => panic!("{other} is not measured"),
    }
    println!("{}", most_memory() - before);
}

/// The most memory that this process took so far, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    1_024 * kibibytes.expect("a line").parse::<u64>().expect("a number")
}

fn peaks(rows: usize, columns: usize) {
    let own = std::env::current_exe().expect("this program");
    println!("the most memory of a process, x {columns} columns");
    let folder = tempfile::tempdir().expect("a folder");
    let mut of_one = Vec::new();
    for rows in [rows, 10 * rows] {
        let path = folder.path().join("rows.csv");
        write_file(&path, rows, columns, Style::Fixed);
        let store = folder.path().join(format!("store-{rows}"));
        for (at, what) in ["upload", "transform"].into_iter().enumerate() {
            let ended = Command::new(&own).arg(what).arg(&path).arg(&store).output();
            let ended = ended.expect("runs");
            assert!(ended.status.success(), "{what} failed: {ended:?}");
            let bytes: f64 = String::from_utf8_lossy(&ended.stdout)
                .trim()
                .parse()
                .expect("bytes");
            of_one.push(bytes);
            let ratio = bytes / of_one[at];
            let megabytes = bytes / 1e6;
            println!(
                "  {what:<10} {rows:>9} rows {megabytes:>8.0} MB, {ratio:.2} of that for fewer"
            );
        }
    }
}

fn best(mut work: impl FnMut()) -> Duration {
    let times = (0..3).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    times.min().expect("some")
}

fn tell(what: &str, took: Duration, engine: Duration) {
    let ratio = took.as_secs_f64() / engine.as_secs_f64();
    println!(
        "  {what:<26} {:>7.2} s, {ratio:.2} times the engine's reading",
        took.as_secs_f64()
    );
}

/// The same numbers on every machine.
fn write_file(path: &Path, rows: usize, columns: usize, style: Style) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("creates"));
    let header: Vec<String> = (0..columns).map(|column| format!("x{column}")).collect();
    writeln!(out, "id,y,{}", header.join(",")).expect("writes");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for row in 0..rows {
        write!(out, "person{row},{}", row % 2).expect("writes");
        for _ in 0..columns {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let number = state >> 44;
            match style {
                Style::Fixed => write!(out, ",{}.{:05}", number % 10, number % 100_000),
                Style::Shortest => write!(out, ",{:?}", state as f64 / u64::MAX as f64),
            }
            .expect("writes");
        }
        out.write_all(b"\n").expect("writes");
    }
    out.flush().expect("writes");
}
