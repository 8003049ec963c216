//! Takes lines into a job: of a file that the party keeps, or as the job gives them.

#[cfg(test)]
mod tests;

use component_kit::{Component, Description, PortLine, Result, TaskContext, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tables::Table;
use vocabulary::{Role, TableRef};

/// Most lines that a job may give.
const MOST_LINES: usize = 10_000;

/// A table of the party.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The group of tables.
    pub namespace: String,
    /// The table in the group.
    pub name: String,
}

params! {
    /// Parameters of `lines_reader`: one of the three.
    pub struct Params {
        /// The file: `files://folder/name`, or a path under the party's import folder. Default null.
        file: Option<String>, in filled("no file is named");
        /// A table, whose rows are taken as lines. Default null.
        table: Option<Stored>;
        /// The lines themselves, at most 10000. Default null.
        lines: Option<Vec<String>>, check |lines| at_most(lines.as_deref().unwrap_or_default());
    }
    check |own, problems| {
        let given = [own.file.is_some(), own.table.is_some(), own.lines.is_some()];
        let one = given.into_iter().filter(|given| *given).count() == 1;
        problems.expect(one, "file", || "one of file, table and lines must be given, and only one".to_owned());
    }
}

fn at_most(lines: &[String]) -> Result<(), String> {
    match lines.len() {
        few if few <= MOST_LINES => Ok(()),
        many => Err(format!("{many} lines are more than {MOST_LINES}")),
    }
}

/// The first step of jobs on lines.
pub struct LinesReader;

impl Component for LinesReader {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "lines_reader",
        "takes lines of a file, or lines that the job gives, into the job",
    )
    .modules(&["LinesReader"])
    .roles(&[Role::Guest, Role::Host, Role::Local])
    .outputs(&[PortLine::data("data")]);

    // Every role and both stages do the same.
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        if let Some(stored) = params.table {
            let name = TableRef::new(&stored.namespace, &stored.name);
            let table = task.stored_table(&name).await?;
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
}
