//! Work by partition gives what work on the whole table gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vocabulary::Stop;

use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::{Table, TableError, Values};

fn table(rows: usize) -> Table {
    let columns = vec![Column::new("x", ColumnKind::Float, Part::Feature)];
    let ids = (0..rows).map(|row| format!("p{row}")).collect();
    let values = vec![Values::Float(
        (0..rows).map(|row| row as f64 * 0.1).collect(),
    )];
    Table::from_columns(
        Schema::new(TableKind::Instances, "id", columns),
        ids,
        values,
    )
    .expect("a table")
}

fn doubled(part: &Table) -> Result<Table, TableError> {
    let column = part.schema().columns.first().expect("a column").clone();
    let values = part.floats("x")?.iter().map(|value| value * 2.0).collect();
    part.with_columns(vec![(column, Values::Float(values))])
}

#[test]
fn gives_the_same_however_a_table_is_cut() {
    let whole = table(1_000);
    let expected = doubled(&whole)
        .expect("doubled")
        .content_hash()
        .expect("hash");
    for partitions in [1, 3, 7] {
        let cut = whole.in_partitions(partitions).expect("cut");
        let made = cut.map_partitions(|part, _| doubled(part)).expect("made");
        assert_eq!(made.content_hash().expect("hash"), expected);
        let befores = cut
            .fold_partitions(
                |part, before| Ok::<_, TableError>(vec![(before, part.rows())]),
                |mut all, more| {
                    all.extend(more);
                    all
                },
            )
            .expect("folded");
        let mut next = 0;
        for (before, rows) in befores {
            assert_eq!(before, next);
            next += rows;
        }
        assert_eq!(next, 1_000);
    }
}

#[test]
fn rows_may_fall_away_and_none_comes_to_be() {
    let cut = table(100).in_partitions(4).expect("cut");
    let every_second = |part: &Table| {
        let rows: Vec<usize> = (0..part.rows()).step_by(2).collect();
        part.rows_at(&rows)
    };
    let made = cut
        .map_partitions(|part, _| every_second(part))
        .expect("made");
    assert_eq!(made.rows(), 52);
    let turned = |part: &Table| part.rows_at(&(0..part.rows()).rev().collect::<Vec<usize>>());
    let ended = cut.map_partitions(|part, _| turned(part));
    assert!(matches!(ended, Err(TableError::RowMissing { .. })));
    let renamed = |part: &Table| part.rows_as(&[0, 0], vec!["new".to_owned(), "p0".to_owned()]);
    let ended = cut.map_partitions(|part, _| renamed(part));
    assert!(matches!(ended, Err(TableError::RowMissing { .. })));
    let uneven = |part: &Table, before: usize| {
        if before == 0 {
            part.select(&[])
        } else {
            Ok(part.clone())
        }
    };
    let ended = cut.map_partitions(uneven);
    assert!(matches!(ended, Err(TableError::SchemaMismatch { .. })));
}

#[test]
fn a_table_without_rows_is_one_partition() {
    let none = table(0);
    let made = none.map_partitions(|part, _| doubled(part)).expect("made");
    assert!(made.is_empty());
    let parts = none.fold_partitions(|part, _| Ok::<_, TableError>(part.rows()), |a, b| a + b);
    assert_eq!(parts.expect("folded"), 0);
}

#[test]
fn ends_when_it_is_stopped_between_partitions_and_in_one() {
    let begun = Arc::new(AtomicUsize::new(0));
    let asked = begun.clone();
    let cut = table(1_000).in_partitions(100).expect("cut");
    let watched = cut.watched(Stop::when(move || asked.load(Ordering::SeqCst) >= 4));
    let ended = watched.map_partitions(|part, _| {
        begun.fetch_add(1, Ordering::SeqCst);
        doubled(part)
    });
    assert!(matches!(ended, Err(TableError::Stopped(_))));
    let most = 4 + rayon::current_num_threads();
    assert!(
        begun.load(Ordering::SeqCst) <= most,
        "{begun:?} partitions were begun"
    );

    let stopped = table(10).watched(Stop::when(|| true));
    let ended = stopped.fold_partitions(|part, _| Ok::<_, TableError>(part.rows()), |a, b| a + b);
    assert!(matches!(ended, Err(TableError::Stopped(_))));
    // A partition knows the stop of its table.
    let turns = Arc::new(AtomicUsize::new(0));
    let counts = turns.clone();
    let watched = table(10).watched(Stop::when(move || counts.load(Ordering::SeqCst) > 5));
    let ended = watched.fold_partitions(
        |part, _| -> Result<(), TableError> {
            loop {
                turns.fetch_add(1, Ordering::SeqCst);
                part.stop().go_on().map_err(TableError::from)?;
            }
        },
        |(), ()| (),
    );
    assert!(matches!(ended, Err(TableError::Stopped(_))));
}
