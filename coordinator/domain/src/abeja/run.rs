//! A run: one batch prediction that a deployment's version makes, with a model, over a table. What it is asked to do stands
//! here; how it stands is read from its job.

mod request;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vocabulary::{JobId, Timestamp};

pub use request::{FileName, MOST_RETRIES, RunRequest, Unfit, queue_of, read_texts};
pub use status::{RunStatus, RunView};

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// As what.
    pub status: RunStatus,
    /// The place of its last line.
    pub line: (Timestamp, u64),
}

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The version of its deployment.
    pub version: String,
    /// That version's label, as it was.
    pub label: String,
    /// Training models by alias, as asked for.
    pub models: BTreeMap<String, String>,
    /// The training model that is applied; one was chosen when none was asked for.
    pub model: Option<String>,
    /// What it reads, as asked for.
    pub input: Option<Value>,
    /// Where its predictions are to be put, as asked for.
    pub output: Option<Value>,
    /// The number that chose its queue, as asked for.
    pub distribution: Option<serde_json::Number>,
    /// How often it is tried again.
    pub retries: u32,
    /// What it was asked with, over its deployment's defaults.
    pub environment: BTreeMap<String, String>,
    /// The job that makes a table of the file it reads.
    pub import: Option<JobId>,
    /// The last line of an earlier run of the same job, when this one is the job run again.
    pub behind: Option<(Timestamp, u64)>,
    /// How it ended before it had a job: when, and why.
    pub refused: Option<(Timestamp, String)>,
    /// How it ended, once its job was asked to run again: a run that has ended does not change.
    pub ended: Option<RunEnd>,
    /// Lines that were read of its parties' logs, by participant.
    pub lines_read: BTreeMap<String, u64>,
    /// Whether no more of them will come.
    pub gathered: bool,
    /// By what the request is known again that asked for it.
    pub asked: String,
}
