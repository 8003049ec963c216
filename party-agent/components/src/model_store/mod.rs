//! Copies a model of the party to its model store.

mod local;
mod messages;
mod params;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// The only step of a job that copies a model to the store.
pub struct ModelStore;

impl Component for ModelStore {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "model_store",
        "copies a model of the party to its model store",
    )
    .modules(&["ModelStore"])
    .roles(&[Role::Local])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // nothing is learned: both stages are the same
        local::store(task, params).await
    }
}
