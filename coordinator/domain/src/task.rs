//! A task: one step at one participant, once for each attempt.

pub mod state;

use serde::{Deserialize, Serialize};
use vocabulary::{Attempt, Fault, Progress, TableSummary, TaskId, Timestamp, Usage};

use state::TaskState;

/// One attempt of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskKey {
    /// The task.
    pub id: TaskId,
    /// The attempt.
    pub attempt: Attempt,
}

/// What is kept of one attempt of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Which.
    pub key: TaskKey,
    /// Where it stands.
    pub state: TaskState,
    /// Why it failed or was canceled.
    pub fault: Option<Fault>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// Where its time went, once it ended.
    pub usage: Option<Usage>,
    /// Data outputs that stand.
    pub outputs: Vec<TableSummary>,
    /// Not to be assigned before this moment (pause before a retry).
    pub not_before: Option<Timestamp>,
    /// When it was ordered.
    #[serde(default)]
    pub ordered: Option<Timestamp>,
    /// When the row was made.
    pub created: Timestamp,
    /// When the agent started it.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Task {
    /// An attempt that waits to be ordered.
    pub fn waiting(key: TaskKey, not_before: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            key,
            state: TaskState::Waiting,
            fault: None,
            progress: None,
            usage: None,
            outputs: Vec::new(),
            not_before,
            ordered: None,
            created: now,
            started: None,
            ended: None,
            updated: now,
        }
    }
}
