//! Linear regression over the columns of several parties; only the guest has labels, an arbiter holds the key.

mod arbiter;
mod guest;
mod host;
mod loss;
mod messages;
mod params;
#[cfg(test)]
mod tests;

use component_kit::{Component, Description, Result, SavedModel, TaskContext};
use learners::{vertical, view};
use secure_compute::RingLwe;
use serde_json::Value;
use vocabulary::{Role, Stage};

pub use params::Params;

/// The encryption in use; any linear scheme would do.
type Scheme = RingLwe;

/// The component.
pub struct HeteroLinR;

impl Component for HeteroLinR {
    type Params = Params;

    const DESCRIPTION: Description = vertical::description(
        "hetero_linr",
        "linear regression over the columns of several parties, with an arbiter",
    )
    .modules(&["HeteroLinR"])
    .messages(messages::ALL);

    fn unspoken(stage: Stage, _role: Role, params: &Params) -> Vec<&'static str> {
        vertical::unspoken(stage, &params.training())
    }

    fn more_vectors(stage: Stage, role: Role, params: &Params) -> Vec<(&'static str, Option<u64>)> {
        params.linear().more_vectors(stage, role)
    }

    fn shown(model: &SavedModel) -> Option<Value> {
        let model = model.read().ok()?;
        Some(view::shown(&model, view::single_param(&model)))
    }

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match (task.stage(), task.role()) {
            (Stage::Fit, Role::Guest) => guest::fit(task, &params).await,
            (Stage::Fit, Role::Host) => host::fit(task, &params).await,
            (Stage::Fit, Role::Arbiter) => arbiter::fit(task, &params).await,
            (Stage::Apply, Role::Guest) => guest::apply(task).await,
            (Stage::Apply, Role::Host) => vertical::apply_as_host::<loss::Squares>(task).await,
            // The arbiter has nothing to apply, and nobody plays local here.
            (Stage::Apply, Role::Arbiter) | (_, Role::Local) => Ok(()),
        }
    }
}
