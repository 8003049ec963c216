//! Who takes part in a test, what each reads, and what each left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use tables::Table;
use tokio_util::sync::CancellationToken;
use vocabulary::report::ReportBody;
use vocabulary::{
    Assignment, Attempt, Cast, DataInput, ErrorCode, Fault, JobId, MessageLine, Metric, ModelInput,
    ModelRef, Participant, PartyId, Role, Stage, StepName, Stop, TableRef, TaskId, Tells, Usage,
};

use super::memory::{Memory, Requests};
use super::messages::{Faults, LoggedTransport, MessageLog, RecordedMessage};
use crate::component::{AnyComponent, Component, Plugin};
use crate::error::{ComponentError, Result};
use crate::import_request::ImportRequest;
use crate::model::SavedModel;
use crate::task::TaskContext;
use crate::task_host::{CheckpointAt, CopyRequest, ExportRequest, IdRules, LabelRules, ModelCopy};

/// The version under which models are kept: those of the run, and those that it reads.
const MODEL_VERSION: &str = "20260101000000000000";

/// A test's federation: everything that one run of one component needs.
#[derive(Clone)]
pub struct Federation {
    cast: Cast,
    stage: Stage,
    common: Value,
    own: BTreeMap<Participant, Value>,
    inputs: BTreeMap<Participant, Vec<(String, String, Table)>>,
    stored: BTreeMap<Participant, Vec<(TableRef, Table)>>,
    models: BTreeMap<Participant, Vec<(String, SavedModel)>>,
    files: BTreeMap<String, Vec<String>>,
    keeps: Vec<Tells>,
    label_rules: Option<LabelRules>,
    id_rules: BTreeMap<Participant, (IdRules, Option<u64>)>,
    limits: vocabulary::Limits,
    seed: u64,
    faults: Faults,
}

/// What one participant left.
pub struct Part {
    /// How its role ended.
    pub result: Result<()>,
    /// Data outputs by number.
    pub outputs: BTreeMap<usize, Table>,
    /// The model it saved.
    pub model: Option<SavedModel>,
    /// States it kept before the end.
    pub checkpoints: Vec<(CheckpointAt, SavedModel)>,
    /// Metrics, in order of report.
    pub metrics: Vec<Metric>,
    /// The last summary.
    pub summary: Option<Value>,
    /// The last model view.
    pub model_view: Option<Value>,
    /// Log lines.
    pub log: Vec<String>,
    /// Files it asked to import.
    pub imports: Vec<ImportRequest>,
    /// Files it asked to export.
    pub exports: Vec<ExportRequest>,
    /// Tables it asked to keep under another name.
    pub copies: Vec<CopyRequest>,
    /// Models it asked to copy to the store, or back from it.
    pub model_copies: Vec<ModelCopy>,
    /// What its reports give away, as they say.
    pub tells: BTreeSet<Tells>,
    /// Its reports as text, each with what it says it gives away.
    pub told: Vec<(String, &'static [Tells])>,
    /// Of how many rows its reports are, where they say.
    pub over: BTreeSet<u64>,
    /// What it showed of what it had seen, by round and name.
    pub observed: Vec<(String, Vec<f64>)>,
    /// Where its time went.
    pub usage: Usage,
}

/// How often the work of all parts asked whether it is still wanted.
#[derive(Default)]
struct Questions {
    all: AtomicUsize,
    late: AtomicUsize,
}

impl Questions {
    /// What answers the questions, and stops everything at one of them.
    fn stop(self: &Arc<Self>, cancel: &CancellationToken, at: Option<usize>) -> Stop {
        let (questions, cancel) = (self.clone(), cancel.clone());
        Stop::when(move || {
            let number = questions.all.fetch_add(1, Ordering::SeqCst) + 1;
            if cancel.is_cancelled() {
                questions.late.fetch_add(1, Ordering::SeqCst);
            } else if at == Some(number) {
                cancel.cancel();
            }
            cancel.is_cancelled()
        })
    }
}

/// What a run left.
pub struct RunRecord {
    /// The parts.
    pub parts: BTreeMap<Participant, Part>,
    /// Every message, in the order of sending.
    pub envelopes: Vec<RecordedMessage>,
    /// How often work asked whether it is still wanted.
    pub questions: usize,
    /// How often it did after it had been stopped: what was at work then asks once more and ends.
    pub late_questions: usize,
    /// How often the parties were asked for a table, a model or whatever else they keep.
    pub requests: usize,
}

fn party(id: &str) -> PartyId {
    PartyId::new(id).unwrap_or_else(|error| panic!("{error}"))
}

impl Federation {
    /// A guest (9999), some hosts (10000, 10001, …) and, if wished, an arbiter (8888).
    pub fn new(hosts: usize, arbiter: bool) -> Self {
        let cast = Cast {
            guest: vec![party("9999")],
            host: (0..hosts)
                .map(|i| party(&(10_000 + i).to_string()))
                .collect(),
            arbiter: if arbiter { vec![party("8888")] } else { vec![] },
            local: vec![],
        };
        Self::with_cast(cast)
    }

    /// Any cast.
    pub fn with_cast(cast: Cast) -> Self {
        Self {
            cast,
            stage: Stage::Fit,
            common: Value::Object(Map::new()),
            own: BTreeMap::new(),
            inputs: BTreeMap::new(),
            stored: BTreeMap::new(),
            models: BTreeMap::new(),
            files: BTreeMap::new(),
            keeps: vec![],
            label_rules: None,
            id_rules: BTreeMap::new(),
            limits: vocabulary::Limits::default(),
            // Fixed, so that a run can be repeated; which number it is does not matter.
            seed: 7,
            faults: Faults::default(),
        }
    }

    /// The guest.
    pub fn guest(&self) -> Participant {
        self.first(Role::Guest, 0)
    }

    /// The n-th host.
    pub fn host(&self, index: usize) -> Participant {
        self.first(Role::Host, index)
    }

    /// The arbiter.
    pub fn arbiter(&self) -> Participant {
        self.first(Role::Arbiter, 0)
    }

    fn first(&self, role: Role, index: usize) -> Participant {
        let parties = self.cast.of(role);
        let party = parties
            .get(index)
            .unwrap_or_else(|| panic!("the test has no {role} {index}"));
        Participant::new(role, party.clone())
    }

    /// Everybody.
    pub fn participants(&self) -> Vec<Participant> {
        self.cast.participants().collect()
    }

    /// Fit or apply.
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// Parameters of everybody.
    #[must_use]
    pub fn parameters(mut self, parameters: Value) -> Self {
        self.common = parameters;
        self
    }

    /// Parameters of one participant; its fields replace the common ones.
    #[must_use]
    pub fn parameters_of(mut self, who: &Participant, parameters: Value) -> Self {
        self.own.insert(who.clone(), parameters);
        self
    }

    /// Wires a table to a port, as if the step `upstream_0` had made it.
    #[must_use]
    pub fn input(self, who: &Participant, port: &str, table: Table) -> Self {
        self.input_from(who, port, "upstream_0", table)
    }

    /// Wires a table to a port and names the step that made it.
    #[must_use]
    pub fn input_from(mut self, who: &Participant, port: &str, step: &str, table: Table) -> Self {
        self.inputs
            .entry(who.clone())
            .or_default()
            .push((port.to_owned(), step.to_owned(), table));
        self
    }

    /// Puts a table into a participant's table store.
    #[must_use]
    pub fn stored(mut self, who: &Participant, name: TableRef, table: Table) -> Self {
        self.stored
            .entry(who.clone())
            .or_default()
            .push((name, table));
        self
    }

    /// Wires a model to `model`.
    #[must_use]
    pub fn model(self, who: &Participant, model: SavedModel) -> Self {
        self.model_at(who, "model", model)
    }

    /// Wires a model to a port.
    #[must_use]
    pub fn model_at(mut self, who: &Participant, port: &str, model: SavedModel) -> Self {
        self.models
            .entry(who.clone())
            .or_default()
            .push((port.to_owned(), model));
        self
    }

    /// Wires the models that an earlier run left to `model`, and asks to apply them.
    #[must_use]
    pub fn applying(mut self, played: &RunRecord) -> Self {
        for (who, part) in &played.parts {
            if let Some(model) = &part.model {
                self = self.model(who, model.clone());
            }
        }
        self.stage(Stage::Apply)
    }

    /// Makes the messages unreliable.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Puts a file of these lines at everybody's.
    #[must_use]
    pub fn file(mut self, name: &str, lines: &[&str]) -> Self {
        self.files.insert(
            name.to_owned(),
            lines.iter().map(|line| (*line).to_owned()).collect(),
        );
        self
    }

    /// Lets every task use only so much.
    #[must_use]
    pub fn limited(mut self, limits: vocabulary::Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Has every policy keep that from the coordinator and from those who ask there.
    #[must_use]
    pub fn keeping(mut self, what: Tells) -> Self {
        self.keeps.push(what);
        self
    }

    /// Has the guest's policy ask this of trainings; without, that of `fedflow up` counts, which warns.
    #[must_use]
    pub fn label_rules(mut self, rules: LabelRules) -> Self {
        self.label_rules = Some(rules);
        self
    }

    /// Has a participant's policy ask this of intersections, and let a peer find so many ids; without, it asks for nothing.
    #[must_use]
    pub fn id_rules(mut self, who: &Participant, rules: IdRules, most: Option<u64>) -> Self {
        self.id_rules.insert(who.clone(), (rules, most));
        self
    }

    /// Chooses the randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The parameters of the first of a role, or of everybody where the test has nobody in it.
    pub(crate) fn parameters_as(&self, role: Role) -> Value {
        let first = self.cast.participants().find(|who| who.role == role);
        first.map_or_else(|| self.common.clone(), |who| self.parameters_for(&who))
    }

    /// Whether something that parties read holds such a text: a table, a file or a parameter.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let inputs = self.inputs.values().flatten().map(|(_, _, table)| table);
        let stored = self.stored.values().flatten().map(|(_, table)| table);
        let in_table = |table: &Table| {
            let rows = table.preview(usize::MAX).unwrap_or_default();
            rows.iter().flatten().any(|cell| cell.contains(text))
        };
        let mut files = self.files.values().flatten();
        let parameters = self.own.values().chain([&self.common]);
        inputs.chain(stored).any(in_table)
            || files.any(|line| line.contains(text))
            || parameters
                .map(Value::to_string)
                .any(|all| all.contains(text))
    }

    fn parameters_for(&self, who: &Participant) -> Value {
        let mut merged = self.common.clone();
        if let (Some(into), Some(Value::Object(own))) = (merged.as_object_mut(), self.own.get(who))
        {
            into.extend(own.clone());
        }
        merged
    }

    fn task(&self, who: &Participant) -> TaskId {
        let job = JobId::new("20260101000000000000").unwrap_or_else(|error| panic!("{error}"));
        let step = StepName::new("step_0").unwrap_or_else(|error| panic!("{error}"));
        TaskId {
            job,
            step,
            role: who.role,
            party: who.party.clone(),
        }
    }

    fn assignment(&self, who: &Participant, component: &str, memory: &mut Memory) -> Assignment {
        let step = |name: &str| StepName::new(name).unwrap_or_else(|error| panic!("{error}"));
        let mut inputs = Vec::new();
        for (number, (port, from, table)) in self.inputs.get(who).into_iter().flatten().enumerate()
        {
            let name = TableRef::new("input", number.to_string());
            memory.tables.insert(name.clone(), table.clone());
            inputs.push(DataInput {
                port: port.clone(),
                from_step: step(from),
                table: name,
            });
        }
        memory.files.clone_from(&self.files);
        memory.keeps.clone_from(&self.keeps);
        memory.label_rules = self.label_rules.filter(|_| who.role == Role::Guest);
        (memory.id_rules, memory.most_ids) = self.id_rules.get(who).copied().unwrap_or_default();
        memory
            .tables
            .extend(self.stored.get(who).into_iter().flatten().cloned());
        let mut models = Vec::new();
        for (number, (port, model)) in self.models.get(who).into_iter().flatten().enumerate() {
            let from = step(&format!("upstream_{number}"));
            let name = ModelRef {
                version: MODEL_VERSION.to_owned(),
                step: from,
                owner: who.clone(),
            };
            memory.models.insert(name.clone(), model.clone());
            models.push(ModelInput {
                port: port.clone(),
                model: name,
                checkpoint: None,
            });
        }
        Assignment {
            task: self.task(who),
            attempt: Attempt(0),
            component: component.to_owned(),
            component_version: 1,
            stage: self.stage,
            cast: self.cast.clone(),
            step_cast: self.cast.clone(),
            parameters: self.parameters_for(who),
            inputs,
            models,
            outputs: vec![],
            model_version: MODEL_VERSION.to_owned(),
            offer: String::new(),
            partitions: 2,
            deadline: None,
            limits: self.limits,
            keeps: None,
            because: None,
        }
    }

    /// Plays every role that the component has, at the same time. When one part fails the others are stopped, as the
    /// coordinator would.
    pub async fn run<C: Component>(&self) -> RunRecord {
        let component: &'static Plugin<C> = &Plugin::NEW;
        let description = component.description();
        let cancel = CancellationToken::new();
        let players: Vec<Participant> = self
            .cast
            .participants()
            .filter(|who| description.roles.contains(&who.role))
            .collect();
        let post = MessageLog::new(&players, self.faults, cancel.clone());
        let questions = Arc::new(Questions::default());
        let requests = Arc::new(Requests {
            last: self.faults.cancel_at_request,
            cancel: cancel.clone(),
            ..Requests::default()
        });
        let (mut parts, mut spoken) = (Vec::new(), BTreeMap::new());
        for who in players {
            let mut memory = Memory {
                requests: requests.clone(),
                ..Memory::default()
            };
            let assignment = self.assignment(&who, description.name, &mut memory);
            let plan = component.plan(who.role, &assignment.parameters);
            let lines = plan.as_ref().map(|plan| plan.spoken(assignment.stage));
            spoken.insert(who.clone(), lines.unwrap_or_default());
            let memory = Arc::new(memory);
            let task = TaskContext::new(
                assignment,
                description,
                Arc::new(LoggedTransport(post.clone())),
                memory.clone(),
                cancel.clone(),
            );
            let task = task
                .seeded(self.seed)
                .asking(questions.stop(&cancel, self.faults.cancel_at_question));
            let stop = cancel.clone();
            let work = tokio::spawn(async move {
                let result = match plan {
                    Ok(plan) => plan.run(&task).await,
                    Err(fault) => Err(fault.into()),
                };
                // One role that fails stops the others, which would wait for it.
                if result.is_err() {
                    stop.cancel();
                }
                (result, task.usage())
            });
            parts.push((who, memory, work));
        }
        let mut played = BTreeMap::new();
        for (who, memory, work) in parts {
            let lost = || {
                ComponentError::Fault(Box::new(Fault::new(
                    ErrorCode::ComponentPanicked,
                    "the role panicked",
                )))
            };
            let (result, usage) = work
                .await
                .unwrap_or_else(|_| (Err(lost()), Usage::default()));
            if result.is_err() {
                cancel.cancel();
            }
            played.insert(who, part(&memory, result, usage));
        }
        let envelopes = post.envelopes();
        were_announced(&envelopes, &spoken);
        let count = |number: &AtomicUsize| number.load(Ordering::SeqCst);
        RunRecord {
            parts: played,
            envelopes,
            questions: count(&questions.all),
            late_questions: count(&questions.late),
            requests: count(&requests.all),
        }
    }
}

/// Every message is one of those of which its sender said that it might send them.
fn were_announced(envelopes: &[RecordedMessage], spoken: &BTreeMap<Participant, Vec<MessageLine>>) {
    for envelope in envelopes {
        // The party was asked before the job started whether the others may leave, and not whether this one may.
        let announced = spoken
            .get(&envelope.from)
            .is_some_and(|lines| lines.iter().any(|line| line.name == envelope.message));
        assert!(
            announced,
            "{} sent {}, which it said it would not",
            envelope.from, envelope.message
        );
    }
}

fn part(memory: &Memory, result: Result<()>, usage: Usage) -> Part {
    let mut left = memory.left();
    let left = std::mem::take(&mut *left);
    let mut part = Part {
        result,
        outputs: left.outputs,
        model: left.model,
        checkpoints: left.checkpoints,
        metrics: vec![],
        tells: BTreeSet::new(),
        told: vec![],
        over: BTreeSet::new(),
        summary: None,
        model_view: None,
        log: left.log,
        imports: left.imports,
        exports: left.exports,
        copies: left.copies,
        model_copies: left.model_copies,
        observed: left.observed,
        usage,
    };
    let json = |text: &str| serde_json::from_str(text).ok();
    for (report, about) in left.reports {
        let says_of_data = matches!(
            report,
            ReportBody::Metrics(_) | ReportBody::Summary(_) | ReportBody::ModelView(_)
        );
        assert!(
            !says_of_data || !about.tells.is_empty(),
            "a report does not say what it gives away: {report:?}"
        );
        let text = serde_json::to_string(&report).unwrap_or_else(|error| panic!("{error}"));
        part.told.push((text, about.tells));
        part.tells.extend(about.tells);
        part.over.extend(about.rows);
        match report {
            ReportBody::Metrics(metrics) => part.metrics.extend(metrics),
            ReportBody::Summary(text) => part.summary = json(&text),
            ReportBody::ModelView(text) => part.model_view = json(&text),
            ReportBody::Started
            | ReportBody::Progress(_)
            | ReportBody::Output(_)
            | ReportBody::Model(_)
            | ReportBody::Ended { .. } => {}
        }
    }
    part
}

impl RunRecord {
    /// The part of a participant.
    pub fn part(&self, who: &Participant) -> &Part {
        self.parts
            .get(who)
            .unwrap_or_else(|| panic!("{who} took no part"))
    }

    /// Fails the test unless every part ended well.
    #[must_use]
    pub fn all_succeeded(self) -> Self {
        for (who, part) in &self.parts {
            if let Err(error) = &part.result
                && !matches!(error, ComponentError::Canceled)
            {
                panic!("{who} failed: {error}");
            }
        }
        for (who, part) in &self.parts {
            assert!(part.result.is_ok(), "{who} was stopped");
        }
        self
    }

    /// The fault of the first part that failed by itself.
    pub fn fault(&self) -> Option<Fault> {
        self.parts.values().find_map(|part| match &part.result {
            Err(ComponentError::Fault(fault)) => Some((**fault).clone()),
            _ => None,
        })
    }
}

impl Part {
    /// The first data output.
    pub fn output(&self) -> &Table {
        self.outputs
            .get(&0)
            .unwrap_or_else(|| panic!("there is no output"))
    }
}
