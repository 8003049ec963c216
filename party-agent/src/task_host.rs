//! What a component gets at through its task context: the party's table store, models, files and log, each no wider than the order allows.

mod columns;
mod copies;
mod export;
mod file_outputs;
mod id_counts;
mod import;
mod lines;
mod paths;
mod read_log;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use component_kit::{
    About, CheckpointAt, ComponentError, CopiedModel, CopyRequest, ExportRequest, IdRules,
    ImportRequest, LabelRules, LogLevel, MaliciousHosts, ModelCopy, Reading, Result, SavedModel,
    TaskHost,
};
use policy::Grounds;
use records::{CheckpointRecord, ModelRecord};
use tables::{Origin, Table};
use tokio_util::sync::CancellationToken;
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Disclosure, ErrorCode, Fault, ModelRef, ModelSummary, Offer, Outcome, PartyId,
    PortKind, Receipt, Role, Stop, TableRef, Tells,
};

use crate::account::Account;
use crate::agent_state::AgentState;
use crate::blocking::off_thread;
use crate::joblog::JobLog;
use crate::model_archive::ModelArchive;
use crate::queries::QuerySource;
use crate::report::Reporter;
pub(crate) use import::{FileBinding, bind, directly as import_directly};
pub(crate) use paths::readable;
use read_log::ReadLog;

/// Who asks where the coordinator starts a job in this party's name and nobody is known to have asked for it.
const COORDINATOR: &str = "the coordinator";

/// The outside of one attempt.
pub(crate) struct AgentTaskHost {
    agent_state: Arc<AgentState>,
    reporter: Reporter,
    assignment: Assignment,
    readable: Vec<TableRef>,
    /// What was read so far: the parents of what is left.
    read: Mutex<BTreeSet<TableRef>>,
    /// What was really read: by it reports are judged.
    seen: Mutex<ReadLog>,
    /// Whether its component exchanges no messages.
    alone: bool,
    /// Whether the job predicts online.
    is_online: bool,
    /// The day in which ids for a peer were reserved first: it is the day of all that the attempt counts for that peer.
    days: Mutex<BTreeMap<PartyId, i64>>,
    /// Whether its component declares messages with values of rows.
    sends_rows: bool,
    /// Whether it should read a table before it tells anything.
    takes_tables: bool,
    /// Who asks, where that is not one of the party's own users.
    asker: Option<String>,
    /// Whether one of the party's own users moves the party's own tables.
    own_affair: bool,
    /// Whether the attempt may move what the party owns at all.
    may_move: bool,
    /// Whether one of the party's own users asked for the job.
    own_job: bool,
    /// Bytes of the tables and lines that the attempt took and left so far.
    used: AtomicU64,
    cancel: CancellationToken,
    log: JobLog,
    /// The model in FATE's form as the component told it last.
    view: Mutex<Option<String>>,
    model_archive: Option<Arc<ModelArchive>>,
    /// What the audit chain says of what the attempt lets out.
    account: Option<Arc<Account>>,
}

/// Does disk work off the async threads.
async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    off_thread(work).await?
}

impl AgentTaskHost {
    pub(crate) fn new(
        agent_state: Arc<AgentState>,
        reporter: Reporter,
        assignment: Assignment,
        offer: &Offer,
        cancel: CancellationToken,
    ) -> Self {
        let participant = assignment.task.participant();
        let offered = offer
            .steps
            .iter()
            .filter(|step| step.step == assignment.task.step)
            .flat_map(|step| &step.tables);
        let offered = offered
            .filter(|(owner, _)| *owner == participant)
            .map(|(_, table)| table.clone());
        let readable: Vec<TableRef> = assignment
            .inputs
            .iter()
            .map(|input| input.table.clone())
            .chain(offered)
            .collect();
        let own_job = offer.initiator.party == agent_state.me;
        let asker = if own_job {
            COORDINATOR.to_owned()
        } else {
            offer.initiator.party.to_string()
        };
        let component = agent_state.component(&assignment.component, assignment.component_version);
        let component = component.map(|component| component.description());
        let takes_data =
            component.is_none_or(|of| of.inputs.iter().any(|port| port.kind == PortKind::Data));
        let takes_tables = takes_data || !readable.is_empty();
        let log = agent_state.logs.open(&assignment.task);
        // What cannot be known is judged by the rules for all jobs.
        let spoken = crate::foresight::spoken(&agent_state.me, agent_state.catalogue, offer);
        let is_online =
            spoken.is_ok_and(|spoken| policy::is_online(&agent_state.me, offer, &spoken));
        let view = Mutex::default();
        Self {
            agent_state,
            reporter,
            assignment,
            readable,
            read: Mutex::default(),
            seen: Mutex::default(),
            alone: component.is_none_or(|of| of.messages.is_empty()),
            sends_rows: component.is_none_or(|of| {
                of.messages
                    .iter()
                    .any(|line| line.disclosure == Disclosure::RowValues)
            }),
            is_online,
            days: Mutex::default(),
            takes_tables,
            asker: Some(asker),
            own_affair: false,
            may_move: false,
            own_job,
            used: AtomicU64::new(0),
            cancel,
            log,
            view,
            model_archive: None,
            account: None,
        }
    }

    /// Whether it may move what the party owns: nobody may whose request no ticket and no rule stands behind.
    pub(crate) fn moving(self, may_move: bool) -> Self {
        let local = self.assignment.task.role == Role::Local;
        Self {
            may_move,
            own_affair: may_move && local && self.own_job,
            ..self
        }
    }

    /// One of the party's own users asked for the job with a ticket of its endpoint, or nobody is known to have.
    pub(crate) fn asked_with(self, has_ticket: bool) -> Self {
        let asker = self.asker.filter(|_| !(self.own_job && has_ticket));
        Self { asker, ..self }
    }

    /// Whether the attempt is stopped, for work on its tables.
    fn stop(&self) -> Stop {
        let cancel = self.cancel.clone();
        Stop::when(move || cancel.is_cancelled())
    }

    fn seen(&self) -> MutexGuard<'_, ReadLog> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the attempt ended, as the coordinator may know it.
    pub(crate) fn as_told(&self, outcome: Outcome) -> Outcome {
        self.agent_state
            .policy()
            .ended(outcome, &self.seen().columns())
    }

    /// What is known of a report, and who asks.
    fn grounds(&self, about: About) -> (Grounds<'static>, Option<QuerySource>) {
        let seen = self.seen();
        let read = seen.behind((self.assignment.task.role, self.takes_tables), about.rows);
        let columns = seen.columns();
        let asked = self.asker.clone().map(|by| QuerySource {
            by,
            tables: seen.tables(),
            turn: about.turn,
        });
        (
            Grounds {
                tells: about.tells,
                read,
                alone: self.alone,
                query: None,
                columns,
            },
            asked,
        )
    }

    /// Refuses to move what the party owns for somebody of whom it does not know that he may.
    fn need_to_move(&self, what: &str) -> Result<()> {
        if self.may_move {
            return Ok(());
        }
        let message =
            format!("{what} is this party's own, and nobody asked for it at its REST endpoint");
        let fault = Fault::new(ErrorCode::OfferRefused, message)
            .at(&self.agent_state.me)
            .path("admission.without_ticket");
        Err(fault
            .next("ask there, or name the component in admission.without_ticket of the policy")
            .into())
    }

    /// With the way to copy models.
    pub(crate) fn with_model_archive(self, model_archive: Option<Arc<ModelArchive>>) -> Self {
        Self {
            model_archive,
            ..self
        }
    }

    /// With the account that notes how many rows were read.
    pub(crate) fn accounted(self, account: Arc<Account>) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }

    /// Notes rows for the audit chain.
    fn account_rows(&self, rows: u64) {
        if let Some(account) = &self.account {
            account.read(rows);
        }
    }

    /// Where what the attempt learns is kept.
    fn own_model(&self) -> ModelRef {
        let Assignment {
            task,
            model_version,
            ..
        } = &self.assignment;
        ModelRef {
            version: model_version.clone(),
            step: task.step.clone(),
            owner: task.participant(),
        }
    }

    /// Writes down of how many rows the model is made that the attempt leaves: whoever applies it tells of those, too.
    async fn note_model_rows(&self) -> Result<()> {
        let rows = self.seen().fewest();
        Ok(self
            .agent_state
            .records
            .note_model_rows(&self.own_model(), rows)
            .await
            .map_err(Fault::from)?)
    }

    /// Keeps the model's form for readers beside the model: archives hold it, whatever the coordinator may know.
    pub(crate) async fn keep_model_view(&self) {
        let Some(view) = self
            .view
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        else {
            return;
        };
        if let Err(error) = self
            .agent_state
            .records
            .save_model_view(&self.own_model(), &view)
            .await
        {
            tracing::error!(%error, "the view of a model cannot be kept");
        }
    }

    fn refused(&self, message: String) -> ComponentError {
        Fault::new(ErrorCode::OfferRefused, message)
            .at(&self.agent_state.me)
            .next("name it in the job, so that the owner can judge it")
            .into()
    }

    /// The namespaces of outputs belong to the jobs that left them, that of predictions to the agent.
    fn check_new_name(&self, table: &TableRef) -> Result<()> {
        if !table.is_kept() {
            return Ok(());
        }
        let message = format!(
            "the namespace {:?} is kept for tables that the agent makes",
            table.namespace
        );
        Err(Fault::new(ErrorCode::RequestInvalid, message)
            .at(&self.agent_state.me)
            .next("choose another namespace")
            .into())
    }

    /// Counts what the attempt takes in and leaves, and refuses more than its job allows. What it needs beside is its own affair.
    fn hold(&self, bytes: u64) -> Result<()> {
        let used = self
            .used
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let Some(most) = self
            .assignment
            .limits
            .memory_mib
            .filter(|most| used > most.saturating_mul(1 << 20))
        else {
            return Ok(());
        };
        let message = format!(
            "the task's tables take more than the {most} MiB that its compute profile allows"
        );
        let fault = Fault::new(ErrorCode::LimitReached, message).at(&self.agent_state.me);
        Err(fault
            .next("take a profile with more memory, or fewer rows")
            .into())
    }

    async fn read(&self, table: &TableRef) -> Result<Table> {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(table.clone());
        let (table_store, name) = (self.agent_state.table_store.clone(), table.clone());
        let found = blocking(move || {
            if !table_store.info(&name)?.enabled {
                let fault =
                    Fault::new(ErrorCode::TableInvalid, format!("table {name} is disabled"));
                return Err(fault.next("enable the table, then run again").into());
            }
            Ok(table_store.read(&name)?)
        })
        .await?;
        self.seen().table(table, &found);
        self.account_rows(found.rows() as u64);
        self.account_columns(&found).await?;
        Ok(found.watched(self.stop()))
    }
}

#[async_trait]
impl TaskHost for AgentTaskHost {
    async fn load_table(&self, table: &TableRef) -> Result<Table> {
        if !self.readable.contains(table) {
            return Err(self.refused(format!("table {table} was not offered to this step")));
        }
        let name = table;
        let table = self.read(name).await?;
        self.check_columns(name, &table).await?;
        self.hold(table.bytes())?;
        Ok(table)
    }

    async fn store_output(&self, index: usize, name: &str, table: &Table) -> Result<()> {
        self.hold(table.bytes())?;
        let Assignment {
            task,
            attempt,
            partitions,
            ..
        } = &self.assignment;
        self.seen().name(table);
        let table = &table.watched(self.stop());
        let (table_store, rows, partitions) = (
            self.agent_state.table_store.clone(),
            table.clone(),
            *partitions,
        );
        let at = TableRef::output(task, *attempt, index);
        if let (0, Some(file)) = (index, &self.assignment.keeps) {
            file_outputs::keep(self, file, table).await?;
        }
        let stored = blocking(move || Ok(table_store.write(&at, &rows, partitions)?)).await?;
        let parents: Vec<TableRef> = self
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect();
        self.agent_state
            .records
            .add_descent(&stored.table, &parents, Some(&task.job))
            .await
            .map_err(Fault::from)?;
        let summary = stored.summary(Some(name));
        self.agent_state
            .records
            .add_output(task, *attempt, index, &summary)
            .await
            .map_err(Fault::from)?;
        self.report(ReportBody::Output(summary), About::NOTHING);
        Ok(())
    }

    async fn import(
        &self,
        request: ImportRequest,
        progress: Box<dyn Fn(Reading) + Send + Sync>,
    ) -> Result<Receipt> {
        self.need_to_move(&format!("the table {}", request.table))?;
        self.check_new_name(&request.table)?;
        let (table, added) = (request.table.clone(), request.append);
        let receipt =
            import::import(&self.agent_state, request, progress, self.cancel.clone()).await?;
        self.log(LogLevel::Info, &import::describe(&receipt));
        self.seen().rows(receipt.stored);
        let Assignment { task, attempt, .. } = &self.assignment;
        let (records, table_store) = (
            &self.agent_state.records,
            self.agent_state.table_store.clone(),
        );
        records
            .add_root(&table, Some(&task.job), added)
            .await
            .map_err(Fault::from)?;
        let summary =
            blocking(move || Ok(table_store.info(&table)?.summary(&table, Some("upload")))).await?;
        records
            .add_output(task, *attempt, 0, &summary)
            .await
            .map_err(Fault::from)?;
        self.report(ReportBody::Output(summary), About::NOTHING);
        Ok(receipt)
    }

    async fn lines(&self, file: &str) -> Result<Vec<String>> {
        if !self.own_job {
            return Err(self.refused(format!(
                "{file:?} is a file of this party, and another party started the job"
            )));
        }
        self.need_to_move(&format!("the file {file:?}"))?;
        let (agent_state, file, cancel) = (
            self.agent_state.clone(),
            file.to_owned(),
            self.cancel.clone(),
        );
        let lines =
            blocking(move || lines::of(import::source(&agent_state, &file, None)?, &cancel))
                .await?;
        self.hold(lines.iter().map(|line| line.len() as u64).sum())?;
        self.seen().rows(lines.len() as u64);
        self.account_rows(lines.len() as u64);
        Ok(lines)
    }

    fn may_tell(&self, what: Tells) -> bool {
        self.agent_state.policy().may_tell(what)
    }

    fn label_rules(&self) -> LabelRules {
        let policy = self.agent_state.policy();
        let policy::LabelRules {
            rows_per_column,
            small_table,
            when_broken,
            malicious_hosts,
        } = policy.rules().labels;
        let malicious_hosts = match malicious_hosts {
            policy::MaliciousHosts::Trust => MaliciousHosts::Trust,
            policy::MaliciousHosts::Rekey => MaliciousHosts::Rekey,
            policy::MaliciousHosts::Refuse => MaliciousHosts::Refuse,
        };
        let refuses = when_broken == policy::WhenBroken::Refuse;
        LabelRules {
            rows_per_column,
            small_table,
            refuses,
            malicious_hosts,
        }
    }

    fn id_rules(&self) -> IdRules {
        self.rules_of_ids()
    }

    async fn reserve_ids(&self, peer: &PartyId, count: u64) -> Result<()> {
        self.reserve(peer, count).await
    }

    async fn told_ids(&self, peer: &PartyId, ids: &[String], reserved: u64) -> Result<()> {
        self.settle(peer, ids, reserved).await
    }

    async fn copy(&self, request: CopyRequest) -> Result<u64> {
        let CopyRequest {
            from,
            to,
            replace,
            partitions,
        } = request;
        self.need_to_move(&format!("the table {to}"))?;
        if !self.own_affair && !self.readable.contains(&from) {
            return Err(self.refused(format!("table {from} was not offered to this step")));
        }
        self.check_new_name(&to)?;
        // A job that others started makes tables where the policy names the component, and takes none away.
        let replace = replace && self.own_affair;
        let table = self.read(&from).await?;
        let partitions = partitions.unwrap_or_else(|| {
            u32::try_from(table.partitions())
                .unwrap_or(u32::MAX)
                .clamp(1, 1023)
        });
        let (table_store, target) = (self.agent_state.table_store.clone(), to.clone());
        let stored = blocking(move || {
            if !replace && table_store.exists(&target) {
                let fault = Fault::new(
                    ErrorCode::Conflict,
                    format!("table {target} exists already"),
                );
                return Err(fault
                    .next("choose another name, or delete that table")
                    .into());
            }
            Ok(table_store.write_from(&target, &table, partitions, Origin::Output)?)
        })
        .await?;
        let job = &self.assignment.task.job;
        self.agent_state
            .records
            .add_descent(&to, &[from], Some(job))
            .await
            .map_err(Fault::from)?;
        Ok(stored.info.rows)
    }

    async fn export(&self, request: ExportRequest) -> Result<u64> {
        self.need_to_move(&format!("the file {:?}", request.path))?;
        if !self.own_affair && !self.readable.contains(&request.table) {
            return Err(self.refused(format!(
                "table {} was not offered to this step",
                request.table
            )));
        }
        let table = self.read(&request.table).await?;
        let root = self.agent_state.export_root.clone();
        let rows = blocking(move || export::write(&root, &table, &request)).await?;
        self.log(LogLevel::Info, &format!("{rows} rows written"));
        Ok(rows)
    }

    async fn load_model(&self, model: &ModelRef) -> Result<SavedModel> {
        let Some(input) = self
            .assignment
            .models
            .iter()
            .find(|input| input.model == *model)
        else {
            return Err(self.refused(format!(
                "the model of step {} was not wired to this step",
                model.step
            )));
        };
        let (records, missing) = (
            &self.agent_state.records,
            format!("of step {} in version {}", model.step, model.version),
        );
        let found = match &input.checkpoint {
            None => records.model(model).await.map_err(Fault::from)?,
            Some(which) => {
                let kept = records
                    .checkpoint(model, which)
                    .await
                    .map_err(Fault::from)?;
                self.log(
                    LogLevel::Info,
                    &format!("the model is the checkpoint {which:?} {missing}"),
                );
                kept.map(|kept| kept.model)
            }
        };
        let record = found.ok_or_else(|| {
            let what = if input.checkpoint.is_some() {
                "checkpoint of that number or name"
            } else {
                "model"
            };
            Fault::new(
                ErrorCode::ModelMissing,
                format!("there is no {what} {missing}"),
            )
            .at(&self.agent_state.me)
            .next("train it, or check the model's version")
        })?;
        let rows = records.model_rows(model).await.map_err(Fault::from)?;
        self.seen().model(rows);
        let ModelRecord {
            component,
            component_version,
            content,
        } = record;
        Ok(SavedModel {
            component,
            component_version,
            role: model.owner.role,
            bytes: content,
        })
    }

    async fn save_model(&self, model: SavedModel) -> Result<()> {
        let at = self.own_model();
        let summary = ModelSummary {
            model: at.clone(),
            component: model.component.clone(),
            component_version: model.component_version,
            size: model.bytes.len() as u64,
        };
        let record = ModelRecord {
            component: model.component,
            component_version: model.component_version,
            content: model.bytes,
        };
        self.note_model_rows().await?;
        self.agent_state
            .records
            .save_model(&at, &record, self.agent_state.now())
            .await
            .map_err(Fault::from)?;
        self.report(ReportBody::Model(summary), About::NOTHING);
        Ok(())
    }

    async fn hand_model_on(&self, from: &ModelRef, model: SavedModel) -> Result<()> {
        if let Some(view) = self
            .agent_state
            .records
            .model_view(from)
            .await
            .map_err(Fault::from)?
        {
            // What the maker said that it gives away is not known here: it counts as everything.
            self.report(ReportBody::ModelView(view), About::NOTHING);
        }
        self.save_model(model).await
    }

    async fn save_checkpoint(&self, at: CheckpointAt, model: SavedModel) -> Result<()> {
        self.note_model_rows().await?;
        let record = CheckpointRecord {
            step_index: at.step_index,
            step_name: at.step_name,
            model: ModelRecord {
                component: model.component,
                component_version: model.component_version,
                content: model.bytes,
            },
            saved: self.agent_state.now(),
        };
        self.agent_state
            .records
            .save_checkpoint(&self.own_model(), self.assignment.attempt, &record)
            .await
            .map_err(Fault::from)?;
        Ok(())
    }

    async fn store_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        copies::store(self, request).await
    }

    async fn restore_model(&self, request: ModelCopy) -> Result<CopiedModel> {
        copies::restore(self, request).await
    }

    fn report(&self, body: ReportBody, about: About) {
        if let ReportBody::ModelView(text) = &body {
            *self.view.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        }
        let what = match &body {
            ReportBody::Metrics(_) => "figures",
            ReportBody::Summary(_) => "the summary",
            _ => "the view of the model",
        };
        let (grounds, asked) = self.grounds(about);
        let Assignment { task, attempt, .. } = &self.assignment;
        if let Some(rule) = self
            .reporter
            .tell((task, *attempt), body, grounds, asked.as_ref())
        {
            self.log(
                LogLevel::Warning,
                &format!("{what} of this step: withheld by rule {rule}"),
            );
        }
    }

    fn log(&self, level: LogLevel, text: &str) {
        self.log.write(level, text);
    }
}

#[cfg(test)]
#[path = "task_host_tests.rs"]
mod tests;
