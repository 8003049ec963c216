//! Keeps a table of the party under another name, or writes it to a file.

mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, PortLine, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The only step of a writer job, or the last one of another.
pub struct Writer;

impl Component for Writer {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "writer",
        "keeps a table of the party under another name, or writes it to a file",
    )
    .modules(&["Writer"])
    .roles(&[Role::Guest, Role::Host, Role::Local])
    .inputs(&[PortLine::data("data")]);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // every role and both stages do the same
        party::write(task, params).await
    }
}
