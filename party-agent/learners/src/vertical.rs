//! Gradient descent over the columns of several parties, with an arbiter that holds the key and no data, generic over a
//! [`VerticalLoss`] and an encryption. What is said when stands in the README of `hetero_lr`, *Protocol*; a component of this
//! family has three short files, one for each role, which call the parts here in the same order.

mod agreement;
mod apply;
mod arbiter;
mod guest;
mod guest_batch;
mod host;
mod host_batch;
mod keys;
pub mod messages;
mod plan;
mod scales;
mod scores;
mod steps;

use component_kit::{CastLine, Description, NeedLine, PortLine, Result, TaskContext};
use learning::labels::LabelKind;
use secure_compute::{Encryptor, KeyHolder, LinearScheme, key_ceremony};
use vocabulary::{Role, Stage};

use crate::params::Training;

pub use agreement::{Decision, Plan};
pub use apply::{apply_as_guest, apply_as_host, check_alignment, send_alignment};
pub use arbiter::Arbiter;
pub use guest::Guest;
pub use host::Host;
pub use plan::{ColumnBounds, Course};
pub use scores::{Outcomes, predict_all, send_predictions};

/// A loss of a row that the parties can work out together: its derivative by the score is a sum of one part of each party, and
/// it is itself a sum of one term of each party and one product of their parts. Quadratic losses are such; z is a row's score,
/// which is the sum of the scores of all parties.
pub trait VerticalLoss: Send + Sync + 'static {
    /// What labels are.
    const LABELS: LabelKind;

    /// A host's part of the derivative.
    fn host_half(score: f64) -> f64;

    /// The guest's part of the derivative, with the label's.
    fn guest_half(score: f64, label: f64) -> f64;

    /// What a host can compute alone of a row's loss.
    fn host_term(score: f64) -> f64;

    /// What the guest can compute alone of a row's loss.
    fn guest_term(score: f64, label: f64) -> f64;

    /// What a host's part of the derivative is multiplied with, where the product of the parties' parts enters the loss.
    fn factor(guest_half: f64) -> f64;

    /// What a score predicts: a probability, or a number.
    fn prediction(score: f64) -> f64;
}

/// Arbiter: makes the first key pair, and sends the public key.
pub async fn make_key<S: LinearScheme>(task: &TaskContext) -> Result<KeyHolder<S>> {
    let others = task.all_of(&[Role::Guest, Role::Host]);
    key_ceremony::make_keys(task, &others, &messages::PUBLIC_KEY).await
}

/// Guest, host: receives the first public key.
pub async fn hear_key<S: LinearScheme>(task: &TaskContext) -> Result<Encryptor<S>> {
    key_ceremony::receive_key(task, &task.arbiter()?, &messages::PUBLIC_KEY).await
}

const CAST: &[CastLine] = &[
    CastLine::one(Role::Guest),
    CastLine::all_trained(Role::Host),
    CastLine::one(Role::Arbiter).to(Stage::Fit),
    CastLine::single(Role::Host, "the loss can be computed with one host only")
        .to(Stage::Fit)
        .when("early_stop", &["diff", "abs"]),
];

const NEEDS: &[NeedLine] = &[
    NeedLine::any_of(&["train_data"]).to(Stage::Fit),
    NeedLine::any_of(&["validate_data"])
        .to(Stage::Fit)
        .when("callback_param.callbacks", &["EarlyStopping"]),
    NeedLine::any_of(&["validate_data"])
        .to(Stage::Fit)
        .when("early_stopping_rounds", &[]),
    NeedLine::any_of(&["test_data", "validate_data", "train_data"]).to(Stage::Apply),
];

const INPUTS: &[PortLine] = &[
    PortLine::data("train_data"),
    PortLine::data("validate_data"),
    PortLine::data("test_data"),
    PortLine::model("model"),
];

const OUTPUTS: &[PortLine] = &[PortLine::data("data"), PortLine::model("model")];

/// What everybody may know of a component of this family.
#[must_use]
pub const fn description(name: &'static str, summary: &'static str) -> Description {
    Description::named(name, summary)
        .roles(&[Role::Guest, Role::Host, Role::Arbiter])
        .cast(CAST)
        .needs(NEEDS)
        .inputs(INPUTS)
        .outputs(OUTPUTS)
        .messages(messages::ALL)
}

/// Names of messages that a component of this family does not send in such a stage.
#[must_use]
pub fn unspoken(stage: Stage, training: &Training) -> Vec<&'static str> {
    match stage {
        Stage::Fit => messages::unspoken_in_training(training),
        Stage::Apply => messages::unspoken_in_applying(),
    }
}
