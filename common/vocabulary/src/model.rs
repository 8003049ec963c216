//! Models as the coordinator may know them.

use serde::{Deserialize, Serialize};

use crate::ids::StepName;
use crate::role::Participant;

/// Where a participant keeps what a step learned: one version holds the models of all steps of the job that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelRef {
    /// The version: the id of the training job, or of the deployment.
    pub version: String,
    /// The step that left it.
    pub step: StepName,
    /// Who keeps it.
    pub owner: Participant,
}

/// Which of the states that a step kept while it learned: as FATE writes it, `{"step_index": 3}` or `{"step_name": "x"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointRef {
    /// The one kept after this epoch, counted from 0.
    StepIndex(u32),
    /// The one kept under this name.
    StepName(String),
}

/// What a party tells of a model it keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Which model.
    pub model: ModelRef,
    /// The component that can read it.
    pub component: String,
    /// The version of that component.
    pub component_version: u32,
    /// Bytes on disk.
    pub size: u64,
}
