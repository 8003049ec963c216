//! Replaces missing values and outliers of one column, and learns what replaced them.

use crate::error::TableError;
use crate::transform::error::TransformError;
use crate::transform::markers::Markers;
use crate::transform::settings::FillMethod;

type Result<T> = std::result::Result<T, TransformError>;

/// Where the new value of a pass comes from.
pub(crate) enum With<'a> {
    /// Taken from the column, or designated.
    Learned(FillMethod, &'a str),
    /// As it was learned earlier.
    Known(&'a str),
}

/// One pass over a column: what it replaces, and with what.
pub(crate) struct Pass<'a> {
    pub(crate) markers: &'a Markers,
    pub(crate) with: With<'a>,
}

/// What a pass did: the new value, and the share of rows that have it.
pub(crate) type Outcome = (String, f64);

/// A numeric column: reads it, then runs the passes. A later pass sees what an earlier one left.
pub(crate) fn numbers(
    column: &str,
    texts: &[Option<String>],
    whole: bool,
    missing: &Markers,
    passes: &[Pass<'_>],
) -> Result<(Vec<f64>, Vec<Outcome>)> {
    let mut cells = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let text = text.as_deref();
        let read = text.and_then(|text| text.trim().parse::<f64>().ok());
        let fits = read.filter(|number| !whole || number.is_nan() || number.fract() == 0.0);
        cells.push(match fits {
            _ if missing.mark(text) => f64::NAN,
            Some(number) => number,
            None if passes.iter().any(|pass| pass.markers.mark(text)) => f64::NAN,
            None => {
                let wanted = if whole { "a whole number" } else { "a number" };
                return Err(TableError::NotANumber { column: column.to_owned(), row, wanted }.into());
            }
        });
    }
    let mut replaced = vec![false; cells.len()];
    let mut outcomes = Vec::with_capacity(passes.len());
    for pass in passes {
        let hits = hits_of(texts, pass.markers, &mut replaced);
        let value = match pass.with {
            With::Known(value) | With::Learned(FillMethod::Designated, value) => {
                let wrong = |_| TransformError::FillNotANumber { column: column.to_owned() };
                value.trim().parse::<f64>().map_err(wrong)?
            }
            With::Learned(method, _) => statistic(column, method, &cells, &hits)?,
        };
        for row in &hits {
            cells.get_mut(*row).into_iter().for_each(|cell| *cell = value);
        }
        outcomes.push((value.to_string(), share(hits.len(), texts.len())));
    }
    Ok((cells, outcomes))
}

/// A text column: only designated values can replace anything in it.
pub(crate) fn texts(
    column: &str,
    mut texts: Vec<Option<String>>,
    passes: &[Pass<'_>],
) -> Result<(Vec<Option<String>>, Vec<Outcome>)> {
    let mut replaced = vec![false; texts.len()];
    let mut outcomes = Vec::with_capacity(passes.len());
    for pass in passes {
        let value = match pass.with {
            With::Known(value) | With::Learned(FillMethod::Designated, value) => value,
            With::Learned(method, _) => {
                return Err(TransformError::TextHasNone { column: column.to_owned(), method: method.word() });
            }
        };
        let hits = hits_of(&texts, pass.markers, &mut replaced);
        for row in &hits {
            texts.get_mut(*row).into_iter().for_each(|cell| *cell = Some(value.to_owned()));
        }
        outcomes.push((value.to_owned(), share(hits.len(), texts.len())));
    }
    Ok((texts, outcomes))
}

/// Rows that are marked and were not replaced before.
fn hits_of(texts: &[Option<String>], markers: &Markers, replaced: &mut [bool]) -> Vec<usize> {
    let mut hits = Vec::new();
    for (row, (text, replaced)) in texts.iter().zip(replaced).enumerate() {
        if !*replaced && markers.mark(text.as_deref()) {
            *replaced = true;
            hits.push(row);
        }
    }
    hits
}

/// A statistic of what is there and is not replaced; `hits` are sorted.
fn statistic(column: &str, method: FillMethod, cells: &[f64], hits: &[usize]) -> Result<f64> {
    let kept = cells.iter().enumerate().filter(|(row, cell)| !cell.is_nan() && hits.binary_search(row).is_err());
    let kept = kept.map(|(_, cell)| *cell);
    let found = match method {
        FillMethod::Min => kept.reduce(f64::min),
        FillMethod::Max => kept.reduce(f64::max),
        FillMethod::Mean | FillMethod::Designated => {
            let (sum, count) = kept.fold((0.0, 0.0), |(sum, count), cell| (sum + cell, count + 1.0));
            (count > 0.0).then(|| sum / count)
        }
    };
    found.ok_or_else(|| TransformError::NothingToLearnFrom { column: column.to_owned(), method: method.word() })
}

#[allow(clippy::cast_precision_loss, reason = "a share of rows needs no more digits")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
