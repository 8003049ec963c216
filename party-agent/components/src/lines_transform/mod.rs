//! Transforms lines: filter, map, distinct and sample, with lambdas of Python that are interpreted and never executed.

mod messages;
mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, NeedLine, PortLine, Result, TaskContext};
use vocabulary::Role;

use params::Params;

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
    .outputs(&[PortLine::data("data")])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // every role and both stages do the same
        party::transform(task, params).await
    }
}
