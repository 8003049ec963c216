//! What every party does: splits its own table.

use component_kit::{Result, TaskContext};
use local_learning::python::Literal;
use local_learning::{head, split as deal};
use serde_json::json;
use tables::Table;
use vocabulary::Tells;

use super::params::Params;

pub(super) async fn split(task: &TaskContext, params: Params) -> Result<()> {
    let table = task.need_input("data").await?;
    let seed = task.random()?.u64();
    let work = move || -> Result<(Table, Table, String)> {
        let (train, test) = deal((0..table.rows()).collect(), params.train, seed);
        let (train, test) = (table.rows_at(&train)?, table.rows_at(&test)?);
        let first = train
            .preview(10)?
            .into_iter()
            .map(|row| row.get(1..).unwrap_or_default().join(","));
        let head = head(&first.map(Literal::Text).collect::<Vec<_>>());
        Ok((train, test, head))
    };
    let (train, test, head) = task.compute(work).await??;
    task.info(format!(
        "{} rows in the first part, {} in the second",
        train.rows(),
        test.rows()
    ));
    task.metrics(&[Tells::Rows])
        .printed(&head, json!({"train": train.rows(), "test": test.rows()}));
    task.output(0, &train).await?;
    task.output(1, &test).await
}
