//! A job: one run of a definition.

pub mod state;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocabulary::{
    Attempt, Cast, ExperimentId, Fault, JobId, Participant, PartyId, SignedBytes, StepName,
    Timestamp,
};

use crate::definition::Definition;
use state::JobState;

/// One run of a definition, with everything that is kept of it but its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The experiment it belongs to.
    pub experiment: ExperimentId,
    /// Whether it trains or applies.
    pub kind: JobKind,
    /// A name for people.
    pub name: String,
    /// Notes.
    pub description: String,
    /// Who asked for it.
    pub initiator: Participant,
    /// Who takes part.
    pub cast: Cast,
    /// What it runs.
    pub definition: Definition,
    /// How it is run.
    pub settings: JobSettings,
    /// FATE's model id, such as `arbiter-10000#guest-9999#host-10000#model`.
    pub model_id: String,
    /// The version under which its models are kept (its own id), also for predict jobs.
    pub model_version: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it failed, was refused or stopped.
    pub reason: Option<Fault>,
    /// What it waits for, whenever it waits.
    pub waiting: Option<Waiting>,
    /// A wish to stop it.
    pub stop: Option<StopRequest>,
    /// The signed offer, once the initiator's agent signed.
    pub offer: Option<SignedBytes>,
    /// The ticket with which one of the initiator's users asked for it at the party's own endpoint.
    #[serde(default)]
    pub ticket: Option<SignedBytes>,
    /// What each party answered to the offer.
    pub answers: BTreeMap<PartyId, Answer>,
    /// 0 to 100; never falls but on rerun.
    pub progress: u8,
    /// When it was submitted.
    pub created: Timestamp,
    /// When somebody last asked to run it again; its time limit counts from there.
    #[serde(default)]
    pub rerun: Option<Timestamp>,
    /// When somebody last changed what it runs while it waited; its time limit counts from there, too. So an offer never says
    /// again what an earlier one of the job said: parties refuse an offer that a later one took the place of.
    #[serde(default)]
    pub amended: Option<Timestamp>,
    /// When its first task started.
    pub started: Option<Timestamp>,
    /// When it settled.
    pub ended: Option<Timestamp>,
    /// When it last changed.
    pub updated: Timestamp,
    /// When it was put away together with its experiment.
    #[serde(default)]
    pub archived: Option<Timestamp>,
}

impl Job {
    /// The moment at which its time is over: its limit, counted from the submission, the last rerun or the last change.
    pub fn deadline(&self) -> Timestamp {
        self.rerun
            .max(self.amended)
            .unwrap_or(self.created)
            .plus_millis(self.settings.timeout_millis)
    }
}

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Learns models.
    Train,
    /// Applies a deployed model.
    Predict,
}

/// How a job is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobSettings {
    /// How many steps may run at once.
    pub parallelism: u32,
    /// Automatic retries of a failed step.
    pub retries: u32,
    /// Pause before such a retry, in milliseconds.
    pub retry_delay_millis: i64,
    /// Automatic restarts of a step whose agent was lost.
    pub restarts: u32,
    /// How long the job may take from submission, in milliseconds.
    pub timeout_millis: i64,
    /// Partitions of the tables it writes.
    pub partitions: u32,
    /// Cores that each of its tasks may ask for.
    pub task_cores: u32,
    /// What is said for single participants in place of that.
    pub of_parties: Vec<PartySettings>,
    /// When capacity is short, jobs of a higher priority start first.
    pub priority: i64,
    /// How long each step may run, in milliseconds; no limit of its own when `None`.
    pub step_timeout_millis: Option<i64>,
    /// Limits of single steps, in milliseconds, in place of the common one.
    pub step_timeouts: BTreeMap<StepName, i64>,
    /// Steps that an earlier job has done: what it left is taken instead of running them.
    pub inherited: BTreeMap<StepName, Inherited>,
    /// A job that must have succeeded before anything of this one starts.
    pub after: Option<JobId>,
    /// Whether `retries` is the sum of all new attempts of all steps, for whatever they failed; otherwise each step has as many
    /// of its own, and others after its agent was lost.
    pub shared_retries: bool,
    /// Jobs of one queue run one after another, in the order in which they came.
    pub queue: Option<String>,
    /// What its tasks may use at most at their parties.
    pub limits: vocabulary::Limits,
    /// A file in which what a step leaves at a participant is kept, too.
    pub keeps: Option<Keeps>,
}

/// A file for what a step leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeps {
    /// The step.
    pub step: StepName,
    /// The participant whose output is kept, at its party.
    pub who: Participant,
    /// `files://folder/name`.
    pub file: String,
}

/// What is said for one participant in place of what is said for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartySettings {
    /// Who.
    pub who: Participant,
    /// Cores that each of its tasks may ask for.
    #[serde(default)]
    pub task_cores: Option<u32>,
    /// Partitions of the tables it writes.
    #[serde(default)]
    pub partitions: Option<u32>,
}

/// Where a step was really done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// The job.
    pub job: JobId,
    /// The attempt that succeeded.
    pub attempt: Attempt,
}

impl JobSettings {
    /// How often a step may be tried at most.
    pub fn attempts(&self) -> u32 {
        self.retries.saturating_add(1)
    }

    /// How many attempts a task may come to before somebody runs the job again: the first, one for each failure that is tried
    /// again, and one for each time that an agent may be lost.
    pub fn most_attempts(&self) -> u32 {
        self.attempts().saturating_add(self.restarts)
    }

    /// What is said for a participant alone.
    fn own(&self, who: &Participant) -> Option<&PartySettings> {
        self.of_parties.iter().find(|own| own.who == *who)
    }

    /// Cores that each task of a participant may ask for.
    pub fn task_cores_of(&self, who: &Participant) -> u32 {
        self.own(who)
            .and_then(|own| own.task_cores)
            .unwrap_or(self.task_cores)
    }

    /// Partitions of the tables that a participant writes.
    pub fn partitions_of(&self, who: &Participant) -> u32 {
        self.own(who)
            .and_then(|own| own.partitions)
            .unwrap_or(self.partitions)
    }

    /// How long a step may run, in milliseconds.
    pub fn limit_of(&self, step: &StepName) -> Option<i64> {
        self.step_timeouts
            .get(step)
            .copied()
            .or(self.step_timeout_millis)
    }
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            parallelism: 1,
            retries: 0,
            retry_delay_millis: 1_000,
            restarts: 3,
            timeout_millis: 259_200_000,
            partitions: 4,
            task_cores: 4,
            of_parties: Vec::new(),
            priority: 0,
            step_timeout_millis: None,
            step_timeouts: BTreeMap::new(),
            inherited: BTreeMap::new(),
            after: None,
            shared_retries: false,
            queue: None,
            limits: vocabulary::Limits::default(),
            keeps: None,
        }
    }
}

/// What a job waits for: for whom, since when, and the last error met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What is waited for, as a sentence (`party 10000 is not connected`).
    pub reason: String,
    /// The parties waited for.
    pub parties: Vec<PartyId>,
    /// Since when.
    pub since: Timestamp,
    /// The last error, if there was one.
    pub last_error: Option<Fault>,
}

/// The end of what is said of a party without capacity; see [`Waiting::is_for_capacity`].
const NO_CAPACITY: &str = "has no capacity for the job yet";

impl Waiting {
    /// What is said of a party that runs as many tasks as it can.
    pub fn no_capacity(party: &PartyId) -> String {
        format!("party {party} {NO_CAPACITY}")
    }

    /// Whether the job waits for capacity at some party.
    pub fn is_for_capacity(&self) -> bool {
        self.reason.contains(NO_CAPACITY)
    }
}

/// A wish to stop a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// The state to settle in: Canceled, Failed or TimedOut.
    pub settle_as: JobState,
    /// Why.
    pub reason: Fault,
    /// When it was asked.
    pub at: Timestamp,
}

/// What a party answered to the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It joins; its signature is kept as proof.
    Accepted(SignedBytes),
    /// It does not, and why.
    Refused(Fault),
}
