//! The component to copy: the guest learns the total of a column over all hosts and nothing else, and from it the share that
//! each of its own rows has.

mod guest;
mod host;
mod messages;
mod model;
mod params;
mod steps;
#[cfg(test)]
mod tests;

use component_kit::{CastLine, Component, Description, NeedLine, PortLine, Result, TaskContext};
use vocabulary::{Role, Stage};

use params::Params;

/// Shares of a total that no single host tells.
pub struct Template;

impl Component for Template {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "template",
        "a masked sum over hosts: the total of a column, and each guest row's share of it",
    )
    .modules(&["Template"])
    .roles(&[Role::Guest, Role::Host])
    .cast(&[CastLine::one(Role::Guest), CastLine::some(Role::Host)])
    .needs(&[NeedLine::any_of(&["data"])])
    .inputs(&[PortLine::data("data"), PortLine::model("model")])
    .outputs(&[PortLine::data("data"), PortLine::model("model")])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match (task.stage(), task.role()) {
            (Stage::Fit, Role::Guest) => guest::fit(task, params).await,
            (Stage::Fit, Role::Host) => host::fit(task, params).await,
            (Stage::Apply, Role::Guest) => guest::apply(task, params).await,
            (Stage::Apply, Role::Host) => host::apply(task),
            (_, Role::Arbiter | Role::Local) => Ok(()),
        }
    }
}
