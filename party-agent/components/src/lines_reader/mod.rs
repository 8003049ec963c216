//! Takes lines into a job: of a file that the party keeps, or as the job gives them.

mod messages;
mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, PortLine, Result, TaskContext};
use vocabulary::Role;

use params::Params;

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
    .outputs(&[PortLine::data("data")])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // every role and both stages do the same
        party::read(task, params).await
    }
}
