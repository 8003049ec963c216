//! FATE's toy: guest and host add two columns of ones under additive shares, to show that the parties can talk.

mod guest;
mod host;
mod messages;
mod params;
mod steps;
#[cfg(test)]
mod tests;

use component_kit::{CastLine, Component, Description, Result, TaskContext};
use vocabulary::Role;

use params::Params;

/// A secure addition whose result everybody knows beforehand.
pub struct SecureAddExample;

impl Component for SecureAddExample {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "secure_add_example",
        "adds a column of each party under additive shares, to try a federation",
    )
    .modules(&["SecureAddExample"])
    .roles(&[Role::Guest, Role::Host])
    .cast(&[CastLine::one(Role::Guest), CastLine::one(Role::Host)])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // nothing is learned: both stages are the same
        match task.role() {
            Role::Guest => guest::add(task, params).await,
            Role::Host => host::add(task, params).await,
            Role::Arbiter | Role::Local => Ok(()),
        }
    }
}
