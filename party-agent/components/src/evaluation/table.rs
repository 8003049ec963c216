//! Reads a prediction table: its rows by type, its labels and what the model said.

use std::collections::BTreeMap;

use component_kit::{ComponentError, Result};
use ndarray::Array2;
use serde_json::Value;
use tables::{Table, TableKind};
use vocabulary::{ErrorCode, Fault};

/// Row types that learners write, in the order in which they are reported.
const TYPES: [&str; 4] = ["train", "validate", "test", "predict"];

fn invalid(text: impl Into<String>) -> ComponentError {
    ComponentError::new(ErrorCode::TableInvalid, text)
}

/// Refuses a table that is no prediction table.
pub(super) fn check_kind(base: &str, table: &Table) -> Result<()> {
    let wanted = ["label", "predict_result", "predict_score", "predict_detail", "type"];
    let found: Vec<&str> = table.schema().columns.iter().map(|column| column.name.as_str()).collect();
    if table.schema().kind == TableKind::Predictions && found == wanted {
        return Ok(());
    }
    let fault = Fault::new(ErrorCode::TableInvalid, format!("the table of {base} holds no predictions"));
    Err(fault.next(format!("wire the output of a learner (columns {}) to evaluation", wanted.join(", "))).into())
}

/// The rows of each type that occurs.
pub(super) fn rows_by_type(table: &Table) -> Result<Vec<(&'static str, Vec<usize>)>> {
    let mut by_type: Vec<(&'static str, Vec<usize>)> = TYPES.iter().map(|name| (*name, Vec::new())).collect();
    for (row, text) in table.texts("type")?.into_iter().enumerate() {
        let text = text.unwrap_or_default();
        match by_type.iter_mut().find(|(name, _)| *name == text) {
            Some((_, rows)) => rows.push(row),
            None => return Err(invalid(format!("row {row} has the type {text:?}, not one of {}", TYPES.join(", ")))),
        }
    }
    by_type.retain(|(_, rows)| !rows.is_empty());
    Ok(by_type)
}

/// The values of these rows.
pub(super) fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|row| values.get(*row).cloned()).collect()
}

/// Which labels are the positive one: compared as numbers where both are, else as text.
pub(super) fn positives(table: &Table, positive: &Value) -> Result<Vec<bool>> {
    let wanted = match positive {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number: Option<f64> = wanted.parse().ok();
    let is_positive = |(row, label): (usize, Option<String>)| {
        let label = label.filter(|label| !label.is_empty());
        let label = label.ok_or_else(|| invalid(format!("row {row} has no label to compare with")))?;
        let same_number = matches!((number, label.parse::<f64>()), (Some(one), Ok(other)) if one == other);
        Ok(same_number || label == wanted)
    };
    table.texts("label")?.into_iter().enumerate().map(is_positive).collect()
}

/// A column of class numbers.
pub(super) fn classes(table: &Table, column: &str) -> Result<Vec<i64>> {
    /// Up to here every whole number has a floating-point form of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let class = |(row, value): (usize, f64)| {
        let whole = value.fract() == 0.0 && value.abs() <= EXACT;
        whole.then_some(value as i64).ok_or_else(|| invalid(format!("row {row} has no class number in {column}")))
    };
    table.floats(column)?.into_iter().enumerate().map(class).collect()
}

/// The probabilities of these rows and the classes, ascending, that the columns belong to.
pub(super) fn probabilities(table: &Table, rows: &[usize]) -> Result<(Vec<i64>, Array2<f64>)> {
    let details = pick(&table.texts("predict_detail")?, rows);
    let mut classes: Vec<i64> = Vec::new();
    let mut cells = Vec::new();
    for (number, (row, detail)) in rows.iter().zip(&details).enumerate() {
        let detail =
            detail_of(detail.as_deref()).ok_or_else(|| invalid(format!("row {row} has no class probabilities")))?;
        if number == 0 {
            classes = detail.keys().copied().collect();
        }
        if !detail.keys().eq(classes.iter()) {
            return Err(invalid(format!("row {row} has probabilities of other classes than the rows before")));
        }
        cells.extend(detail.values());
    }
    let matrix = Array2::from_shape_vec((rows.len(), classes.len()), cells);
    Ok((classes, matrix.map_err(|error| invalid(error.to_string()))?))
}

fn detail_of(text: Option<&str>) -> Option<BTreeMap<i64, f64>> {
    let named: BTreeMap<String, f64> = serde_json::from_str(text?).ok()?;
    named.into_iter().map(|(class, value)| Some((class.parse().ok()?, value))).collect()
}
