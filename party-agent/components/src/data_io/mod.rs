//! Makes instances out of raw rows for jobs of the older format, which know no match ids.

mod messages;
mod model;
mod params;
mod party;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, NeedLine, PortLine, Result, TaskContext};
use vocabulary::{Role, Stage};

use params::Params;

/// From raw rows to what learners read, in jobs of the older format.
pub struct DataIo;

impl Component for DataIo {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "data_io",
        "makes instances out of raw rows, for jobs of the older format",
    )
    .modules(&["DataIO"])
    .roles(&[Role::Guest, Role::Host])
    .needs(&[NeedLine::any_of(&["data"])])
    .applies_with(&["need_run"])
    .inputs(&[PortLine::data("data"), PortLine::model("model")])
    .outputs(&[PortLine::data("data"), PortLine::model("model")])
    .messages(messages::ALL);

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        // both roles do the same, each for itself
        match task.stage() {
            Stage::Fit => party::fit(task, params).await,
            Stage::Apply => party::apply(task, params).await,
        }
    }
}
