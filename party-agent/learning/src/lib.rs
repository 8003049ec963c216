//! The mathematics one party computes by itself: linear scores, optimizers, penalties, batches, stopping rules and
//! evaluation figures. Nothing here sends a message, reads a file or draws secret randomness; definitions follow
//! FATE 1.11, see the README beside this crate.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod batches;
pub mod convergence;
pub mod evaluation;
pub mod initial;
pub mod labels;
pub mod learning_rate;
pub mod linear;
pub mod logistic;
pub mod loss;
pub mod optimizer;
pub mod penalty;
pub mod scaling;
pub mod statistics;
pub mod validation;

/// A word of a job configuration that names no choice this crate has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// The word is not one of the choices.
    #[error("unknown {kind} `{word}`: expected one of {choices}")]
    Unknown {
        /// What was being chosen, such as `optimizer`.
        kind: &'static str,
        /// The word as given.
        word: String,
        /// The accepted words.
        choices: &'static str,
    },
    /// The word names something FATE has and this crate does not.
    #[error("{kind} `{word}` is not built yet: choose one of {choices}")]
    NotBuilt {
        /// What was being chosen.
        kind: &'static str,
        /// The word as given.
        word: String,
        /// The accepted words.
        choices: &'static str,
    },
}
