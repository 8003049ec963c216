//! What to look for, and which page of it. An empty list or `None` asks for anything.

use domain::{EntityKind, JobState, TaskState};
use vocabulary::{ExperimentId, JobId, Participant, PartyId, Role, StepName, Tenant, Timestamp};

/// Which jobs. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// One of these ids.
    pub ids: Vec<JobId>,
    /// None of these ids.
    pub without: Vec<JobId>,
    /// In one of these states.
    pub states: Vec<JobState>,
    /// Asked for by a participant in this role.
    pub initiator_role: Option<Role>,
    /// Asked for by one of these parties.
    pub initiator_parties: Vec<PartyId>,
    /// Some participant plays one of these roles (the same participant as in `parties`).
    pub roles: Vec<Role>,
    /// Some participant is one of these parties.
    pub parties: Vec<PartyId>,
    /// Named exactly so.
    pub names: Vec<String>,
    /// The id contains this text.
    pub id_contains: Option<String>,
    /// The description contains this text.
    pub description_contains: Option<String>,
    /// The id of some participant's party contains this text (the same participant as in `roles`).
    pub party_contains: Option<String>,
    /// Its models are kept under this version.
    pub model_version: Option<String>,
    /// On this experiment.
    pub experiment: Option<ExperimentId>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created at or before.
    pub created_to: Option<Timestamp>,
    /// Created later than a job of this moment and id (later in the order [`JobOrder::Created`]): the next page, also
    /// when jobs have come or changed meanwhile.
    pub after: Option<(Timestamp, JobId)>,
    /// What to order by.
    pub order: JobOrder,
    /// Largest first.
    pub newest_first: bool,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
    /// Leave out so many.
    pub offset: u32,
}

/// What jobs are ordered by; equal ones by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobOrder {
    /// When they were submitted.
    #[default]
    Created,
    /// When their first task started; those not started first.
    Started,
    /// When they settled; those not settled first.
    Ended,
    /// How many milliseconds they ran, 0 while they have not ended; then by when they were submitted.
    Elapsed,
    /// By id.
    Id,
}

/// Which participants of jobs, each as a row of its own. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowFilter {
    /// Of these jobs, in this order; limit and offset count rows.
    pub jobs: JobFilter,
    /// In one of these roles.
    pub roles: Vec<Role>,
    /// The party's id contains this text, in this case.
    pub party_contains: Option<String>,
    /// The id of another participant's party contains this text, in this case.
    pub partner_contains: Option<String>,
    /// What the participant reads as description contains this text: its own note, the job's description without one.
    pub description_contains: Option<String>,
    /// The party's id of those who do a job by themselves.
    pub alone_as: String,
}

/// Which tasks. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Of this job.
    pub job: Option<JobId>,
    /// Of this step.
    pub step: Option<StepName>,
    /// In this role.
    pub role: Option<Role>,
    /// At this party.
    pub party: Option<PartyId>,
    /// In one of these states.
    pub states: Vec<TaskState>,
    /// Earlier attempts too; without it, only the newest attempt of each task.
    pub all_attempts: bool,
    /// Newest first; without it, in the order in which they were added.
    pub newest_first: bool,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
    /// Leave out so many.
    pub offset: u32,
}

/// Which models. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFilter {
    /// Of this version.
    pub version: Option<String>,
    /// Left by this step.
    pub step: Option<StepName>,
    /// Kept by this participant.
    pub owner: Option<Participant>,
    /// Made by this job.
    pub job: Option<JobId>,
}

/// Which versions of models. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionFilter {
    /// Of this model id.
    pub model_id: Option<String>,
    /// One of these versions.
    pub versions: Vec<String>,
}

/// Which parts of versions. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartFilter {
    /// Of this model id.
    pub model_id: Option<String>,
    /// Of this version.
    pub version: Option<String>,
    /// Kept in this role.
    pub role: Option<Role>,
    /// Kept by this party.
    pub party: Option<PartyId>,
    /// Of versions of which this party keeps some part.
    pub shared_with: Option<PartyId>,
}

/// Which entities. Everything given must fit; deleted ones only when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityFilter {
    /// Of this kind.
    pub kind: EntityKind,
    /// Of this tenant.
    pub tenant: Option<Tenant>,
    /// One of these ids; none for any.
    pub ids: Vec<String>,
    /// In this parent.
    pub parent: Option<String>,
    /// Of this name.
    pub name: Option<String>,
    /// Due at this moment.
    pub due: Option<Timestamp>,
    /// Deleted ones too.
    pub deleted: bool,
    /// Newest first; without it, oldest first. Equals by id in the same direction.
    pub newest_first: bool,
    /// From this entity on, itself included: when it was made, and its id.
    pub start: Option<(Timestamp, String)>,
    /// At most so many; `None` for all.
    pub limit: Option<u32>,
    /// Leave out so many.
    pub offset: u32,
}

impl EntityFilter {
    /// All of a kind.
    pub fn of(kind: EntityKind) -> Self {
        Self {
            kind,
            tenant: None,
            ids: Vec::new(),
            parent: None,
            name: None,
            due: None,
            deleted: false,
            newest_first: false,
            start: None,
            limit: None,
            offset: 0,
        }
    }
}

/// Which lines of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// The job.
    pub job: JobId,
    /// At or after this moment.
    pub from: Option<Timestamp>,
    /// At or before this moment.
    pub to: Option<Timestamp>,
    /// Behind this line, by its moment and its place.
    pub after: Option<(Timestamp, u64)>,
    /// Before this line.
    pub before: Option<(Timestamp, u64)>,
    /// Latest first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
}
