//! Learns from a party's own lines, and applies or judges what was learned: regression, classes, clusters, ratings, words, sets.

mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, NeedLine, PortLine, Result, TaskContext};
use vocabulary::{Role, Stage};

use params::Params;

/// A learner that needs nobody else.
pub struct LocalLearner;

impl Component for LocalLearner {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "local_learner",
        "learns from a party's own lines, and predicts or evaluates lines",
    )
    .modules(&["LocalLearner"])
    .roles(&[Role::Guest, Role::Host])
    .needs(&[
        NeedLine::any_of(&["train_data"]).to(Stage::Fit),
        NeedLine::any_of(&["test_data"]).to(Stage::Apply),
    ])
    .inputs(&[
        PortLine::data("train_data"),
        PortLine::data("test_data"),
        PortLine::model("model"),
    ])
    .outputs(&[PortLine::data("data"), PortLine::model("model")]);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // both roles do the same, each for itself
        match task.stage() {
            Stage::Fit => party::fit(task, params).await,
            Stage::Apply => party::apply(task, params).await,
        }
    }
}
