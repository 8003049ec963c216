//! The scheduler: a pure function from what is to what is to be done.
//!
//! The parts: `offer` asks the parties, `run` starts steps, `limits` ends steps that take too long,
//! `mend` deals with attempts that came to nothing, `stop` brings a
//! job to rest; each works on the same `work::Work`. `apply` carries a decision out on a snapshot.

mod apply;
mod limits;
mod mend;
mod offer;
mod run;
#[cfg(test)]
mod simulation;
mod stop;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;

use vocabulary::{Attempt, Fault, JobId, PartyId, StepName, TaskId, Timestamp};

use crate::job::state::{JobEvent, JobState};
use crate::job::{Job, Waiting};
use crate::presence::Presence;
use crate::step::EarlierAttempts;
use crate::task::Task;
use crate::task::state::TaskEvent;

/// A job with the latest try of each of its tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSnapshot {
    /// The job.
    pub job: Job,
    /// The latest attempt's task of every (step, participant).
    pub tasks: Vec<Task>,
    /// Which parties were sent an order to sign or to answer the offer, and when last. An order sent before the party's
    /// agent last connected counts as not sent.
    pub asked: BTreeMap<PartyId, Timestamp>,
    /// Earlier attempts that came to nothing, by step; see [`earlier_attempts`](crate::step::earlier_attempts).
    pub earlier: Vec<EarlierAttempts>,
    /// Parties that have no capacity for the job now; see [`CapacityBook`](crate::capacity::CapacityBook).
    pub short_of: Vec<PartyId>,
    /// The job of the same queue whose turn it is, when it is not this one's.
    pub behind: Option<JobId>,
    /// What must be there first and is not yet; or why it never will be.
    pub held: Option<Result<WaitReason, Fault>>,
}

/// What a job waits for although its parties are ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitReason {
    /// For people.
    pub reason: String,
    /// Whose turn it is.
    pub parties: Vec<PartyId>,
}

/// Something to be done about a job. The shell carries decisions out in one transaction and sends orders from the outbox.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Ask the initiator's agent to admit and sign the offer.
    Sign,
    /// Send the signed offer to a party.
    Offer {
        /// The party.
        party: PartyId,
    },
    /// Order a task to run.
    Assign {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
    },
    /// Order a task's try to stop.
    Cancel {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: Fault,
    },
    /// Something happened to a task that no agent reports (skipped, lost, never started).
    Task {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// What happened.
        event: TaskEvent,
        /// Why, if it is a failure.
        fault: Option<Fault>,
    },
    /// Give a step a new attempt: new task rows in `Waiting` for all its participants.
    Retry {
        /// The step.
        step: StepName,
        /// The new attempt.
        attempt: Attempt,
        /// Not before this moment.
        not_before: Timestamp,
    },
    /// Something happened to the job.
    Job {
        /// What.
        event: JobEvent,
        /// Why, if it is a failure.
        reason: Option<Fault>,
    },
    /// The job waits, and for what; `None` when it waits for nothing.
    Wait(Option<Waiting>),
    /// Look again at this moment even if nothing happens.
    Wake(Timestamp),
    /// Every party may forget the job's messages and offer.
    Close,
}

/// What is to be done about a job now.
///
/// When its decisions have been applied, calling it again at the same moment gives nothing new but [`Decision::Wake`],
/// which is a hint and not kept. `Close` comes together with the event that settles the job, and only then.
pub fn decide(snapshot: &JobSnapshot, presence: &Presence, now: Timestamp) -> Vec<Decision> {
    if snapshot.job.state.is_settled() {
        return Vec::new();
    }
    let mut work = work::Work::new(snapshot, presence, now);
    // A decision may free capacity for the next one. The last pass decides nothing new: what it notes as waited for is true
    // of the state in which the decisions leave the job.
    while work.pass(one_pass) {}
    work.finish()
}

fn one_pass(work: &mut work::Work<'_>) {
    // Wishes first, so that nothing new starts in the pass that stops the job.
    stop::heed_wishes(work);
    if work.state == JobState::Offered {
        offer::ask_parties(work);
    }
    if matches!(work.state, JobState::Queued | JobState::Running) {
        run::give_up_lost(work);
        limits::end_overdue(work);
        mend::mend(work);
    }
    if matches!(work.state, JobState::Queued | JobState::Running) {
        run::start_steps(work);
    }
    if work.state == JobState::Stopping {
        stop::come_to_rest(work);
    }
}
