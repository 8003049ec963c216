//! What every party does: transforms its own lines.

use component_kit::{ComponentError, Result, TaskContext};
use local_learning::python::{Literal, str_of};
use local_learning::{LearnError, head, run_steps, steps_of};
use serde_json::json;
use tables::Table;
use vocabulary::{ErrorCode, Fault};

use super::params::Params;

fn invalid(error: LearnError) -> ComponentError {
    Fault::new(ErrorCode::ParameterInvalid, error.to_string()).path("steps").into()
}

pub(super) async fn transform(task: &TaskContext, params: Params) -> Result<()> {
    if let Some(refusal) = params.refusal {
        return Err(Fault::new(ErrorCode::ParameterInvalid, refusal).path("steps").into());
    }
    let steps = steps_of(params.steps.as_deref().unwrap_or_default()).map_err(invalid)?;
    let table = task.need_input("data").await?;
    let seed = task.random()?.u64();
    let before = table.rows();
    let work = move || -> Result<(String, Table)> {
        let rows = table.lines()?.into_iter().map(Literal::Text).collect();
        let rows = run_steps(&steps, rows, seed).map_err(invalid)?;
        Ok((head(&rows), Table::of_lines(rows.iter().map(str_of).collect())?))
    };
    let (head, table) = task.compute(work).await??;
    task.info(format!("{before} rows read, {} rows left", table.rows()));
    let count = table.rows() as f64;
    let meta = json!({"name": "lines", "metric_type": "DATA"});
    task.metrics().values("lines", "rows", vec![("rows".to_owned(), count)], meta);
    task.metrics().printed(&head, true, json!({"rows_in": before, "rows": table.rows()}));
    task.output(0, &table).await
}
