//! The parameters of a reader: which table.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stored table (`namespace` and `name`), or the output of an earlier job (the other three).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// The group of tables. Default null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The table in the group. Default null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The job whose output is read. Default null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The step that made it. Default null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_name: Option<String>,
    /// The output's name, or its number from 0. Default null, the first output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_name: Option<String>,
}

impl Source {
    fn is_complete(&self) -> bool {
        let named = self.namespace.is_some() && self.name.is_some();
        named || (self.job_id.is_some() && self.component_name.is_some())
    }
}

/// Parameters of `reader`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The table to read. Default null; needed unless the next three are set.
    pub table: Option<Source>,
    /// The job whose output is read. Default null.
    pub job_id: Option<String>,
    /// The step that made it. Default null.
    pub component_name: Option<String>,
    /// The output's name, or its number from 0. Default null.
    pub data_name: Option<String>,
    /// Accepted, not used: outputs are named by the system. Default null.
    pub output_name: Option<String>,
    /// Accepted, not used: outputs are named by the system. Default null.
    pub output_namespace: Option<String>,
    /// Accepted, not used: the job says in how many partitions it works. Default null.
    pub partitions: Option<u32>,
    /// Accepted, not used: there is one storage engine. Default null.
    pub engine: Option<Value>,
    /// Accepted, not used: there is one storage engine. Default null.
    pub address: Option<Value>,
}

impl Params {
    /// What is to be read.
    pub(super) fn source(&self) -> Source {
        self.table.clone().unwrap_or_else(|| Source {
            job_id: self.job_id.clone(),
            component_name: self.component_name.clone(),
            data_name: self.data_name.clone(),
            ..Source::default()
        })
    }
}

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        let source = self.source();
        problems.expect(source.is_complete(), "table", || {
            let given = serde_json::to_string(&source).unwrap_or_default();
            format!("can not find input table info by parameters {given}")
        });
    }
}
