//! Agents that tell and send without end: the coordinator's store and a peer's inbox keep space for everybody else.

use fedflow_tests::fixtures::pair;
use fedflow_tests::hostile::{
    ALL_MINE, Agent, Coordinator, CoordinatorDaemon, Federation, Job, Peer, Step, envelope, guest,
    host, task_of, until,
};
use serde_json::json;
use vocabulary::report::ReportBody;
use vocabulary::{
    ErrorCode, Fault, Finite, Metric, MetricData, ModelRef, ModelSummary, Outcome, Participant,
    TableRef, TableSummary, TaskId, Usage,
};
use wire::agent_link::Reply;

use super::super::program;
use super::toy;

const STEP: &str = "secure_add_example_0";

/// Small enough to be reached by a few reports.
const BOUNDS: &str = "[bounds]\nname_bytes = 300\noutputs_per_task = 5\ntask_bytes = 100000\nparty_bytes = 250000\n\
                      tenant_bytes = 100000000\n";

/// A real coordinator and guest, and the party that plays the host.
struct Stage {
    daemon: CoordinatorDaemon,
    bank: Agent,
    clinic: Peer,
}

impl Stage {
    async fn new(federation: &Federation, bounds: &str) -> Self {
        let daemon = federation.coordinator(bounds);
        let bank = federation.agent("9999", ALL_MINE);
        let clinic = Peer::new(federation, "10000");
        clinic.join(federation).await.expect("let in");
        until("the agent to be linked", || bank.is_linked().then_some(())).await;
        Self {
            daemon,
            bank,
            clinic,
        }
    }

    /// Submits a job of both.
    async fn submitted(&self) -> String {
        let dsl = json!({"components": {STEP: {"module": "SecureAddExample"}}});
        let conf = json!({
            "dsl_version": 2,
            "initiator": {"role": "guest", "party_id": 9999},
            "role": {"guest": ["9999"], "host": ["10000"]},
            "component_parameters": {"common": {STEP: {"data_num": 100}}},
        });
        self.bank.rest().submitted(&dsl, &conf).await
    }

    /// A job of both, and the host's task, which runs.
    async fn job(&self) -> (String, TaskId) {
        let job = self.submitted().await;
        let ordered = |call| match call {
            wire::agent_link::ToAgent::Assign(order) if order.task.job.as_str() == job => {
                Some(order.task.clone())
            }
            _ => None,
        };
        let task = until("an order", || {
            self.clinic.calls().into_iter().find_map(ordered)
        })
        .await;
        self.clinic.report(&task, 0, ReportBody::Started).await;
        (job, task)
    }

    /// Tells something until it is refused; gives how often it was taken, and the refusal.
    async fn tell(&self, task: &TaskId, what: impl Fn(usize) -> ReportBody) -> (usize, Fault) {
        for number in 0..1_000 {
            match self.clinic.report(task, 0, what(number)).await {
                Reply::Done => {}
                Reply::Failed(fault) => return (number, fault),
                other => panic!("{other:?}"),
            }
        }
        panic!("nothing stops it");
    }

    async fn give_up(&self, job: &str, task: &TaskId) {
        // The reason is cut.
        let outcome = Outcome::Failed(Fault::new(ErrorCode::Internal, "enough".repeat(100_000)));
        self.clinic
            .report(
                task,
                0,
                ReportBody::Ended {
                    outcome,
                    usage: Usage::default(),
                },
            )
            .await;
        let row = self.daemon.rest().ended(job).await;
        assert!(
            row["f_status"] == "failed" && row.to_string().len() < 100_000,
            "{}",
            row.to_string().len()
        );
    }
}

fn output(number: usize, name: &str) -> ReportBody {
    ReportBody::Output(TableSummary {
        table: TableRef::new("out", format!("{name}{number}")),
        data_name: None,
        rows: 1,
        partitions: 1,
        header: vec![],
        content_hash: String::new(),
    })
}

fn metric(name: &str, values: usize) -> ReportBody {
    let value = |at: usize| (format!("v{at}"), Finite::new(1.0).expect("finite"));
    let data = MetricData::Values((0..values).map(value).collect());
    let meta = serde_json::Map::new();
    ReportBody::Metrics(vec![Metric {
        namespace: "train".into(),
        name: name.into(),
        data,
        meta,
    }])
}

fn model(owner: Participant, step: &str) -> ReportBody {
    let step = fedflow_tests::hostile::step_name(step);
    let model = ModelRef {
        version: "2026".into(),
        step,
        owner,
    };
    ReportBody::Model(ModelSummary {
        model,
        component: "hetero_lr".into(),
        component_version: 1,
        size: 1,
    })
}

fn names(fault: &Fault, bound: &str) {
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::LimitReached, Some(bound)),
        "{fault}"
    );
}

#[tokio::test]
async fn an_agent_that_tells_without_end_is_refused_by_name_of_the_bound() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, BOUNDS).await;
    let (job, task) = stage.job().await;
    // Outputs without end, and names without end.
    let (taken, fault) = stage.tell(&task, |number| output(number, "t")).await;
    names(&fault, "bounds.outputs_per_task");
    assert_eq!(taken, 5);
    let long = "n".repeat(301);
    names(
        &stage.tell(&task, |number| output(number, &long)).await.1,
        "bounds.name_bytes",
    );
    names(
        &stage.tell(&task, |_| metric(&long, 1)).await.1,
        "bounds.name_bytes",
    );
    // Texts and metrics without end, though each takes the place of the one before.
    let (taken, fault) = stage
        .tell(&task, |_| {
            ReportBody::Summary(json!("s".repeat(20_000)).to_string())
        })
        .await;
    names(&fault, "bounds.task_bytes");
    assert_eq!(taken, 4);
    names(
        &stage
            .tell(&task, |_| {
                ReportBody::ModelView(json!("s".repeat(20_000)).to_string())
            })
            .await
            .1,
        "bounds.task_bytes",
    );
    names(
        &stage
            .tell(&task, |number| metric(&format!("m{number}"), 100))
            .await
            .1,
        "bounds.task_bytes",
    );
    stage.give_up(&job, &task).await;

    // What one task may not, several may not together.
    let mut refused = None;
    for _ in 0..4 {
        let (job, task) = stage.job().await;
        let (_, fault) = stage
            .tell(&task, |_| {
                ReportBody::Summary(json!("s".repeat(20_000)).to_string())
            })
            .await;
        stage.give_up(&job, &task).await;
        if fault.path.as_deref() == Some("bounds.party_bytes") {
            refused = Some(fault);
            break;
        }
        names(&fault, "bounds.task_bytes");
    }
    let refused = refused.expect("the party's bound");
    assert!(refused.message.contains("10000"), "{refused}");

    // Everybody else's jobs go on, and so do states and ends of the party's own.
    let dsl =
        json!({"components": {"reader_0": {"module": "Reader", "output": {"data": ["data"]}}}});
    stage.bank.table("experiment", "guest", &pair(20).guest);
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": ["9999"]},
        "component_parameters": {"role": {"guest": {"0": {"reader_0": {"table": {"name": "guest", "namespace": "experiment"}}}}}},
    });
    let job = stage.bank.rest().submitted(&dsl, &conf).await;
    stage.daemon.rest().succeeded(&job).await;
    assert!(stage.bank.lives() && stage.daemon.lives());
}

#[tokio::test]
async fn a_party_has_a_bound_in_the_jobs_of_a_tenant_that_cleaning_moves() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, "[bounds]\ntenant_bytes = 50000\n").await;
    let summary = |_| ReportBody::Summary(json!("s".repeat(20_000)).to_string());
    let (job, task) = stage.job().await;
    let (taken, fault) = stage.tell(&task, summary).await;
    names(&fault, "bounds.tenant_bytes");
    assert!(
        taken == 2
            && fault
                .next
                .as_ref()
                .is_some_and(|next| next.contains("job/clean")),
        "{taken}: {fault:?}"
    );
    stage.give_up(&job, &task).await;
    // The next job of the party has no space before the last is cleaned; that the party does not answer hinders nothing.
    let (next, task) = stage.job().await;
    assert_eq!(stage.tell(&task, summary).await.0, 0);
    stage
        .daemon
        .rest()
        .post("/v1/job/clean", &json!({"job_id": job}))
        .await;
    assert_eq!(stage.tell(&task, summary).await.0, 2);
    stage.give_up(&next, &task).await;
}

#[tokio::test]
async fn descriptions_of_outputs_have_bounds_of_their_own() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, "[bounds]\ntask_output_bytes = 5000\n").await;
    let (job, task) = stage.job().await;
    let wide = |number| match output(number, "wide") {
        ReportBody::Output(table) => ReportBody::Output(TableSummary {
            header: vec!["x".repeat(100); 10],
            ..table
        }),
        other => other,
    };
    let (taken, fault) = stage.tell(&task, wide).await;
    names(&fault, "bounds.task_output_bytes");
    assert!((3..=4).contains(&taken), "{taken}");
    stage.give_up(&job, &task).await;
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, "[bounds]\njob_output_bytes = 5000\n").await;
    let (job, task) = stage.job().await;
    names(&stage.tell(&task, wide).await.1, "bounds.job_output_bytes");
    stage.give_up(&job, &task).await;
}

#[tokio::test]
async fn a_task_announces_its_own_models_only() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, "").await;
    let (job, task) = stage.job().await;
    for foreign in [
        model(guest("9999"), STEP),
        model(host("10000"), "hetero_lr_0"),
        model(guest("10000"), STEP),
    ] {
        let reply = stage.clinic.report(&task, 0, foreign.clone()).await;
        assert!(
            matches!(&reply, Reply::Failed(fault) if fault.code == ErrorCode::PermissionDenied),
            "{reply:?}"
        );
    }
    assert_eq!(
        stage
            .clinic
            .report(&task, 0, model(host("10000"), STEP))
            .await,
        Reply::Done
    );
    stage.give_up(&job, &task).await;
}

#[tokio::test]
async fn a_refusal_as_long_as_a_frame_is_kept_short() {
    let federation = Federation::new(&program());
    let stage = Stage::new(&federation, "").await;
    stage.clinic.on_call(|call| match call {
        wire::agent_link::ToAgent::Offer(_) => Reply::Failed(
            Fault::new(ErrorCode::OfferRefused, "no".repeat(300_000)).path("p".repeat(100_000)),
        ),
        _ => Reply::Done,
    });
    let job = stage.submitted().await;
    let row = stage.daemon.rest().ended(&job).await;
    assert!(
        row.to_string().len() < 100_000,
        "{} bytes",
        row.to_string().len()
    );
    assert!(stage.daemon.lives());
}

#[tokio::test]
async fn what_an_agent_says_of_itself_is_small() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let peer = Peer::new(&federation, "10001");
    let many = vec!["a.example:1".to_owned(); 1_000];
    let long = vec![format!("{}.example:1", "a".repeat(600))];
    for direct in [many, long] {
        let hello = wire::agent_link::Hello {
            direct,
            ..peer.hello()
        };
        let fault = peer
            .join_with(&federation, hello)
            .await
            .expect_err("too much");
        assert_eq!(fault.code, ErrorCode::LimitReached, "{fault}");
    }
    // Another party's key for messages.
    let other = Peer::new(&federation, "10002").hello().message_key;
    let hello = wire::agent_link::Hello {
        message_key: other,
        ..peer.hello()
    };
    let fault = peer
        .join_with(&federation, hello)
        .await
        .expect_err("another's key");
    assert_eq!(fault.code, ErrorCode::PermissionDenied, "{fault}");
    peer.join(&federation).await.expect("let in");
    assert!(daemon.lives());
}

#[tokio::test]
async fn a_peer_that_fills_its_part_of_an_inbox_stops_no_other_messages() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let limits = "[limits]\ninbox_memory = 200000\ninbox_disk = 2000000";
    let clinic = federation
        .party("10000")
        .policy(ALL_MINE)
        .settings(limits)
        .start();
    let _bank = federation.agent("9999", ALL_MINE);
    let cheat = Peer::new(&federation, "10001");
    cheat.join(&federation).await.expect("let in");
    coordinator.joined(&["9999", "10000", "10001"]).await;
    let step = || Step::new(STEP, "secure_add_example").set(json!({"data_num": 100}));
    let of_the_cheat =
        || Job::new(&coordinator.catalogue(), &[guest("10001"), host("10000")]).step(step());
    let jobs = [of_the_cheat(), of_the_cheat()];
    for job in &jobs {
        coordinator.agree(job).await.expect("agreed");
    }
    let direct = cheat
        .direct("10000", clinic.quic())
        .await
        .expect("connected");
    let flood = async |job: &Job| {
        let from = task_of(&job.id, STEP, &guest("10001"));
        let offer = job.offer().fingerprint().expect("bytes");
        for number in 0..200 {
            let tag = format!("partition.{number}/guest_share");
            let said = envelope(&from, (0, &offer), &host("10000"), &tag, vec![1; 50_000]);
            match direct.send(said).await.expect("a reply") {
                Reply::Done => {}
                Reply::Failed(fault) => return (number, fault),
                other => panic!("{other:?}"),
            }
        }
        panic!("nothing stops it");
    };
    let (taken, fault) = flood(&jobs[0]).await;
    assert!(
        taken > 2 && fault.code == ErrorCode::StorageFull,
        "{taken}: {fault}"
    );
    assert!(
        fault
            .message
            .contains("one job of a sender may have 750000 bytes on disk"),
        "{fault}"
    );
    // Its other job still has some space, and fills what is left for the sender.
    let (taken, fault) = flood(&jobs[1]).await;
    assert!(
        taken > 0
            && fault
                .message
                .contains("one sender may have 1000000 bytes on disk"),
        "{taken}: {fault}"
    );
    // Messages of others come in as before.
    for _ in 0..3 {
        coordinator.run(&toy(&coordinator)).await.expect("it runs");
    }
    assert!(clinic.lives());
}
