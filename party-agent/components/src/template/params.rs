//! The parameters of the masked sum.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `template`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The numeric column to add up; every party has one of that name. Default `x0`.
    pub column: String,
    /// Binary digits after the point that survive the sum, 0 to 40. Default 20.
    pub fractional_bits: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            column: "x0".to_owned(),
            fractional_bits: 20,
        }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.expect(!self.column.is_empty(), "column", || {
            "the column has no name".to_owned()
        });
        problems.expect(self.fractional_bits <= 40, "fractional_bits", || {
            format!(
                "{} is out of bounds; it must be 0 to 40",
                self.fractional_bits
            )
        });
    }
}
