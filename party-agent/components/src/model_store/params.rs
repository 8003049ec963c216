//! The parameters: which part of which model, under FATE's names.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A truth value as clients write it: `true`, `1` or `"1"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Flag {
    /// A truth value.
    Truth(bool),
    /// 0 or another number.
    Number(i64),
    /// Either as text.
    Text(String),
}

impl Flag {
    /// Whether it says yes.
    pub(super) fn is_set(&self) -> bool {
        match self {
            Self::Truth(truth) => *truth,
            Self::Number(number) => *number != 0,
            Self::Text(text) => !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false"),
        }
    }
}

/// Parameters of `model_store`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The party's part of the model, `guest#9999#…#model`; needed.
    pub model_id: String,
    /// The version; needed.
    pub model_version: String,
    /// Whether it takes the place of what is there. Default false.
    pub force_update: Flag,
    /// Accepted, not used: where models are stored is a setting of the party's agent. Default null.
    pub store_address: Option<Value>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            model_id: String::new(),
            model_version: String::new(),
            force_update: Flag::Truth(false),
            store_address: None,
        }
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.expect(!self.model_id.is_empty(), "model_id", || {
            "no model is named".to_owned()
        });
        problems.expect(!self.model_version.is_empty(), "model_version", || {
            "no version is named".to_owned()
        });
    }
}
