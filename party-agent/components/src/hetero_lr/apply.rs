//! Predictions with a saved model: hosts send partial scores, the guest adds them up.

use component_kit::{Packed, Result, TaskContext};
use secure_compute::aligned_batches::Alignment;
use vocabulary::{ErrorCode, Fault, PartyId};

use super::data::Rows;
use super::messages::ALIGNMENT;
use super::model::Model;
use super::params::Params;
use super::predictions::{self, Written};

/// Reads the rows to predict; jobs name the port differently.
async fn rows(task: &TaskContext, model: &Model) -> Result<Rows> {
    for port in ["test_data", "validate_data"] {
        if let Some(rows) = Rows::read(task, port, Some(&model.columns)).await? {
            return Ok(rows);
        }
    }
    Rows::need(task, "train_data", Some(&model.columns)).await
}

/// The guest's part.
pub(super) async fn guest(task: &TaskContext, params: &Params) -> Result<()> {
    let mut model = Model::load(task).await?;
    if let Some(threshold) = params.predict_param.threshold.if_given() {
        model.threshold = *threshold;
    }
    check_hosts(task, &model)?;
    let rows = rows(task, &model).await?;
    note_unknown_labels(task, &model, &rows);
    task.hosts()
        .send(&ALIGNMENT, &Packed(vec![Alignment::of(&rows.ids)]))
        .await?;
    let how = Written::new("predict", [&rows].into_iter());
    let table = predictions::predict(task, &model, &rows, how).await?;
    task.output(0, &table).await
}

/// Scores without the part of a host would be those of another model.
fn check_hosts(task: &TaskContext, model: &Model) -> Result<()> {
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

/// Labels that the model cannot give are no reason not to predict; whoever reads the rows should know.
fn note_unknown_labels(task: &TaskContext, model: &Model, rows: &Rows) {
    if model.negative.is_none() && !model.is_one_vs_rest() {
        return;
    }
    let known: Vec<i64> = model
        .classes
        .iter()
        .copied()
        .chain(model.negative)
        .collect();
    let unknown = rows
        .labelled()
        .iter()
        .filter(|(_, label)| !known.contains(label))
        .count();
    if unknown > 0 {
        task.warn(format!(
            "{unknown} rows have a label that the model does not know: it tells {known:?} apart"
        ));
    }
}

/// A host's part.
pub(super) async fn host(task: &TaskContext) -> Result<()> {
    let model = Model::load(task).await?;
    let rows = rows(task, &model).await?;
    check_alignment(task, &[(&rows, "test")]).await?;
    predictions::send(task, &model, &rows).await
}

/// Host: compares its tables with the guest's.
pub(super) async fn check_alignment(task: &TaskContext, tables: &[(&Rows, &str)]) -> Result<()> {
    let Packed(theirs) = task.guest()?.receive(&ALIGNMENT).await?;
    let empty = Alignment::of(&[]);
    for (index, (rows, what)) in tables.iter().enumerate() {
        Alignment::of(&rows.ids).check(theirs.get(index).unwrap_or(&empty), what)?;
    }
    if theirs.len() != tables.len() {
        // The guest has a table that this host lacks.
        Alignment::of(&[]).check(theirs.last().unwrap_or(&empty), "validate")?;
    }
    Ok(())
}
