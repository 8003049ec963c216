//! From a job's rows to a snapshot and back: loads what `decide` needs, and stores what decisions changed.

use std::collections::BTreeMap;

use domain::{
    Decision, Job, JobSnapshot, JobState, Presence, Task, WaitReason, Waiting, Workspace,
};
use vocabulary::{Attempt, ErrorCode, Fault, JobId, PartyId, StepName, Timestamp};

use crate::WHEN_SETTLED;
use crate::events;
use crate::filter::TaskFilter;
use crate::ports::{Stored, Transaction};
use crate::records::{OrderKind, PendingOrder};

/// A job as it was loaded, and as it is now.
pub(crate) struct Loaded {
    pub(crate) snapshot: JobSnapshot,
    /// Orders that wait already.
    pub(crate) orders: Vec<PendingOrder>,
    before: Vec<Task>,
    /// Attempts that new ones took the place of, as they ended.
    replaced: Vec<Task>,
    was: JobState,
    job_changed: bool,
}

/// What must be sent, and when to look again.
#[derive(Default)]
pub(crate) struct Sending {
    /// Parties for which new orders wait.
    pub(crate) parties: Vec<PartyId>,
    /// When to look again even if nothing happens.
    pub(crate) wake: Option<Timestamp>,
}

impl Loaded {
    /// Loads a job with the newest attempts of its tasks; `None` when there is none.
    pub(crate) async fn load(tx: &mut dyn Transaction, id: &JobId) -> Stored<Option<Self>> {
        let Some(job) = tx.job(id).await? else {
            return Ok(None);
        };
        let tasks = tx.tasks_of(id).await?;
        let orders = tx.orders_of(id).await?;
        let earlier = if tasks.iter().any(|task| task.key.attempt > Attempt(0)) {
            let filter = TaskFilter {
                job: Some(id.clone()),
                all_attempts: true,
                ..TaskFilter::default()
            };
            domain::earlier_attempts(&tx.find_tasks(&filter).await?.0)
        } else {
            Vec::new()
        };
        let before = tasks.clone();
        let was_settled = job.state.is_settled();
        let behind = tx.ahead_in_queue(&job).await?;
        let asked = BTreeMap::new();
        // Nothing holds a job that is over, and the look costs two rows for each.
        let held = if was_settled {
            None
        } else {
            holds(tx, &job).await?
        };
        let was = job.state;
        let snapshot = JobSnapshot {
            job,
            tasks,
            asked,
            earlier,
            short_of: Vec::new(),
            behind,
            held,
        };
        Ok(Some(Self {
            snapshot,
            orders,
            before,
            replaced: Vec::new(),
            was,
            job_changed: false,
        }))
    }

    /// The job, to be changed; it will be stored.
    pub(crate) fn job_mut(&mut self) -> &mut Job {
        self.job_changed = true;
        &mut self.snapshot.job
    }

    /// An order to sign or to answer the offer counts as sent while it waits in the outbox, which never forgets it.
    pub(crate) fn note_asked(&mut self, now: Timestamp) {
        for order in &self.orders {
            if matches!(order.kind, OrderKind::Sign | OrderKind::Offer) {
                self.snapshot.asked.insert(order.party.clone(), now);
            }
        }
    }

    /// Shows the last errors met with this job's orders as those of the parties, so that they are seen in what the job
    /// waits for.
    pub(crate) fn show_errors(
        &self,
        presence: &mut Presence,
    ) -> Vec<(PartyId, Option<vocabulary::Fault>)> {
        let mut shown = Vec::new();
        for order in &self.orders {
            let (Some(error), Some(agent)) =
                (&order.last_error, presence.agents.get_mut(&order.party))
            else {
                continue;
            };
            shown.push((order.party.clone(), agent.last_error.replace(error.clone())));
        }
        shown
    }

    /// Carries decisions out on the snapshot and puts orders into the outbox.
    pub(crate) async fn carry_out(
        &mut self,
        tx: &mut dyn Transaction,
        decisions: &[Decision],
        now: Timestamp,
    ) -> Stored<Sending> {
        let mut sending = Sending::default();
        for decision in decisions {
            if let Decision::Wake(at) = decision {
                sending.wake = Some(sending.wake.map_or(*at, |known| known.min(*at)));
                continue;
            }
            if let Decision::Retry { step, attempt, .. } = decision {
                self.note_retry(step, *attempt);
            }
            // A defect of the rules: the other decisions stand, since a job that is never driven
            // again helps nobody.
            if let Err(illegal) = self.snapshot.apply(decision, now) {
                tracing::error!(job = %self.snapshot.job.id, error = %illegal, "a decision does not fit the job's state");
                continue;
            }
            self.job_changed = true;
            log_decision(&self.snapshot.job, decision);
            for order in self.orders_for(decision, now) {
                if tx.enqueue(&order).await? {
                    sending.parties.push(order.party.clone());
                    self.orders.push(order);
                }
            }
            // In the transaction that enqueues the cancel: an assignment must not outlive it in the
            // outbox.
            self.recall(tx, decision).await?;
        }
        sending.parties.sort();
        sending.parties.dedup();
        Ok(sending)
    }

    /// Keeps how the attempts ended that are about to be replaced: it may have been decided just now.
    fn note_retry(&mut self, step: &StepName, attempt: Attempt) {
        let ended: Vec<Task> = self
            .snapshot
            .tasks
            .iter()
            .filter(|task| task.key.id.step == *step)
            .cloned()
            .collect();
        let why = domain::first_cause(step, &ended).map(|fault| fault.to_string());
        tracing::info!(job = %self.snapshot.job.id, %step, attempt = attempt.0, why, "step begins anew");
        self.replaced.extend(ended);
    }

    fn orders_for(&self, decision: &Decision, now: Timestamp) -> Vec<PendingOrder> {
        let job = &self.snapshot.job;
        let order = |party: &PartyId, kind: OrderKind| PendingOrder::new(&job.id, party, kind, now);
        match decision {
            Decision::Sign => vec![order(&job.initiator.party, OrderKind::Sign)],
            Decision::Offer { party } => vec![order(party, OrderKind::Offer)],
            Decision::Assign { task, attempt } => {
                vec![order(
                    &task.party,
                    OrderKind::Assign {
                        task: task.clone(),
                        attempt: *attempt,
                    },
                )]
            }
            Decision::Cancel {
                task,
                attempt,
                reason,
            } => {
                let kind = OrderKind::Cancel {
                    task: task.clone(),
                    attempt: *attempt,
                    reason: reason.clone(),
                };
                vec![order(&task.party, kind)]
            }
            Decision::Close => {
                let mut parties = job.cast.parties();
                // The initiator signed the offer and keeps it, even where it plays no role.
                parties.push(job.initiator.party.clone());
                parties.sort();
                parties.dedup();
                parties
                    .iter()
                    .map(|party| order(party, OrderKind::Close))
                    .collect()
            }
            Decision::Task { .. }
            | Decision::Retry { .. }
            | Decision::Job { .. }
            | Decision::Wait(_)
            | Decision::Wake(_) => Vec::new(),
        }
    }

    /// Takes orders out that a decision made void: an assignment that was not acknowledged must not start an attempt that is
    /// being stopped or is over.
    async fn recall(&mut self, tx: &mut dyn Transaction, decision: &Decision) -> Stored<()> {
        let (task, attempt) = match decision {
            Decision::Cancel { task, attempt, .. } | Decision::Task { task, attempt, .. } => {
                (task, *attempt)
            }
            _ => return Ok(()),
        };
        let key = OrderKind::Assign {
            task: task.clone(),
            attempt,
        }
        .key(&task.job, &task.party);
        if let Some(place) = self.orders.iter().position(|order| order.key == key) {
            self.orders.remove(place);
            tx.remove_order(&key).await?;
        }
        Ok(())
    }

    /// When orders fail and the rules see nothing to wait for, the job waits for those orders.
    pub(crate) fn note_failing_orders(&mut self) {
        let job = &self.snapshot.job;
        let own = job
            .waiting
            .as_ref()
            .is_some_and(|waiting| waiting.reason.starts_with(FAILING));
        // What the rules wait for says more than an order that fails, so it is not replaced.
        if job.state.is_settled() || (job.waiting.is_some() && !own) {
            return;
        }
        let mut failing: Vec<&PendingOrder> = self
            .orders
            .iter()
            .filter(|order| order.last_error.is_some())
            .collect();
        failing.sort_by_key(|order| order.created);
        let waiting = failing.first().map(|first| Waiting {
            reason: format!(
                "{FAILING} to party {} could not be delivered yet",
                first.party
            ),
            parties: vec![first.party.clone()],
            since: first.created,
            last_error: first.last_error.clone(),
        });
        if waiting != job.waiting {
            self.job_mut().waiting = waiting;
        }
    }

    /// Stores what changed.
    pub(crate) async fn save(&mut self, tx: &mut dyn Transaction) -> Stored<()> {
        let mut new = Vec::new();
        for task in self.replaced.iter().chain(&self.snapshot.tasks) {
            match self.before.iter().find(|before| before.key == task.key) {
                None => new.push(task.clone()),
                Some(before) if before != task => {
                    // Progress changes a task, too; only moves are logged.
                    if before.state != task.state {
                        log_task(task);
                    }
                    tx.save_task(task).await?;
                }
                Some(_) => {}
            }
        }
        if !new.is_empty() {
            tx.insert_tasks(&new).await?;
        }
        if self.job_changed {
            tx.save_job(&self.snapshot.job).await?;
        }
        let job = &self.snapshot.job;
        // At the move only, not whenever a settled job is saved: a hook runs once for each time
        // that the job ends.
        if job.state.is_settled() && !self.was.is_settled() {
            let ended = job.ended.unwrap_or(job.updated);
            for hook in WHEN_SETTLED {
                hook.settled(tx, job, ended).await?;
            }
        }
        let mut lines = events::anew(&self.before, &self.replaced, job, job.updated);
        lines.extend(events::lines(
            (self.was, &self.before),
            job,
            &self.snapshot.tasks,
            job.updated,
        ));
        if !lines.is_empty() {
            tx.add_events(&job.id, &lines).await?;
        }
        Ok(())
    }
}

const FAILING: &str = "an order";

/// What keeps a job that has not begun from beginning.
async fn holds(tx: &mut dyn Transaction, job: &Job) -> Stored<Option<Result<WaitReason, Fault>>> {
    if let Some(first) = &job.settings.after
        && let Some(held) = outcome_of(tx, first).await?
    {
        return Ok(Some(held));
    }
    if job.started.is_some() {
        return Ok(None);
    }
    let experiment = tx.experiment(&job.experiment).await?;
    let preparing = experiment
        .filter(|experiment| !experiment.deleted && experiment.workspace == Workspace::Preparing);
    Ok(preparing.map(|experiment| {
        let reason = format!(
            "experiment {} is being prepared: its home party has not answered",
            experiment.unique_name
        );
        Ok(WaitReason {
            reason,
            parties: Vec::new(),
        })
    }))
}

/// How a job stands that another waits for: nothing is in the way once it has succeeded.
async fn outcome_of(
    tx: &mut dyn Transaction,
    first: &JobId,
) -> Stored<Option<Result<WaitReason, Fault>>> {
    let Some(job) = tx.job(first).await? else {
        let fault = Fault::new(
            ErrorCode::JobUnknown,
            format!("job {first}, which this one waits for, does not exist"),
        );
        return Ok(Some(Err(fault)));
    };
    if job.state == JobState::Succeeded {
        return Ok(None);
    }
    if !job.state.is_settled() {
        let reason = format!("job {first} makes the table that this one reads");
        return Ok(Some(Ok(WaitReason {
            reason,
            parties: job
                .waiting
                .map(|waiting| waiting.parties)
                .unwrap_or_default(),
        })));
    }
    let why = job
        .reason
        .unwrap_or_else(|| Fault::new(ErrorCode::JobState, "it was stopped"));
    let message = format!(
        "the table could not be made by job {first}: {}",
        why.message
    );
    // Not the reason's own code: this job was not stopped by a person or by its own time.
    let mut fault = Fault::new(ErrorCode::TableMissing, message);
    (fault.party, fault.next) = (why.party, why.next);
    Ok(Some(Err(fault)))
}

/// One line for every state change of a task.
pub(crate) fn log_task(task: &Task) {
    let id = &task.key.id;
    let code = task.fault.as_ref().map(|fault| fault.code.text());
    let fault = task.fault.as_ref().map(ToString::to_string);
    tracing::info!(
        job = %id.job, step = %id.step, attempt = task.key.attempt.0, role = %id.role, party = %id.party,
        state = ?task.state, code, fault, "task"
    );
}

/// One line for every state change of a job.
pub(crate) fn log_job(job: &Job) {
    let code = job.reason.as_ref().map(|fault| fault.code.text());
    let fault = job.reason.as_ref().map(ToString::to_string);
    tracing::info!(job = %job.id, party = %job.initiator.party, state = ?job.state, code, fault, "job");
}

fn log_decision(job: &Job, decision: &Decision) {
    match decision {
        Decision::Job { .. } => log_job(job),
        Decision::Wait(Some(waiting)) => {
            tracing::info!(job = %job.id, reason = %waiting.reason, "job waits");
        }
        _ => {}
    }
}
