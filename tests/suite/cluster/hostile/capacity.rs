//! A host that lies about how large its scores are: what no scale holds ends the training and names who said it; what is
//! possible is taken at its word, and spoils the result.

use bytes::Bytes;
use component_kit::{Packed, Payload};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair};
use fedflow_tests::hostile::{
    ALL_MINE, Agent, CoordinatorDaemon, Federation, Peer, arbiter, envelope, guest, until,
};
use serde_json::{Value, json};
use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Fault, Outcome, Participant, TaskId, Usage};
use wire::agent_link::Reply;

use super::super::program;

const STEP: &str = "hetero_lr_0";

/// A training without intersection, so that the hostile host has rows as long as it says so.
fn training() -> (Value, Value) {
    let (mut dsl, mut conf) = (lr_dsl(), lr_conf(3));
    let steps = dsl["components"].as_object_mut().expect("components");
    steps.remove("intersection_0");
    steps.remove("evaluation_0");
    dsl["components"][STEP]["input"]["data"]["train_data"] = json!(["data_transform_0.data"]);
    conf["role"]["arbiter"] = json!([10001]);
    (dsl, conf)
}

/// The real coordinator, guest and arbiter, and the party that plays the host.
struct Stage {
    daemon: CoordinatorDaemon,
    bank: Agent,
    referee: Agent,
    clinic: Peer,
}

impl Stage {
    async fn new(federation: &Federation) -> Self {
        let daemon = federation.coordinator("");
        let (bank, referee) = (
            federation.agent("9999", ALL_MINE),
            federation.agent("10001", ALL_MINE),
        );
        bank.table("experiment", "guest", &pair(60).guest);
        let clinic = Peer::new(federation, "10000");
        clinic.join(federation).await.expect("let in");
        until("the agents to be linked", || {
            (bank.is_linked() && referee.is_linked()).then_some(())
        })
        .await;
        Self {
            daemon,
            bank,
            referee,
            clinic,
        }
    }

    async fn ended(&self, task: &TaskId, attempt: u32, outcome: Outcome) {
        self.clinic.report(task, attempt, ReportBody::Started).await;
        self.clinic
            .report(
                task,
                attempt,
                ReportBody::Ended {
                    outcome,
                    usage: Usage::default(),
                },
            )
            .await;
    }

    async fn say(&self, task: &TaskId, attempt: u32, to: &Participant, tag: &str, body: Bytes) {
        let agent = if *to == guest("9999") {
            &self.bank
        } else {
            &self.referee
        };
        let order = |call| match call {
            wire::agent_link::ToAgent::Assign(order) if order.task == *task => Some(order.offer),
            _ => None,
        };
        let offer = self
            .clinic
            .calls()
            .into_iter()
            .find_map(order)
            .expect("it was ordered");
        let reply = self
            .clinic
            .send(
                agent.quic(),
                envelope(task, (attempt, &offer), to, tag, body),
            )
            .await;
        assert_eq!(reply.expect("a reply"), Reply::Done, "{tag}");
    }

    /// Runs the training up to the first batch, for which the host asks for this scale; gives the job, the host's task and
    /// its attempt.
    async fn lie(&self, scale: u16) -> (String, TaskId, u32) {
        let (dsl, conf) = training();
        let job = self.bank.rest().submitted(&dsl, &conf).await;
        for step in ["reader_0", "data_transform_0"] {
            let order = self.order(&job, step).await;
            self.ended(&order.0, order.1, Outcome::Succeeded).await;
        }
        let (task, attempt) = self.order(&job, STEP).await;
        self.clinic
            .report(&task, attempt, ReportBody::Started)
            .await;
        let columns = Packed(3_usize).encode().expect("encoded");
        for to in [guest("9999"), arbiter("10001")] {
            self.say(&task, attempt, &to, "columns", columns.clone())
                .await;
        }
        // No scores in place of those that do not fit: the guest begins the batch again.
        self.say(
            &task,
            attempt,
            &guest("9999"),
            "epoch.0/batch.0/forward",
            Bytes::new(),
        )
        .await;
        let body = Packed(scale).encode().expect("encoded");
        self.say(
            &task,
            attempt,
            &guest("9999"),
            "epoch.0/batch.0/scaled.0/host_scale",
            body,
        )
        .await;
        (job, task, attempt)
    }

    async fn order(&self, job: &str, step: &str) -> (TaskId, u32) {
        let order = |call| match call {
            wire::agent_link::ToAgent::Assign(order)
                if order.task.job.as_str() == job && order.task.step.as_str() == step =>
            {
                Some((order.task.clone(), order.attempt.0))
            }
            _ => None,
        };
        until(&format!("an order for {step}"), || {
            self.clinic.calls().into_iter().find_map(order)
        })
        .await
    }
}

#[tokio::test]
async fn a_host_that_names_an_absurd_scale_is_named_itself() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation).await;
    let (job, task, attempt) = stage.lie(60_000).await;
    let reported = async || {
        let tasks = stage
            .daemon
            .rest()
            .post("/v1/job/task/query", &json!({"job_id": job}))
            .await;
        let rows = tasks["data"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| row["f_error_report"].to_string())
            .collect::<String>()
    };
    let row = stage.daemon.rest().ended(&job).await;
    assert_eq!(row["f_status"], "failed", "{row}");
    let text = reported().await;
    assert!(
        text.contains("FF505") && text.contains("10000") && text.contains("scale 60000"),
        "{text}"
    );
    stage
        .ended(
            &task,
            attempt,
            Outcome::Failed(Fault::new(ErrorCode::PeerFailed, "done")),
        )
        .await;

    // A scale that is possible is one that honest scores may need: it is announced to all.
    let (job, task, attempt) = stage.lie(200).await;
    let decided = |(head, body): (wire::agent_link::EnvelopeHead, Bytes)| {
        let is_it = head.address.attempt.job.as_str() == job
            && head.address.tag == "epoch.0/batch.0/scaled.0/scale";
        is_it.then_some(body)
    };
    let body = until("the guest's decision", || {
        stage.clinic.received().into_iter().find_map(decided)
    })
    .await;
    let Packed(decision) =
        Packed::<std::collections::BTreeMap<String, u16>>::decode(&body).expect("a decision");
    assert_eq!(decision["now"], 200);
    stage
        .ended(
            &task,
            attempt,
            Outcome::Failed(Fault::new(ErrorCode::PeerFailed, "enough")),
        )
        .await;
    assert_eq!(stage.daemon.rest().ended(&job).await["f_status"], "failed");
    assert!(stage.bank.lives() && stage.referee.lives());
}
