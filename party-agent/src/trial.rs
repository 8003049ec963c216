//! What the tests of this crate share: a federation's certificates, an agent's state in a temporary folder, a scripted component.

use std::path::Path;
use std::sync::{Arc, Mutex};

use component_kit::{
    AnyComponent, Check, Component, Message, Plugin, Problems, Result, TaskContext,
};
use pki::{Authority, Identity, IssueOptions, Kind, Profile};
use policy::{Policy, Rules};
use records::Records;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tables::{Column, ColumnKind, Part, Schema, Table, TableKind, TableStore, Values};
use vocabulary::{
    Assignment, Attempt, Cast, DataInput, Disclosure, JobId, Offer, OfferedInput, OfferedStep,
    Participant, PartyId, Role, Stage, StepName, SystemClock, TableRef, TaskId, Tells, Timestamp,
};

use crate::account::{Accounts, open_chain};
use crate::agent_state::{AgentState, Catalogue};
use crate::files::Files;
use crate::joblog::JobLogs;
use crate::staging::Staging;

/// A policy that allows everything, as a local federation has it.
pub(crate) const OPEN: &str = "[admission]\ninitiators = ['*']\npeers = ['*']\ncomponents = ['*']\ntables = ['*']\n\
    models = ['*']\nwithout_ticket = ['*']\noffer_days = 'any'\nattempts = 'any'\n\
    [release]\ndisclosures = ['masked']\n\
    [disclosure]\nsummaries = true\nmodel_views = true\ntable_headers = true\nrows_through_coordinator = true\n\
    logs_through_coordinator = true\nmodels_through_coordinator = true\n\
    fewest_rows = 1\nqueries_per_day = 'any'\n[labels]\nwhen_broken = 'warn'\n\
    [features]\nfewest_columns = 1\n[intersection]\nfewest_ids = 1\nfewest_common = 1\n\
    [limits]\njobs_per_day = 'any'\ntrainings_per_day = 'any'\n";

pub(crate) fn party(id: &str) -> PartyId {
    PartyId::new(id).unwrap()
}

pub(crate) fn job() -> JobId {
    JobId::new("20260101120000000000").unwrap()
}

/// The certificates of a federation.
pub(crate) struct Certificates {
    pub(crate) folder: tempfile::TempDir,
    authority: Mutex<Authority>,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority =
            Authority::init(&folder.path().join("root"), "trial", &Profile::default()).unwrap();
        Self {
            folder,
            authority: Mutex::new(authority),
        }
    }

    /// The folder of an identity, issued when it is asked for.
    pub(crate) fn issue(&self, id: &str, kind: Kind) -> std::path::PathBuf {
        let folder = self.folder.path().join(format!("{kind}-{id}"));
        if !folder.exists() {
            self.authority
                .lock()
                .unwrap()
                .issue(&party(id), kind, &folder, &IssueOptions::default())
                .unwrap();
        }
        folder
    }

    pub(crate) fn identity(&self, id: &str, kind: Kind) -> Identity {
        Identity::load(&self.issue(id, kind)).unwrap()
    }
}

/// The agent state of a party in a folder, under a policy.
pub(crate) async fn agent_state(folder: &Path, me: &str, policy: &str) -> Arc<AgentState> {
    agent_state_with(folder, me, policy, SCRIPTED).await
}

/// The same with other components.
pub(crate) async fn agent_state_with(
    folder: &Path,
    me: &str,
    policy: &str,
    catalogue: Catalogue,
) -> Arc<AgentState> {
    let rules: Rules = toml::from_str(policy).unwrap();
    let records = Records::open(&folder.join("records.db")).await.unwrap();
    let chain = open_chain(&records, &folder.join("audit"), Arc::new(SystemClock))
        .await
        .unwrap();
    for name in ["staging", "in"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    Arc::new(AgentState {
        me: party(me),
        records,
        chain,
        accounts: Accounts::default(),
        table_store: TableStore::open(folder.join("shelf")).unwrap(),
        rules: std::sync::RwLock::new(Arc::new(Policy::new(party(me), rules))),
        clock: Arc::new(SystemClock),
        catalogue,
        staging: Staging::new(folder.join("staging"), 1 << 20),
        files: Files::open(folder.join("files"), 1 << 20).unwrap(),
        logs: JobLogs::new(folder.join("logs")),
        import_roots: vec![folder.join("in")],
        export_root: folder.join("exports"),
        rest: std::sync::OnceLock::new(),
        unread: std::sync::Mutex::default(),
        changes: tokio::sync::watch::Sender::new(0),
        stubs: crate::stubs::Stubs::default(),
    })
}

/// Everything in a party's audit chain.
pub(crate) fn chain(agent_state: &AgentState) -> Vec<audit::AuditRecord> {
    audit::read_all(agent_state.chain.folder()).unwrap()
}

/// A raw table of some rows.
pub(crate) fn table(rows: usize) -> Table {
    let schema = Schema::new(
        TableKind::Raw,
        "id",
        vec![Column::new("x0", ColumnKind::Text, Part::Feature)],
    );
    let schema = Schema {
        header: true,
        ..schema
    };
    let ids = (0..rows).map(|row| row.to_string()).collect();
    Table::from_columns(
        schema,
        ids,
        vec![Values::of_texts((0..rows).map(|row| format!("v{row}")))],
    )
    .unwrap()
}

/// Guest 1 starts a job with host 2; both run `scripted` with the same parameters.
pub(crate) fn offer(parameters: &Value) -> Offer {
    let cast = Cast {
        guest: vec![party("1")],
        host: vec![party("2")],
        ..Cast::default()
    };
    let step = OfferedStep {
        step: StepName::new("scripted_0").unwrap(),
        component: "scripted".to_owned(),
        version: 1,
        stage: Stage::Fit,
        roles: vec![Role::Guest, Role::Host],
        participants: cast.participants().collect(),
        parameters: cast
            .participants()
            .map(|who| (who, parameters.to_string()))
            .collect(),
        tables: cast
            .participants()
            .map(|who| (who, TableRef::new("experiment", "offered")))
            .collect(),
        inputs: cast.participants().map(offered_input).collect(),
        models: vec![],
        inherited: None,
    };
    let reader = OfferedStep {
        step: StepName::new("reader_0").unwrap(),
        tables: vec![],
        inputs: vec![],
        ..step.clone()
    };
    let initiator = Participant::new(Role::Guest, party("1"));
    let steps = vec![step, reader];
    // In the year 2096.
    let expires = Some(Timestamp(4_000_000_000_000_000));
    Offer {
        job: job(),
        initiator,
        cast,
        steps,
        created: Timestamp(1),
        expires,
        attempts: Some(100),
        keeps: None,
    }
}

/// The output of `reader_0` at the port `data`.
fn offered_input(who: Participant) -> OfferedInput {
    let made_by = StepName::new("reader_0").unwrap();
    OfferedInput {
        who,
        port: "data".to_owned(),
        from_step: made_by.clone(),
        made_by,
        index: 0,
        of_job: None,
    }
}

/// The same at one participant, as the first attempt left it.
pub(crate) fn input(role: Role, id: &str) -> DataInput {
    let from_step = StepName::new("reader_0").unwrap();
    let maker = TaskId {
        job: job(),
        step: from_step.clone(),
        role,
        party: party(id),
    };
    DataInput {
        port: "data".to_owned(),
        from_step,
        table: TableRef::output(&maker, Attempt(0), 0),
    }
}

/// Notes that the step before an order's has made its input, under the same offer.
pub(crate) async fn input_was_made(agent_state: &AgentState, order: &Assignment) {
    let task = TaskId {
        step: StepName::new("reader_0").unwrap(),
        ..order.task.clone()
    };
    let done = Assignment {
        task,
        attempt: Attempt(0),
        inputs: vec![],
        ..order.clone()
    };
    let (records, now) = (&agent_state.records, agent_state.now());
    records.begin_attempt(&done, now).await.unwrap();
    records
        .end_attempt(
            &done.task,
            done.attempt,
            records::AttemptState::Succeeded,
            now,
        )
        .await
        .unwrap();
}

/// The order that fits the offer.
pub(crate) fn assignment(role: Role, id: &str, attempt: u32, parameters: &Value) -> Assignment {
    let offer = offer(parameters);
    Assignment {
        task: TaskId {
            job: job(),
            step: StepName::new("scripted_0").unwrap(),
            role,
            party: party(id),
        },
        attempt: Attempt(attempt),
        component: "scripted".to_owned(),
        component_version: 1,
        stage: Stage::Fit,
        cast: offer.cast.clone(),
        step_cast: offer.cast.clone(),
        parameters: parameters.clone(),
        inputs: vec![input(role, id)],
        models: vec![],
        outputs: vec!["data".to_owned()],
        model_version: job().to_string(),
        offer: offer.fingerprint().unwrap(),
        partitions: 2,
        deadline: None,
        limits: vocabulary::Limits::default(),
        keeps: None,
        because: None,
    }
}

pub(crate) fn script(what: &str) -> Value {
    json!({"script": what})
}

/// The scripted component.
pub(crate) static SCRIPTED: Catalogue = &[&Plugin::<Scripted>::NEW as &dyn AnyComponent];

pub(crate) struct Scripted;

/// What the scripted component is to do.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    /// `talk`, `wait`, `deaf`, `panic`, `leave`, `read`.
    script: String,
}

impl Check for Script {
    fn check(&self, problems: &mut Problems) {
        problems.one_of(
            "script",
            &self.script,
            &["talk", "wait", "deaf", "panic", "leave", "read"],
        );
    }
}

const NUMBERS: Message<Vec<u64>> =
    Message::new("numbers", Role::Host, &[Role::Guest], Disclosure::Masked);

impl Component for Scripted {
    type Params = Script;

    const DESCRIPTION: component_kit::Description =
        component_kit::Description::named("scripted", "does what its script says")
            .modules(&["Scripted"])
            .roles(&[Role::Guest, Role::Host])
            .messages(&[NUMBERS.line()]);

    async fn run(task: &TaskContext, params: Script) -> Result<()> {
        match (params.script.as_str(), task.role()) {
            ("talk", Role::Host) => task.guest()?.send(&NUMBERS, &vec![1, 2, 3]).await,
            ("talk" | "wait", Role::Guest) => {
                let numbers = task.hosts().receive_all(&NUMBERS).await?;
                task.info(format!("received {} messages", numbers.len()));
                Ok(())
            }
            ("deaf", _) => std::future::pending().await,
            ("panic", _) => panic!("as the script says"),
            ("leave", _) => {
                task.progress(0.5, "half");
                task.metrics(&[Tells::Joint]).loss(0, 0.7, "epoch");
                task.metrics(&[Tells::Joint]).summary(&json!({"best": 1}));
                task.save_model(&vec![1.0]).await?;
                task.output(0, &table(3)).await
            }
            ("read", _) => task
                .stored_table(&TableRef::new("experiment", "offered"))
                .await
                .map(|_| ()),
            _ => Ok(()),
        }
    }
}
