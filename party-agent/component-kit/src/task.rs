//! The one interface through which a component works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use crypto::random::Random;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tables::Table;
use tokio_util::sync::CancellationToken;
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Cast, DataInput, ErrorCode, Fault, MessageLine, Participant, PortKind, Progress,
    Receipt, Role, Stage, StepName, Stop, TableRef, Tells, Usage,
};
use wire::{Address, AttemptKey, Envelope, Transport};

use crate::description::Description;
use crate::error::{ComponentError, Result};
use crate::import_request::ImportRequest;
use crate::meter::{Meter, Spent};
use crate::model::SavedModel;
use crate::task_host::{
    About, CheckpointAt, CopiedModel, CopyRequest, ExportRequest, IdRules, LabelRules, LogLevel,
    ModelCopy, Reading, TaskHost,
};

struct Inner {
    assignment: Assignment,
    description: &'static Description,
    key: AttemptKey,
    me: Participant,
    transport: Arc<dyn Transport>,
    task_host: Arc<dyn TaskHost>,
    cancel: CancellationToken,
    /// The same for work off the async threads.
    stop: Stop,
    meter: Meter,
    /// Whether a model was saved.
    has_saved: AtomicBool,
    /// The threads that the job allows, once something was computed; none when it does not say.
    threads: OnceLock<Option<ThreadPool>>,
    seed: Option<u64>,
}

impl Inner {
    /// Does work on no more threads than the job allows; several pieces at once share them. A job that allows more than there
    /// are gets those that there are.
    fn on_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = |workers: u32| {
            let threads = ThreadPoolBuilder::new().num_threads(workers.max(1) as usize);
            threads
                .thread_name(|number| format!("task-{number}"))
                .build()
                .ok()
        };
        let fewer = |workers: &u32| {
            // More threads than there are would only take turns on the same cores.
            usize::try_from(*workers).is_ok_and(|workers| workers < rayon::current_num_threads())
        };
        match self
            .threads
            .get_or_init(|| self.assignment.limits.workers.filter(fewer).and_then(pool))
        {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }
}

/// One attempt of a task, as its component sees it. Cheap to clone; every await ends with an error once the attempt is stopped.
#[derive(Clone)]
pub struct TaskContext {
    inner: Arc<Inner>,
    scope: Arc<str>,
}

impl TaskContext {
    /// Puts a task together. `transport` already has the party's gate inside.
    pub fn new(
        assignment: Assignment,
        description: &'static Description,
        transport: Arc<dyn Transport>,
        task_host: Arc<dyn TaskHost>,
        cancel: CancellationToken,
    ) -> Self {
        let key = AttemptKey {
            job: assignment.task.job.clone(),
            step: assignment.task.step.clone(),
            attempt: assignment.attempt,
            offer: assignment.offer.clone(),
        };
        let me = assignment.task.participant();
        let token = cancel.clone();
        let inner = Inner {
            assignment,
            description,
            key,
            me,
            transport,
            task_host,
            cancel,
            stop: Stop::when(move || token.is_cancelled()),
            meter: Meter::default(),
            has_saved: AtomicBool::new(false),
            threads: OnceLock::new(),
            seed: None,
        };
        Self {
            inner: Arc::new(inner),
            scope: "".into(),
        }
    }

    /// The same task with reproducible randomness, for tests.
    #[cfg(feature = "harness")]
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        match Arc::try_unwrap(self.inner) {
            Ok(inner) => Self {
                inner: Arc::new(Inner {
                    seed: Some(seed),
                    ..inner
                }),
                scope: self.scope,
            },
            Err(inner) => Self {
                inner,
                scope: self.scope,
            },
        }
    }

    /// The same task, which asks somebody else whether it is stopped, for tests.
    #[cfg(feature = "harness")]
    #[must_use]
    pub fn asking(self, stop: Stop) -> Self {
        match Arc::try_unwrap(self.inner) {
            Ok(inner) => Self {
                inner: Arc::new(Inner { stop, ..inner }),
                scope: self.scope,
            },
            Err(inner) => Self {
                inner,
                scope: self.scope,
            },
        }
    }

    // --- who and what -------------------------------------------------------------------------------------------------

    /// Which attempt of the task this is, from 0.
    pub fn attempt(&self) -> vocabulary::Attempt {
        self.inner.key.attempt
    }

    /// The role to play.
    pub fn role(&self) -> Role {
        self.inner.me.role
    }

    /// Who has a part in this step.
    pub(crate) fn step_cast(&self) -> &Cast {
        &self.inner.assignment.step_cast
    }

    /// The component's name.
    pub(crate) fn component(&self) -> &'static str {
        self.inner.description.name
    }

    /// Who plays it.
    pub fn me(&self) -> &Participant {
        &self.inner.me
    }

    /// Fit or apply.
    pub fn stage(&self) -> Stage {
        self.inner.assignment.stage
    }

    /// The step's name.
    pub fn step(&self) -> &StepName {
        &self.inner.assignment.task.step
    }

    /// Partitions that tables should have.
    pub fn partitions(&self) -> u32 {
        self.inner.assignment.partitions
    }

    /// A numbered turn of a named loop: message names may repeat from turn to turn, because both sides walk the same
    /// loops. Turns nest.
    #[must_use]
    pub fn round(&self, name: &str, index: usize) -> TaskContext {
        TaskContext {
            inner: self.inner.clone(),
            scope: format!("{}{name}.{index}/", self.scope).into(),
        }
    }

    fn address(&self, line: MessageLine, from: &Participant, to: &Participant) -> Address {
        // Turn and name make the address: messages may come in any order and still be told apart.
        let tag = format!("{}{}", self.scope, line.name);
        Address {
            attempt: self.inner.key.clone(),
            from: from.clone(),
            to: to.clone(),
            tag,
        }
    }

    fn declared(&self, line: MessageLine, from: Role, to: Role) -> Result<()> {
        // The whole line is compared: a component must not send under a harmless name what its
        // table calls otherwise.
        if self.inner.description.message(line.name) == Some(&line)
            && line.from == from
            && line.to.contains(&to)
        {
            return Ok(());
        }
        let text = format!(
            "{} does not declare the message {} from {from} to {to}",
            self.inner.description.name, line.name
        );
        Err(ComponentError::new(ErrorCode::ReleaseRefused, text))
    }

    pub(crate) async fn send_bytes(
        &self,
        line: MessageLine,
        to: &Participant,
        body: Bytes,
    ) -> Result<()> {
        self.declared(line, self.role(), to.role)?;
        let size = body.len();
        let envelope = Envelope {
            address: self.address(line, &self.inner.me, to),
            message: line.name.to_owned(),
            body,
        };
        let since = Meter::start();
        let sent = self.guarded(self.inner.transport.send(envelope)).await;
        self.inner.meter.add(Spent::Network, since);
        // Counted below only when it left.
        sent??;
        // Between roles of one party nothing goes over a network.
        if to.party != self.inner.me.party {
            self.inner.meter.sent(size);
        }
        Ok(())
    }

    pub(crate) async fn receive_bytes(
        &self,
        line: MessageLine,
        from: &Participant,
    ) -> Result<Bytes> {
        self.declared(line, from.role, self.role())?;
        let address = self.address(line, from, &self.inner.me);
        let since = Meter::start();
        let received = self.guarded(self.inner.transport.receive(&address)).await;
        self.inner.meter.add(Spent::Waiting, since);
        Ok(received??)
    }

    async fn guarded<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            // The stop first: where both are ready, an attempt that was stopped must not go on.
            biased;
            () = self.inner.cancel.cancelled() => Err(ComponentError::Canceled),
            done = work => Ok(done),
        }
    }

    // --- data and models ----------------------------------------------------------------------------------------------

    /// Input tables of a port, in document order, with the step each came from. A step that left no table at this
    /// participant (a learner at its host) gives none.
    pub async fn inputs(&self, port: &str) -> Result<Vec<(StepName, Table)>> {
        let mut tables = Vec::new();
        for DataInput {
            from_step, table, ..
        } in self
            .inner
            .assignment
            .inputs
            .iter()
            .filter(|input| input.port == port)
        {
            match self.guarded(self.inner.task_host.load_table(table)).await? {
                Ok(table) => tables.push((from_step.clone(), table.watched(self.stop()))),
                // The step before may have left none in this role, which is for the component to
                // judge.
                Err(ComponentError::Fault(fault)) if fault.code == ErrorCode::TableMissing => {}
                Err(error) => return Err(error),
            }
        }
        Ok(tables)
    }

    /// The first input table of a port, if one is wired.
    pub async fn input(&self, port: &str) -> Result<Option<Table>> {
        Ok(self
            .inputs(port)
            .await?
            .into_iter()
            .next()
            .map(|(_, table)| table))
    }

    /// The first input table of a port.
    pub async fn need_input(&self, port: &str) -> Result<Table> {
        let table = self.input(port).await?;
        table.ok_or_else(|| {
            ComponentError::new(
                ErrorCode::DocumentInvalid,
                format!("no table came in at the input {port}"),
            )
        })
    }

    /// A table that the party keeps (a reader's).
    pub async fn stored_table(&self, table: &TableRef) -> Result<Table> {
        let table = self
            .guarded(self.inner.task_host.load_table(table))
            .await??;
        Ok(table.watched(self.stop()))
    }

    /// Keeps a data output; outputs are numbered in the order of the document's names.
    pub async fn output(&self, index: usize, table: &Table) -> Result<()> {
        let name = self
            .inner
            .assignment
            .outputs
            .get(index)
            .cloned()
            .unwrap_or_else(|| index.to_string());
        self.guarded(self.inner.task_host.store_output(index, &name, table))
            .await?
    }

    /// Reads a staged file into a table of the party.
    pub async fn import(&self, request: ImportRequest) -> Result<Receipt> {
        let task = self.clone();
        // The table is written after the file is read.
        let progress = Box::new(move |at: Reading| {
            task.progress(0.9 * at.fraction, format!("{} rows read", at.rows))
        });
        self.guarded(self.inner.task_host.import(request, progress))
            .await?
    }

    /// The lines of a file that the party keeps (`files://folder/name`) or has in an import folder.
    pub async fn lines(&self, file: &str) -> Result<Vec<String>> {
        self.guarded(self.inner.task_host.lines(file)).await?
    }

    /// The name under which the first input table of a port is kept, if one is wired.
    pub fn input_name(&self, port: &str) -> Option<TableRef> {
        self.inner
            .assignment
            .inputs
            .iter()
            .find(|input| input.port == port)
            .map(|input| input.table.clone())
    }

    /// Keeps a table of the party under another name; gives its rows.
    pub async fn copy(&self, request: CopyRequest) -> Result<u64> {
        self.guarded(self.inner.task_host.copy(request)).await?
    }

    /// Writes a table of the party as text; gives the rows written.
    pub async fn export(&self, request: ExportRequest) -> Result<u64> {
        self.guarded(self.inner.task_host.export(request)).await?
    }

    /// Copies a model of the party to its model store.
    pub async fn store_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        self.guarded(self.inner.task_host.store_model(request))
            .await?
    }

    /// Brings a model of the party back from its model store.
    pub async fn restore_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        self.guarded(self.inner.task_host.restore_model(request))
            .await?
    }

    /// The model wired to a port, if one is: `model`, or `isometric_model` for another component's.
    pub async fn model_at(&self, port: &str) -> Result<Option<SavedModel>> {
        let Some(input) = self
            .inner
            .assignment
            .models
            .iter()
            .find(|input| input.port == port)
        else {
            return Ok(None);
        };
        Ok(Some(
            self.guarded(self.inner.task_host.load_model(&input.model))
                .await??,
        ))
    }

    /// The content of the model wired to `model`, which must be one of this component.
    pub async fn load_model<M: DeserializeOwned>(&self) -> Result<M> {
        let missing = || {
            Fault::new(
                ErrorCode::ModelMissing,
                "no model is wired to the input model",
            )
        };
        let model = self.model_at("model").await?.ok_or_else(missing)?;
        // Bytes of another component might well be readable, as a model that means something else.
        if model.component != self.inner.description.name {
            let text = format!(
                "the model at the input is of {}, not of {}",
                model.component, self.inner.description.name
            );
            return Err(Fault::new(ErrorCode::ModelMissing, text).into());
        }
        Ok(model.read()?)
    }

    /// Keeps what was learned.
    pub async fn save_model<M: Serialize>(&self, model: &M) -> Result<()> {
        let saved = self.saved(model)?;
        // Before the save: even if it fails, the older model is not handed on in its place.
        self.inner.has_saved.store(true, Ordering::Relaxed);
        self.guarded(self.inner.task_host.save_model(saved)).await?
    }

    /// A step that applied a model of its own job leaves it under its own name, too: whoever deploys that step finds it there.
    pub(crate) async fn hand_model_on(&self) -> Result<()> {
        let Inner {
            assignment,
            description,
            task_host,
            has_saved,
            ..
        } = &*self.inner;
        let leaves_models = description
            .outputs
            .iter()
            .any(|port| port.to_port().kind == PortKind::Model);
        // A training leaves its own model, and a component that saved one has said what goes on.
        if assignment.stage != Stage::Apply || !leaves_models || has_saved.load(Ordering::Relaxed) {
            return Ok(());
        }
        let applied = assignment
            .models
            .iter()
            .find(|input| input.port == "model" && input.checkpoint.is_none());
        let Some(input) = applied.filter(|input| input.model.version == assignment.model_version)
        else {
            return Ok(());
        };
        match self.guarded(task_host.load_model(&input.model)).await? {
            Ok(model) => {
                self.guarded(task_host.hand_model_on(&input.model, model))
                    .await?
            }
            // Not every role has a part of it: the arbiter learns nothing.
            Err(ComponentError::Fault(fault)) if fault.code == ErrorCode::ModelMissing => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Keeps a state that a predict job may choose in place of the final one. The model is of the kind that `save_model`
    /// takes, so that whatever reads the one reads the other.
    pub async fn save_checkpoint<M: Serialize>(&self, at: CheckpointAt, model: &M) -> Result<()> {
        let saved = self.saved(model)?;
        self.guarded(self.inner.task_host.save_checkpoint(at, saved))
            .await?
    }

    fn saved<M: Serialize>(&self, model: &M) -> Result<SavedModel> {
        let bytes = rmp_serde::to_vec_named(model).map_err(|error| {
            ComponentError::new(
                ErrorCode::Internal,
                format!("the model cannot be written: {error}"),
            )
        })?;
        Ok(SavedModel {
            component: self.inner.description.name.to_owned(),
            component_version: self.inner.description.version,
            role: self.role(),
            bytes,
        })
    }

    // --- telling ------------------------------------------------------------------------------------------------------

    /// Says how far the work is (0 to 1), and what is being done.
    pub fn progress(&self, fraction: f64, text: impl Into<String>) {
        self.report(
            ReportBody::Progress(Progress::new(fraction, text)),
            About::NOTHING,
        );
    }

    /// Writes a line into the party's own log of the job. No rows, no keys.
    pub fn info(&self, text: impl AsRef<str>) {
        self.inner.task_host.log(LogLevel::Info, text.as_ref());
    }

    /// Writes a warning into the party's own log of the job.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.inner.task_host.log(LogLevel::Warning, text.as_ref());
    }

    /// Whether the party's policy lets that be told to the coordinator and to people who ask there.
    pub fn may_tell(&self, what: Tells) -> bool {
        self.inner.task_host.may_tell(what)
    }

    /// What the party's policy asks of trainings in which it is the guest.
    pub fn label_rules(&self) -> LabelRules {
        self.inner.task_host.label_rules()
    }

    /// What the party's policy asks of intersections in this job.
    pub fn id_rules(&self) -> IdRules {
        self.inner.task_host.id_rules()
    }

    /// Counts ids that a peer may be told of today, before it is; an error where that is more than the policy lets.
    pub async fn reserve_ids(&self, peer: &Participant, count: u64) -> Result<()> {
        self.guarded(self.inner.task_host.reserve_ids(&peer.party, count))
            .await?
    }

    /// A peer is told of these ids, for which so many were reserved: those stay counted of which it was not told before.
    pub async fn told_ids(&self, peer: &Participant, ids: &[String], reserved: u64) -> Result<()> {
        self.guarded(self.inner.task_host.told_ids(&peer.party, ids, reserved))
            .await?
    }

    /// Shows a test what this role has seen, by its round and a name.
    #[cfg(feature = "harness")]
    pub fn observe(&self, name: &str, values: &[f64]) {
        self.inner
            .task_host
            .observe(format!("{}{name}", self.scope), values);
    }

    pub(crate) fn report(&self, body: ReportBody, about: About) {
        self.inner.task_host.report(
            body,
            About {
                turn: self.scope.to_string(),
                ..about
            },
        );
    }

    // --- working ------------------------------------------------------------------------------------------------------

    /// Fresh randomness.
    pub fn random(&self) -> Result<Random> {
        #[cfg(feature = "harness")]
        if let Some(seed) = self.inner.seed {
            // FNV-1a of the participant's name: no two parties may draw the same
            let own = self
                .inner
                .me
                .to_string()
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
            return Ok(Random::seeded(seed ^ own));
        }
        let _ = self.inner.seed;
        Random::from_os()
            .map_err(|error| ComponentError::new(ErrorCode::Internal, error.to_string()))
    }

    /// Whether the attempt is stopped, for work off the async threads: whatever takes long takes this along and asks it now and
    /// then. The tables of a task carry it already.
    pub fn stop(&self) -> Stop {
        self.inner.stop.clone()
    }

    /// Does plain computation off the async threads.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.heavy(Spent::Compute, work).await
    }

    /// Does work on ciphertexts, keys or blinded ids off the async threads.
    pub async fn encrypt<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.heavy(Spent::Encryption, work).await
    }

    async fn heavy<T: Send + 'static>(
        &self,
        on: Spent,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || {
            // It may have waited for a thread.
            inner.stop.go_on()?;
            let since = Meter::start();
            // In a pool of the task's own where it may use fewer threads: others keep theirs.
            let done = inner.on_threads(work);
            inner.meter.add(on, since);
            Ok(done)
        });
        // A stopped attempt is over when its work is: whoever hears of its end may count on the core.
        let done = task.await;
        if self.inner.cancel.is_cancelled() {
            return Err(ComponentError::Canceled);
        }
        done.unwrap_or_else(|error| {
            if error.is_panic() {
                return Err(ComponentError::new(
                    ErrorCode::ComponentPanicked,
                    "a computation panicked",
                ));
            }
            Err(ComponentError::Canceled)
        })
    }

    // --- for the runner -----------------------------------------------------------------------------------------------

    /// Where the time went so far, and what was sent.
    pub fn usage(&self) -> Usage {
        self.inner.meter.usage()
    }
}

#[cfg(all(test, feature = "harness"))]
mod tests {
    use super::*;
    use crate::Component;
    use crate::description::Description;
    use crate::harness::{Faults, Federation};

    crate::params! {
        /// No parameters.
        struct Nothing {}
    }

    /// Logs how many threads it computes with.
    struct Counts;

    impl Component for Counts {
        type Params = Nothing;

        const DESCRIPTION: Description =
            Description::named("counts", "counts threads").roles(&[Role::Guest]);

        async fn run(task: &TaskContext, _params: Nothing) -> Result<()> {
            let threads = task.compute(rayon::current_num_threads).await?;
            task.info(threads.to_string());
            Ok(())
        }
    }

    /// Works until it is stopped, and says so when it has put its tools away.
    struct Works;

    static IS_QUIET: AtomicBool = AtomicBool::new(false);

    impl Component for Works {
        type Params = Nothing;

        const DESCRIPTION: Description =
            Description::named("works", "works on and on").roles(&[Role::Guest]);

        async fn run(task: &TaskContext, _params: Nothing) -> Result<()> {
            let stop = task.stop();
            let work = move || {
                while stop.go_on().is_ok() {
                    std::thread::yield_now();
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
                IS_QUIET.store(true, Ordering::SeqCst);
            };
            task.compute(work).await
        }
    }

    #[tokio::test]
    async fn an_attempt_ends_when_its_work_does() {
        let faults = Faults {
            cancel_at_question: Some(1_000),
            ..Faults::default()
        };
        let federation = Federation::new(0, false).faults(faults);
        let played = federation.run::<Works>().await;
        assert!(
            IS_QUIET.load(Ordering::SeqCst),
            "the attempt ended before its work"
        );
        assert!(matches!(
            played.part(&federation.guest()).result,
            Err(ComponentError::Canceled)
        ));
        assert_eq!((played.questions, played.late_questions), (1_000, 0));
    }

    #[tokio::test]
    async fn computes_with_as_many_threads_as_the_job_allows_and_there_are() {
        let there = u32::try_from(rayon::current_num_threads()).expect("few");
        for (workers, threads) in [(1, 1), (there + 1, there), (u32::MAX, there)] {
            let limits = vocabulary::Limits {
                workers: Some(workers),
                ..vocabulary::Limits::default()
            };
            let federation = Federation::new(0, false).limited(limits);
            let played = federation.run::<Counts>().await.all_succeeded();
            assert_eq!(played.part(&federation.guest()).log, [threads.to_string()]);
        }
    }
}
