//! Predictions with a saved model: hosts send partial scores, the guest adds them up.

use component_kit::{Packed, Result, TaskContext};
use secure_compute::aligned_batches::Alignment;

use super::data::Rows;
use super::messages::ALIGNMENT;
use super::model::Model;
use super::params::{Params, PredictParam};
use super::predictions;

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
    if params.predict_param != PredictParam::default() {
        model.threshold = params.predict_param.threshold;
    }
    let rows = rows(task, &model).await?;
    task.hosts().send(&ALIGNMENT, &Packed(vec![Alignment::of(&rows.ids)])).await?;
    let table = predictions::predict(task, &model, &rows, "predict").await?;
    task.output(0, &table).await
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
