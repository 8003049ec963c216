//! What every party does: has its own table written, and says how many rows went.

use component_kit::{CopyRequest, ExportRequest, Result, TaskContext};
use serde_json::json;
use vocabulary::{ErrorCode, Fault, TableRef, Tells};

use super::params::Params;

pub(super) async fn write(task: &TaskContext, params: Params) -> Result<()> {
    let from = source(task, &params)?;
    let (rows, place) = match params.output() {
        Some((namespace, name)) => {
            let to = TableRef::new(namespace, name);
            let place = json!({"table_name": to.name, "namespace": to.namespace});
            let partitions = params.partitions;
            (
                task.copy(CopyRequest {
                    from: from.clone(),
                    to,
                    replace: params.destroy,
                    partitions,
                })
                .await?,
                place,
            )
        }
        None => {
            let path = params.path().unwrap_or_default().to_owned();
            let place = json!({"storage_engine": params.storage_engine, "path": path});
            let delimiter = params.delimiter;
            (
                task.export(ExportRequest {
                    table: from.clone(),
                    path,
                    delimiter,
                })
                .await?,
                place,
            )
        }
    };
    task.info(format!("{rows} rows of table {from} are written"));
    task.metrics(&[Tells::Counts])
        .summary(&json!({"from": {"table_name": from.name, "namespace": from.namespace}, "to": place, "rows": rows}));
    task.progress(1.0, format!("{rows} rows written"));
    Ok(())
}

/// The table that comes in, or the one that is named.
fn source(task: &TaskContext, params: &Params) -> Result<TableRef> {
    // What is wired stands above what is named: the job's graph is what people look at.
    if let Some(wired) = task.input_name("data") {
        return Ok(wired);
    }
    let Some((namespace, name)) = params.source() else {
        let fault = Fault::new(
            ErrorCode::ParameterInvalid,
            "no table comes in at the input data, and none is named",
        );
        return Err(fault
            .path("name")
            .next("wire a table, or name one by namespace and name")
            .into());
    };
    Ok(TableRef::new(namespace, name))
}
