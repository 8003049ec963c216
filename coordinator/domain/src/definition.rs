//! What to run: the documents as they were submitted, their normal form, and the graph read from them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::graph::Graph;

/// In which language a job was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// FATE DSL and runtime conf, version 1 (no readers; `args.*` inputs).
    FateV1,
    /// FATE DSL and runtime conf, version 2.
    FateV2,
}

/// A definition: fixed when the job is submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The language of the submitted documents.
    pub dialect: Dialect,
    /// The DSL as submitted.
    pub submitted_dsl: Value,
    /// The runtime conf as submitted.
    pub submitted_conf: Value,
    /// The DSL in version 2.
    pub dsl: Value,
    /// The runtime conf in version 2, its job parameters completed with defaults.
    pub conf: Value,
    /// For predict jobs: the runtime conf of the training job; an empty object otherwise.
    pub train_conf: Value,
    /// The graph.
    pub graph: Graph,
    /// What the documents say and nothing reads, one sentence each: names that are not known, places that do not exist.
    #[serde(default)]
    pub warnings: Vec<String>,
}
