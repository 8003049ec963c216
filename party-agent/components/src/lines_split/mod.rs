//! Deals the rows of a table out to two parts by chance.

#[cfg(test)]
mod tests;

use component_kit::{Component, Description, NeedLine, PortLine, Result, TaskContext, params};
use local_learning::python::Literal;
use local_learning::{head, split as deal};
use serde_json::json;
use tables::Table;
use vocabulary::{Role, Tells};

params! {
    /// Parameters of `lines_split`.
    pub struct Params {
        /// The chance of a row to go to the first part, 0 to 1. Default 0.7.
        train: f64 = 0.7, in 0.0..=1.0;
    }
}

/// From one table to two.
pub struct LinesSplit;

impl Component for LinesSplit {
    type Params = Params;

    const DESCRIPTION: Description =
        Description::named("lines_split", "deals rows out to two parts by chance")
            .modules(&["LinesSplit"])
            .roles(&[Role::Guest, Role::Host, Role::Local])
            .needs(&[NeedLine::any_of(&["data"])])
            .inputs(&[PortLine::data("data")])
            .outputs(&[PortLine::data("train"), PortLine::data("test")]);

    // Every role and both stages do the same.
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
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
}
