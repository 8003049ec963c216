//! What a fit leaves at the guest. Hosts learn nothing, so they leave nothing.

use serde::{Deserialize, Serialize};

/// The guest's model.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Total {
    /// The column that was added up.
    pub(super) column: String,
    /// Its total over all hosts.
    pub(super) total: f64,
    /// How many hosts took part.
    pub(super) hosts: usize,
}
