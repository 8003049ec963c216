//! Transforms lines: filter, map, distinct and sample, with lambdas of Python that are interpreted and never executed.

#[cfg(test)]
mod tests;

use component_kit::{
    Component, ComponentError, Description, NeedLine, PortLine, Result, TaskContext, params,
};
use local_learning::python::{Literal, str_of};
use local_learning::{LearnError, Watch, head, run_steps, steps_of};
use serde_json::json;
use tables::Table;
use vocabulary::{ErrorCode, Fault, Role, Tells};

params! {
    /// Parameters of `lines_transform`.
    pub struct Params {
        /// The steps as a list of Python (or JSON): `[{"method": "filter", "args": "lambda l: l != ''"}]`. What cannot be read is
        /// told when the step runs. Default null, none.
        steps: Option<String>;
        /// What is wrong with the steps before they are read; the step fails with it. Default null.
        refusal: Option<String>;
    }
}

/// From lines to lines.
pub struct LinesTransform;

impl Component for LinesTransform {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "lines_transform",
        "transforms lines: filter, map, distinct, sample",
    )
    .modules(&["LinesTransform"])
    .roles(&[Role::Guest, Role::Host, Role::Local])
    .needs(&[NeedLine::any_of(&["data"])])
    .inputs(&[PortLine::data("data")])
    .outputs(&[PortLine::data("data")]);

    // Every role and both stages do the same.
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        if let Some(refusal) = params.refusal {
            return Err(Fault::new(ErrorCode::ParameterInvalid, refusal)
                .path("steps")
                .into());
        }
        let steps = steps_of(params.steps.as_deref().unwrap_or_default()).map_err(invalid)?;
        if !steps.is_empty() && !task.may_tell(Tells::Rows) {
            // Which rows are left, and why a row fails, would tell what stands in them, as often as somebody asks.
            let fault = Fault::new(
                ErrorCode::DisclosureRefused,
                "this party lets nobody ask about its rows with lambdas",
            );
            return Err(fault
                .path("steps")
                .next("allow disclosure.rows_through_coordinator there, or bring the lines in as they are to be")
                .into());
        }
        let table = task.need_input("data").await?;
        let seed = task.random()?.u64();
        let before = table.rows();
        let stop = task.stop();
        let work = move || -> Result<(String, Table)> {
            let stopped = || stop.is_asked();
            let rows = table.lines()?.into_iter().map(Literal::Text).collect();
            let rows = run_steps(&steps, rows, seed, Watch(&stopped)).map_err(invalid)?;
            let mut lines = Vec::with_capacity(rows.len());
            for row in &rows {
                stop.go_on()?;
                lines.push(str_of(row));
            }
            Ok((head(&rows), Table::of_lines(lines)?))
        };
        let (head, table) = task.compute(work).await??;
        task.info(format!("{before} rows read, {} rows left", table.rows()));
        let count = table.rows() as f64;
        let meta = json!({"name": "lines", "metric_type": "DATA"});
        let metrics = task.metrics(&[Tells::Rows]);
        metrics.values("lines", "rows", vec![("rows".to_owned(), count)], meta);
        metrics.printed(&head, json!({"rows_in": before, "rows": table.rows()}));
        task.output(0, &table).await
    }
}

fn invalid(error: LearnError) -> ComponentError {
    match error {
        LearnError::Stopped => return ComponentError::Canceled,
        LearnError::Limit(text) => {
            return Fault::new(ErrorCode::LimitReached, text)
                .next("keep fewer rows")
                .into();
        }
        _ => {}
    }
    Fault::new(ErrorCode::ParameterInvalid, error.to_string())
        .path("steps")
        .into()
}
