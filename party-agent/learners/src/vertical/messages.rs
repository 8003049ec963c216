//! Everything the roles of a vertical training say to each other, in the order they say it.

use component_kit::{Message, Packed};
use learning::convergence::EarlyStop;
use secure_compute::aligned_batches::Alignment;
use secure_compute::{PublicKeyBytes, SumsBytes, VectorBytes};
use vocabulary::Disclosure::{
    Aggregate, Ciphertext, Control, Masked, PublicKey, RowPositions, RowValues,
};
use vocabulary::MessageLine;
use vocabulary::Role::{Arbiter, Guest, Host};

use super::agreement::{Decision, Plan};
use crate::params::Training;

/// A public key.
pub const PUBLIC_KEY: Message<PublicKeyBytes> =
    Message::new("public_key", Arbiter, &[Guest, Host], PublicKey);
/// How many columns a host has.
pub const COLUMNS: Message<Packed<usize>> =
    Message::new("columns", Host, &[Guest, Arbiter], Control);
/// Numbers of rows, models and columns, rules for labels, parameters.
pub const PLAN: Message<Packed<Plan>> = Message::new("plan", Guest, &[Host, Arbiter], Control);
/// Digests of the ordered ids of each table.
pub const ALIGNMENT: Message<Packed<Vec<Alignment>>> =
    Message::new("alignment", Guest, &[Host], Control);
/// The rows of a batch that stays the same.
pub const MASKED_ROWS: Message<Vec<u32>> =
    Message::new("masked_rows", Guest, &[Host], RowPositions);
/// The scale that a host needs.
pub const HOST_SCALE: Message<Packed<u16>> = Message::new("host_scale", Host, &[Guest], Aggregate);
/// The scale of a batch and of the next one.
pub const SCALE: Message<Packed<Decision>> =
    Message::new("scale", Guest, &[Host, Arbiter], Aggregate);
/// A host's parts of the derivative, encrypted.
pub const FORWARD: Message<VectorBytes> = Message::new("forward", Host, &[Guest], Ciphertext);
/// A host's terms of the loss, encrypted.
pub const HOST_LOSS_TERMS: Message<VectorBytes> =
    Message::new("host_loss_terms", Host, &[Guest], Ciphertext);
/// The residual under uniform masks.
pub const MASKED_RESIDUAL: Message<VectorBytes> =
    Message::new("masked_residual", Guest, &[Arbiter], Masked);
/// Places of members among the masked rows.
pub const BATCH_POSITIONS: Message<Vec<u32>> =
    Message::new("batch_positions", Guest, &[Arbiter], RowPositions);
/// The same with zeros in other places, encrypted afresh.
pub const FRESH_RESIDUAL: Message<VectorBytes> =
    Message::new("fresh_residual", Arbiter, &[Guest], Ciphertext);
/// The encrypted residual.
pub const RESIDUAL: Message<VectorBytes> = Message::new("residual", Guest, &[Host], Ciphertext);
/// The guest's sums under uniform masks.
pub const GUEST_GRADIENT: Message<SumsBytes> =
    Message::new("guest_gradient", Guest, &[Arbiter], Masked);
/// A host's sums under uniform masks.
pub const HOST_GRADIENT: Message<SumsBytes> =
    Message::new("host_gradient", Host, &[Arbiter], Masked);
/// The receiver's masked sums, decrypted.
pub const OPENED_GRADIENT: Message<Vec<u64>> =
    Message::new("opened_gradient", Arbiter, &[Guest, Host], Masked);
/// The loss over a batch.
pub const LOSS: Message<SumsBytes> = Message::new("loss", Guest, &[Arbiter], Aggregate);
/// The squared length of a host's steps, encrypted.
pub const HOST_STEP_LENGTH: Message<VectorBytes> =
    Message::new("host_step_length", Host, &[Guest], Ciphertext);
/// The squared length of all steps together.
pub const STEP_LENGTH: Message<SumsBytes> =
    Message::new("step_length", Guest, &[Arbiter], Aggregate);
/// Whether training has converged.
pub const CONVERGED: Message<Packed<bool>> =
    Message::new("converged", Arbiter, &[Guest, Host], Control);
/// A host's scores of single rows.
pub const HOST_SCORE: Message<Vec<f64>> = Message::new("host_score", Host, &[Guest], RowValues);
/// Whether validations end the training.
pub const EARLY_STOP: Message<Packed<bool>> =
    Message::new("early_stop", Guest, &[Host, Arbiter], Control);
/// The epoch to go back to.
pub const BEST_EPOCH: Message<Packed<Option<usize>>> =
    Message::new("best_epoch", Guest, &[Host], Control);

/// The message table.
pub const ALL: &[MessageLine] = &[
    PUBLIC_KEY.line(),
    COLUMNS.line(),
    PLAN.line(),
    ALIGNMENT.line(),
    MASKED_ROWS.line(),
    HOST_SCALE.line(),
    SCALE.line(),
    FORWARD.line(),
    HOST_LOSS_TERMS.line(),
    MASKED_RESIDUAL.line(),
    BATCH_POSITIONS.line(),
    FRESH_RESIDUAL.line(),
    RESIDUAL.line(),
    GUEST_GRADIENT.line(),
    HOST_GRADIENT.line(),
    OPENED_GRADIENT.line(),
    LOSS.line(),
    HOST_STEP_LENGTH.line(),
    STEP_LENGTH.line(),
    CONVERGED.line(),
    HOST_SCORE.line(),
    EARLY_STOP.line(),
    BEST_EPOCH.line(),
];

/// Messages that no training with these parameters sends: a batch of all rows is hidden among none, only `weight_diff` needs
/// the length of steps, and only early stopping by a validation is announced.
pub fn unspoken_in_training(training: &Training) -> Vec<&'static str> {
    let mut never: Vec<MessageLine> = Vec::new();
    if training.batches.batch_size == -1 {
        never.extend([
            MASKED_ROWS.line(),
            MASKED_RESIDUAL.line(),
            BATCH_POSITIONS.line(),
            FRESH_RESIDUAL.line(),
        ]);
    }
    if training.early_stop != EarlyStop::WeightDiff {
        never.extend([HOST_STEP_LENGTH.line(), STEP_LENGTH.line()]);
    }
    if training
        .validation
        .as_ref()
        .is_none_or(|validation| validation.stop_after.is_none())
    {
        never.extend([EARLY_STOP.line(), BEST_EPOCH.line()]);
    }
    never.iter().map(|line| line.name).collect()
}

/// Messages that nobody sends where a model is applied: scores are brought together, and nothing else.
pub fn unspoken_in_applying() -> Vec<&'static str> {
    let applied = [ALIGNMENT.name(), HOST_SCORE.name()];
    ALL.iter()
        .map(|line| line.name)
        .filter(|name| !applied.contains(name))
        .collect()
}
