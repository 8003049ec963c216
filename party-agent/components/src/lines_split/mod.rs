//! Deals the rows of a table out to two parts by chance.

mod messages;
mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, NeedLine, PortLine, Result, TaskContext};
use vocabulary::Role;

use params::Params;

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
            .outputs(&[PortLine::data("train"), PortLine::data("test")])
            .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // every role and both stages do the same
        party::split(task, params).await
    }
}
