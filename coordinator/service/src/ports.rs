//! What the service asks of the outside: a store that keeps, and a gateway that carries orders to agents.
//!
//! Infrastructure failure is an error; what a domain rule refuses is a value inside `Ok`.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::experiment::query::{ExperimentPage, Query};
use domain::{Entity, EntityKind, Event, Experiment, Job, JobState, Task, TaskKey};
use serde_json::Value;
use vocabulary::{
    Assignment, Attempt, ErrorCode, ExperimentId, Fault, JobId, Metric, Offer, Participant,
    PartyId, Role, SignedBytes, StepName, TaskId, Tenant, Timestamp,
};

use crate::filter::{
    EntityFilter, EventQuery, JobFilter, ModelFilter, PartFilter, RowFilter, TaskFilter,
    VersionFilter,
};
use crate::records::{OrderKind, PartyRecord, PendingOrder, StoredModel, Tag, Tally, TextKind};
use crate::versions::{ModelPart, ModelVersion};

/// Carries orders to agents.
#[async_trait]
pub trait AgentGateway: Send + Sync {
    /// Sends an order and waits for the reply, at most `patience`. `PartyOffline` when the party is not connected.
    async fn call(
        &self,
        party: &PartyId,
        order: Order,
        patience: Duration,
    ) -> Result<OrderReply, Fault>;
}

/// What an agent can be asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// To the initiator: admit this offer and sign it; with the ticket that its own endpoint gave.
    Sign(Offer, Option<SignedBytes>),
    /// To the others: admit this signed offer.
    Offer(SignedBytes),
    /// Run a task; a repeated order does nothing.
    Assign(Box<Assignment>),
    /// Stop an attempt; acknowledged once it is quiet.
    Cancel {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: Fault,
    },
    /// The job is over: messages and offer may be forgotten.
    Close(JobId),
    /// Check parameters as the components would.
    Check(Vec<StepCheck>),
}

/// A step whose parameters an agent is asked to check.
#[derive(Debug, Clone, PartialEq)]
pub struct StepCheck {
    /// The step.
    pub step: StepName,
    /// Its component.
    pub component: String,
    /// The role that the parameters are for.
    pub role: Role,
    /// The merged parameters.
    pub parameters: Value,
}

/// What an agent answers to an order.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderReply {
    /// Done.
    Done,
    /// The offer, signed.
    Signed(SignedBytes),
    /// The offer is accepted: the receiver's signature over the same bytes.
    Accepted(SignedBytes),
    /// What is wrong with the parameters; empty when nothing is.
    Checked(Vec<Fault>),
    /// It could not be done, or is refused.
    Failed(Fault),
}

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space to write.
    #[error("the store has no space to write: {detail}")]
    Full {
        /// What the database says.
        detail: String,
    },
    /// The database cannot be reached, is locked, or fails.
    #[error("the store does not answer: {detail}")]
    Unavailable {
        /// What the database says.
        detail: String,
    },
    /// A row cannot be read back.
    #[error("{row} in the store cannot be read: {detail}")]
    Corrupt {
        /// Which row.
        row: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The address of the store cannot be used.
    #[error("the store {url:?} cannot be used: {detail}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    /// The same as a fault: a full disk is told from a defect.
    pub fn fault(&self) -> Fault {
        match self {
            StoreError::Full { .. } => Fault::new(ErrorCode::StorageFull, self.to_string())
                .next("make space on the coordinator's disk; nothing stored so far is lost"),
            StoreError::Address { .. } => Fault::new(ErrorCode::ConfigInvalid, self.to_string()),
            StoreError::Corrupt { .. } => Fault::new(ErrorCode::RecordUnreadable, self.to_string())
                .next("see the coordinator's log"),
            StoreError::Unavailable { .. } => {
                Fault::new(ErrorCode::Internal, self.to_string()).next("see the coordinator's log")
            }
        }
    }
}

/// What every method of the store gives.
pub type Stored<T> = Result<T, StoreError>;

/// Keeps everything that must survive the coordinator.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens a transaction that may write. Writers wait for each other; dropped without commit, it leaves no trace.
    async fn begin(&self) -> Stored<Box<dyn Transaction>>;

    /// Opens a transaction that only reads, and does not wait for writers where the database can do that.
    async fn read(&self) -> Stored<Box<dyn Transaction>> {
        self.begin().await
    }
}

/// All that can be done in one transaction.
#[async_trait]
pub trait Transaction:
    Jobs
    + Claims
    + Tasks
    + Reports
    + Growth
    + Models
    + Tags
    + Parties
    + Outbox
    + Experiments
    + Entities
    + Events
    + Asides
    + Send
{
    /// Makes everything done in it stand, through a loss of power too.
    async fn commit(self: Box<Self>) -> Stored<()>;
}

/// Jobs and the notes on them.
#[async_trait]
pub trait Jobs {
    /// Adds a job that is due at once; false (and nothing done) when the id is taken.
    async fn insert_job(&mut self, job: &Job) -> Stored<bool>;
    /// The job, if there is one.
    async fn job(&mut self, id: &JobId) -> Stored<Option<Job>>;
    /// Replaces everything of a job but its definition, its experiment, its queue, whether it is archived, its offer and the
    /// answers to it; false when there is none.
    async fn save_job(&mut self, job: &Job) -> Stored<bool>;
    /// Replaces the definition of a job; false when there is none.
    async fn save_definition(&mut self, job: &Job) -> Stored<bool>;
    /// Replaces the offer of a job and the answers to it; false when there is none.
    async fn save_signatures(&mut self, job: &Job) -> Stored<bool>;
    /// The jobs that fit, one page of them, and how many fit in all; without their offers and the answers to them, which
    /// only [`Jobs::job`] gives.
    async fn find_jobs(&mut self, filter: &JobFilter) -> Stored<(Vec<Job>, u64)>;
    /// The participants that fit, one page of them, and how many fit in all: job by job, in the order of the cast. Of a
    /// job whose participants are all local only the initiator counts.
    async fn find_rows(&mut self, filter: &RowFilter) -> Stored<(Vec<(JobId, Participant)>, u64)>;
    /// How many jobs stand in each state; states without jobs are left out.
    async fn count_jobs(&mut self) -> Stored<Vec<(JobState, u64)>>;
    /// Puts a note on a participant's view of a job; false when the participant is not in the job.
    async fn set_notes(
        &mut self,
        job: &JobId,
        participant: &Participant,
        notes: &str,
    ) -> Stored<bool>;
    /// The notes on a job, of those participants that have one.
    async fn notes(&mut self, job: &JobId) -> Stored<Vec<(Participant, String)>> {
        Ok(self
            .notes_on(std::slice::from_ref(job))
            .await?
            .remove(job)
            .unwrap_or_default())
    }
    /// The notes on several jobs; those without any are left out.
    async fn notes_on(
        &mut self,
        jobs: &[JobId],
    ) -> Stored<BTreeMap<JobId, Vec<(Participant, String)>>>;
}

/// Which job is to be looked at when, and by which coordinator.
#[async_trait]
pub trait Claims {
    /// Claims up to `limit` jobs due at `now` that nobody else holds, for `owner` until `until`; longest due first.
    async fn claim_due(
        &mut self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Stored<Vec<JobId>>;
    /// Holds a claimed job for the rest of the transaction; false when `owner` has lost the claim.
    async fn hold_job(&mut self, id: &JobId, owner: &str) -> Stored<bool>;
    /// Gives the claim back, and says when to look again (`None`: when something happens).
    async fn release_job(&mut self, id: &JobId, due: Option<Timestamp>) -> Stored<()>;
    /// Makes a job due at `at` or earlier; nothing when there is no such job.
    async fn poke_job(&mut self, id: &JobId, at: Timestamp) -> Stored<()>;
    /// Makes every unsettled job of a party due at `at` or earlier.
    async fn poke_party(&mut self, party: &PartyId, at: Timestamp) -> Stored<()>;
    /// Makes every unsettled job due at `at` or earlier.
    async fn poke_all(&mut self, at: Timestamp) -> Stored<()>;
    /// The job that stands before this one in its queue: the earliest unsettled one of the same queue, if it is not itself.
    async fn ahead_in_queue(&mut self, job: &Job) -> Stored<Option<JobId>>;
    /// Makes the first unsettled job of a queue due at `at` or earlier.
    async fn poke_queue(&mut self, queue: &str, at: Timestamp) -> Stored<()>;
    /// The earliest moment at which a job is due.
    async fn next_due(&mut self) -> Stored<Option<Timestamp>>;
}

/// Tasks, one row for each attempt.
#[async_trait]
pub trait Tasks {
    /// Adds attempts; earlier attempts of the same tasks stop being the newest. An attempt that is there already is left alone.
    async fn insert_tasks(&mut self, tasks: &[Task]) -> Stored<()>;
    /// The newest attempt of a task.
    async fn task(&mut self, id: &TaskId) -> Stored<Option<Task>>;
    /// The newest attempt of every task of a job, in the order in which they were added.
    async fn tasks_of(&mut self, job: &JobId) -> Stored<Vec<Task>>;
    /// Replaces an attempt; false when there is none.
    async fn save_task(&mut self, task: &Task) -> Stored<bool>;
    /// The tasks that fit, one page of them, and how many fit in all.
    async fn find_tasks(&mut self, filter: &TaskFilter) -> Stored<(Vec<Task>, u64)>;
    /// Attempts that a party's agent may be working on.
    async fn active_at(&mut self, party: &PartyId) -> Stored<Vec<Task>>;
}

/// What agents report of attempts beside their state.
#[async_trait]
pub trait Reports {
    /// Merges metrics by (namespace, name): pairs add up, a key seen again replaces its value, the last meta stands.
    async fn add_metrics(&mut self, key: &TaskKey, metrics: &[Metric]) -> Stored<()>;
    /// The metrics of an attempt in the order of their first report, pairs sorted by key.
    async fn metrics(&mut self, key: &TaskKey) -> Stored<Vec<Metric>>;
    /// Forgets all metrics of a job, or those of one party's tasks; false when there were none.
    async fn delete_metrics(&mut self, job: &JobId, party: Option<&PartyId>) -> Stored<bool>;
    /// Forgets the texts of a kind of one party's tasks of a job.
    async fn delete_texts(&mut self, job: &JobId, party: &PartyId, kind: TextKind) -> Stored<()>;
    /// Keeps a text of an attempt, in place of an earlier one.
    async fn put_text(&mut self, key: &TaskKey, kind: TextKind, text: &str) -> Stored<()>;
    /// A text of an attempt.
    async fn text(&mut self, key: &TaskKey, kind: TextKind) -> Stored<Option<String>>;
}

/// How much agents told, for the bounds of the settings.
#[async_trait]
pub trait Growth {
    /// What was counted under a name so far.
    async fn told(&mut self, counted: Tally, name: &str) -> Stored<u64>;
    /// Adds to it.
    async fn count_told(&mut self, counted: Tally, name: &str, more: u64) -> Stored<()>;
    /// Takes away from it; where nothing is left, nothing is kept.
    async fn lower_told(&mut self, counted: Tally, name: &str, less: u64) -> Stored<()>;
}

/// Models as their owners announced them.
#[async_trait]
pub trait Models {
    /// Keeps what a party tells of a model, in place of what it told before.
    async fn put_model(&mut self, model: &StoredModel) -> Stored<()>;
    /// The models that fit, oldest first.
    async fn find_models(&mut self, filter: &ModelFilter) -> Stored<Vec<StoredModel>>;
    /// Adds a version; false (and nothing done) when it is there already.
    async fn insert_version(&mut self, version: &ModelVersion) -> Stored<bool>;
    /// Keeps a version, in place of one that is there already, whose time of creation stays.
    async fn put_version(&mut self, version: &ModelVersion) -> Stored<()>;
    /// The versions that fit, oldest first.
    async fn find_versions(&mut self, filter: &VersionFilter) -> Stored<Vec<ModelVersion>>;
    /// Keeps what a participant has of a version, in place of what it had.
    async fn put_part(&mut self, part: &ModelPart) -> Stored<()>;
    /// The parts that fit, oldest first.
    async fn find_parts(&mut self, filter: &PartFilter) -> Stored<Vec<ModelPart>>;
}

/// Tags, and the versions that bear them.
#[async_trait]
pub trait Tags {
    /// Adds a tag; false (and nothing done) when the name is taken.
    async fn insert_tag(&mut self, tag: &Tag) -> Stored<bool>;
    /// The tag of that name.
    async fn tag(&mut self, name: &str) -> Stored<Option<Tag>>;
    /// Tags whose names contain a text, whatever case, oldest first, each with how many versions bear it.
    async fn find_tags(&mut self, containing: &str, limit: Option<u32>) -> Stored<Vec<(Tag, u64)>>;
    /// Gives a tag another name and description; bindings follow. False when there is none, or the new name is taken.
    async fn change_tag(&mut self, name: &str, new: &Tag) -> Stored<bool>;
    /// Removes a tag and its bindings; false when there is none.
    async fn remove_tag(&mut self, name: &str) -> Stored<bool>;
    /// Binds a tag to a version; false when it is bound already.
    async fn bind_tag(&mut self, version: &str, tag: &str, now: Timestamp) -> Stored<bool>;
    /// Takes a tag off a version; false when it was not bound.
    async fn unbind_tag(&mut self, version: &str, tag: &str) -> Stored<bool>;
    /// The tags of a version, in the order in which they were bound.
    async fn tags_of(&mut self, version: &str) -> Stored<Vec<Tag>>;
    /// The versions that bear a tag, in the order in which it was bound.
    async fn tagged(&mut self, tag: &str) -> Stored<Vec<String>>;
}

/// Experiments, on which jobs are shelved.
#[async_trait]
pub trait Experiments {
    /// Adds one; false (and nothing done) when its id is taken, or its unique name among its tenant's.
    async fn insert_experiment(&mut self, experiment: &Experiment) -> Stored<bool>;
    /// The experiment, deleted or not.
    async fn experiment(&mut self, id: &ExperimentId) -> Stored<Option<Experiment>>;
    /// The experiment of a tenant with that unique name, unless it is deleted.
    async fn experiment_named(&mut self, tenant: &Tenant, name: &str)
    -> Stored<Option<Experiment>>;
    /// Replaces one; false when there is none.
    async fn save_experiment(&mut self, experiment: &Experiment) -> Stored<bool>;
    /// One page of those that are wanted, how many are wanted in all, and where the next page begins.
    async fn find_experiments(&mut self, query: &Query) -> Stored<ExperimentPage>;
    /// Archives every job on an experiment; says how many were not archived before.
    async fn archive_jobs(&mut self, id: &ExperimentId, now: Timestamp) -> Stored<u64>;
}

/// What APIs name beside jobs and experiments.
#[async_trait]
pub trait Entities {
    /// Adds one; false (and nothing done) when its id is taken among its kind.
    async fn insert_entity(&mut self, entity: &Entity) -> Stored<bool>;
    /// The entity, deleted or not.
    async fn entity(&mut self, kind: EntityKind, id: &str) -> Stored<Option<Entity>>;
    /// Replaces one; false when there is none.
    async fn save_entity(&mut self, entity: &Entity) -> Stored<bool>;
    /// The entities that fit, one page of them, and how many fit on all pages from the start of the page on.
    async fn find_entities(&mut self, filter: &EntityFilter) -> Stored<(Vec<Entity>, u64)>;
    /// The entities of any kind that name a job.
    async fn entities_of_job(&mut self, job: &JobId) -> Stored<Vec<Entity>>;
}

/// Lines of what happened to jobs.
#[async_trait]
pub trait Events {
    /// Adds lines behind those that are there, whatever `seq` they carry.
    async fn add_events(&mut self, job: &JobId, events: &[Event]) -> Stored<()>;
    /// Lines of a job by time, equals in the order in which they were added.
    async fn events(&mut self, query: &EventQuery) -> Stored<Vec<Event>>;
}

/// Parties as they were last seen.
#[async_trait]
pub trait Parties {
    /// Keeps what is known of a party, in place of what was known.
    async fn put_party(&mut self, record: &PartyRecord) -> Stored<()>;
    /// Every party ever seen.
    async fn parties(&mut self) -> Stored<Vec<PartyRecord>>;
}

/// Orders that are decided and not yet acknowledged.
#[async_trait]
pub trait Outbox {
    /// Adds an order; false (and nothing done) when one with that key waits already.
    async fn enqueue(&mut self, order: &PendingOrder) -> Stored<bool>;
    /// Orders for a party whose time has come, oldest first.
    async fn due_orders(
        &mut self,
        party: &PartyId,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<PendingOrder>>;
    /// The earliest time at which an order for the party is to be tried.
    async fn next_order(&mut self, party: &PartyId) -> Stored<Option<Timestamp>>;
    /// The orders of a job that wait.
    async fn orders_of(&mut self, job: &JobId) -> Stored<Vec<PendingOrder>>;
    /// Takes an order out; false when it is gone already.
    async fn remove_order(&mut self, key: &str) -> Stored<bool>;
    /// Keeps an order for a later attempt, with the error met.
    async fn postpone_order(
        &mut self,
        key: &str,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<()>;
    /// Keeps all orders for a party for a later attempt; gives the jobs whose orders had met no error before.
    async fn postpone_party(
        &mut self,
        party: &PartyId,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<Vec<JobId>>;
    /// Makes all orders for a party due now.
    async fn recall_party(&mut self, party: &PartyId, now: Timestamp) -> Stored<()>;
    /// Parties for which orders wait.
    async fn parties_with_orders(&mut self) -> Stored<Vec<PartyId>>;
}

/// Rows that could not be read and were set aside.
#[async_trait]
pub trait Asides {
    /// How many of each kind.
    async fn count_set_aside(&mut self) -> Stored<BTreeMap<String, u64>>;
    /// Whether one of this kind and key is among them.
    async fn is_set_aside(&mut self, kind: &str, key: &str) -> Stored<bool>;
}

impl OrderKind {
    /// The order that has this key: its job, its party and what it is about; of an order to stop the reason is not in the key.
    pub fn of_key(key: &str, reason: Fault) -> Option<(JobId, PartyId, Self)> {
        let parts: Vec<&str> = key.split('/').collect();
        let whole =
            |job: &str, party: &str, kind| Some((job.parse().ok()?, party.parse().ok()?, kind));
        match parts[..] {
            ["sign", job, party] => whole(job, party, OrderKind::Sign),
            ["offer", job, party] => whole(job, party, OrderKind::Offer),
            ["close", job, party] => whole(job, party, OrderKind::Close),
            [
                word @ ("assign" | "cancel"),
                job,
                step,
                role,
                party,
                attempt,
            ] => {
                let id = TaskId {
                    job: job.parse().ok()?,
                    step: step.parse().ok()?,
                    role: role.parse().ok()?,
                    party: party.parse().ok()?,
                };
                let (task, attempt) = (id, Attempt(attempt.parse().ok()?));
                whole(
                    job,
                    party,
                    match word {
                        "assign" => OrderKind::Assign { task, attempt },
                        _ => OrderKind::Cancel {
                            task,
                            attempt,
                            reason,
                        },
                    },
                )
            }
            _ => None,
        }
    }

    /// The key under which the order waits: the same order decided twice waits once.
    pub fn key(&self, job: &JobId, party: &PartyId) -> String {
        match self {
            OrderKind::Sign => format!("sign/{job}/{party}"),
            OrderKind::Offer => format!("offer/{job}/{party}"),
            OrderKind::Close => format!("close/{job}/{party}"),
            OrderKind::Assign { task, attempt } => {
                format!("assign/{job}/{}/{}/{party}/{attempt}", task.step, task.role)
            }
            OrderKind::Cancel { task, attempt, .. } => {
                format!("cancel/{job}/{}/{}/{party}/{attempt}", task.step, task.role)
            }
        }
    }
}
