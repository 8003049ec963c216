//! Everything the roles of hetero_lr say to each other, in the order they say it.

use component_kit::{Message, Packed};
use learning::convergence::EarlyStop;
use secure_compute::aligned_batches::Alignment;
use secure_compute::{PublicKeyBytes, SumsBytes, VectorBytes};
use vocabulary::Disclosure::{
    Aggregate, Ciphertext, Control, Masked, PublicKey, RowPositions, RowValues,
};
use vocabulary::MessageLine;
use vocabulary::Role::{Arbiter, Guest, Host};

use super::params::Params;
use super::plan::Plan;
use super::scales::Decision;

pub(super) const PUBLIC_KEY: Message<PublicKeyBytes> =
    Message::new("public_key", Arbiter, &[Guest, Host], PublicKey);
pub(super) const COLUMNS: Message<Packed<usize>> =
    Message::new("columns", Host, &[Guest, Arbiter], Control);
pub(super) const PLAN: Message<Packed<Plan>> =
    Message::new("plan", Guest, &[Host, Arbiter], Control);
pub(super) const ALIGNMENT: Message<Packed<Vec<Alignment>>> =
    Message::new("alignment", Guest, &[Host], Control);
pub(super) const MASKED_ROWS: Message<Vec<u32>> =
    Message::new("masked_rows", Guest, &[Host], RowPositions);
pub(super) const HOST_SCALE: Message<Packed<u16>> =
    Message::new("host_scale", Host, &[Guest], Aggregate);
pub(super) const SCALE: Message<Packed<Decision>> =
    Message::new("scale", Guest, &[Host, Arbiter], Aggregate);
pub(super) const FORWARD: Message<VectorBytes> =
    Message::new("forward", Host, &[Guest], Ciphertext);
pub(super) const HOST_LOSS_TERMS: Message<VectorBytes> =
    Message::new("host_loss_terms", Host, &[Guest], Ciphertext);
pub(super) const MASKED_RESIDUAL: Message<VectorBytes> =
    Message::new("masked_residual", Guest, &[Arbiter], Masked);
pub(super) const BATCH_POSITIONS: Message<Vec<u32>> =
    Message::new("batch_positions", Guest, &[Arbiter], RowPositions);
pub(super) const FRESH_RESIDUAL: Message<VectorBytes> =
    Message::new("fresh_residual", Arbiter, &[Guest], Ciphertext);
pub(super) const RESIDUAL: Message<VectorBytes> =
    Message::new("residual", Guest, &[Host], Ciphertext);
pub(super) const GUEST_GRADIENT: Message<SumsBytes> =
    Message::new("guest_gradient", Guest, &[Arbiter], Masked);
pub(super) const HOST_GRADIENT: Message<SumsBytes> =
    Message::new("host_gradient", Host, &[Arbiter], Masked);
pub(super) const OPENED_GRADIENT: Message<Vec<u64>> =
    Message::new("opened_gradient", Arbiter, &[Guest, Host], Masked);
pub(super) const LOSS: Message<SumsBytes> = Message::new("loss", Guest, &[Arbiter], Aggregate);
pub(super) const HOST_STEP_LENGTH: Message<VectorBytes> =
    Message::new("host_step_length", Host, &[Guest], Ciphertext);
pub(super) const STEP_LENGTH: Message<SumsBytes> =
    Message::new("step_length", Guest, &[Arbiter], Aggregate);
pub(super) const CONVERGED: Message<Packed<bool>> =
    Message::new("converged", Arbiter, &[Guest, Host], Control);
pub(super) const HOST_SCORE: Message<Vec<f64>> =
    Message::new("host_score", Host, &[Guest], RowValues);
pub(super) const EARLY_STOP: Message<Packed<bool>> =
    Message::new("early_stop", Guest, &[Host, Arbiter], Control);
pub(super) const BEST_EPOCH: Message<Packed<Option<usize>>> =
    Message::new("best_epoch", Guest, &[Host], Control);

/// The message table.
pub(super) const ALL: &[MessageLine] = &[
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
pub(super) fn unspoken_in_training(params: &Params) -> Vec<&'static str> {
    let mut never: Vec<MessageLine> = Vec::new();
    if params.batches().batch_size == -1 {
        never.extend([
            MASKED_ROWS.line(),
            MASKED_RESIDUAL.line(),
            BATCH_POSITIONS.line(),
            FRESH_RESIDUAL.line(),
        ]);
    }
    if params.early_stop() != EarlyStop::WeightDiff {
        never.extend([HOST_STEP_LENGTH.line(), STEP_LENGTH.line()]);
    }
    if params
        .validation()
        .is_none_or(|validation| validation.stop_after.is_none())
    {
        never.extend([EARLY_STOP.line(), BEST_EPOCH.line()]);
    }
    never.iter().map(|line| line.name).collect()
}
