//! What every party does: reads its own file.

use component_kit::{Result, TaskContext};
use tables::Table;
use vocabulary::TableRef;

use super::params::Params;

pub(super) async fn read(task: &TaskContext, params: Params) -> Result<()> {
    if let Some(stored) = params.table {
        let table = task
            .stored_table(&TableRef::new(&stored.namespace, &stored.name))
            .await?;
        task.info(format!("{} rows", table.rows()));
        return task.output(0, &table).await;
    }
    let lines = match params.file {
        Some(file) => task.lines(&file).await?,
        None => params.lines.unwrap_or_default(),
    };
    task.info(format!("{} lines", lines.len()));
    let table = task.compute(move || Table::of_lines(lines)).await??;
    task.output(0, &table).await
}
