//! Takes a table from the party's table store into a job.

mod params;
mod party;
mod steps;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, PortLine, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The first step of most jobs.
pub struct Reader;

impl Component for Reader {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "reader",
        "takes a stored table, or the output of an earlier job, into the job",
    )
    .modules(&["Reader"])
    .roles(&[Role::Guest, Role::Host])
    .outputs(&[PortLine::data("data")]);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // both roles and both stages do the same
        party::read(task, params).await
    }
}
