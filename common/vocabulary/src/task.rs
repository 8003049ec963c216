//! Orders and their state: what an agent is told to run.

use serde::{Deserialize, Serialize};

use crate::finite::Finite;
use crate::ids::{Attempt, StepName};
use crate::model::{CheckpointRef, ModelRef};
use crate::role::{Cast, Stage};
use crate::table::TableRef;
use crate::task_id::TaskId;
use crate::time::Timestamp;

/// A table wired to an input port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInput {
    /// The port: `data`, `train_data`, `validate_data`, `test_data`.
    pub port: String,
    /// The step that made it: an evaluation names its metrics after it.
    pub from_step: StepName,
    /// The participant's own table.
    pub table: TableRef,
}

/// A model wired to an input port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInput {
    /// `model` or `isometric_model`.
    pub port: String,
    /// The participant's own model.
    pub model: ModelRef,
    /// Which state kept while it was learned is meant; the final one when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointRef>,
}

/// What a task may use at most at its party; `None` leaves it to the agent's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Threads it computes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// Memory of its tables, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// Partitions of the tables it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything an agent needs to run one task once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// The component to run.
    pub component: String,
    /// Its version, as all parties of the cast announced it.
    pub component_version: u32,
    /// Fit or apply.
    pub stage: Stage,
    /// Everybody in the job.
    pub cast: Cast,
    /// The participants that run this step.
    pub step_cast: Cast,
    /// Parameters for this participant, already merged; defaults may be missing.
    pub parameters: serde_json::Value,
    /// Tables to read.
    pub inputs: Vec<DataInput>,
    /// Models to read.
    pub models: Vec<ModelInput>,
    /// Names of the data outputs, in order; empty when the step's outputs are not named.
    pub outputs: Vec<String>,
    /// Where a model is to be kept.
    pub model_version: String,
    /// Fingerprint (hex) of the offer that this task belongs to: an agent runs only what it accepted.
    pub offer: String,
    /// Partitions to write tables in.
    pub partitions: u32,
    /// When to give up.
    pub deadline: Option<Timestamp>,
    /// What it may use at most.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// A file of the party (`files://folder/name`) in which it keeps its first data output, too, as text; it stays there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<String>,
    /// Why it is not the first attempt, for the party's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// How far a task is, for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// 0.0 to 1.0.
    pub fraction: Finite,
    /// What is being done (`epoch 3 of 30`).
    pub text: String,
}

impl Progress {
    /// How far a task is; a fraction out of bounds is drawn into them.
    pub fn new(fraction: f64, text: impl Into<String>) -> Self {
        Self {
            fraction: Finite::share(fraction),
            text: text.into(),
        }
    }
}
