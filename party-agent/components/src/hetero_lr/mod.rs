//! Logistic regression over the columns of several parties; only the guest has labels, an arbiter holds the key.

mod apply;
mod arbiter;
mod checkpoints;
mod columns;
mod data;
mod drawn;
mod guest;
mod guest_batch;
mod host;
mod keys;
mod labels;
mod learner;
mod messages;
mod model;
mod params;
mod plan;
mod predictions;
mod scales;
mod steps;
mod validation;
mod view;

#[cfg(test)]
mod tests;

use component_kit::{
    CastLine, Component, Description, NeedLine, PortLine, Result, SavedModel, TaskContext,
};
use secure_compute::RingLwe;
use serde_json::Value;
use vocabulary::{Role, Stage};

pub use params::Params;

/// The encryption in use; any linear scheme would do.
type Scheme = RingLwe;

/// The component.
pub struct HeteroLr;

impl Component for HeteroLr {
    type Params = Params;

    const DESCRIPTION: Description = Description::named(
        "hetero_lr",
        "logistic regression over the columns of several parties, with an arbiter",
    )
    .modules(&["HeteroLR"])
    .roles(&[Role::Guest, Role::Host, Role::Arbiter])
    .cast(&[
        CastLine::one(Role::Guest),
        CastLine::all_trained(Role::Host),
        CastLine::one(Role::Arbiter).to(Stage::Fit),
        CastLine::single(Role::Host, "the loss can be computed with one host only")
            .to(Stage::Fit)
            .when("early_stop", &["diff", "abs"]),
    ])
    .needs(&[
        NeedLine::any_of(&["train_data"]).to(Stage::Fit),
        NeedLine::any_of(&["validate_data"])
            .to(Stage::Fit)
            .when("callback_param.callbacks", &["EarlyStopping"]),
        NeedLine::any_of(&["validate_data"])
            .to(Stage::Fit)
            .when("early_stopping_rounds", &[]),
        NeedLine::any_of(&["test_data", "validate_data", "train_data"]).to(Stage::Apply),
    ])
    .inputs(&[
        PortLine::data("train_data"),
        PortLine::data("validate_data"),
        PortLine::data("test_data"),
        PortLine::model("model"),
    ])
    .outputs(&[PortLine::data("data"), PortLine::model("model")])
    .messages(messages::ALL);

    fn unspoken(stage: Stage, _role: Role, params: &Params) -> Vec<&'static str> {
        if stage == Stage::Fit {
            return messages::unspoken_in_training(params);
        }
        let applied = [
            messages::ALIGNMENT.line().name,
            messages::HOST_SCORE.line().name,
        ];
        messages::ALL
            .iter()
            .map(|line| line.name)
            .filter(|name| !applied.contains(name))
            .collect()
    }

    fn more_vectors(stage: Stage, role: Role, params: &Params) -> Vec<(&'static str, Option<u64>)> {
        if (stage, role) == (Stage::Fit, Role::Host) {
            drawn::more_vectors(params)
        } else {
            Vec::new()
        }
    }

    fn shown(model: &SavedModel) -> Option<Value> {
        Some(view::shown(&model.read().ok()?))
    }

    async fn run(task: &TaskContext, params: Params) -> Result<()> {
        match (task.stage(), task.role()) {
            (Stage::Fit, Role::Guest) => guest::fit(task, &params).await,
            (Stage::Fit, Role::Host) => host::fit(task, &params).await,
            (Stage::Fit, Role::Arbiter) => arbiter::fit(task, &params).await,
            (Stage::Apply, Role::Guest) => apply::guest(task, &params).await,
            (Stage::Apply, Role::Host) => apply::host(task).await,
            // The arbiter has nothing to apply, and nobody plays local here.
            (Stage::Apply, Role::Arbiter) | (_, Role::Local) => Ok(()),
        }
    }
}
