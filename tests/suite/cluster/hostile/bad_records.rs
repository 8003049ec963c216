//! Records that cannot be read or will not be taken: figures that are no numbers, rows that a disk spoiled, entries of a file
//! that are wrong. Each is set aside and told; the daemons, the queues and other jobs go on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::toy as toy_documents;
use fedflow_tests::hostile::{
    ALL_MINE, Agent, Coordinator, Federation, Peer, guest, host, party, spoil, until,
};
use fedflow_tests::rest::RestClient;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use vocabulary::report::ReportBody;
use vocabulary::{Attempt, ErrorCode, Fault, Metric, MetricData, Outcome, Report, TaskId};
use wire::agent_link::Reply;

use super::super::program;
use super::{toy, two};

const STEP: &str = "secure_add_example_0";

/// What a daemon says of its health.
async fn health(rest: &RestClient) -> Value {
    let (status, body) = rest
        .send(Method::GET, "/v1/fedflow/health", "application/json", "")
        .await
        .expect("health is answered");
    let said: Value = serde_json::from_slice(&body).expect("JSON");
    // An agent that has just started is not ready before it has reached the coordinator, and says so.
    let reached = said["data"]["coordinator"]
        .get("connected")
        .is_none_or(|connected| connected == true);
    assert_eq!(status, if reached { 200 } else { 503 }, "{said}");
    said["data"].clone()
}

/// Waits until this many rows of each kind are set aside.
async fn set_aside(rest: &RestClient, wanted: Value) {
    let mut last = Value::Null;
    for _ in 0..100 {
        last = health(rest).await["set_aside"].clone();
        if last == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("set aside: {last} instead of {wanted}");
}

async fn spoil_all(file: &Path, statements: &[&str]) {
    for statement in statements {
        let rows = spoil(file, statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert!(rows > 0, "{statement} changes nothing");
    }
}

/// Two real agents and a real coordinator, with the toy's documents.
async fn real(
    federation: &Federation,
) -> (fedflow_tests::hostile::CoordinatorDaemon, Agent, Agent) {
    let daemon = federation.coordinator("");
    let (bank, clinic) = (
        federation.agent("9999", ALL_MINE),
        federation.agent("10000", ALL_MINE),
    );
    until("the agents to be linked", || {
        (bank.is_linked() && clinic.is_linked()).then_some(())
    })
    .await;
    (daemon, bank, clinic)
}

async fn toy_runs(rest: &RestClient) {
    let (dsl, conf) = toy_documents();
    let job = rest.submitted(&dsl, &conf).await;
    rest.succeeded(&job).await;
}

// --- figures that are no numbers ------------------------------------------------------------------------------------------

/// The case: the evaluation of a constant label, whose share of explained variance is not defined.
#[tokio::test]
async fn an_undefined_figure_neither_stops_the_party_nor_its_next_start() {
    let mut cluster = Cluster::up(&program(), "9999,10000");
    let party = cluster.party("9999");
    let put = party
        .send(
            Method::PUT,
            "/v1/fedflow/files/bugs/input.csv",
            "text/plain",
            "5,1\n5,2\n5,3\n",
        )
        .await;
    assert!(put.expect("put").0 < 300);
    let rest = cluster.rest.clone();
    let template = made(
        &rest,
        "templates",
        "template",
        json!({"worker_nodes_num": 1, "worker_flavor_id": "2"}),
    )
    .await;
    let experiment = made(
        &rest,
        "experiments",
        "experiment",
        json!({"template_id": template}),
    )
    .await;
    assert_eq!(
        settled(&rest, "experiments", "experiment", &experiment).await["status"],
        "available"
    );
    let source = json!({"method": "download", "source_dataset_url": "swift://bugs/input.csv", "experiment_id": experiment});
    let dataset = made(&rest, "datasets", "dataset", source).await;
    assert_eq!(
        settled(&rest, "datasets", "dataset", &dataset).await["status"],
        "available"
    );
    let source = format!("internal://{dataset}");
    let fields = json!({"model_type": "LinearRegression", "source_dataset_url": source, "experiment_id": experiment});
    let model = made(&rest, "models", "model", fields).await;
    assert_eq!(
        settled(&rest, "models", "model", &model).await["status"],
        "available"
    );
    let fields = json!({"model_id": model, "source_dataset_url": source});
    let evaluation = made(&rest, "model_evaluations", "model_evaluation", fields).await;
    let shown = settled(&rest, "model_evaluations", "model_evaluation", &evaluation).await;
    assert_eq!(shown["status"], "available", "{shown}");
    cluster.rest.load("9999", "after", "id,x\n1,1\n2,2\n").await;
    cluster.restart();
    cluster
        .rest
        .load("9999", "afterwards", "id,x\n1,1\n2,2\n")
        .await;
    set_aside(&cluster.party("9999"), json!({})).await;
    cluster.end();
}

async fn made(rest: &RestClient, collection: &str, singular: &str, fields: Value) -> String {
    let body = json!({singular: fields}).to_string();
    let (status, reply) = rest
        .send(
            Method::POST,
            &format!("/v1/p/{collection}"),
            "application/json",
            body,
        )
        .await
        .expect("an answer");
    assert!(
        status < 300,
        "{collection}: {status} {}",
        String::from_utf8_lossy(&reply)
    );
    let reply: Value = serde_json::from_slice(&reply).expect("JSON");
    reply[singular]["id"].as_str().expect("an id").to_owned()
}

async fn settled(rest: &RestClient, collection: &str, singular: &str, id: &str) -> Value {
    for _ in 0..600 {
        let target = format!("/v1/p/{collection}/{id}");
        let (_, reply) = rest
            .send(Method::GET, &target, "application/json", "")
            .await
            .expect("an answer");
        let view = serde_json::from_slice::<Value>(&reply).expect("JSON")[singular].clone();
        if !view["status"].as_str().expect("a status").ends_with("ing") {
            return view;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{collection} {id} is still under way");
}

/// A call as this version's types cannot say it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OddCall {
    Reports(Vec<OddReport>),
}

#[derive(Serialize)]
struct OddReport {
    task: TaskId,
    attempt: Attempt,
    body: OddBody,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OddBody {
    Metrics(Vec<Metric<f64>>),
    Progress { fraction: f64, text: String },
    Summary(Vec<u8>),
}

fn odd(task: &TaskId, body: OddBody) -> OddCall {
    OddCall::Reports(vec![OddReport {
        task: task.clone(),
        attempt: Attempt(0),
        body,
    }])
}

fn metrics(figure: f64) -> OddBody {
    let data = MetricData::Points(vec![(0.0, figure)]);
    let metric = Metric {
        namespace: "train".to_owned(),
        name: "loss".to_owned(),
        data,
        meta: serde_json::Map::new(),
    };
    OddBody::Metrics(vec![metric])
}

#[tokio::test]
async fn a_hostile_agents_odd_figures_end_their_call_and_nothing_else() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let bank = federation.agent("9999", ALL_MINE);
    let clinic = Peer::new(&federation, "10000");
    clinic.join(&federation).await.expect("let in");
    until("the agent to be linked", || bank.is_linked().then_some(())).await;
    let (dsl, conf) = toy_documents();
    let job = bank.rest().submitted(&dsl, &conf).await;
    let task = clinic.ordered(STEP).await.task;
    // The same call with a number is taken, so that what is refused is the figure.
    assert_eq!(
        clinic
            .odd_call(&odd(&task, metrics(0.5)))
            .await
            .expect("a reply"),
        Reply::Done
    );
    for (what, body) in [
        ("not a number", metrics(f64::NAN)),
        ("infinite", metrics(f64::NEG_INFINITY)),
        (
            "a fraction",
            OddBody::Progress {
                fraction: f64::NAN,
                text: String::new(),
            },
        ),
        ("bytes", OddBody::Summary(vec![0xff, 0])),
    ] {
        let reply = clinic.odd_call(&odd(&task, body)).await.expect(what);
        assert!(
            matches!(&reply, Reply::Failed(fault) if fault.code == ErrorCode::FrameInvalid),
            "{what}: {reply:?}"
        );
    }
    assert!(clinic.is_linked());
    let of = json!({"job_id": job, "component_name": STEP, "role": "host", "party_id": 10000});
    let shown = daemon
        .rest()
        .data("/v1/tracking/component/metric/all", &of)
        .await;
    assert_eq!(shown["train"]["loss"]["data"], json!([[0, 0.5]]), "{shown}");
    let fault = Fault::new(ErrorCode::Internal, "enough");
    let body = ReportBody::Ended {
        outcome: Outcome::Failed(fault),
        usage: vocabulary::Usage::default(),
    };
    assert_eq!(clinic.report(&task, 0, body).await, Reply::Done);
    assert_eq!(daemon.rest().ended(&job).await["f_status"], "failed");
    daemon
        .rest()
        .load("9999", "after", "id,x\n1,1\n2,2\n")
        .await;
    assert_eq!(health(&daemon.rest()).await["set_aside"], json!({}));
    assert!(daemon.lives() && bank.lives());
}

// --- reports that are refused ---------------------------------------------------------------------------------------------

/// What a hostile coordinator took, and what it refuses.
#[derive(Clone, Default)]
struct RecordingCoordinator(Arc<Mutex<(Vec<Report>, Option<ErrorCode>)>>);

impl RecordingCoordinator {
    fn refuse(&self, code: Option<ErrorCode>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = code;
    }

    /// Refuses whatever comes together with a metric.
    fn judge(&self, reports: &[Report]) -> Reply {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_metric = reports
            .iter()
            .any(|report| matches!(report.body, ReportBody::Metrics(_)));
        if let (Some(code), true) = (taken.1, has_metric) {
            return Reply::Failed(Fault::new(code, "I do not like it"));
        }
        taken.0.extend(reports.iter().cloned());
        Reply::Done
    }

    fn end_of(&self, task: &TaskId) -> Option<Outcome> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.0.iter().find_map(|report| match &report.body {
            ReportBody::Ended { outcome, .. } if report.task == *task => Some(outcome.clone()),
            _ => None,
        })
    }
}

#[tokio::test]
async fn a_report_that_the_coordinator_never_takes_fails_its_task_and_holds_up_no_other() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (mut bank, clinic) = two(&federation, &coordinator).await;
    let taken = RecordingCoordinator::default();
    let judge = taken.clone();
    coordinator.on_reports(move |_, reports| judge.judge(reports));
    let ended = |task: TaskId| {
        let taken = taken.clone();
        async move { until("the end of a task", || taken.end_of(&task)).await }
    };
    let start = async |job: &fedflow_tests::hostile::Job| {
        coordinator.agree(job).await.expect("agreed");
        for who in [guest("9999"), host("10000")] {
            let order = job.assignment(STEP, &who, 0);
            coordinator
                .assign(who.party.as_str(), order)
                .await
                .expect("taken");
        }
    };

    taken.refuse(Some(ErrorCode::FrameInvalid));
    let job = toy(&coordinator);
    start(&job).await;
    let Outcome::Failed(fault) = ended(job.task(STEP, &guest("9999"))).await else {
        panic!("the guest tells a metric")
    };
    assert!(
        fault.code == ErrorCode::RecordUnreadable && fault.party == Some(party("9999")),
        "{fault}"
    );
    assert_eq!(
        ended(job.task(STEP, &host("10000"))).await,
        Outcome::Succeeded
    );
    set_aside(&bank.rest(), json!({"report": 1})).await;
    assert!(bank.log().contains("FF902"), "{}", bank.log());

    // The attack that remains: a coordinator that says it has no space is waited for; it harms its own jobs alone.
    taken.refuse(Some(ErrorCode::StorageFull));
    let waiting = toy(&coordinator);
    start(&waiting).await;
    ended(waiting.task(STEP, &host("10000"))).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(taken.end_of(&waiting.task(STEP, &guest("9999"))), None);
    bank.restart();
    coordinator.joined(&["9999"]).await;
    taken.refuse(None);
    assert_eq!(
        ended(waiting.task(STEP, &guest("9999"))).await,
        Outcome::Succeeded,
        "it was kept over a restart"
    );
    let job = toy(&coordinator);
    start(&job).await;
    assert_eq!(
        ended(job.task(STEP, &guest("9999"))).await,
        Outcome::Succeeded
    );
    set_aside(&bank.rest(), json!({"report": 1})).await;
    assert!(bank.lives() && clinic.lives());
}

// --- files that were spoiled ----------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_agent_starts_over_records_that_cannot_be_read() {
    let federation = Federation::new(&program());
    let (daemon, mut bank, clinic) = real(&federation).await;
    daemon.rest().load("9999", "kept", "id,x\n1,1\n2,2\n").await;
    daemon
        .rest()
        .load("9999", "broken", "id,x\n1,1\n2,2\n")
        .await;
    toy_runs(&daemon.rest()).await;
    bank.stop();
    let records = bank.data().join("records.db");
    spoil_all(
        &records,
        &[
            "INSERT INTO outbox (report) VALUES ('{\"task\": null}')",
            "INSERT INTO outbox (report) VALUES (X'ff00')",
            "UPDATE attempts SET state = 'running', assignment = '{' WHERE step = 'secure_add_example_0'",
            "INSERT INTO permissions VALUES ('10000', 'king', 'component', '', '*', 0)",
            "INSERT INTO connectors VALUES ('torn', 'MYSQL', '{')",
            "INSERT INTO services VALUES ('torn', '[]', 0)",
            "INSERT INTO serving_loads VALUES ('m', '1', 'guest', '', 0)",
            "INSERT INTO pinned_keys VALUES ('', 'x', 0)",
            "INSERT INTO pinned_keys VALUES ('4711', 'no key', 0)",
        ],
    )
    .await;
    spoil_table(&bank.data().join("shelf"), "broken");
    bank.start();
    until("the agent to be linked", || bank.is_linked().then_some(())).await;
    set_aside(
        &bank.rest(),
        json!({"attempt": 1, "pinned key": 1, "report": 2}),
    )
    .await;
    toy_runs(&daemon.rest()).await;
    // The rest is met when somebody asks for it, and each is told on its own.
    let grants = bank
        .rest()
        .post(
            "/v1/permission/query/privilege",
            &json!({"src_party_id": 10000, "src_role": "host"}),
        )
        .await;
    assert_eq!(grants["retcode"], 0, "{grants}");
    let shown = bank
        .rest()
        .post(
            "/v1/table/preview",
            &json!({"namespace": "experiment", "table_name": "kept"}),
        )
        .await;
    assert_eq!(shown["retcode"], 0, "{shown}");
    let broken = bank
        .rest()
        .post(
            "/v1/table/preview",
            &json!({"namespace": "experiment", "table_name": "broken"}),
        )
        .await;
    assert_ne!(broken["retcode"], 0, "{broken}");
    set_aside(
        &bank.rest(),
        json!({"attempt": 1, "permission": 1, "pinned key": 1, "report": 2}),
    )
    .await;
    // It stays set aside, and is not told twice.
    bank.restart();
    until("the agent to be linked", || bank.is_linked().then_some(())).await;
    set_aside(
        &bank.rest(),
        json!({"attempt": 1, "permission": 1, "pinned key": 1, "report": 2}),
    )
    .await;
    assert!(bank.lives() && clinic.lives() && daemon.lives());
}

/// Writes nonsense into every file of a table.
fn spoil_table(folder: &Path, name: &str) {
    let mut spoilt = 0;
    let mut folders = vec![(folder.to_owned(), false)];
    while let Some((folder, within)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            let here = within || entry.file_name().to_string_lossy().contains(name);
            if entry.path().is_dir() {
                folders.push((entry.path(), here));
            } else if here {
                std::fs::write(entry.path(), [0xff, 0]).expect("written");
                spoilt += 1;
            }
        }
    }
    assert!(spoilt > 0, "no file of {name} below {}", folder.display());
}

#[tokio::test]
async fn a_coordinator_starts_over_rows_that_cannot_be_read() {
    let federation = Federation::new(&program());
    let (mut daemon, bank, clinic) = real(&federation).await;
    let (dsl, conf) = toy_documents();
    let mut jobs = BTreeSet::new();
    for _ in 0..2 {
        let job = daemon.rest().submitted(&dsl, &conf).await;
        daemon.rest().succeeded(&job).await;
        jobs.insert(job);
    }
    let (bad, good) = (
        jobs.pop_first().expect("two"),
        jobs.pop_first().expect("two"),
    );
    daemon.stop();
    let file = daemon.home().join("data/coordinator.db");
    spoil_all(
        &file,
        &[
            &format!("UPDATE jobs SET body = '{{', settled = 0, due = 0 WHERE id = '{bad}'"),
            &format!("UPDATE jobs SET settled = 0, due = 0 WHERE id = '{good}'"),
            &format!("UPDATE tasks SET body = X'ff00' WHERE job_id = '{good}' AND role = 'host'"),
            "UPDATE parties SET components = 'none' WHERE party = '10000'",
            "INSERT INTO outbox VALUES ('fetch/1/9999', '1', '9999', 'null', 0, 0, 0, NULL)",
            "UPDATE experiments SET body = ''",
        ],
    )
    .await;
    daemon.start_again();
    until("the agents to be linked", || {
        (bank.is_linked() && clinic.is_linked()).then_some(())
    })
    .await;
    toy_runs(&daemon.rest()).await;
    let listed = daemon
        .rest()
        .data("/v1/job/list/job", &json!({"limit": 0}))
        .await
        .to_string();
    assert!(listed.contains(&good) && !listed.contains(&bad), "{listed}");
    let aside = health(&daemon.rest()).await["set_aside"].clone();
    for kind in ["experiment", "job", "order", "party", "task"] {
        assert!(
            aside[kind].as_u64().is_some_and(|rows| rows > 0),
            "{kind}: {aside}"
        );
    }
    assert!(daemon.log().contains("FF902"), "{}", daemon.log());
    // The task whose row was spoilt shows why.
    let of = json!({"job_id": good, "role": "host", "party_id": 10000});
    let tasks = daemon.rest().data("/v1/job/task/query", &of).await;
    assert!(tasks.to_string().contains("FF902"), "{tasks}");
    assert!(daemon.lives() && bank.lives() && clinic.lives());
}

// --- a file of clients and tokens -----------------------------------------------------------------------------------------

#[tokio::test]
async fn a_wrong_entry_keeps_no_credential_from_being_taken_away() {
    let federation = Federation::new(&program());
    let _daemon = federation.coordinator("");
    let clinic = federation
        .party("10000")
        .policy(ALL_MINE)
        .settings("[access]\nfile = \"access.toml\"");
    let home = federation.folder().join("party-10000");
    let tokens: Vec<(String, String)> = ["leaves", "stays"]
        .map(|name| token(&federation, name))
        .into();
    let text = |names: &[usize]| {
        names
            .iter()
            .map(|at| tokens[*at].1.as_str())
            .collect::<String>()
    };
    let clinic = clinic.start_with("access.toml", &text(&[0, 1]));
    let (leaves, stays) = (
        clinic.rest().with_token(&tokens[0].0),
        clinic.rest().with_token(&tokens[1].0),
    );
    assert_eq!(health(&leaves).await["access"]["refused"], json!([]));
    let wrong = "[[tokens]]\nname = 'torn'\nsha256 = 'ab'\nexpires = '2099-01-01'\n";
    std::fs::write(home.join("access.toml"), format!("{wrong}{}", text(&[1]))).expect("written");
    let mut status = 0;
    for _ in 0..150 {
        // 200 or 503, as the agent has reached the coordinator or not, for whoever comes in
        status = leaves
            .send(
                Method::GET,
                "/v1/fedflow/health",
                "application/json",
                Bytes::new(),
            )
            .await
            .expect("answered")
            .0;
        if status == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(status, 401, "who was taken out still comes in");
    assert_eq!(
        health(&stays).await["access"],
        json!({"refused": ["token torn"], "file_unreadable": false})
    );
    assert!(clinic.log().contains("token torn"), "{}", clinic.log());
    assert!(clinic.lives());
}

/// A token and its entry.
fn token(federation: &Federation, name: &str) -> (String, String) {
    let printed = federation.program().says(&[
        "tokens", "new", "--party", "10000", "--name", name, "--json",
    ]);
    let said: Value =
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let sha256 = said["sha256"].as_str().expect("a hash");
    let entry = format!(
        "[[tokens]]\nname = '{name}'\nsha256 = '{sha256}'\nparty = '10000'\nexpires = '2099-01-01'\n"
    );
    (said["token"].as_str().expect("a token").to_owned(), entry)
}
