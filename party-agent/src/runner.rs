//! One attempt: the component's context put together, the component run, its end told.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use component_kit::{
    About, AnyComponent, ComponentError, LogLevel, RolePlan, TaskContext, TaskHost,
};
use policy::GatedTransport;
use records::AttemptState;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use vocabulary::report::ReportBody;
use vocabulary::{Assignment, Attempt, ErrorCode, Fault, Offer, Outcome, TaskId, Timestamp, Usage};
use wire::{AttemptKey, Transport};

use crate::account::Account;
use crate::agent_state::AgentState;
use crate::consent::Consent;
use crate::ledger::Ledger;
use crate::model_archive::ModelArchive;
use crate::report::Reporter;
use crate::task_host::AgentTaskHost;
use crate::vectors::Vectors;

/// How long a stopped component may take to notice.
const QUIET: Duration = Duration::from_secs(3);

/// Why an attempt is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The coordinator asked, and why.
    Asked(String),
    /// A newer attempt of the task was ordered.
    Superseded,
    /// Its time is over.
    Deadline,
    /// The agent ends.
    Shutdown,
    /// The party's consent is withdrawn.
    Refused(Fault),
}

/// The way to stop one attempt; the first reason stands.
#[derive(Clone, Default)]
pub(crate) struct StopHandle {
    token: CancellationToken,
    why: Arc<OnceLock<Stop>>,
}

impl StopHandle {
    pub(crate) fn pull(&self, why: Stop) {
        let _ = self.why.set(why);
        self.token.cancel();
    }
}

/// What every attempt of an agent shares.
#[derive(Clone)]
pub(crate) struct TaskRunner {
    pub(crate) agent_state: Arc<AgentState>,
    pub(crate) reporter: Reporter,
    pub(crate) transport: Arc<dyn Transport>,
    /// Makes archives of models for the components that copy them.
    pub(crate) model_archive: Option<Arc<ModelArchive>>,
}

/// An order that was checked.
pub(crate) struct CheckedOrder {
    pub(crate) assignment: Assignment,
    pub(crate) component: &'static dyn AnyComponent,
    /// What it will do, with its parameters.
    pub(crate) plan: Box<dyn RolePlan>,
    pub(crate) offer: Offer,
    pub(crate) consent: Arc<Consent>,
    /// What the audit chain says of what it lets out.
    pub(crate) account: Arc<Account>,
    /// Whether it may move what the party owns: one of its own users asked for it, or the policy names the component.
    pub(crate) may_move: bool,
    /// Whether one of its own users asked for it at its REST endpoint.
    pub(crate) has_ticket: bool,
}

/// How a component's work ended: with its result, with a panic, or not in time after it was stopped.
enum Ending {
    Plugin(Result<Result<(), ComponentError>, JoinError>),
    Detached,
}

impl TaskRunner {
    /// Runs an attempt to its end, tells and records it. Never fails: a failure is how an attempt ends.
    pub(crate) async fn run(&self, order: CheckedOrder, stop_handle: StopHandle) {
        let task = order.assignment.task.clone();
        let key = key_of(&order.assignment);
        self.transport.open(&key, &task.participant()).await;
        let started = self.agent_state.now();
        let _kept = self.agent_state.accounts.keep(&order.account);
        let (gate, ledger) = self.gate(&order);
        let task_host = self.task_host(&order, &stop_handle);
        let description = order.component.description();
        say_start(&task_host, &order.assignment, description.name);
        // Orders under an offer that has ended are refused, and so no attempt outlives it.
        let deadline = [order.assignment.deadline, order.offer.expires]
            .into_iter()
            .flatten()
            .min();
        let context = TaskContext::new(
            order.assignment,
            description,
            gate.clone(),
            task_host.clone(),
            stop_handle.token.clone(),
        );
        let (plan, of_run) = (order.plan, context.clone());
        let running = tokio::spawn(async move { plan.run(&of_run).await }.in_current_span());
        let ending = self.wait(running, &stop_handle, deadline).await;
        task_host.keep_model_view().await;
        let stopped = stop_handle.why.get();
        let outcome = outcome_of(ending, stopped, description.name, &self.agent_state);
        self.transport.close(&key, &task.participant()).await;
        let mut usage = context.usage();
        usage.wall_micros =
            u64::try_from(self.agent_state.now().0.saturating_sub(started.0)).unwrap_or(0);
        say_what_left(&task_host, &gate, &ledger, usage.wall_micros);
        say_end(&*task_host, &outcome, stopped);
        self.tell_end((&task, key.attempt), task_host.as_told(outcome), usage)
            .await;
    }

    /// The transport of one attempt with the party's gate in front, and the ledger that it writes.
    fn gate(&self, order: &CheckedOrder) -> (Arc<GatedTransport>, Arc<Ledger>) {
        let (agent_state, account) = (&self.agent_state, &order.account);
        let ledger = Arc::new(Ledger::new(agent_state.clone(), account.clone()));
        let vectors = Arc::new(Vectors::new(
            agent_state.clone(),
            account.clone(),
            order.assignment.task.clone(),
            order.assignment.attempt,
        ));
        let gate = GatedTransport::new(
            agent_state.me.clone(),
            order.consent.clone(),
            (ledger.clone(), vectors),
            order.component.description().messages,
            self.transport.clone(),
        );
        (Arc::new(gate), ledger)
    }

    /// The outside of one attempt.
    fn task_host(&self, order: &CheckedOrder, stop_handle: &StopHandle) -> Arc<AgentTaskHost> {
        let task_host = AgentTaskHost::new(
            self.agent_state.clone(),
            self.reporter.clone(),
            order.assignment.clone(),
            &order.offer,
            stop_handle.token.clone(),
        );
        let task_host = task_host
            .moving(order.may_move)
            .asked_with(order.has_ticket)
            .with_model_archive(self.model_archive.clone());
        Arc::new(task_host.accounted(order.account.clone()))
    }

    /// Tells the coordinator how an attempt ended, and records it.
    async fn tell_end(&self, (task, attempt): (&TaskId, Attempt), outcome: Outcome, usage: Usage) {
        let state = state_of(&outcome);
        self.reporter.ended(task, attempt, outcome, usage).await;
        if let Err(error) = self
            .agent_state
            .records
            .end_attempt(task, attempt, state, self.agent_state.now())
            .await
        {
            tracing::error!(%error, "the end of an attempt cannot be recorded");
        }
    }

    async fn wait(
        &self,
        mut component: JoinHandle<Result<(), ComponentError>>,
        stop_handle: &StopHandle,
        deadline: Option<Timestamp>,
    ) -> Ending {
        let late = async {
            match deadline {
                Some(deadline) => {
                    let millis =
                        u64::try_from(deadline.millis_since(self.agent_state.now())).unwrap_or(0);
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut component => return Ending::Plugin(ended),
            () = stop_handle.token.cancelled() => {}
            () = late => stop_handle.pull(Stop::Deadline),
        }
        match tokio::time::timeout(QUIET, &mut component).await {
            Ok(ended) => Ending::Plugin(ended),
            Err(_) => {
                tracing::warn!("a stopped component does not end; it is cut off");
                component.abort();
                Ending::Detached
            }
        }
    }
}

fn key_of(assignment: &Assignment) -> AttemptKey {
    AttemptKey {
        job: assignment.task.job.clone(),
        step: assignment.task.step.clone(),
        attempt: assignment.attempt,
        offer: assignment.offer.clone(),
    }
}

fn say_start(task_host: &AgentTaskHost, assignment: &Assignment, component: &str) {
    task_host.report(ReportBody::Started, About::NOTHING);
    let (attempt, participant) = (assignment.attempt, assignment.task.participant());
    task_host.log(
        LogLevel::Info,
        &format!("{component} attempt {attempt} starts as {participant}"),
    );
    if let Some(because) = &assignment.because {
        task_host.log(
            LogLevel::Warning,
            &format!("it is not the first attempt: {because}"),
        );
    }
    tracing::info!(because = assignment.because, "attempt starts");
}

fn outcome_of(
    ending: Ending,
    stopped: Option<&Stop>,
    component: &str,
    agent_state: &AgentState,
) -> Outcome {
    let fault = match ending {
        Ending::Plugin(Ok(Ok(()))) => return Outcome::Succeeded,
        Ending::Plugin(Ok(Err(error))) => error.into_fault(),
        Ending::Plugin(Err(error)) if error.is_panic() => {
            let fault = Fault::new(
                ErrorCode::ComponentPanicked,
                format!("the component {component} panicked"),
            );
            fault.next("see the agent's log, and report the defect")
        }
        Ending::Plugin(Err(_)) | Ending::Detached => {
            Fault::new(ErrorCode::Canceled, "the attempt was cut off")
        }
    };
    match stopped {
        Some(Stop::Asked(_) | Stop::Superseded) => Outcome::Canceled,
        Some(Stop::Shutdown) => Outcome::Lost,
        Some(Stop::Refused(fault)) => Outcome::Failed(fault.clone().at(&agent_state.me)),
        Some(Stop::Deadline) => {
            let fault = Fault::new(
                ErrorCode::DeadlinePassed,
                "the attempt took longer than its deadline",
            );
            Outcome::Failed(fault.at(&agent_state.me).next("raise the job's timeout"))
        }
        None => Outcome::Failed(fault.at(&agent_state.me)),
    }
}

fn state_of(outcome: &Outcome) -> AttemptState {
    match outcome {
        Outcome::Succeeded => AttemptState::Succeeded,
        Outcome::Failed(_) => AttemptState::Failed,
        Outcome::Canceled => AttemptState::Canceled,
        Outcome::Lost => AttemptState::Lost,
    }
}

/// How many messages left, and how long they waited for their entries in the audit chain.
fn say_what_left(
    task_host: &AgentTaskHost,
    gate: &GatedTransport,
    ledger: &Ledger,
    wall_micros: u64,
) {
    let (passed, waited) = (gate.passed(), ledger.waited_micros());
    if passed > 0 {
        tracing::info!(
            messages = passed,
            audit_micros = waited,
            wall_micros,
            "messages left, each after its audit entry"
        );
        let (waited, wall) = (waited / 1_000, wall_micros / 1_000);
        task_host.log(
            LogLevel::Info,
            &format!("{passed} messages left; their audit entries took {waited} of {wall} ms"),
        );
    }
}

fn say_end(task_host: &dyn TaskHost, outcome: &Outcome, stopped: Option<&Stop>) {
    match outcome {
        Outcome::Succeeded => {
            tracing::info!("attempt succeeded");
            task_host.log(LogLevel::Info, "succeeded");
        }
        Outcome::Failed(fault) => {
            tracing::warn!(code = fault.code.text(), %fault, "attempt failed");
            task_host.log(LogLevel::Error, &fault.to_string());
        }
        Outcome::Canceled | Outcome::Lost => {
            let why = match stopped {
                Some(Stop::Asked(why)) => why,
                Some(Stop::Superseded) => "a newer attempt was ordered",
                Some(Stop::Shutdown) => "the agent ends",
                Some(Stop::Deadline | Stop::Refused(_)) | None => "it was cut off",
            };
            tracing::info!(why, "attempt stopped");
            task_host.log(LogLevel::Warning, &format!("stopped: {why}"));
        }
    }
}
