//! Reads a prediction table: its rows by type, its labels and what the model said.

use std::collections::BTreeMap;

use component_kit::{ComponentError, Result};
use ndarray::Array2;
use serde_json::Value;
use tables::{Table, TableKind};
use vocabulary::{Cell, ErrorCode, Fault};

/// Row types that learners write, in the order in which they are reported.
const TYPES: [&str; 4] = ["train", "validate", "test", "predict"];

fn invalid(text: impl Into<String>) -> ComponentError {
    ComponentError::new(ErrorCode::TableInvalid, text)
}

/// Refuses a table that is no prediction table.
pub(super) fn check_kind(base: &str, table: &Table) -> Result<()> {
    let wanted = [
        "label",
        "predict_result",
        "predict_score",
        "predict_detail",
        "type",
    ];
    let found: Vec<&str> = table
        .schema()
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if table.schema().kind == TableKind::Predictions && found == wanted {
        return Ok(());
    }
    let fault = Fault::new(
        ErrorCode::TableInvalid,
        format!("the table of {base} holds no predictions"),
    );
    Err(fault
        .next(format!(
            "wire the output of a learner (columns {}) to evaluation",
            wanted.join(", ")
        ))
        .into())
}

/// The label of each row as text; none where it has none.
pub(super) fn labels(table: &Table) -> Result<Vec<Option<String>>> {
    let is_one = |label: &String| !matches!(Cell::of(Some(label)), Cell::Missing | Cell::Infinite);
    Ok(table
        .texts("label")?
        .into_iter()
        .map(|label| label.filter(is_one))
        .collect())
}

/// The rows of each type that occurs.
pub(super) fn rows_by_type(table: &Table) -> Result<Vec<(&'static str, Vec<usize>)>> {
    let mut by_type: Vec<(&'static str, Vec<usize>)> =
        TYPES.iter().map(|name| (*name, Vec::new())).collect();
    for (row, text) in table.texts("type")?.into_iter().enumerate() {
        let text = text.unwrap_or_default();
        match by_type.iter_mut().find(|(name, _)| *name == text) {
            Some((_, rows)) => rows.push(row),
            None => {
                return Err(invalid(format!(
                    "row {row} has the type {text:?}, not one of {}",
                    TYPES.join(", ")
                )));
            }
        }
    }
    by_type.retain(|(_, rows)| !rows.is_empty());
    Ok(by_type)
}

/// The values of these rows.
pub(super) fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter()
        .filter_map(|row| values.get(*row).cloned())
        .collect()
}

/// The positive label, as it is compared: as a number with what is one, else as text.
pub(super) struct Positive {
    text: String,
    number: Option<f64>,
}

impl Positive {
    /// As a job gives it.
    pub(super) fn new(given: &Value) -> Self {
        let text = given
            .as_str()
            .map_or_else(|| given.to_string(), |text| text.trim().to_owned());
        Self {
            // As a number, too: a job may say 1 where the table has "1.0".
            number: text.parse().ok(),
            text,
        }
    }

    /// Whether a label, or a class of a model, is it.
    pub(super) fn is(&self, label: &str) -> bool {
        let label = label.trim();
        let same_number =
            matches!((self.number, label.parse::<f64>()), (Some(one), Ok(other)) if one == other);
        same_number || label == self.text
    }

    /// What the model gives for it in each row: the probability of this very class, whichever class its scores are of. An
    /// error says which classes there are, when it is none of them.
    pub(super) fn scores(&self, table: &Table) -> Result<std::result::Result<Vec<f64>, String>> {
        let (scores, details) = (
            table.floats("predict_score")?,
            table.texts("predict_detail")?,
        );
        let mut found = Vec::with_capacity(scores.len());
        for (score, detail) in scores.into_iter().zip(details) {
            let classes = classes_of(detail.as_deref());
            match classes.iter().find(|(class, _)| self.is(class)) {
                Some((_, own)) => found.push(*own),
                // Without classes there is only the score.
                None if classes.is_empty() => found.push(score),
                None => {
                    let known: Vec<&str> = classes.keys().map(String::as_str).take(10).collect();
                    return Ok(Err(format!(
                        "pos_label {} is none of the model's classes {}",
                        self.text,
                        known.join(", ")
                    )));
                }
            }
        }
        Ok(Ok(found))
    }
}

/// A column of class numbers, of these rows.
pub(super) fn classes(table: &Table, column: &str, rows: &[usize]) -> Result<Vec<i64>> {
    /// Up to here every whole number has a floating-point form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let class = |(row, value): (&usize, f64)| {
        let whole = value.fract() == 0.0 && value.abs() <= EXACT;
        whole
            .then_some(value as i64)
            .ok_or_else(|| invalid(format!("row {row} has no class number in {column}")))
    };
    rows.iter()
        .zip(pick(&table.floats(column)?, rows))
        .map(class)
        .collect()
}

/// The probabilities of these rows and the classes, ascending, that the columns belong to.
pub(super) fn probabilities(table: &Table, rows: &[usize]) -> Result<(Vec<i64>, Array2<f64>)> {
    let details = pick(&table.texts("predict_detail")?, rows);
    let mut classes: Vec<i64> = Vec::new();
    let mut cells = Vec::new();
    for (number, (row, detail)) in rows.iter().zip(&details).enumerate() {
        let detail = detail_of(detail.as_deref())
            .ok_or_else(|| invalid(format!("row {row} has no class probabilities")))?;
        if number == 0 {
            classes = detail.keys().copied().collect();
        }
        // Cells of all rows make one matrix: other classes would shift every column behind them.
        if !detail.keys().eq(classes.iter()) {
            return Err(invalid(format!(
                "row {row} has probabilities of other classes than the rows before"
            )));
        }
        cells.extend(detail.values());
    }
    let matrix = Array2::from_shape_vec((rows.len(), classes.len()), cells);
    Ok((classes, matrix.map_err(|error| invalid(error.to_string()))?))
}

/// The probability of each class as a model wrote it down; none where it wrote no classes, as for numbers.
fn classes_of(text: Option<&str>) -> BTreeMap<String, f64> {
    let mut named: BTreeMap<String, f64> = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    // A regression's detail names its number `label`, which is no class.
    if named.len() == 1 {
        named.remove("label");
    }
    named
}

fn detail_of(text: Option<&str>) -> Option<BTreeMap<i64, f64>> {
    let named: BTreeMap<String, f64> = serde_json::from_str(text?).ok()?;
    named
        .into_iter()
        .map(|(class, value)| Some((class.parse().ok()?, value)))
        .collect()
}
