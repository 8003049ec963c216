//! What `decide` works on: the state as its own decisions change it, and the decisions so far.

use std::collections::BTreeMap;

use vocabulary::{Attempt, ErrorCode, Fault, JobId, PartyId, StepName, TaskId, Timestamp};

use super::{Decision, JobSnapshot, WaitReason};
use crate::job::state::{JobEvent, JobState};
use crate::job::{Job, Waiting};
use crate::presence::Presence;
use crate::step::{EarlierAttempts, StepAttempt};
use crate::task::state::{TaskEvent, TaskState};

pub(super) struct Work<'a> {
    pub(super) job: &'a Job,
    pub(super) presence: &'a Presence,
    pub(super) now: Timestamp,
    /// The job's state after the decisions so far.
    pub(super) state: JobState,
    /// The latest attempts after the decisions so far.
    pub(super) tasks: Vec<StepAttempt>,
    /// Why the job is being stopped, when that was decided just now.
    pub(super) stopped_for: Option<Fault>,
    /// Parties without capacity for the job.
    pub(super) short_of: &'a [PartyId],
    /// The job of the same queue whose turn it is.
    pub(super) behind: Option<&'a JobId>,
    /// What must be there first, or why it never will be.
    pub(super) held: Option<&'a Result<WaitReason, Fault>>,
    asked: BTreeMap<PartyId, Timestamp>,
    earlier: &'a [EarlierAttempts],
    decisions: Vec<Decision>,
    waits: Vec<(String, Vec<PartyId>)>,
    wake: Option<Timestamp>,
}

impl<'a> Work<'a> {
    pub(super) fn new(snapshot: &'a JobSnapshot, presence: &'a Presence, now: Timestamp) -> Self {
        Self {
            job: &snapshot.job,
            presence,
            now,
            state: snapshot.job.state,
            tasks: snapshot.tasks.iter().map(StepAttempt::from).collect(),
            stopped_for: None,
            short_of: &snapshot.short_of,
            behind: snapshot.behind.as_ref(),
            held: snapshot.held.as_ref(),
            asked: snapshot.asked.clone(),
            earlier: &snapshot.earlier,
            decisions: Vec::new(),
            waits: Vec::new(),
            wake: None,
        }
    }

    /// Runs one pass of the rules; true when it decided something, so that another pass is due.
    pub(super) fn pass(&mut self, rules: impl FnOnce(&mut Self)) -> bool {
        let before = self.decisions.len();
        // Only what the last pass notes is true of the state that is left behind.
        self.waits.clear();
        self.wake = None;
        rules(self);
        self.decisions.len() > before && !self.state.is_settled()
    }

    /// Decides that something happened to the job; an event that the table does not allow is not decided.
    pub(super) fn job_event(&mut self, event: JobEvent, reason: Option<Fault>) {
        let Ok(next) = self.state.after(event) else {
            return;
        };
        self.state = next;
        if event == JobEvent::StopAsked {
            self.stopped_for.clone_from(&reason);
        }
        self.decisions.push(Decision::Job { event, reason });
        if next.is_settled() {
            self.decisions.push(Decision::Close);
        }
    }

    /// Decides on an offer order, unless it was sent to the agent's present connection already.
    pub(super) fn order_offer(&mut self, party: &PartyId, order: Decision) {
        let sent = self
            .asked
            .get(party)
            // An agent that connected again may have lost what it was sent before.
            .is_some_and(|at| *at >= self.presence.since(party));
        if !sent {
            self.asked.insert(party.clone(), self.now);
            self.decisions.push(order);
        }
    }

    /// Orders a waiting task.
    pub(super) fn assign(&mut self, index: usize) {
        if let Some((task, attempt)) = self.step_on(index, TaskEvent::Assigned) {
            if let Some(ordered) = self.tasks.get_mut(index) {
                ordered.ordered = Some(self.now);
            }
            self.decisions.push(Decision::Assign { task, attempt });
        }
    }

    /// Orders an active task to stop.
    pub(super) fn cancel(&mut self, index: usize, reason: Fault) {
        if let Some((task, attempt)) = self.step_on(index, TaskEvent::StopOrdered) {
            self.decisions.push(Decision::Cancel {
                task,
                attempt,
                reason,
            });
        }
    }

    /// Decides that a task has nothing to do.
    pub(super) fn skip(&mut self, index: usize) {
        if let Some((task, attempt)) = self.step_on(index, TaskEvent::Skipped) {
            self.decisions.push(Decision::Task {
                task,
                attempt,
                event: TaskEvent::Skipped,
                fault: None,
            });
        }
    }

    /// Decides that a task was lost with its party's agent.
    pub(super) fn lose(&mut self, index: usize) {
        let Some(party) = self.tasks.get(index).map(|task| task.key.id.party.clone()) else {
            return;
        };
        let fault =
            Fault::new(ErrorCode::PartyLost, "the agent was lost while it worked").at(&party);
        if let Some((task, attempt)) = self.step_on(index, TaskEvent::Lost) {
            if let Some(lost) = self.tasks.get_mut(index) {
                lost.fault = Some(fault.clone());
                lost.ended = Some(self.now);
            }
            self.decisions.push(Decision::Task {
                task,
                attempt,
                event: TaskEvent::Lost,
                fault: Some(fault),
            });
        }
    }

    /// Gives a step a new attempt.
    pub(super) fn retry(&mut self, step: &StepName, attempt: Attempt, not_before: Timestamp) {
        for task in self
            .tasks
            .iter_mut()
            .filter(|task| &task.key.id.step == step)
        {
            task.key.attempt = attempt;
            task.state = TaskState::Waiting;
            task.fault = None;
            task.ended = None;
            task.ordered = None;
            task.not_before = Some(not_before);
        }
        self.decisions.push(Decision::Retry {
            step: step.clone(),
            attempt,
            not_before,
        });
    }

    fn step_on(&mut self, index: usize, event: TaskEvent) -> Option<(TaskId, Attempt)> {
        let task = self.tasks.get_mut(index)?;
        task.state = task.state.after(event)?;
        Some((task.key.id.clone(), task.key.attempt))
    }

    /// The places of a step's tasks.
    pub(super) fn of_step(&self, step: &StepName) -> Vec<usize> {
        (0..self.tasks.len())
            .filter(|index| {
                self.tasks
                    .get(*index)
                    .is_some_and(|t| &t.key.id.step == step)
            })
            .collect()
    }

    /// The places of the tasks that an agent may be working on.
    pub(super) fn active(&self) -> Vec<usize> {
        (0..self.tasks.len())
            .filter(|index| self.state_of(*index).is_active())
            .collect()
    }

    pub(super) fn state_of(&self, index: usize) -> TaskState {
        self.tasks
            .get(index)
            .map_or(TaskState::Skipped, |task| task.state)
    }

    /// When the task's present try was ordered.
    pub(super) fn ordered_at(&self, index: usize) -> Option<vocabulary::Timestamp> {
        self.tasks.get(index).and_then(|task| task.ordered)
    }

    pub(super) fn party_of(&self, index: usize) -> Option<PartyId> {
        self.tasks.get(index).map(|task| task.key.id.party.clone())
    }

    pub(super) fn is_online(&self, index: usize) -> bool {
        self.tasks
            .get(index)
            .is_some_and(|task| self.presence.is_online(&task.key.id.party))
    }

    /// Earlier attempts of a step that came to nothing.
    pub(super) fn earlier_of(&self, step: &StepName) -> EarlierAttempts {
        let none = EarlierAttempts {
            step: step.clone(),
            lost: 0,
            failed: 0,
            cause: None,
        };
        self.earlier
            .iter()
            .find(|earlier| &earlier.step == step)
            .cloned()
            .unwrap_or(none)
    }

    /// Earlier attempts of all steps that came to nothing.
    pub(super) fn earlier_in_all(&self) -> u32 {
        self.earlier
            .iter()
            .map(|earlier| earlier.failed.saturating_add(earlier.lost))
            .sum()
    }

    /// Notes what the job waits for.
    pub(super) fn wait_for(&mut self, reason: String, parties: Vec<PartyId>) {
        if !self.waits.iter().any(|(known, _)| *known == reason) {
            self.waits.push((reason, parties));
        }
    }

    /// Notes that the job waits for parties that are not connected.
    pub(super) fn wait_for_connection(&mut self, party: PartyId) {
        self.wait_for(format!("party {party} is not connected"), vec![party]);
    }

    /// Notes a moment at which to look again.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }

    /// The decisions, with what is waited for and when to look again.
    pub(super) fn finish(mut self) -> Vec<Decision> {
        if self.state.is_settled() {
            if self.job.waiting.is_some() {
                self.decisions.push(Decision::Wait(None));
            }
            return self.decisions;
        }
        let waiting = self.waiting();
        if waiting != self.job.waiting {
            self.decisions.push(Decision::Wait(waiting));
        }
        if self.state != JobState::Stopping {
            self.wake_at(self.job.deadline());
        }
        self.decisions.extend(self.wake.map(Decision::Wake));
        self.decisions
    }

    fn waiting(&self) -> Option<Waiting> {
        if self.waits.is_empty() {
            return None;
        }
        let reasons: Vec<&str> = self
            .waits
            .iter()
            .map(|(reason, _)| reason.as_str())
            .collect();
        let reason = reasons.join("; ");
        let mut parties: Vec<PartyId> = self
            .waits
            .iter()
            .flat_map(|(_, parties)| parties.iter().cloned())
            .collect();
        parties.sort();
        parties.dedup();
        let last_error = parties
            .iter()
            .find_map(|party| self.presence.last_error(party))
            .cloned();
        let known = self
            .job
            .waiting
            .as_ref()
            .filter(|known| known.reason == reason);
        Some(Waiting {
            // The same reason goes on: `since` tells for how long, not when it was last looked at.
            since: known.map_or(self.now, |known| known.since),
            reason,
            parties,
            last_error,
        })
    }
}
