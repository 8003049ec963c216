//! The REST endpoint, asked by the party's own users and by outsiders, with a coordinator that only writes down what reaches it.

use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use futures_util::TryStreamExt;
use rest::BodyStream;
use rest::proxy::stream_of;
use rest::targz::{Member, pack};
use serde_json::json;
use tower::ServiceExt;
use vocabulary::{Attempt, ErrorCode, Role, TableRef};
use wire::agent_link::{HttpReplyHead, LARGEST_UPLOAD, UploadCall};

use super::*;
use crate::serving::ServingSettings;
use crate::trial::{OPEN, agent_state, assignment, job, script, table};

/// Answers as told, and remembers what came.
#[derive(Default)]
struct Coordinator {
    asked: Mutex<Vec<(HttpHead, Vec<u8>)>>,
    answers: Mutex<Vec<(u16, Vec<u8>)>>,
    /// Uploads that came as messages; none come where the coordinator is an earlier one.
    uploads: Mutex<Vec<UploadCall>>,
    knows_uploads: AtomicBool,
}

#[async_trait]
impl Uploads for Coordinator {
    fn are_known(&self) -> bool {
        self.knows_uploads.load(Ordering::Relaxed)
    }

    async fn start(&self, call: UploadCall) -> Result<String, Fault> {
        self.uploads.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop();
        let (_, answer) =
            answer.ok_or_else(|| Fault::new(ErrorCode::PartyOffline, "no link since noon"))?;
        Ok(String::from_utf8(answer).unwrap())
    }
}

#[async_trait]
impl Forward for Coordinator {
    async fn forward(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        let body = collect(body).await;
        self.asked.lock().unwrap().push((head, body));
        let Some((status, answer)) = self.answers.lock().unwrap().pop() else {
            return Err(Fault::new(ErrorCode::PartyOffline, "no link since noon"));
        };
        Ok((
            HttpReplyHead {
                status,
                headers: vec![],
            },
            rest::proxy::whole(answer),
        ))
    }
}

/// Knows the key of party 2, and writes down which keys are demanded.
#[derive(Default)]
struct Keys(Mutex<std::collections::BTreeMap<vocabulary::PartyId, pki::PublicKey>>);

impl KnownKeys for Keys {
    fn certificate_key(&self, party: &vocabulary::PartyId) -> Option<pki::PublicKey> {
        (party.as_str() == "2").then_some([4; 65])
    }

    fn demand(
        &self,
        pins: std::collections::BTreeMap<vocabulary::PartyId, pki::PublicKey>,
    ) -> Result<(), Fault> {
        *self.0.lock().unwrap() = pins;
        Ok(())
    }
}

async fn collect(body: BodyStream) -> Vec<u8> {
    body.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

pub(super) struct Bench {
    folder: tempfile::TempDir,
    pub(super) handler: HandlerState,
    coordinator: Arc<Coordinator>,
}

pub(super) async fn bench(policy: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let coordinator = Arc::new(Coordinator::default());
    let agent_state = agent_state(folder.path(), "1", policy).await;
    let settings = ServingSettings {
        enabled: policy == OPEN,
        ..ServingSettings::default()
    };
    let model_archive = ModelArchive {
        agent_state: agent_state.clone(),
        coordinator: coordinator.clone(),
        store: None,
        folder: folder.path().join("archives"),
    };
    let identity = crate::trial::Certificates::new().identity("1", pki::Kind::Agent);
    let tickets = Tickets::new(agent_state.clone(), Arc::new(move || identity.clone()));
    let handler = HandlerState {
        tickets: tickets.clone(),
        agent_state: agent_state.clone(),
        model_archive: Arc::new(model_archive),
        coordinator: coordinator.clone(),
        uploads: coordinator.clone(),
        serving: Arc::new(Serving::new(
            settings,
            agent_state,
            coordinator.clone(),
            tickets,
        )),
        rest: "http://own.endpoint:9380".to_owned(),
        health: Arc::new(|| json!({"party": "1", "disk": "ok"})),
        keys: Arc::new(Keys::default()),
        side: Side::Own,
        asked_by: None,
    };
    Bench {
        folder,
        handler,
        coordinator,
    }
}

impl Bench {
    async fn send(&self, side: Side, request: Request) -> (u16, Vec<u8>) {
        let response = router(self.handler.on(side))
            .oneshot(request)
            .await
            .unwrap();
        (
            response.status().as_u16(),
            collect(stream_of(response.into_body())).await,
        )
    }

    pub(super) async fn ask(&self, side: Side, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, bytes) = self.send(side, request).await;
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    pub(super) async fn get(&self, side: Side, path: &str) -> (u16, Value) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (status, bytes) = self.send(side, request).await;
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    pub(super) fn answers(&self, status: u16, body: &Value) {
        self.coordinator
            .answers
            .lock()
            .unwrap()
            .push((status, body.to_string().into_bytes()));
    }

    pub(super) fn asked(&self) -> Vec<(HttpHead, Vec<u8>)> {
        self.coordinator.asked.lock().unwrap().clone()
    }

    /// A task of this party that left a table of some rows.
    async fn ran(&self, rows: usize) {
        let order = assignment(Role::Guest, "1", 0, &script("leave"));
        let records = &self.handler.agent_state.records;
        records
            .begin_attempt(&order, self.handler.agent_state.now())
            .await
            .unwrap();
        let output = TableRef::output(&order.task, Attempt(0), 0);
        let stored = self
            .handler
            .agent_state
            .table_store
            .write(&output, &table(rows), 2)
            .unwrap();
        records
            .add_output(&order.task, Attempt(0), 0, &stored.summary(Some("train")))
            .await
            .unwrap();
        self.handler
            .agent_state
            .logs
            .open(&order.task)
            .write(component_kit::LogLevel::Info, "secure_add_guest: success");
    }

    pub(super) async fn told(&self) -> Vec<(String, Option<String>)> {
        let chain = crate::trial::chain(&self.handler.agent_state);
        let told = |record: audit::AuditRecord| match record.entry {
            AuditEntry::Told {
                what, refused_by, ..
            } => Some((what, refused_by)),
            _ => None,
        };
        chain.into_iter().filter_map(told).collect()
    }
}

fn of_task() -> Value {
    json!({"job_id": job(), "component_name": "scripted_0", "role": "guest", "party_id": 1})
}

fn unpacked(archive: &[u8]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.push((entry.path().unwrap().display().to_string(), text));
    }
    files
}

#[path = "rest_api_files_tests.rs"]
mod files;
#[path = "rest_api_model_tests.rs"]
mod models;
#[path = "rest_api_table_tests.rs"]
mod more_tables;
#[path = "rest_api_permission_tests.rs"]
mod permissions;

#[path = "rest_api_upload_tests.rs"]
mod uploads;

const PREVIEW: &str = "/v1/tracking/component/output/data";
const DOWNLOAD: &str = "/v1/tracking/component/output/data/download";

#[tokio::test]
async fn shows_first_rows_to_its_own_users() {
    let bench = bench("").await;
    bench.ran(120).await;
    let (status, reply) = bench.ask(Side::Own, PREVIEW, of_task()).await;
    assert_eq!(
        (status, reply["retcode"].as_i64()),
        (200, Some(0)),
        "{reply}"
    );
    assert_eq!(reply["data"][0].as_array().unwrap().len(), 100);
    assert_eq!(
        reply["meta"],
        json!({"header": [["id", "x0"]], "total": [120], "names": ["train"]})
    );
    let mut flat = of_task();
    flat["flat"] = json!(1);
    let (_, reply) = bench.ask(Side::Own, PREVIEW, flat).await;
    assert_eq!(
        (
            reply["data"][0][0].as_str(),
            reply["meta"]["total"].as_i64()
        ),
        (Some("0"), Some(120))
    );
    assert_eq!(
        bench.told().await[0],
        (
            "first rows of the output of 20260101120000000000/scripted_0 at guest 1".to_owned(),
            None
        )
    );
}

#[tokio::test]
async fn sends_outsiders_to_its_own_endpoint_and_writes_it_down() {
    let bench = bench("").await;
    bench.ran(3).await;
    for (path, status) in [
        (PREVIEW, 200),
        (DOWNLOAD, 403),
        ("/v1/job/log/download", 403),
    ] {
        let (answered, reply) = bench.ask(Side::Outside, path, of_task()).await;
        assert_eq!(
            (answered, reply["retcode"].as_i64()),
            (status, Some(108)),
            "{path}: {reply}"
        );
        assert!(
            reply["retmsg"]
                .as_str()
                .unwrap()
                .contains("http://own.endpoint:9380"),
            "{reply}"
        );
    }
    let rules: Vec<_> = bench
        .told()
        .await
        .into_iter()
        .map(|(_, rule)| rule.unwrap())
        .collect();
    let rows = "disclosure.rows_through_coordinator";
    assert_eq!(rules, [rows, rows, "disclosure.logs_through_coordinator"]);
    let open = self::bench(OPEN).await;
    open.ran(3).await;
    assert_eq!(
        open.ask(Side::Outside, PREVIEW, of_task()).await.1["retcode"],
        0
    );
}

#[tokio::test]
async fn an_outsider_stays_one_whatever_the_request_says() {
    let bench = bench("").await;
    bench.ran(3).await;
    let head = HttpHead {
        method: "POST".into(),
        target: PREVIEW.into(),
        headers: vec![],
        caller: Caller::PartyUser(bench.handler.agent_state.me.clone()),
        ticket: None,
    };
    let rest_api = router(bench.handler.on(Side::Outside));
    let (_, body) =
        rest::proxy::answer_locally(rest_api, head, rest::proxy::whole(of_task().to_string()))
            .await
            .unwrap();
    let reply: Value = serde_json::from_slice(&collect(body).await).unwrap();
    assert_eq!(reply["retcode"], 108);
    let request = Request::builder()
        .uri("/v1/fedflow/audit")
        .body(Body::empty())
        .unwrap();
    let (_, bytes) = bench.send(Side::Outside, request).await;
    assert!(String::from_utf8(bytes).unwrap().contains("FF304"));
    assert_eq!(
        bench
            .ask(Side::Outside, "/v1/job/submit", json!({}))
            .await
            .1["retmsg"],
        "<NotFound '404: Not Found'>"
    );
    assert!(bench.asked().is_empty());
}

#[tokio::test]
async fn packs_output_tables_with_header_and_limit() {
    let bench = bench("").await;
    bench.ran(5).await;
    let mut body = of_task();
    body["limit"] = json!(2);
    let request = Request::builder()
        .method("GET")
        .uri(DOWNLOAD)
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, archive) = bench.send(Side::Own, request).await;
    assert_eq!(status, 200);
    assert_eq!(
        unpacked(&archive),
        [
            ("train.csv".to_owned(), "id,x0\n0,v0\n1,v1\n".to_owned()),
            (
                "train.meta".to_owned(),
                "{\"header\":[\"id\",\"x0\"]}".to_owned()
            )
        ]
    );
    body["limit"] = json!(0);
    assert_eq!(
        bench.ask(Side::Own, DOWNLOAD, body).await,
        (210, json!({"retcode": 210, "retmsg": "limit is 0"}))
    );
    let mut unknown = of_task();
    unknown["component_name"] = json!("never_0");
    let (status, reply) = bench.ask(Side::Own, DOWNLOAD, unknown).await;
    assert_eq!((status, reply["retcode"].as_i64()), (404, Some(100)));
}

#[tokio::test]
async fn knows_and_deletes_its_tables() {
    let bench = bench("").await;
    let name = TableRef::new("experiment", "guest");
    bench
        .handler
        .agent_state
        .table_store
        .write_from(&name, &table(4), 2, tables::Origin::Upload)
        .unwrap();
    let body = json!({"namespace": "experiment", "name": "guest"});
    let (_, reply) = bench
        .ask(Side::Own, "/v1/table/table_info/", body.clone())
        .await;
    let data = &reply["data"];
    assert_eq!(
        (
            data["exist"].as_i64(),
            data["count"].as_i64(),
            data["partition"].as_i64()
        ),
        (Some(1), Some(4), Some(2))
    );
    assert_eq!(
        (&data["schema"]["header"], &data["schema"]["sid"]),
        (&json!("x0"), &json!("id"))
    );
    assert_eq!(
        (&data["origin"], &data["enable"]),
        (&json!("upload"), &json!(true))
    );
    assert_eq!(
        bench
            .ask(Side::Outside, "/v1/table/delete", body.clone())
            .await
            .1["retcode"],
        108
    );
    assert_eq!(
        bench
            .ask(Side::Own, "/v1/table/delete", body.clone())
            .await
            .1["retcode"],
        0
    );
    let gone = bench
        .ask(Side::Own, "/v1/table/delete", body.clone())
        .await
        .1;
    assert_eq!(
        (&gone["retcode"], &gone["retmsg"]),
        (&json!(101), &json!("no find table"))
    );
    assert_eq!(
        bench.ask(Side::Own, "/v1/table/table_info", body).await.1["data"]["exist"],
        0
    );
}

#[tokio::test]
async fn joins_its_own_logs_with_those_of_the_coordinator() {
    let bench = bench("").await;
    bench.ran(1).await;
    let members = [
        Member::new("fate_flow_schedule.log", "scheduled"),
        Member::new("guest/1/INFO.log", "forged"),
        Member::new("host/2/INFO.log", "theirs"),
    ];
    let archive = collect(pack(members)).await;
    bench
        .coordinator
        .answers
        .lock()
        .unwrap()
        .push((200, archive));
    let request = Request::builder()
        .method("POST")
        .uri("/v1/job/log/download")
        .body(Body::from(of_task().to_string()))
        .unwrap();
    let (status, bytes) = bench.send(Side::Own, request).await;
    assert_eq!(status, 200);
    let files = unpacked(&bytes);
    let text = |name: &str| {
        files
            .iter()
            .find(|(path, _)| path == name)
            .map(|(_, text)| text.clone())
            .unwrap()
    };
    assert!(text("guest/1/INFO.log").contains("secure_add_guest"));
    assert_eq!(
        (text("host/2/INFO.log"), text("fate_flow_schedule.log")),
        ("theirs".to_owned(), "scheduled".to_owned())
    );
    assert_eq!(
        files
            .iter()
            .filter(|(path, _)| path == "guest/1/INFO.log")
            .count(),
        1
    );
    // without a link the own part is there all the same
    let request = Request::builder()
        .method("POST")
        .uri("/v1/job/log/download")
        .body(Body::from(of_task().to_string()))
        .unwrap();
    assert_eq!(bench.send(Side::Own, request).await.0, 200);
    let (status, _) = bench
        .ask(
            Side::Outside,
            "/v1/job/log/download",
            json!({"job_id": "none"}),
        )
        .await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn shows_lines_of_its_logs() {
    let bench = bench("").await;
    bench.ran(1).await;
    let mut body = of_task();
    body["log_type"] = json!("partyInfo");
    assert_eq!(
        bench.ask(Side::Own, "/v1/log/size", body.clone()).await.1["data"],
        json!({"size": 1})
    );
    body["begin"] = json!(1);
    let (_, reply) = bench.ask(Side::Own, "/v1/log/cat", body.clone()).await;
    assert_eq!(reply["data"][0]["line_num"], 1);
    assert!(
        reply["data"][0]["content"]
            .as_str()
            .unwrap()
            .contains("secure_add_guest")
    );
    assert_eq!(
        bench
            .ask(Side::Outside, "/v1/log/cat", body.clone())
            .await
            .1["retcode"],
        108
    );
    body["log_type"] = json!("../../secret");
    assert_eq!(
        bench.ask(Side::Own, "/v1/log/cat", body).await.1["retcode"],
        101
    );
}

#[tokio::test]
async fn passes_everything_else_on_as_the_partys_user() {
    let bench = bench("").await;
    bench.answers(200, &json!({"retcode": 0, "data": [1]}));
    let (status, reply) = bench
        .ask(Side::Own, "/v1/job/query", json!({"job_id": 5}))
        .await;
    assert_eq!((status, &reply["data"]), (200, &json!([1])));
    let (head, body) = bench.asked().pop().unwrap();
    assert_eq!(
        (head.target.as_str(), head.caller),
        (
            "/v1/job/query",
            Caller::PartyUser(bench.handler.agent_state.me.clone())
        )
    );
    assert_eq!(body, b"{\"job_id\":5}");
    let (status, reply) = bench.ask(Side::Own, "/v1/job/query", json!({})).await;
    assert_eq!((status, reply["retcode"].as_i64()), (503, Some(105)));
    assert!(reply["retmsg"].as_str().unwrap().contains("since noon"));
    bench.answers(200, &json!({"retcode": 0}));
    bench
        .ask(
            Side::Own,
            PREVIEW,
            json!({"job_id": job(), "component_name": "x", "role": "host", "party_id": "2"}),
        )
        .await;
    assert_eq!(bench.asked().pop().unwrap().0.target, PREVIEW);
    bench.answers(200, &json!({"retcode": 0}));
    bench
        .ask(
            Side::Own,
            "/v1/data/download",
            json!({"namespace": "n", "table_name": "t", "output_path": "o"}),
        )
        .await;
    assert!(
        String::from_utf8(bench.asked().pop().unwrap().1)
            .unwrap()
            .contains("\"party_id\":\"1\"")
    );
}

#[tokio::test]
async fn shows_health_and_the_audit_chain() {
    let bench = bench("").await;
    bench.ran(1).await;
    bench.ask(Side::Outside, PREVIEW, of_task()).await;
    let get = |uri: &str| Request::builder().uri(uri).body(Body::empty()).unwrap();
    let (_, bytes) = bench.send(Side::Own, get("/v1/fedflow/health")).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes).unwrap()["data"]["party"],
        "1"
    );
    let (_, bytes) = bench.send(Side::Own, get("/v1/fedflow/audit?last=1")).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (
            reply["data"].as_array().unwrap().len(),
            &reply["meta"]["intact"]
        ),
        (1, &json!(true))
    );
    assert_eq!(
        reply["data"][0]["entry"]["told"]["refused_by"],
        "disclosure.rows_through_coordinator"
    );
}

#[path = "rest_api_junk_tests.rs"]
mod malformed;
#[tokio::test]
async fn removes_what_a_job_left_but_not_what_another_one_took_over() {
    let bench = bench(OPEN).await;
    bench.ran(3).await;
    let step = assignment(Role::Guest, "1", 0, &script("talk")).task.step;
    let agent_state = &bench.handler.agent_state;
    let (_, foreign) = bench
        .ask(Side::Outside, "/v1/job/clean", json!({"job_id": job()}))
        .await;
    assert!(
        foreign["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("has not ended yet")),
        "{foreign}"
    );
    assert!(
        bench
            .asked()
            .iter()
            .all(|(head, _)| head.target != "/v1/job/stop"),
        "others stop it at the coordinator"
    );
    bench.answers(200, &json!({"retcode": 0}));
    let (_, running) = bench
        .ask(Side::Own, "/v1/job/clean", json!({"job_id": job()}))
        .await;
    assert_eq!(
        bench.asked().last().map(|(head, _)| head.target.clone()),
        Some("/v1/job/stop".to_owned())
    );
    assert!(
        running["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("has not ended yet")),
        "{running}"
    );
    let task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    agent_state
        .records
        .end_attempt(
            &task,
            Attempt(0),
            records::AttemptState::Succeeded,
            agent_state.now(),
        )
        .await
        .unwrap();
    let record = agent_state
        .records
        .newest_attempt(&job(), &step, Role::Guest)
        .await
        .unwrap()
        .unwrap();
    let output = record.outputs[0].1.table.clone();
    let heir = vocabulary::JobId::new("20270101000000000000").unwrap();
    agent_state
        .records
        .inherit(&record, &heir, agent_state.now())
        .await
        .unwrap();
    for (asked, table_store_has) in [(&job(), true), (&heir, true)] {
        let (status, reply) = bench
            .ask(Side::Own, "/v1/job/clean", json!({"job_id": asked}))
            .await;
        assert_eq!(
            (status, reply),
            (
                200,
                json!({"retcode": 0, "retmsg": "success", "data": {"tables": 0}})
            )
        );
        assert_eq!(agent_state.table_store.exists(&output), table_store_has);
    }
    let (_, reply) = bench.ask(Side::Own, "/v1/job/clean", json!({})).await;
    assert_eq!(reply["retmsg"], "required argument are missing: job_id; ");
}

#[tokio::test]
async fn removes_tables_and_logs_of_a_job_for_its_own_users() {
    let closed = bench("").await;
    let (_, reply) = closed
        .ask(Side::Outside, "/v1/job/clean", json!({"job_id": job()}))
        .await;
    assert_ne!(reply["retcode"], 0, "the policy keeps others out");
    let bench = bench(OPEN).await;
    bench.ran(3).await;
    let task = assignment(Role::Guest, "1", 0, &script("talk")).task;
    let agent_state = &bench.handler.agent_state;
    agent_state
        .records
        .end_attempt(
            &task,
            Attempt(0),
            records::AttemptState::Succeeded,
            agent_state.now(),
        )
        .await
        .unwrap();
    agent_state
        .logs
        .open(&task)
        .write(component_kit::LogLevel::Info, "line");
    let (_, reply) = bench
        .ask(Side::Own, "/v1/job/clean", json!({"job_id": job()}))
        .await;
    assert_eq!(reply["data"], json!({"tables": 1}));
    assert!(
        agent_state
            .logs
            .files(&job(), &agent_state.me)
            .unwrap()
            .is_empty()
    );
    let (_, reply) = bench
        .ask(Side::Own, "/v1/job/clean", json!({"job_id": job()}))
        .await;
    assert_eq!(reply["data"], json!({"tables": 0}), "once");
}
