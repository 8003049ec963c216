//! Scores of all parties brought together at the guest.

use component_kit::{ComponentError, Result, TaskContext};
use learning::linear;

use tables::Table;

use super::VerticalLoss;
use super::messages::HOST_SCORE;
use crate::inputs::Inputs;
use crate::model::{LinearModel, Trained};
use crate::predictions::{self, Outcome, PredictionForm};
use crate::rows::Rows;

/// Guest: adds the hosts' partial scores to its own.
pub(super) async fn gather(turn: &TaskContext, mut own: Vec<f64>) -> Result<Vec<f64>> {
    for scores in turn.hosts().receive_all(&HOST_SCORE).await? {
        // `zip` would drop what is missing, and one NaN would spread over metrics and predictions.
        if scores.len() != own.len() || !scores.iter().all(|score| score.is_finite()) {
            let text = format!(
                "a host sent {} scores for {} rows, or some are not numbers",
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

/// This party's partial scores by every training of the model.
async fn partial_scores(
    turn: &TaskContext,
    model: &LinearModel,
    rows: &Rows,
) -> Result<Vec<Vec<f64>>> {
    let (features, trained) = (rows.features.clone(), model.trained.clone());
    let one = move |trained: &Trained| {
        linear::scores(features.view(), &trained.weights, trained.intercept)
    };
    turn.compute(move || trained.iter().map(one).collect())
        .await
}

/// Host: sends its partial scores of tables, one message for each of them and each training of the model.
pub async fn send_predictions<'a>(
    turn: &TaskContext,
    model: &LinearModel,
    tables: impl Iterator<Item = &'a Rows>,
) -> Result<()> {
    for (index, rows) in tables.enumerate() {
        send(&turn.round("rows", index), model, rows).await?;
    }
    Ok(())
}

/// Host: sends its partial scores of one table.
pub(super) async fn send(turn: &TaskContext, model: &LinearModel, rows: &Rows) -> Result<()> {
    for (class, scores) in partial_scores(turn, model, rows).await?.iter().enumerate() {
        let turn = turn.round("class", class);
        turn.guest()?.send(&HOST_SCORE, scores).await?;
    }
    Ok(())
}

/// What predictions come to: of each row those of all trainings of the model, which the function gets training by training.
pub type Outcomes = fn(&LinearModel, &[Vec<f64>]) -> Vec<Outcome>;

/// Guest: predicts the rows trained and validated on.
pub async fn predict_all<L: VerticalLoss>(
    turn: &TaskContext,
    model: &LinearModel,
    inputs: &Inputs,
    outcomes: Outcomes,
) -> Result<Table> {
    let mut tables = Vec::new();
    for (index, (rows, kind)) in inputs.tables().enumerate() {
        let how = PredictionForm::new(kind, inputs.rows());
        let turn = turn.round("rows", index);
        tables.push(predict::<L>(&turn, model, (rows, how), outcomes).await?);
    }
    match tables.as_slice() {
        [table] => Ok(table.clone()),
        tables => Ok(Table::union(tables)?),
    }
}

/// Guest: predicts the rows of a table.
pub(super) async fn predict<L: VerticalLoss>(
    turn: &TaskContext,
    model: &LinearModel,
    (rows, how): (&Rows, PredictionForm),
    outcomes: Outcomes,
) -> Result<Table> {
    let mut predictions = Vec::new();
    for (class, own) in partial_scores(turn, model, rows)
        .await?
        .into_iter()
        .enumerate()
    {
        let scores = gather(&turn.round("class", class), own).await?;
        predictions.push(scores.into_iter().map(L::prediction).collect());
    }
    predictions::table(rows, L::LABELS, outcomes(model, &predictions), how)
}
