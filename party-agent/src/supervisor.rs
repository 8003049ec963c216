//! Running attempts: who may start, who must stop, and that each ends once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit::AuditEntry;
use policy::Consent as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use vocabulary::{Assignment, Attempt, ErrorCode, Fault, JobId, TaskId};

use crate::account::Account;
use crate::agree::agrees;
use crate::consent::Consent;
use crate::offers::Casts;
use crate::runner::{CheckedOrder, Stop, StopHandle, TaskRunner};

/// How long a cancel order waits for the attempt to be quiet; the runner cuts a deaf component off before.
const PATIENCE: Duration = Duration::from_secs(8);

type Key = (TaskId, Attempt);

struct Running {
    stop_handle: StopHandle,
    quiet: CancellationToken,
    consent: Arc<Consent>,
}

/// Owns the attempts of an agent. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Supervisor(Arc<Inner>);

struct Inner {
    task_runner: TaskRunner,
    casts: Casts,
    most: usize,
    running: Mutex<BTreeMap<Key, Running>>,
    tasks: TaskTracker,
    closing: AtomicBool,
}

/// Takes the attempt out of the list and says that it is quiet, also when its task is cut off.
struct Place {
    inner: Arc<Inner>,
    key: Key,
    quiet: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.running().remove(&self.key);
        self.quiet.cancel();
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, BTreeMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Supervisor {
    /// Runs at most `most` attempts at once.
    pub(crate) fn new(task_runner: TaskRunner, casts: Casts, most: usize) -> Self {
        let inner = Inner {
            task_runner,
            casts,
            most,
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
        };
        Self(Arc::new(inner))
    }

    /// Starts what was ordered. A repeated order does nothing.
    pub(crate) async fn assign(&self, assignment: Assignment) -> Result<(), Fault> {
        self.start(assignment)
            .await
            .map_err(|fault| fault.at(&self.0.task_runner.agent_state.me))
    }

    async fn start(&self, assignment: Assignment) -> Result<(), Fault> {
        let agent_state = self.0.task_runner.agent_state.clone();
        let task = assignment.task.clone();
        if agent_state
            .records
            .attempt(&task, assignment.attempt)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let mut entry = AuditEntry::Ordered {
            task: task.clone(),
            attempt: assignment.attempt,
            fingerprint: assignment.offer.clone(),
            refused_by: None,
            component: Some((assignment.component.clone(), assignment.component_version)),
            basis: Some(agent_state.basis(None).await?),
        };
        let order = match self.check(assignment).await {
            Ok(order) => order,
            Err(fault) => {
                if let AuditEntry::Ordered { refused_by, .. } = &mut entry {
                    *refused_by = Some(fault.to_string());
                }
                agent_state.audit(&entry).await?;
                return Err(fault);
            }
        };
        let key = (task.clone(), order.assignment.attempt);
        self.supersede(&key).await;
        let Some((place, stop_handle)) = self.place(key.clone(), order.consent.clone())? else {
            return Ok(());
        };
        // One that found its place meanwhile.
        self.supersede(&key).await;
        if let AuditEntry::Ordered { basis, .. } = &mut entry {
            *basis = Some(agent_state.basis(Some(&order.offer)).await?);
        }
        agent_state.audit(&entry).await?;
        if !agent_state
            .records
            .begin_attempt(&order.assignment, agent_state.now())
            .await?
        {
            return Ok(());
        }
        self.0.casts.insert(&order.assignment.offer, &order.offer);
        let task_runner = self.0.task_runner.clone();
        let span = tracing::info_span!(
            "attempt", job = %task.job, step = %task.step, role = %task.role, attempt = order.assignment.attempt.0, party = %task.party
        );
        self.0.tasks.spawn(
            async move {
                task_runner.run(order, stop_handle).await;
                drop(place);
            }
            .instrument(span),
        );
        Ok(())
    }

    async fn check(&self, assignment: Assignment) -> Result<CheckedOrder, Fault> {
        let agent_state = &self.0.task_runner.agent_state;
        let Some(offer) = agent_state
            .records
            .accepted_offer(&assignment.offer)
            .await?
        else {
            let message = format!(
                "{} belongs to an offer that this party never accepted",
                assignment.task
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message).next("submit the job again"));
        };
        // The order names the offer by its fingerprint; whether it asks for what the offer said is
        // for the party to find.
        agrees(&assignment, &offer, &agent_state.me)?;
        let task = &assignment.task;
        // A later offer took the place of the earlier ones: an attempt under one of those would be of another job.
        let last = agent_state.records.offers_of(&task.job).await?.pop();
        if last.is_some_and(|last| last != offer) {
            let message = format!(
                "{task} is ordered under an offer that a later one of its job took the place of"
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message)
                .path("offer")
                .next("run the job again"));
        }
        // By the rules of now, not of when it was accepted.
        let consent = Arc::new(Consent::new(
            agent_state.clone(),
            assignment.clone(),
            offer.clone(),
        ));
        let policy = consent.in_force().await?;
        let begun = agent_state
            .records
            .attempts_under(task, &assignment.offer)
            .await?;
        // An offer without a count allows none: fail closed.
        if offer.attempts.is_none_or(|most| begun >= most) {
            let message = format!(
                "{begun} attempts of {task} began under the accepted offer, as many as it allows"
            );
            return Err(Fault::new(ErrorCode::OfferRefused, message)
                .path("admission.attempts")
                .next("run the job again"));
        }
        let newest = agent_state
            .records
            .newest_attempt(&task.job, &task.step, task.role)
            .await?;
        if newest.is_some_and(|newest| newest.assignment.attempt > assignment.attempt) {
            let message = format!(
                "attempt {} of {task} is older than one that was ordered before",
                assignment.attempt
            );
            return Err(Fault::new(ErrorCode::JobState, message));
        }
        let Some(component) =
            agent_state.component(&assignment.component, assignment.component_version)
        else {
            let message = format!(
                "there is no component {} of version {}",
                assignment.component, assignment.component_version
            );
            return Err(Fault::new(ErrorCode::CatalogueMismatch, message)
                .next("install the same version of fedflow at all parties"));
        };
        let plan = component.plan(task.role, &assignment.parameters)?;
        let has_ticket = agent_state.ticket_of(&offer).await?.is_some();
        let may_move = has_ticket || policy.goes_without_ticket(&assignment.component);
        let account = Account::open(&assignment, agent_state.basis(Some(&offer)).await?);
        Ok(CheckedOrder {
            assignment,
            component,
            plan,
            offer,
            consent,
            account,
            may_move,
            has_ticket,
        })
    }

    /// Stops what may not go on by the rules of now; an attempt that waits for a message is stopped like one that sends.
    pub(crate) async fn judge_again(&self) {
        // Copied, so that the lock is not held while the records are read.
        let running: Vec<(Key, StopHandle, Arc<Consent>)> = {
            let running = self.0.running();
            let part = |(key, one): (&Key, &Running)| {
                (key.clone(), one.stop_handle.clone(), one.consent.clone())
            };
            running.iter().map(part).collect()
        };
        for (key, stop_handle, consent) in running {
            if let Err(fault) = consent.in_force().await {
                tracing::warn!(task = %key.0, attempt = key.1.0, code = fault.code.text(), %fault, "an attempt may not go on");
                stop_handle.pull(Stop::Refused(fault));
            }
        }
    }

    /// Judges again whenever the rules change, until `stop`.
    pub(crate) async fn keep_to_the_rules(self, stop: CancellationToken) {
        let mut changes = self.0.task_runner.agent_state.changes.subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            self.judge_again().await;
        }
    }

    /// Stops older attempts of the task, and waits for them.
    async fn supersede(&self, (task, attempt): &Key) {
        let older: Vec<Key> = self
            .0
            .running()
            .keys()
            .filter(|(of, at)| of == task && at < attempt)
            .cloned()
            .collect();
        for key in older {
            tracing::info!(task = %key.0, attempt = key.1.0, "an older attempt makes place for a newer one");
            self.halt(&key, Stop::Superseded).await;
        }
    }

    /// A place for an attempt; none when it has one already.
    fn place(&self, key: Key, consent: Arc<Consent>) -> Result<Option<(Place, StopHandle)>, Fault> {
        let mut running = self.0.running();
        // Under the lock: one that is let in is in the list that `shut_down` goes through.
        if self.is_closing() {
            return Err(Fault::new(
                ErrorCode::PartyOffline,
                "the agent is about to end",
            ));
        }
        if running.contains_key(&key) {
            return Ok(None);
        }
        if running
            .keys()
            .any(|(task, attempt)| *task == key.0 && *attempt > key.1)
        {
            let message = format!("a newer attempt of {} runs already", key.0);
            return Err(Fault::new(ErrorCode::JobState, message));
        }
        if running.len() >= self.0.most {
            let message = format!(
                "the agent runs {} attempts already, as many as it may",
                running.len()
            );
            return Err(Fault::new(ErrorCode::AgentBusy, message)
                .next("wait: the order is tried again; or raise limits.attempts at the agent"));
        }
        let (stop_handle, quiet) = (StopHandle::default(), CancellationToken::new());
        running.insert(
            key.clone(),
            Running {
                stop_handle: stop_handle.clone(),
                quiet: quiet.clone(),
                consent,
            },
        );
        Ok(Some((
            Place {
                inner: self.0.clone(),
                key,
                quiet,
            },
            stop_handle,
        )))
    }

    /// Stops an attempt and waits until it is quiet. One that does not run here is quiet.
    pub(crate) async fn cancel(&self, task: TaskId, attempt: Attempt, why: &Fault) {
        self.halt(&(task, attempt), Stop::Asked(why.to_string()))
            .await;
    }

    async fn halt(&self, key: &Key, why: Stop) {
        let quiet = match self.0.running().get(key) {
            Some(running) => {
                running.stop_handle.pull(why);
                running.quiet.clone()
            }
            None => return,
        };
        if tokio::time::timeout(PATIENCE, quiet.cancelled())
            .await
            .is_err()
        {
            tracing::error!(task = %key.0, attempt = key.1.0, "an attempt is not quiet although it was cut off");
        }
    }

    /// Ends what a job that is over still runs. Its offer stays, for a rerun works under the same one.
    pub(crate) async fn close(&self, job: &JobId) {
        let left: Vec<Key> = self
            .0
            .running()
            .keys()
            .filter(|(task, _)| task.job == *job)
            .cloned()
            .collect();
        for key in left {
            self.halt(&key, Stop::Asked("the job is over".to_owned()))
                .await;
        }
    }

    /// What the agent knows of: attempts that run, and those whose end the coordinator may not know.
    pub(crate) fn known(&self) -> Vec<Key> {
        let mut known: Vec<Key> = self.0.running().keys().cloned().collect();
        known.extend(self.0.task_runner.reporter.unsettled());
        known.sort();
        known.dedup();
        known
    }

    /// How many attempts run.
    pub(crate) fn count(&self) -> usize {
        self.0.running().len()
    }

    /// Whether the agent is about to end.
    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::SeqCst)
    }

    /// Takes no order any more, stops all attempts and waits for them.
    pub(crate) async fn shut_down(&self) {
        // Before the list is read: what comes later is refused by `place`.
        self.0.closing.store(true, Ordering::SeqCst);
        for running in self.0.running().values() {
            running.stop_handle.pull(Stop::Shutdown);
        }
        self.0.tasks.close();
        if tokio::time::timeout(PATIENCE, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                attempts = self.count(),
                "attempts are still under way at the end"
            );
        }
    }
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
