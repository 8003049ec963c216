//! The guest: learns the total, keeps it, and says what share of it each of its rows has.

use component_kit::{ComponentError, Result, TaskContext};
use crypto::sharing;
use serde_json::json;
use tables::{Column, ColumnKind, Part, Values};
use vocabulary::Tells;

use super::messages::SHARE_OF_TOTAL;
use super::model::Total;
use super::params::Params;
use super::steps;

pub(super) async fn fit(task: &TaskContext, params: Params) -> Result<()> {
    let scale = steps::scale(params.fractional_bits)?;
    let shares = task.hosts().receive_all(&SHARE_OF_TOTAL).await?;
    let combined =
        sharing::combine(&shares).map_err(|error| ComponentError::protocol(error.to_string()))?;
    let total = steps::decoded_total(&combined, scale)?;
    let model = Total {
        column: params.column,
        total,
        hosts: shares.len(),
    };
    task.save_model(&model).await?;
    tell(task, &model).await
}

pub(super) async fn apply(task: &TaskContext, _params: Params) -> Result<()> {
    let model: Total = task.load_model().await?;
    tell(task, &model).await
}

/// Writes the shares, and tells what was learned.
async fn tell(task: &TaskContext, model: &Total) -> Result<()> {
    // Read here and not in `fit`: where the model is applied the table is another one.
    let table = task.need_input("data").await?;
    let shares = steps::shares_of(&table.floats(&model.column)?, model.total)?;
    let name = format!("{}_share", model.column);
    let column = Column::new(name, ColumnKind::Float, Part::Feature);
    task.output(
        0,
        &table.with_columns(vec![(column, Values::Float(shares))])?,
    )
    .await?;
    let total = vec![("total".to_owned(), model.total)];
    task.metrics(&[Tells::Joint])
        .values("train", "total", total, json!({"metric_type": "TOTAL"}));
    // The summary names the column.
    task.metrics(&[Tells::Joint, Tells::Headers])
        .summary(&json!({"column": model.column, "total": model.total, "hosts": model.hosts}));
    task.info(format!(
        "the total of {} over {} hosts is known",
        model.column, model.hosts
    ));
    Ok(())
}
