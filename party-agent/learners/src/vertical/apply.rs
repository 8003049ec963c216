//! Predictions by a saved model: parties mean the same rows, and those who predict are those who trained.

use component_kit::{Packed, Result, TaskContext};
use secure_compute::aligned_batches::Alignment;
use vocabulary::{ErrorCode, Fault, PartyId};

use super::VerticalLoss;
use super::messages::ALIGNMENT;
use super::scores::{Outcomes, predict, send};
use crate::inputs::rows_to_predict;
use crate::model::LinearModel;
use crate::predictions::PredictionForm;
use crate::rows::Rows;

/// Scores without the part of a host would be those of another model.
fn check_hosts(task: &TaskContext, model: &LinearModel) -> Result<()> {
    let Some(trained) = &model.hosts else {
        return Ok(());
    };
    let here: Vec<PartyId> = task
        .hosts()
        .each()
        .map(|host| host.participant().party.clone())
        .collect();
    if trained.len() == here.len() && trained.iter().all(|host| here.contains(host)) {
        return Ok(());
    }
    let names = |parties: &[PartyId]| {
        parties
            .iter()
            .map(PartyId::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let text = format!(
        "the model has parts at the hosts {}, and the job has the hosts {}",
        names(trained),
        names(&here)
    );
    let fault = Fault::new(ErrorCode::DataMismatch, text).path("role.host");
    Err(fault
        .next("name all hosts of the training, and no others")
        .into())
}

/// Guest: adds the hosts' partial scores to its own, and writes the predictions.
pub async fn apply_as_guest<L: VerticalLoss>(
    task: &TaskContext,
    (model, rows): (&LinearModel, &Rows),
    outcomes: Outcomes,
) -> Result<()> {
    // Before anything is sent: hosts count and disclose nothing for a job that cannot end well.
    check_hosts(task, model)?;
    send_alignment(task, std::iter::once(rows)).await?;
    let how = PredictionForm::new("predict", std::iter::once(rows));
    let table = predict::<L>(task, model, (rows, how), outcomes).await?;
    task.output(0, &table).await
}

/// Host: sends its partial scores.
pub async fn apply_as_host<L: VerticalLoss>(task: &TaskContext) -> Result<()> {
    let model = LinearModel::load(task).await?;
    let rows = rows_to_predict(task, &model, L::LABELS).await?;
    // Before the scores leave: scores in another order would be given to the wrong rows.
    check_alignment(task, std::iter::once((&rows, "test"))).await?;
    send(task, &model, &rows).await
}

/// Guest: shows hosts digests of its tables.
pub async fn send_alignment<'a>(
    task: &TaskContext,
    tables: impl Iterator<Item = &'a Rows>,
) -> Result<()> {
    let alignments = tables.map(|rows| Alignment::of(&rows.ids)).collect();
    task.hosts().send(&ALIGNMENT, &Packed(alignments)).await
}

/// Host: compares its tables, which have names for messages, with the guest's.
pub async fn check_alignment<'a>(
    task: &TaskContext,
    tables: impl Iterator<Item = (&'a Rows, &'static str)>,
) -> Result<()> {
    let Packed(theirs) = task.guest()?.receive(&ALIGNMENT).await?;
    let (empty, mut theirs) = (Alignment::of(&[]), theirs.iter());
    for (rows, what) in tables {
        // A table that the guest lacks has no rows there.
        let their = theirs.next().unwrap_or(&empty);
        Alignment::of(&rows.ids).check(their, what)?;
    }
    match theirs.next() {
        // The guest has a table that this host lacks.
        Some(more) => empty.check(more, "validate"),
        None => Ok(()),
    }
}
