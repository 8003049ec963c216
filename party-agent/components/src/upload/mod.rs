//! Reads a file of the party into a table on its table store.

mod local;
mod params;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The only step of an upload job.
pub struct Upload;

impl Component for Upload {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "upload",
        "reads a file of the party into a table on its table store",
    )
    .modules(&["Upload"])
    .roles(&[Role::Local]);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // nothing is learned: both stages are the same
        local::upload(task, params).await
    }
}
