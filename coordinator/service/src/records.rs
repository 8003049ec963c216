//! What the store keeps beside jobs and tasks.

use serde::{Deserialize, Serialize};
use vocabulary::{Attempt, ComponentInfo, Fault, JobId, ModelSummary, PartyId, TaskId, Timestamp};

/// What an order is about; the order itself is put together when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// Ask the initiator's agent to sign the offer.
    Sign,
    /// Send the signed offer.
    Offer,
    /// Order an attempt of a task to run.
    Assign {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// Order an attempt of a task to stop.
    Cancel {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: Fault,
    },
    /// Tell that the job is over.
    Close,
}

/// An order that is decided and not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingOrder {
    /// Its key, derived from what it is about.
    pub key: String,
    /// The job.
    pub job: JobId,
    /// Who is to receive it.
    pub party: PartyId,
    /// What it is about.
    pub kind: OrderKind,
    /// When it was decided.
    pub created: Timestamp,
    /// Not to be sent before this moment.
    pub next_attempt: Timestamp,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// The last error met.
    pub last_error: Option<Fault>,
}

impl PendingOrder {
    /// A new order, to be sent at once.
    pub fn new(job: &JobId, party: &PartyId, kind: OrderKind, now: Timestamp) -> Self {
        // The key follows from what it is about, so that a decision taken twice enqueues once.
        let key = kind.key(job, party);
        Self {
            key,
            job: job.clone(),
            party: party.clone(),
            kind,
            created: now,
            next_attempt: now,
            attempts: 0,
            last_error: None,
        }
    }
}

/// A party as it was last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct PartyRecord {
    /// The party.
    pub party: PartyId,
    /// What it last announced.
    pub components: Vec<ComponentInfo>,
    /// Its REST endpoint.
    pub rest: Option<String>,
    /// Whether its policy lets the coordinator's REST endpoint read its rows.
    pub rows_through_coordinator: bool,
    /// When it was last heard.
    pub seen: Timestamp,
}

/// A model as its owner announced it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredModel {
    /// What the owner tells.
    pub summary: ModelSummary,
    /// The job that made it.
    pub job: JobId,
    /// When it was announced.
    pub created: Timestamp,
}

/// Which free-form text of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextKind {
    /// The step's summary.
    Summary,
    /// The view of the model the step left.
    ModelView,
}

impl TextKind {
    /// The word kept in the store.
    pub const fn word(self) -> &'static str {
        match self {
            TextKind::Summary => "summary",
            TextKind::ModelView => "model_view",
        }
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name, unique.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// Whose bytes, or outputs, are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tally {
    /// Bytes that an attempt of a task told.
    Task,
    /// Outputs and models that an attempt of a task announced.
    Outputs,
    /// Bytes of descriptions of outputs that an attempt of a task told.
    Described,
    /// The same of all attempts of a job.
    JobDescribed,
    /// Bytes that a party told.
    Party,
    /// Bytes that a party told in a tenant's jobs.
    Tenant,
    /// Bytes that a party told in a job and that go with its cleaning.
    Cleaned,
}

impl Tally {
    /// The word under which it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Outputs => "outputs",
            Self::Described => "described",
            Self::JobDescribed => "job_described",
            Self::Party => "party",
            Self::Tenant => "tenant",
            Self::Cleaned => "cleaned",
        }
    }
}
