//! The party alone: asks for the export, and says how many rows were written.

use component_kit::{ExportRequest, Result, TaskContext};
use serde_json::json;
use vocabulary::{TableRef, Tells};

use super::params::Params;

#[allow(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub(super) async fn download(task: &TaskContext, params: Params) -> Result<()> {
    let table = TableRef::new(&params.namespace, &params.name);
    task.info(format!("writing table {table}"));
    let request = ExportRequest {
        table: table.clone(),
        path: params.output_path,
        delimiter: params.delimiter,
    };
    let rows = task.export(request).await?;
    task.info(format!("{rows} rows are written"));
    let meta = json!({"name": "download", "metric_type": "DOWNLOAD"});
    let metrics = task.metrics(&[Tells::Counts]);
    metrics.values(
        "download",
        "data_access",
        vec![("count".to_owned(), rows as f64)],
        meta,
    );
    metrics.summary(&json!({"table_name": table.name, "namespace": table.namespace, "rows": rows}));
    task.progress(1.0, format!("{rows} rows written"));
    Ok(())
}
