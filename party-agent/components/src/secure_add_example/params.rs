//! The parameters of the toy.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `secure_add_example`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Accepted and not used: shares made from a known seed would hide nothing. Default null.
    pub seed: Option<i64>,
    /// In how many pieces the shares travel, 1 to 1023. Both parties must give the same number. Default 1.
    pub partition: u32,
    /// How many values each party adds, 1 to 10000000. Both parties must give the same number. Default 1000.
    pub data_num: u32,
    /// How many attempts fail on purpose at the guest, 0 to 100: a rehearsal of retries. Default 0.
    pub fail_attempts: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            seed: None,
            partition: 1,
            data_num: 1000,
            fail_attempts: 0,
        }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.expect((1..=1023).contains(&self.partition), "partition", || {
            format!("{} is out of bounds; it must be 1 to 1023", self.partition)
        });
        problems.expect(
            (1..=10_000_000).contains(&self.data_num),
            "data_num",
            || {
                format!(
                    "{} is out of bounds; it must be 1 to 10000000",
                    self.data_num
                )
            },
        );
        problems.expect(self.fail_attempts <= 100, "fail_attempts", || {
            format!(
                "{} is out of bounds; it must be 0 to 100",
                self.fail_attempts
            )
        });
    }
}
