//! Files that become tables, lines in sparse and tagged form, and the small language in which lines are transformed.

use std::time::{Duration, Instant};

use local_learning::python::{Literal, read_literal, repr};
use local_learning::{LearnError, Watch, run_steps, steps_of};
use tables::transform::{InputFormat, MatchId, Settings, ValueKind, fit};
use tables::{ImportOptions, Table, import, write_text};

use crate::choose;

/// Longest that a transform of lines may take: what is written there is a program.
const LONGEST: Duration = Duration::from_millis(500);

fn options(choice: u8) -> ImportOptions {
    ImportOptions {
        delimiter: [',', '\t', ';', '|'][usize::from(choice & 3)],
        head: choice & 4 == 0,
        extend_sid: choice & 8 != 0,
        auto_increasing_sid: choice & 16 != 0,
        partitions: u32::from(choice >> 5) + 1,
        max_line_bytes: 1 << 16,
        max_field_bytes: 1 << 12,
        ..ImportOptions::default()
    }
}

/// A file as a table: every row is counted once, and what is written of it is read as the same rows.
fn csv(options: &ImportOptions, bytes: &[u8]) -> Option<Table> {
    let (table, receipt) = import(bytes, options, &mut |_| {}).ok()?;
    assert_eq!(table.rows() as u64, receipt.stored);
    assert_eq!(
        receipt.stored + receipt.replaced + receipt.rejected,
        receipt.rows_in
    );
    let mut written = Vec::new();
    let rows = write_text(&table, &mut written, options.delimiter, true, None).expect("written");
    assert_eq!(rows, receipt.stored);
    if options.head && !options.extend_sid {
        // A file may look as if it had another delimiter, and is refused then.
        if let Ok((again, receipt)) = import(written.as_slice(), options, &mut |_| {}) {
            let (ids, before) = (again.ids().expect("ids"), table.ids().expect("ids"));
            assert_eq!(ids, before, "{receipt:?}");
        }
    }
    Some(table)
}

/// Lines without a header, as instances in sparse or tagged form.
fn sparse(choice: u8, bytes: &[u8]) {
    let mut options = options(choice);
    (options.head, options.extend_sid) = (false, false);
    let Some(table) = csv(&options, bytes) else {
        return;
    };
    let settings = Settings {
        input: [InputFormat::Sparse, InputFormat::Tag][usize::from(choice >> 7)],
        delimiter: options.delimiter.to_string(),
        tag_with_value: choice & 64 != 0,
        data_type: [ValueKind::Float, ValueKind::Integer][usize::from(choice >> 4 & 1)],
        match_id: (choice & 32 != 0).then(MatchId::default),
        ..Settings::default()
    };
    if let Ok(made) = fit(&table, &settings, "guest_1") {
        assert_eq!(made.table.rows(), table.rows());
        assert_eq!(made.table.ids().expect("ids"), table.ids().expect("ids"));
    }
}

/// Steps on the first line, rows on the others.
#[allow(
    clippy::disallowed_methods,
    reason = "it bounds how long a program runs"
)]
fn program(text: &str) {
    let (steps, rows) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(literal) = read_literal("fuzz", steps) {
        let shown = repr(&literal);
        // Not every literal is written as one: infinities have no such form in Python, either.
        if let Ok(again) = read_literal("fuzz", &shown) {
            assert_eq!(repr(&again), shown);
        }
    }
    let Ok(steps) = steps_of(steps) else { return };
    let began = Instant::now();
    let late = || began.elapsed() > LONGEST;
    let rows = rows
        .lines()
        .take(64)
        .map(|row| Literal::Text(row.to_owned()));
    match run_steps(&steps, rows.collect(), 7, Watch(&late)) {
        Ok(_) | Err(LearnError::Stopped) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The target.
pub fn run(bytes: &[u8]) {
    let Some((way, bytes)) = choose(bytes, 3) else {
        return;
    };
    match (way, bytes) {
        (0, [choice, bytes @ ..]) => drop(csv(&options(*choice), bytes)),
        (1, [choice, bytes @ ..]) => sparse(*choice, bytes),
        (_, bytes) => program(&String::from_utf8_lossy(bytes)),
    }
}
