//! Replaces missing values and outliers of one column, and learns what replaced them.

use vocabulary::cell::bare;
use vocabulary::{Cell, Stop};

use crate::error::TableError;
use crate::instances::Missing;
use crate::transform::error::TransformError;
use crate::transform::settings::FillMethod;

type Result<T> = std::result::Result<T, TransformError>;

/// Where the new value of a pass comes from.
pub(crate) enum With<'a> {
    /// Taken from the column, or designated.
    Learned(FillMethod, &'a str),
    /// As it was learned earlier; none where there was nothing to learn from.
    Known(Option<&'a str>),
}

/// One pass over a column: what it replaces, and with what.
pub(crate) struct Pass<'a> {
    pub(crate) markers: &'a Missing,
    /// Whether it replaces what is missing beside every list: not-a-number, and what is infinite.
    pub(crate) takes_gaps: bool,
    pub(crate) with: With<'a>,
}

/// What a pass did: the new value, and the share of rows that were to have it. Without a value they stay as they are.
pub(crate) type Outcome = (Option<String>, f64);

/// Numbers as they are after all passes.
pub(crate) struct Filled {
    pub(crate) cells: Vec<f64>,
    pub(crate) outcomes: Vec<Outcome>,
    /// The rows in which the number was infinite.
    pub(crate) infinite: Vec<usize>,
}

/// How a numeric column is read.
pub(crate) struct Reading<'a> {
    pub(crate) column: &'a str,
    pub(crate) whole: bool,
    pub(crate) missing: &'a Missing,
    pub(crate) stop: &'a Stop,
}

impl Reading<'_> {
    /// Reads a column, then runs the passes. A later pass sees what an earlier one left.
    pub(crate) fn numbers(&self, texts: &[Option<String>], passes: &[Pass<'_>]) -> Result<Filled> {
        let mut cells = Vec::with_capacity(texts.len());
        let mut gaps = vec![false; texts.len()];
        let mut infinite = Vec::new();
        for ((row, text), gap) in texts.iter().enumerate().zip(&mut gaps) {
            self.stop.now_and_then(row).map_err(TableError::from)?;
            let text = text.as_deref();
            let named = || passes.iter().any(|pass| pass.markers.marks(text));
            cells.push(match self.missing.read(text) {
                Cell::Number(number) if !self.whole || is_kept(text, number) => number,
                Cell::Infinite if named() => f64::NAN,
                cell @ (Cell::Missing | Cell::Infinite) => {
                    *gap = true;
                    infinite.extend((cell == Cell::Infinite).then_some(row));
                    f64::NAN
                }
                Cell::Number(_) | Cell::Text if named() => f64::NAN,
                Cell::Text if text.is_none_or(|text| bare(text).is_empty()) => {
                    return Err(TransformError::CellEmpty {
                        column: self.column.to_owned(),
                        row,
                    });
                }
                cell @ (Cell::Number(_) | Cell::Text) => {
                    let wanted = self.wanted(cell);
                    return Err(TableError::NotANumber {
                        column: self.column.to_owned(),
                        row,
                        wanted,
                    }
                    .into());
                }
            });
        }
        let mut replaced = vec![None; cells.len()];
        let mut outcomes = Vec::with_capacity(passes.len());
        for pass in passes {
            self.stop.go_on().map_err(TableError::from)?;
            let hits = hits_of(texts, pass, &gaps, &mut replaced, &outcomes);
            let value = self.value(pass, &cells, &hits)?;
            if let Some(value) = value {
                hits.iter().for_each(|row| {
                    cells
                        .get_mut(*row)
                        .into_iter()
                        .for_each(|cell| *cell = value)
                });
            }
            outcomes.push((
                value.map(|value| value.to_string()),
                share(hits.len(), texts.len()),
            ));
        }
        Ok(Filled {
            cells,
            outcomes,
            infinite,
        })
    }

    /// What a cell should have been.
    fn wanted(&self, cell: Cell) -> &'static str {
        match cell.number() {
            Some(number) if number.fract() == 0.0 => "a whole number up to 2^53",
            _ if self.whole => "a whole number",
            _ => "a number",
        }
    }

    fn value(&self, pass: &Pass<'_>, cells: &[f64], hits: &[usize]) -> Result<Option<f64>> {
        let designated = |text: &str| match Cell::of(Some(text)) {
            Cell::Number(number) => Ok(Some(number)),
            Cell::Missing => Ok(None),
            Cell::Infinite | Cell::Text => Err(TransformError::FillNotANumber {
                column: self.column.to_owned(),
            }),
        };
        match pass.with {
            With::Known(None) => Ok(None),
            With::Known(Some(value)) | With::Learned(FillMethod::Designated, value) => {
                designated(value)
            }
            With::Learned(method, _) => Ok(statistic(method, cells, hits)),
        }
    }
}

/// Whether a number is whole and what was written: from 2^53 on others are read as the same number.
fn is_kept(text: Option<&str>, number: f64) -> bool {
    const BOUND: u64 = 1 << 53;
    let is_bound = || {
        text.is_some_and(|text| {
            bare(text)
                .parse::<i64>()
                .is_ok_and(|n| n.unsigned_abs() == BOUND)
        })
    };
    #[allow(clippy::cast_precision_loss, reason = "a power of two")]
    let bound = BOUND as f64;
    number.fract() == 0.0 && (number.abs() < bound || is_bound())
}

/// A text column: only designated values can replace anything in it.
pub(crate) fn texts(
    column: &str,
    mut texts: Vec<Option<String>>,
    passes: &[Pass<'_>],
) -> Result<(Vec<Option<String>>, Vec<Outcome>)> {
    let mut replaced = vec![None; texts.len()];
    let mut outcomes = Vec::with_capacity(passes.len());
    let no_gaps = vec![false; texts.len()];
    for pass in passes {
        let value = match pass.with {
            With::Known(value) => value,
            With::Learned(FillMethod::Designated, value) => Some(value),
            With::Learned(method, _) => {
                return Err(TransformError::TextHasNone {
                    column: column.to_owned(),
                    method: method.word(),
                });
            }
        };
        let hits = hits_of(&texts, pass, &no_gaps, &mut replaced, &outcomes);
        if let Some(value) = value {
            for row in &hits {
                texts
                    .get_mut(*row)
                    .into_iter()
                    .for_each(|cell| *cell = Some(value.to_owned()));
            }
        }
        outcomes.push((value.map(str::to_owned), share(hits.len(), texts.len())));
    }
    Ok((texts, outcomes))
}

/// Rows that a pass takes: by what they say, or, where an earlier pass put a value, by that value. `replaced` says which pass
/// took a row last, `outcomes` what the passes before this one came to.
fn hits_of(
    texts: &[Option<String>],
    pass: &Pass<'_>,
    gaps: &[bool],
    replaced: &mut [Option<usize>],
    outcomes: &[Outcome],
) -> Vec<usize> {
    let taken_again = |(value, _): &Outcome| {
        value
            .as_deref()
            .is_some_and(|value| pass.markers.marks(Some(value)))
    };
    let taken_again: Vec<bool> = outcomes.iter().map(taken_again).collect();
    let mut hits = Vec::new();
    for (row, ((text, gap), replaced)) in texts.iter().zip(gaps).zip(replaced).enumerate() {
        let takes = match *replaced {
            Some(earlier) => taken_again.get(earlier).is_some_and(|again| *again),
            None => (pass.takes_gaps && *gap) || pass.markers.marks(text.as_deref()),
        };
        if takes {
            *replaced = Some(outcomes.len());
            hits.push(row);
        }
    }
    hits
}

/// A statistic of what is there and is not replaced, if there is anything; `hits` are sorted.
fn statistic(method: FillMethod, cells: &[f64], hits: &[usize]) -> Option<f64> {
    let kept = || {
        let there =
            |(row, cell): &(usize, &f64)| !cell.is_nan() && hits.binary_search(row).is_err();
        cells
            .iter()
            .enumerate()
            .filter(there)
            .map(|(_, cell)| *cell)
    };
    match method {
        FillMethod::Min => kept().reduce(f64::min),
        FillMethod::Max => kept().reduce(f64::max),
        FillMethod::Mean | FillMethod::Designated => {
            let (sum, count) =
                kept().fold((0.0, 0.0), |(sum, count), cell| (sum + cell, count + 1.0));
            if f64::is_finite(sum) {
                return (count > 0.0).then(|| sum / count);
            }
            // The sum of finite numbers may be none; their mean always is one.
            Some(kept().map(|cell| cell / count).sum())
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a share of rows needs no more digits"
)]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
