//! Writes a table of the party as a text file.

#[cfg(test)]
mod tests;

use component_kit::{Component, Description, ExportRequest, Result, TaskContext, params};
use serde_json::json;
use vocabulary::{Role, TableRef, Tells};

params! {
    /// Parameters of `download`.
    pub struct Params {
        /// The table's group; needed.
        namespace: String = "", in filled("no namespace is named");
        /// The table's name; needed.
        name: String = "", in filled("no table is named");
        /// Where to write, under the party's export folder; needed.
        output_path: String = "", in filled("no path is named");
        /// What separates columns: one character. FATE's older clients write `delimitor`. Default empty: what separated them when the
        /// table was made.
        #[serde(alias = "delimitor")]
        delimiter: String = "", in one_ascii_or(&[""]);
    }
}

/// The only step of a download job.
pub struct Download;

impl Component for Download {
    type Params = Params;

    const DESCRIPTION: Description =
        Description::named("download", "writes a table of the party as a text file")
            .modules(&["Download"])
            .roles(&[Role::Local]);

    // Nothing is learned: both stages are the same.
    #[allow(clippy::cast_precision_loss, reason = "metrics are floating point")]
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
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
        let count = vec![("count".to_owned(), rows as f64)];
        metrics.values("download", "data_access", count, meta);
        let summary = json!({"table_name": table.name, "namespace": table.namespace, "rows": rows});
        metrics.summary(&summary);
        task.progress(1.0, format!("{rows} rows written"));
        Ok(())
    }
}
