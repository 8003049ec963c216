//! Evaluation: how good a model's predictions are, in figures, curves and tables. Every party judges its own table.

mod any_role;
mod figures;
mod params;
mod shapes;
mod table;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, PortLine, Result, TaskContext};
use vocabulary::Role;

pub use params::{MetricLists, Params};

/// The evaluation of prediction tables.
pub struct Evaluation;

impl Component for Evaluation {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "evaluation",
        "judges predictions against labels, at the party that holds both",
    )
    .modules(&["Evaluation"])
    .roles(&[Role::Guest, Role::Host, Role::Arbiter])
    .inputs(&[PortLine::data("data")]);

    /// All roles and stages do the same: what arrives is judged.
    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        any_role::run(task, params).await
    }
}
