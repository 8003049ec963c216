//! Carrying out: what a decision, a report or a wish does to a snapshot. The shell stores the snapshot afterwards.

use vocabulary::{ErrorCode, Fault, PartyId, SignedBytes, StepName, Timestamp};

use super::stop::settles_as;
use super::{Decision, JobSnapshot};
use crate::job::state::{IllegalTransition, JobEvent, JobState};
use crate::job::{Answer, StopRequest};
use crate::step::{EarlierAttempts, StepAttempt, progress, root_of};
use crate::task::state::{TaskEvent, TaskState};
use crate::task::{Task, TaskKey};

impl JobSnapshot {
    /// Carries a decision out on the snapshot; orders and reminders to be sent are the caller's.
    pub fn apply(&mut self, decision: &Decision, now: Timestamp) -> Result<(), IllegalTransition> {
        match decision {
            Decision::Sign => {
                let party = self.job.initiator.party.clone();
                self.asked.insert(party, now);
            }
            Decision::Offer { party } => {
                self.asked.insert(party.clone(), now);
            }
            Decision::Assign { task, attempt } => {
                self.record(
                    &TaskKey {
                        id: task.clone(),
                        attempt: *attempt,
                    },
                    TaskEvent::Assigned,
                    None,
                    now,
                );
            }
            Decision::Cancel {
                task,
                attempt,
                reason,
            } => {
                let key = TaskKey {
                    id: task.clone(),
                    attempt: *attempt,
                };
                self.record(&key, TaskEvent::StopOrdered, Some(reason.clone()), now);
            }
            Decision::Task {
                task,
                attempt,
                event,
                fault,
            } => {
                self.record(
                    &TaskKey {
                        id: task.clone(),
                        attempt: *attempt,
                    },
                    *event,
                    fault.clone(),
                    now,
                );
            }
            Decision::Retry {
                step,
                attempt,
                not_before,
            } => {
                // Before the tasks are replaced: it reads how they ended.
                self.count_try(step);
                for task in self
                    .tasks
                    .iter_mut()
                    .filter(|task| &task.key.id.step == step)
                {
                    *task = Task::waiting(
                        TaskKey {
                            id: task.key.id.clone(),
                            attempt: *attempt,
                        },
                        Some(*not_before),
                        now,
                    );
                }
            }
            Decision::Job { event, reason } => self.happen(*event, reason.clone(), now)?,
            Decision::Wait(waiting) => self.job.waiting.clone_from(waiting),
            Decision::Wake(_) | Decision::Close => return Ok(()),
        }
        self.job.updated = now;
        Ok(())
    }

    /// Applies what happened to a task's try; false when it does not count any more (a late or repeated report).
    pub fn record(
        &mut self,
        key: &TaskKey,
        event: TaskEvent,
        fault: Option<Fault>,
        now: Timestamp,
    ) -> bool {
        let Some(task) = self.tasks.iter_mut().find(|task| &task.key == key) else {
            return false;
        };
        // An attempt that was stopped because its time was over has timed out, whatever its agent calls it.
        let late = |fault: &Option<Fault>| {
            fault
                .as_ref()
                .is_some_and(|fault| fault.code == ErrorCode::DeadlinePassed)
        };
        let event = match event {
            TaskEvent::Canceled if late(&task.fault) => TaskEvent::TimedOut,
            TaskEvent::Failed if late(&fault) => TaskEvent::TimedOut,
            other => other,
        };
        let Some(next) = task.state.after(event) else {
            return false;
        };
        if next == TaskState::Assigned {
            task.ordered = Some(now);
        }
        task.state = next;
        task.updated = now;
        // A failure's own reason replaces the reason for which the task was being stopped.
        if fault.is_some() || next == TaskState::Succeeded {
            task.fault = fault;
        }
        if next == TaskState::Running {
            task.started = Some(now);
        }
        if next.is_settled() {
            task.ended = Some(now);
        }
        self.job.progress = progress(&self.job, &self.tasks);
        self.job.updated = now;
        true
    }

    /// Notes the offer as the initiator's agent signed it, which is that party's answer too; the first one stands.
    pub fn sign(&mut self, offer: SignedBytes, now: Timestamp) {
        if self.job.state == JobState::Offered && self.job.offer.is_none() {
            let initiator = self.job.initiator.party.clone();
            self.answer(&initiator, Answer::Accepted(offer.clone()), now);
            self.job.offer = Some(offer);
        }
    }

    /// Notes a party's answer to the offer; the first one stands.
    pub fn answer(&mut self, party: &PartyId, answer: Answer, now: Timestamp) {
        if self.job.state == JobState::Offered {
            self.job.answers.entry(party.clone()).or_insert(answer);
            self.job.updated = now;
        }
    }

    /// Has the parties asked anew, because what the job runs has changed; only while nothing runs.
    pub fn amend(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.job.state = self.job.state.after(JobEvent::Amended)?;
        (self.job.offer, self.job.waiting) = (None, None);
        self.job.answers.clear();
        self.asked.clear();
        // Never the moment of an earlier change: the new offer differs from all that parties saw.
        let earlier = self
            .job
            .rerun
            .max(self.job.amended)
            .unwrap_or(self.job.created);
        self.job.amended = Some(now.max(Timestamp(earlier.0.saturating_add(1))));
        self.job.updated = now;
        Ok(())
    }

    /// Notes a wish to stop; false when the job is settled or already being stopped.
    pub fn ask_to_stop(&mut self, wish: StopRequest) -> bool {
        if self.job.state.is_settled()
            || self.job.state == JobState::Stopping
            || self.job.stop.is_some()
        {
            return false;
        }
        self.job.updated = wish.at;
        self.job.stop = Some(wish);
        true
    }

    fn count_try(&mut self, step: &StepName) {
        let attempts: Vec<StepAttempt> = self
            .tasks
            .iter()
            .filter(|task| &task.key.id.step == step)
            .map(StepAttempt::from)
            .collect();
        let (ending, cause) = root_of(attempts.iter()).unzip();
        let known = self
            .earlier
            .iter()
            .position(|earlier| &earlier.step == step);
        let none = || EarlierAttempts {
            step: step.clone(),
            lost: 0,
            failed: 0,
            cause: None,
        };
        let mut earlier = known.map_or_else(none, |place| self.earlier.swap_remove(place));
        earlier.add(ending);
        earlier.cause = cause;
        self.earlier.push(earlier);
    }

    fn happen(
        &mut self,
        event: JobEvent,
        reason: Option<Fault>,
        now: Timestamp,
    ) -> Result<(), IllegalTransition> {
        let job = &mut self.job;
        job.state = job.state.after(event)?;
        if event == JobEvent::Started {
            job.started = Some(now);
        }
        if let (JobEvent::StopAsked, None, Some(reason)) = (event, &job.stop, &reason) {
            let settle_as = settles_as(Some(reason));
            job.stop = Some(StopRequest {
                settle_as,
                reason: reason.clone(),
                at: now,
            });
        }
        // The first reason stays: what follows it (stopping, quiet) is its consequence.
        if job.reason.is_none() {
            job.reason = reason;
        }
        if job.state.is_settled() {
            job.ended = Some(now);
        }
        self.job.progress = progress(&self.job, &self.tasks);
        Ok(())
    }
}
