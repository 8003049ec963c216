//! The table of predictions that learners write.

use component_kit::Result;
use learning::labels::LabelKind;
use serde_json::json;
use tables::{ColumnKind, Schema, Table, Values};

use crate::model::LinearModel;
use crate::rows::Rows;

/// How predictions are written down.
#[derive(Clone, Copy)]
pub struct PredictionForm {
    /// What the last column says: train, validate or predict.
    kind: &'static str,
    /// Whether rows are without a label, in this table or in one that is put together with it.
    gaps: bool,
}

impl PredictionForm {
    /// One table, or one of several that are put together.
    pub fn new<'a>(kind: &'static str, mut together: impl Iterator<Item = &'a Rows>) -> Self {
        Self {
            kind,
            // Over all of them: tables that are put together need one kind of label column.
            gaps: together.any(|rows| rows.labelled().len() < rows.ids.len()),
        }
    }
}

/// Result, score and detail of one row.
pub struct Outcome {
    /// The predicted class or number.
    pub result: f64,
    /// Its score.
    pub score: f64,
    /// JSON text.
    pub detail: String,
}

/// The labels as predictions show them. Whole numbers cannot be missing, so they are texts where rows are without, and those
/// have none.
fn labels_of(rows: &Rows, kind: LabelKind, gaps: bool) -> Values {
    let text = |label: &Option<f64>| label.map(|label| (label as i64).to_string());
    match (kind, &rows.labels) {
        (LabelKind::Numbers, Some(labels)) => Values::Float(
            labels
                .iter()
                .map(|label| label.unwrap_or(f64::NAN))
                .collect(),
        ),
        (LabelKind::Numbers, None) => Values::Float(vec![f64::NAN; rows.ids.len()]),
        (LabelKind::Classes, Some(labels)) if !gaps => {
            Values::Integer(labels.iter().flatten().map(|label| *label as i64).collect())
        }
        (LabelKind::Classes, Some(labels)) => Values::Text(labels.iter().map(text).collect()),
        (LabelKind::Classes, None) => Values::Text(vec![None; rows.ids.len()]),
    }
}

/// The outcomes of a regression: the numbers themselves, as FATE tells them.
pub fn numbers(_: &LinearModel, predictions: &[Vec<f64>]) -> Vec<Outcome> {
    let outcome = |number: &f64| Outcome {
        result: *number,
        score: *number,
        detail: json!({"label": number}).to_string(),
    };
    predictions.iter().flatten().map(outcome).collect()
}

/// Writes the outcomes of rows down.
pub fn table(
    rows: &Rows,
    kind: LabelKind,
    outcomes: Vec<Outcome>,
    how: PredictionForm,
) -> Result<Table> {
    let results = outcomes.iter().map(|outcome| outcome.result);
    let (outcome, results) = match kind {
        LabelKind::Classes => (
            ColumnKind::Integer,
            Values::Integer(results.map(|result| result as i64).collect()),
        ),
        LabelKind::Numbers => (ColumnKind::Float, Values::Float(results.collect())),
    };
    let labels = labels_of(rows, kind, how.gaps);
    let mut schema = Schema::predictions(rows.id_name.clone(), outcome);
    if let Some(column) = schema.columns.first_mut() {
        column.kind = labels.kind();
    }
    let values = vec![
        labels,
        results,
        Values::Float(outcomes.iter().map(|outcome| outcome.score).collect()),
        Values::of_texts(outcomes.iter().map(|outcome| outcome.detail.clone())),
        Values::of_texts(outcomes.iter().map(|_| how.kind)),
    ];
    Ok(Table::from_columns(schema, rows.ids.clone(), values)?)
}
