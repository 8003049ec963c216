//! One attempt: the room's context put together, the room run, its end told.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use component_kit::{About, AnyComponent, ComponentError, LogLevel, Surroundings, TaskContext};
use policy::GatedTransport;
use records::AttemptState;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use vocabulary::report::ReportBody;
use vocabulary::{Assignment, ErrorCode, Fault, Offer, Outcome, Timestamp};
use wire::{AttemptKey, Transport};

use crate::account::{Account, Accounts, Ledger};
use crate::archivist::Archivist;
use crate::consent::Consent;
use crate::holdings::Holdings;
use crate::report::Reporter;
use crate::surroundings::Outside;
use crate::vectors::Vectors;

/// How long a stopped room may take to notice.
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
pub(crate) struct Brake {
    token: CancellationToken,
    why: Arc<OnceLock<Stop>>,
}

impl Brake {
    pub(crate) fn pull(&self, why: Stop) {
        let _ = self.why.set(why);
        self.token.cancel();
    }
}

/// What every attempt of an agent shares.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) reporter: Reporter,
    pub(crate) transport: Arc<dyn Transport>,
    /// Makes archives of models for the rooms that copy them.
    pub(crate) archivist: Option<Arc<Archivist>>,
}

/// An order that was checked.
pub(crate) struct Checked {
    pub(crate) assignment: Assignment,
    pub(crate) component: &'static dyn AnyComponent,
    pub(crate) offer: Offer,
    pub(crate) consent: Arc<Consent>,
    /// What the audit chain says of what it lets out.
    pub(crate) account: Arc<Account>,
    /// Whether it may move what the party owns: one of its own users asked for it, or the policy names the component.
    pub(crate) may_move: bool,
    /// Whether one of its own users asked for it at its REST endpoint.
    pub(crate) has_ticket: bool,
}

/// How a room's work ended: with its result, with a panic, or not in time after it was stopped.
enum Ending {
    Room(Result<Result<(), ComponentError>, JoinError>),
    Detached,
}

impl Workshop {
    /// Runs an attempt to its end, tells and records it. Never fails: a failure is how an attempt ends.
    pub(crate) async fn run(&self, order: Checked, brake: Brake) {
        let Checked {
            assignment,
            component,
            offer,
            consent,
            account,
            may_move,
            has_ticket,
        } = order;
        let (task, attempt, fingerprint) = (
            assignment.task.clone(),
            assignment.attempt,
            assignment.offer.clone(),
        );
        let key = AttemptKey {
            job: task.job.clone(),
            step: task.step.clone(),
            attempt,
            offer: fingerprint,
        };
        self.transport.open(&key, &task.participant()).await;
        let started = self.holdings.now();
        let description = component.description();
        let (me, below) = (self.holdings.me.clone(), self.transport.clone());
        let _kept = Accounts::keep(&self.holdings, &account);
        let ledger = Arc::new(Ledger::new(self.holdings.clone(), account.clone()));
        let vectors = Arc::new(Vectors::new(
            self.holdings.clone(),
            account.clone(),
            task.clone(),
            attempt,
        ));
        let gate = Arc::new(GatedTransport::new(
            me,
            consent,
            (ledger.clone(), vectors),
            description.messages,
            below,
        ));
        let outside = Outside::new(
            self.holdings.clone(),
            self.reporter.clone(),
            assignment.clone(),
            &offer,
            brake.token.clone(),
        );
        let outside = outside
            .moving(may_move)
            .asked_with(has_ticket)
            .with_archivist(self.archivist.clone());
        let outside = Arc::new(outside.accounted(account));
        outside.report(ReportBody::Started, About::NOTHING);
        outside.log(
            LogLevel::Info,
            &format!(
                "{} attempt {attempt} starts as {}",
                description.name,
                task.participant()
            ),
        );
        if let Some(because) = &assignment.because {
            outside.log(
                LogLevel::Warning,
                &format!("it is not the first attempt: {because}"),
            );
        }
        tracing::info!(because = assignment.because, "attempt starts");
        // Orders under an offer that has ended are refused, and so no attempt outlives it.
        let deadline = [assignment.deadline, offer.expires]
            .into_iter()
            .flatten()
            .min();
        let parameters = assignment.parameters.clone();
        let context = TaskContext::new(
            assignment,
            description,
            gate.clone(),
            outside.clone(),
            brake.token.clone(),
        );
        let room = context.clone();
        let room =
            tokio::spawn(async move { component.run(&room, parameters).await }.in_current_span());
        let ending = self.wait(room, &brake, deadline).await;
        outside.keep_model_view().await;
        let outcome = outcome_of(ending, brake.why.get(), description.name, &self.holdings);
        self.transport.close(&key, &task.participant()).await;
        let mut usage = context.usage();
        usage.wall_micros =
            u64::try_from(self.holdings.now().0.saturating_sub(started.0)).unwrap_or(0);
        say_what_left(&outside, &gate, &ledger, usage.wall_micros);
        say(&*outside, &outcome, brake.why.get());
        let state = state_of(&outcome);
        self.reporter
            .ended(&task, attempt, outside.as_told(outcome), usage)
            .await;
        if let Err(error) = self
            .holdings
            .records
            .end_attempt(&task, attempt, state, self.holdings.now())
            .await
        {
            tracing::error!(%error, "the end of an attempt cannot be recorded");
        }
    }

    async fn wait(
        &self,
        mut room: JoinHandle<Result<(), ComponentError>>,
        brake: &Brake,
        deadline: Option<Timestamp>,
    ) -> Ending {
        let late = async {
            match deadline {
                Some(deadline) => {
                    let millis =
                        u64::try_from(deadline.millis_since(self.holdings.now())).unwrap_or(0);
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut room => return Ending::Room(ended),
            () = brake.token.cancelled() => {}
            () = late => brake.pull(Stop::Deadline),
        }
        match tokio::time::timeout(QUIET, &mut room).await {
            Ok(ended) => Ending::Room(ended),
            Err(_) => {
                tracing::warn!("a stopped room does not end; it is cut off");
                room.abort();
                Ending::Detached
            }
        }
    }
}

fn outcome_of(
    ending: Ending,
    stopped: Option<&Stop>,
    component: &str,
    holdings: &Holdings,
) -> Outcome {
    let fault = match ending {
        Ending::Room(Ok(Ok(()))) => return Outcome::Succeeded,
        Ending::Room(Ok(Err(error))) => error.into_fault(),
        Ending::Room(Err(error)) if error.is_panic() => {
            let fault = Fault::new(
                ErrorCode::ComponentPanicked,
                format!("the component {component} panicked"),
            );
            fault.next("see the agent's log, and report the defect")
        }
        Ending::Room(Err(_)) | Ending::Detached => {
            Fault::new(ErrorCode::Canceled, "the attempt was cut off")
        }
    };
    match stopped {
        Some(Stop::Asked(_) | Stop::Superseded) => Outcome::Canceled,
        Some(Stop::Shutdown) => Outcome::Lost,
        Some(Stop::Refused(fault)) => Outcome::Failed(fault.clone().at(&holdings.me)),
        Some(Stop::Deadline) => {
            let fault = Fault::new(
                ErrorCode::DeadlinePassed,
                "the attempt took longer than its deadline",
            );
            Outcome::Failed(fault.at(&holdings.me).next("raise the job's timeout"))
        }
        None => Outcome::Failed(fault.at(&holdings.me)),
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
fn say_what_left(outside: &Outside, gate: &GatedTransport, ledger: &Ledger, wall_micros: u64) {
    let (passed, waited) = (gate.passed(), ledger.waited_micros());
    if passed > 0 {
        tracing::info!(
            messages = passed,
            audit_micros = waited,
            wall_micros,
            "messages left, each after its audit entry"
        );
        let (waited, wall) = (waited / 1_000, wall_micros / 1_000);
        outside.log(
            LogLevel::Info,
            &format!("{passed} messages left; their audit entries took {waited} of {wall} ms"),
        );
    }
}

fn say(outside: &dyn Surroundings, outcome: &Outcome, stopped: Option<&Stop>) {
    match outcome {
        Outcome::Succeeded => {
            tracing::info!("attempt succeeded");
            outside.log(LogLevel::Info, "succeeded");
        }
        Outcome::Failed(fault) => {
            tracing::warn!(code = fault.code.text(), %fault, "attempt failed");
            outside.log(LogLevel::Error, &fault.to_string());
        }
        Outcome::Canceled | Outcome::Lost => {
            let why = match stopped {
                Some(Stop::Asked(why)) => why,
                Some(Stop::Superseded) => "a newer attempt was ordered",
                Some(Stop::Shutdown) => "the agent ends",
                Some(Stop::Deadline | Stop::Refused(_)) | None => "it was cut off",
            };
            tracing::info!(why, "attempt stopped");
            outside.log(LogLevel::Warning, &format!("stopped: {why}"));
        }
    }
}
