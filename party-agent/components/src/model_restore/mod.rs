//! Brings a model of the party back from its model store.

mod local;
mod messages;
mod params;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The only step of a job that brings a model back from the store.
pub struct ModelRestore;

impl Component for ModelRestore {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "model_restore",
        "brings a model of the party back from its model store",
    )
    .modules(&["ModelRestore"])
    .roles(&[Role::Local])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // nothing is learned: both stages are the same
        local::restore(task, params).await
    }
}
