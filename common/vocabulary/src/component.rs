//! What a party announces of a component: enough for the coordinator to check a job without knowing any algorithm.

use serde::{Deserialize, Serialize};

use crate::message::MessageInfo;
use crate::role::{Role, Stage};

/// What flows through a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortKind {
    /// A table.
    Data,
    /// A model of the same component.
    Model,
    /// A model of another component.
    IsometricModel,
}

/// A named input or output of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The port's name: `data`, `train_data`, `validate_data`, `test_data`, `model`, `isometric_model`.
    pub name: String,
    /// What flows through it.
    pub kind: PortKind,
}

/// How many parties of a role a component needs or takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CastRule {
    /// The role.
    pub role: Role,
    /// So many at least.
    pub least: u16,
    /// So many at most; any number where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u16>,
    /// In this stage only; in both where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Only while a parameter has one of some values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Where a stored model is applied: all parties of the role that trained it must be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_trained: bool,
    /// Why, in words that follow a colon; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// While a parameter has one of some values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// A parameter, dotted where it stands in an object.
    pub parameter: String,
    /// Words, of which it, or an entry of it, is one; their case does not matter. None of them is any value but null.
    pub values: Vec<String>,
}

/// Inputs without one of which a component can do nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputNeed {
    /// In this stage only; in both where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// One of these must be wired.
    pub any_of: Vec<String>,
    /// Only while a parameter has one of some values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// One component as a party announces it in its catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentInfo {
    /// The component's name (`hetero_lr`).
    pub name: String,
    /// The version of its protocol; parties of one step must agree on it.
    pub version: u32,
    /// One sentence on what it does.
    pub summary: String,
    /// Names by which FATE documents call it; the first is the usual one (`HeteroLR`).
    pub modules: Vec<String>,
    /// Roles that have a task in it.
    pub roles: Vec<Role>,
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// JSON schema of the parameters; unknown fields are refused.
    pub schema: serde_json::Value,
    /// Every parameter with its default.
    pub defaults: serde_json::Value,
    /// The message table.
    pub messages: Vec<MessageInfo>,
    /// Whom it needs; parties of earlier releases announce nothing, and their components say it when they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cast: Vec<CastRule>,
    /// Which inputs it needs; as with the cast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<InputNeed>,
    /// The parameters that count while it applies a model, where the model decides the others; none where it says nothing of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_with: Option<Vec<String>>,
}

impl ComponentInfo {
    /// Whether a document's module name means this component (FATE accepts the usual spelling and all lower case).
    pub fn answers_to(&self, module: &str) -> bool {
        self.name == module
            || self
                .modules
                .iter()
                .any(|own| own == module || own.to_lowercase() == module)
    }
}
