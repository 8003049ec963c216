//! What an intersection may tell of ids: the rules of the file.

use serde::{Deserialize, Serialize};

use crate::cap::Cap;

/// What keeps single ids from being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntersectionRules {
    /// Fewest ids that each party puts in.
    pub fewest_ids: u64,
    /// Of fewer common ids nobody is told which they are.
    pub fewest_common: u64,
    /// How many ids one peer may find in a day (UTC) of which it was not told before. Each intersection counts as one at least.
    pub new_ids_per_day: Cap,
}

impl Default for IntersectionRules {
    fn default() -> Self {
        Self {
            fewest_ids: 100,
            fewest_common: 100,
            new_ids_per_day: Cap::at(100_000),
        }
    }
}
