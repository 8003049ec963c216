//! Scores of all parties brought together at the guest, and the table they become.

use component_kit::{ComponentError, Result, TaskContext};
use learning::linear;
use serde_json::{Map, json};
use tables::{ColumnKind, Schema, Table, Values};

use super::data::Rows;
use super::messages::HOST_SCORE;
use super::model::{Model, Trained};
use super::steps;

/// Guest: adds the hosts' partial scores to its own.
pub(super) async fn gather(turn: &TaskContext, mut own: Vec<f64>) -> Result<Vec<f64>> {
    for scores in turn.hosts().receive_all(&HOST_SCORE).await? {
        if scores.len() != own.len() || !scores.iter().all(|score| score.is_finite()) {
            let text = format!(
                "a host sent {} scores for {} rows, or some are no numbers",
                scores.len(),
                own.len()
            );
            return Err(ComponentError::protocol(text));
        }
        own.iter_mut()
            .zip(&scores)
            .for_each(|(sum, part)| *sum += part);
    }
    Ok(own)
}

/// This party's partial scores of every binary model.
async fn partial_scores(turn: &TaskContext, model: &Model, rows: &Rows) -> Result<Vec<Vec<f64>>> {
    let (features, trained) = (rows.features.clone(), model.trained.clone());
    let one = move |trained: &Trained| {
        linear::scores(features.view(), &trained.weights, trained.intercept)
    };
    turn.compute(move || trained.iter().map(one).collect())
        .await
}

/// Host: sends its partial scores of a table, one message for each binary model.
pub(super) async fn send(turn: &TaskContext, model: &Model, rows: &Rows) -> Result<()> {
    for (class, scores) in partial_scores(turn, model, rows).await?.iter().enumerate() {
        turn.round("class", class)
            .guest()?
            .send(&HOST_SCORE, scores)
            .await?;
    }
    Ok(())
}

/// How predictions are written down.
#[derive(Clone, Copy)]
pub(super) struct Written {
    /// What the last column says: train, validate or predict.
    kind: &'static str,
    /// Whether rows are without a label, in this table or in one that is put together with it.
    gaps: bool,
}

impl Written {
    /// One table, or one of several that are put together.
    pub(super) fn new<'a>(
        kind: &'static str,
        mut together: impl Iterator<Item = &'a Rows>,
    ) -> Self {
        Self {
            kind,
            gaps: together.any(|rows| rows.labelled().len() < rows.ids.len()),
        }
    }
}

/// Guest: the predictions for a table.
pub(super) async fn predict(
    turn: &TaskContext,
    model: &Model,
    rows: &Rows,
    how: Written,
) -> Result<Table> {
    let mut probabilities = Vec::new();
    for (class, own) in partial_scores(turn, model, rows)
        .await?
        .into_iter()
        .enumerate()
    {
        let scores = gather(&turn.round("class", class), own).await?;
        probabilities.push(steps::probabilities(&scores));
    }
    let outcomes = if model.is_one_vs_rest() {
        best_class(model, &probabilities)
    } else {
        binary(model, &probabilities)
    };
    table(rows, outcomes, how)
}

/// Result, score and detail of one row.
struct Outcome {
    result: i64,
    score: f64,
    detail: String,
}

fn binary(model: &Model, probabilities: &[Vec<f64>]) -> Vec<Outcome> {
    let (negative, positive) = model.two_classes();
    let outcome = |score: &f64| {
        let detail = [
            (negative.to_string(), json!(1.0 - score)),
            (positive.to_string(), json!(score)),
        ];
        let detail: Map<_, _> = detail.into_iter().collect();
        let result = if *score > model.threshold {
            positive
        } else {
            negative
        };
        Outcome {
            result,
            score: *score,
            detail: serde_json::Value::Object(detail).to_string(),
        }
    };
    probabilities
        .first()
        .into_iter()
        .flatten()
        .map(outcome)
        .collect()
}

/// The class with the highest score; scores of several classes do not add up to 1, as in FATE.
fn best_class(model: &Model, probabilities: &[Vec<f64>]) -> Vec<Outcome> {
    let rows = probabilities.first().map_or(0, Vec::len);
    let outcome = |row: usize| {
        let scores: Vec<(i64, f64)> = (model.classes.iter().zip(probabilities))
            .filter_map(|(class, scores)| Some((*class, *scores.get(row)?)))
            .collect();
        let best = scores.iter().fold((0, f64::NEG_INFINITY), |best, next| {
            if next.1 > best.1 { *next } else { best }
        });
        let detail: Map<_, _> = scores
            .iter()
            .map(|(class, score)| (class.to_string(), json!(score)))
            .collect();
        Outcome {
            result: best.0,
            score: best.1,
            detail: serde_json::Value::Object(detail).to_string(),
        }
    };
    (0..rows).map(outcome).collect()
}

fn table(rows: &Rows, outcomes: Vec<Outcome>, how: Written) -> Result<Table> {
    let mut schema = Schema::predictions(rows.id_name.clone(), ColumnKind::Integer);
    let text = |label: Option<i64>| label.map(|label| label.to_string());
    let labels = match &rows.labels {
        Some(labels) if !how.gaps => Values::Integer(
            labels
                .iter()
                .map(|label| label.unwrap_or_default())
                .collect(),
        ),
        // Whole numbers cannot be missing, so labels are texts where rows are without, and those have none.
        Some(labels) => Values::Text(labels.iter().copied().map(text).collect()),
        None => Values::Text(vec![None; rows.ids.len()]),
    };
    if let Some(column) = schema.columns.first_mut() {
        column.kind = labels.kind();
    }
    let values = vec![
        labels,
        Values::Integer(outcomes.iter().map(|outcome| outcome.result).collect()),
        Values::Float(outcomes.iter().map(|outcome| outcome.score).collect()),
        Values::of_texts(outcomes.iter().map(|outcome| outcome.detail.clone())),
        Values::of_texts(outcomes.iter().map(|_| how.kind)),
    ];
    Ok(Table::from_columns(schema, rows.ids.clone(), values)?)
}
