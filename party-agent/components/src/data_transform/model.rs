//! What a fit leaves: how rows were read, and what was learned of them.

use serde::{Deserialize, Serialize};
use tables::transform::{Learned, Settings};

/// The model of one party.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Model {
    /// How rows are read.
    pub(super) settings: Settings,
    /// What was learned; nothing when the input was passed on as it was.
    pub(super) learned: Option<Learned>,
}
