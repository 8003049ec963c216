//! What an agent tells the coordinator of its tasks, after the policy gate let it through.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ids::Attempt;
use crate::metric::Metric;
use crate::model::ModelSummary;
use crate::table::TableSummary;
use crate::task::Progress;
use crate::task_id::TaskId;

/// How a task's attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All outputs stand.
    Succeeded,
    /// It failed; outputs do not count.
    Failed(Fault),
    /// It was asked to stop, and did.
    Canceled,
    /// The agent was restarted while it ran.
    Lost,
}

/// Where an attempt's time went, and what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Wall time from start to end, in microseconds.
    pub wall_micros: u64,
    /// Time in plain computation.
    pub compute_micros: u64,
    /// Time in encryption, decryption and work on ciphertexts.
    pub encryption_micros: u64,
    /// Time in handing messages to the network.
    pub network_micros: u64,
    /// Time in waiting for peers.
    pub waiting_micros: u64,
    /// Bytes of messages sent to other parties.
    pub bytes_sent: u64,
    /// Messages sent to other parties.
    pub messages_sent: u64,
}

/// One thing an agent reports of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportBody {
    /// The attempt runs.
    Started,
    /// How far it is.
    Progress(Progress),
    /// Measurements.
    Metrics(Vec<Metric>),
    /// A free-form summary of the step (its shape is the component's), JSON text.
    Summary(String),
    /// A view of the model the step left, JSON text of FATE's shape `{"meta": …, "param": …}`.
    ModelView(String),
    /// A data output stands.
    Output(TableSummary),
    /// A model stands.
    Model(ModelSummary),
    /// The attempt ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// Where its time went.
        usage: Usage,
    },
}

/// A report: which attempt of which task, and what of it. Reports of one attempt arrive in order, perhaps repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: Attempt,
    /// What is told.
    pub body: ReportBody,
}
