//! A prediction with a coordinator that answers from a script and runs the job itself.

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use rest::BodyStream;
use tables::{ColumnKind, Schema, Table, Values};
use vocabulary::{Attempt, PartyId, Role, ServingPart, StepName};
use wire::agent_link::HttpReplyHead;

use super::*;
use crate::trial::{agent_state, assignment, job, party, script, table};

/// What the scripted federation does with a job.
#[derive(Clone, Copy, PartialEq)]
enum Job {
    Scores,
    NoCommonRow,
    Fails,
    Waits,
}

struct Scripted {
    agent_state: Arc<AgentState>,
    job: Job,
    online: Vec<&'static str>,
    asked: Mutex<Vec<(String, Value, Caller)>>,
}

impl Scripted {
    /// Leaves what the job's last step would: a prediction for each row but id 2, which the host lacks.
    async fn play(&self, conf: &Value) {
        let of = conf["component_parameters"]["role"]["guest"]["0"]["reader_0"]["table"].clone();
        let name = TableRef::new(
            of["namespace"].as_str().unwrap(),
            of["name"].as_str().unwrap(),
        );
        assert!(
            self.agent_state
                .stubs
                .judged(&crate::trial::offer(&script("read")), &party("1"))
                .job
                == job()
        );
        let mut ids = self
            .agent_state
            .table_store
            .read(&name)
            .unwrap()
            .ids()
            .unwrap();
        ids.retain(|id| id != "2");
        let rows = ids.len();
        let values = vec![
            Values::Integer(vec![1; rows]),
            Values::Integer(vec![1; rows]),
            Values::Float(vec![0.75; rows]),
            Values::of_texts(vec!["{\"0\": 0.25, \"1\": 0.75}"; rows]),
            Values::of_texts(vec!["predict"; rows]),
        ];
        let scores =
            Table::from_columns(Schema::predictions("id", ColumnKind::Integer), ids, values)
                .unwrap();
        let order = assignment(Role::Guest, "1", 0, &script("leave"));
        let records = &self.agent_state.records;
        records
            .begin_attempt(&order, self.agent_state.now())
            .await
            .unwrap();
        let output = TableRef::output(&order.task, Attempt(0), 0);
        let stored = self
            .agent_state
            .table_store
            .write(&output, &scores, 1)
            .unwrap();
        records
            .add_output(&order.task, Attempt(0), 0, &stored.summary(Some("train")))
            .await
            .unwrap();
    }
}

#[async_trait]
impl Forward for Scripted {
    async fn forward(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        let body = body
            .try_collect::<Vec<axum::body::Bytes>>()
            .await
            .unwrap()
            .concat();
        let body: Value = serde_json::from_slice(&body).unwrap();
        self.asked
            .lock()
            .unwrap()
            .push((head.target.clone(), body.clone(), head.caller));
        let reply = match head.target.as_str() {
            "/v1/fedflow/health" => json!({"retcode": 0, "data": {"agents_online": self.online}}),
            "/v1/job/submit" => {
                if self.job == Job::Scores {
                    self.play(&body["job_runtime_conf"]).await;
                }
                json!({"retcode": 0, "jobId": job()})
            }
            "/v1/job/query" => {
                let status = match self.job {
                    Job::Scores => "success",
                    Job::Waits => "waiting",
                    Job::NoCommonRow | Job::Fails => "failed",
                };
                json!({"retcode": 0, "data": [{"f_status": status}]})
            }
            "/v1/job/task/query" => {
                let report = if self.job == Job::Fails {
                    "[FF207] columns differ"
                } else {
                    "[FF203] nothing in common"
                };
                json!({"retcode": 0, "data": [
                    {"f_status": "failed", "f_error_report": "[FF504] a peer failed"},
                    {"f_status": "failed", "f_error_report": report},
                ]})
            }
            _ => json!({"retcode": 0, "data": {"waiting": null}}),
        };
        Ok((
            HttpReplyHead {
                status: 200,
                headers: vec![],
            },
            whole(reply.to_string()),
        ))
    }
}

pub(super) fn plan() -> ServingPlan {
    let part = |role: Role, id: &str, name: &str| ServingPart {
        owner: Participant::new(role, party(id)),
        tables: BTreeMap::from([(
            StepName::new("reader_0").unwrap(),
            TableRef::new("experiment", name),
        )]),
        models: vec![],
    };
    ServingPlan {
        model_id: "guest-1#host-2#model".into(),
        model_version: "7".into(),
        initiator: Participant::new(Role::Guest, party("1")),
        readers: vec![StepName::new("reader_0").unwrap()],
        parts: vec![
            part(Role::Guest, "1", "guest"),
            part(Role::Host, "2", "host"),
        ],
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    scripted: Arc<Scripted>,
    prediction: Prediction,
}

async fn bench(job: Job, online: &[&'static str]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let agent_state = agent_state(folder.path(), "1", "").await;
    agent_state
        .table_store
        .write(&TableRef::new("experiment", "guest"), &table(4), 2)
        .unwrap();
    // only a job that never ends is to be given up
    let patience = if job == Job::Waits {
        Duration::from_millis(300)
    } else {
        Duration::from_secs(60)
    };
    let scripted = Arc::new(Scripted {
        agent_state: agent_state.clone(),
        job,
        online: online.to_vec(),
        asked: Mutex::default(),
    });
    let identity = crate::trial::Certificates::new().identity("1", pki::Kind::Agent);
    let tickets = Tickets::new(agent_state.clone(), Arc::new(move || identity.clone()));
    let prediction = Prediction {
        agent_state,
        coordinator: scripted.clone(),
        tickets,
        service: "s".into(),
        plan: plan(),
        patience,
    };
    Bench {
        _folder: folder,
        scripted,
        prediction,
    }
}

impl Bench {
    async fn run(&self, ids: &[&str]) -> Result<Batch, Fault> {
        let done = self
            .prediction
            .run(ids.iter().map(|&id| id.to_owned()).collect())
            .await;
        let left = self.prediction.agent_state.table_store.list().unwrap();
        assert_eq!(
            left,
            [TableRef::new("experiment", "guest")],
            "nothing but the party's own table is left"
        );
        done
    }

    fn targets(&self) -> Vec<String> {
        self.scripted
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|(target, _, _)| target.clone())
            .collect()
    }
}

#[tokio::test]
async fn scores_the_rows_that_are_asked_for_and_leaves_nothing() {
    let bench = bench(Job::Scores, &["1", "2"]).await;
    let batch = bench.run(&["0", "2", "never"]).await.unwrap();
    assert_eq!(batch.job, Some(job()));
    assert_eq!(
        batch.scores.keys().collect::<Vec<_>>(),
        ["0"],
        "the host has no row 2, nobody has never"
    );
    let row = &batch.scores["0"];
    assert_eq!(
        (&row["predict_score"], &row["predict_result"]),
        (&json!(0.75), &json!(1))
    );
    assert_eq!(
        (&row["predict_detail"]["1"], &row["type"], &row["id"]),
        (&json!(0.75), &json!("predict"), &json!("0"))
    );
    let asked = bench.scripted.asked.lock().unwrap().clone();
    let own = Caller::PartyUser(PartyId::new("1").unwrap());
    assert!(asked.iter().all(|(_, _, caller)| *caller == own));
    let conf = asked
        .iter()
        .find(|(target, _, _)| target == "/v1/job/submit")
        .unwrap()
        .1["job_runtime_conf"]
        .clone();
    assert_eq!(conf["role"], json!({"guest": ["1"], "host": ["2"]}));
    assert_eq!(conf["job_parameters"]["common"]["purpose"], "inference");
    let host = &conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"];
    assert_eq!(*host, json!({"name": "host", "namespace": "experiment"}));
    assert!(
        asked
            .iter()
            .any(|(target, body, _)| target == "/v1/job/clean" && body["job_id"] == json!(job()))
    );
}

#[tokio::test]
async fn runs_no_job_when_no_row_is_here_and_none_when_a_party_is_away() {
    let nobody = bench(Job::Scores, &["1", "2"]).await;
    assert_eq!(nobody.run(&["never"]).await.unwrap(), Batch::default());
    assert_eq!(nobody.targets(), ["/v1/fedflow/health"]);
    let away = bench(Job::Scores, &["1"]).await;
    let fault = away.run(&["0"]).await.unwrap_err();
    assert_eq!(
        (fault.code, fault.party),
        (ErrorCode::PartyOffline, Some(party("2")))
    );
}

#[tokio::test]
async fn rows_that_only_this_party_has_are_no_failure() {
    let bench = bench(Job::NoCommonRow, &["1", "2"]).await;
    assert!(bench.run(&["0"]).await.unwrap().scores.is_empty());
}

#[tokio::test]
async fn tells_the_first_cause_of_a_failure_and_stops_what_takes_too_long() {
    let failing = bench(Job::Fails, &["1", "2"]).await;
    let fault = failing.run(&["0"]).await.unwrap_err();
    assert!(
        fault.code == ErrorCode::PeerFailed && fault.message.contains("columns differ"),
        "{fault}"
    );
    let late = bench(Job::Waits, &["1", "2"]).await;
    assert_eq!(
        late.run(&["0"]).await.unwrap_err().code,
        ErrorCode::DeadlinePassed
    );
    assert!(late.targets().contains(&"/v1/job/stop".to_owned()));
}
