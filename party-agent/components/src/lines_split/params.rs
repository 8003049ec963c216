//! The parameters of lines_split: the sizes.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `lines_split`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The chance of a row to go to the first part, 0 to 1. Default 0.7.
    pub train: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { train: 0.7 }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.expect((0.0..=1.0).contains(&self.train), "train", || {
            format!("{} is not 0 to 1", self.train)
        });
    }
}
