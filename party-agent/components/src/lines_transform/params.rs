//! The parameters of lines_transform: the steps.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `lines_transform`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The steps as a list of Python (or JSON): `[{"method": "filter", "args": "lambda l: l != ''"}]`. What cannot be read is
    /// told when the step runs. Default null, none.
    pub steps: Option<String>,
    /// What is wrong with the steps before they are read; the step fails with it. Default null.
    pub refusal: Option<String>,
}

impl Check for Params {
    fn check(&self, _problems: &mut Problems) {}
}
