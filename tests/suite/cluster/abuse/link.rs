//! An agent with a valid certificate that does not keep to the protocol: refused, and nobody else notices.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use component_kit::AnyComponent;
use fedflow_tests::cluster::{Cluster, signal};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair, toy};
use pki::{ExpectedPeer, Identity, Kind};
use serde::Serialize;
use serde_json::json;
use transport::hello::greet;
use transport::{
    Answer, Body, CallOptions, Connection, Endpoint, EndpointOptions, Link, LinkError,
};
use vocabulary::metric::{MOST_POINTS, MetricData};
use vocabulary::report::ReportBody;
use vocabulary::{
    Attempt, Clock, ErrorCode, Fault, JobId, Metric, Outcome, Participant, PartyId, Report, Role,
    StepName, SystemClock, TaskId,
};
use wire::agent_link::{
    AGENT_LINK, CATALOGUE_CONTEXT, Catalogue, DIRECT_MESSAGES, EnvelopeHead, Hello, OFFER_CONTEXT,
    Reply, ToAgent, ToCoordinator,
};
use wire::frame::{BULK_LIMIT, read_frame};
use wire::{Address, AttemptKey};

use super::super::program;
use super::{Dice, lives, no_panics, quic_of};

const PATIENCE: Duration = Duration::from_secs(20);
/// Its certificate is good; its behaviour is not.
const ROGUE: &str = "10000";

fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("a party")
}

/// An endpoint with an identity of its own for the party, issued by the federation's authority.
fn endpoint(cluster: &Cluster, id: &str) -> (Endpoint, Identity) {
    let path = |name: &str| {
        cluster
            .dir
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let out = path(&format!("rogue-{id}-{}", SystemClock.now().0));
    program().says(&[
        "certs",
        "issue",
        "--dir",
        &path("authority"),
        "--party",
        id,
        "--kind",
        "agent",
        "--out",
        &out,
    ]);
    let identity = Identity::load(Path::new(&out)).expect("an identity");
    let options = EndpointOptions::at("127.0.0.1:0".parse().expect("an address"));
    let (endpoint, _) = Endpoint::bind(options, identity.clone(), &[]).expect("bound");
    (endpoint, identity)
}

/// A report whose metric unfolds to millions of values when it is read.
fn unfolding(task: TaskId) -> Vec<u8> {
    const VALUES: u32 = 15_000_000;
    let mut one = metric("odd", 0);
    one.meta.insert("x".to_owned(), json!([]));
    let report = Report {
        task,
        attempt: Attempt(0),
        body: ReportBody::Metrics(vec![one]),
    };
    let mut bytes = wire::frame::encode(&ToCoordinator::Reports(vec![report])).expect("encoded");
    assert_eq!(bytes.pop(), Some(0x90), "the empty list stands last");
    bytes.push(0xdd);
    bytes.extend_from_slice(&VALUES.to_be_bytes());
    bytes.resize(bytes.len() + VALUES as usize, 0xc0);
    framed(&bytes)
}

/// The most memory that a process ever had, in MiB.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("its status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a line");
    line.split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok())
        .expect("a number")
        >> 10
}

#[tokio::test]
async fn a_small_frame_cannot_unfold_to_gigabytes() {
    let cluster = Cluster::up(&program(), "9999");
    let before = lives(&cluster);
    cluster
        .processes("party-9999")
        .into_iter()
        .for_each(|id| signal(id, "STOP"));
    let (endpoint, identity) = endpoint(&cluster, "9999");
    let link = linked(&cluster, &endpoint, &identity).await;
    for _ in 0..3 {
        let fault = raw(
            &link,
            &unfolding(task("1", "hetero_lr_0", Role::Guest, "9999")),
        )
        .await;
        assert_eq!(fault.code, ErrorCode::FrameInvalid, "{fault}");
    }
    let peak = peak_memory(before[0][0]);
    println!("unfolding: the coordinator had {peak} MiB at most");
    assert!(peak < 500, "{peak} MiB");
    endpoint.close("done").await;
    cluster
        .processes("party-9999")
        .into_iter()
        .for_each(|id| signal(id, "CONT"));
    assert_eq!(lives(&cluster), before, "a daemon was started again");
    cluster.end();
}

/// Noise on the port at which agents take messages from each other.
async fn throw_noise_at_messages(cluster: &Cluster, endpoint: &Endpoint, dice: &mut Dice) {
    let address = quic_of(&cluster.dir.path().join("party-9999/agent.toml"));
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party("9999")),
    };
    let connection = endpoint
        .connect(&address, DIRECT_MESSAGES, expected)
        .await
        .expect("connected");
    for number in 0..100 {
        let Ok((mut send, mut receive)) = connection.quic().open_bi().await else {
            return;
        };
        let noise = if number % 2 == 0 {
            framed(&dice.bytes(300))
        } else {
            dice.bytes(300)
        };
        let _ = send.write_all(&noise).await;
        let _ = send.finish();
        // Refused or reset, and in time.
        let _ = tokio::time::timeout(PATIENCE, receive.read_to_end(1 << 20))
            .await
            .expect("no hang");
    }
}

async fn dial(cluster: &Cluster, endpoint: &Endpoint) -> Connection {
    let address = quic_of(&cluster.dir.path().join("coordinator/coordinator.toml"));
    let expected = ExpectedPeer {
        kind: Kind::Coordinator,
        party: None,
    };
    endpoint
        .connect(&address, AGENT_LINK, expected)
        .await
        .expect("connected")
}

/// A link that the coordinator took in, with the real catalogue of components.
async fn linked(cluster: &Cluster, endpoint: &Endpoint, identity: &Identity) -> Link {
    greeted(cluster, endpoint, identity)
        .await
        .expect("taken in")
}

async fn greeted(
    cluster: &Cluster,
    endpoint: &Endpoint,
    identity: &Identity,
) -> Result<Link, LinkError> {
    let connection = dial(cluster, endpoint).await;
    let now = SystemClock.now();
    let components = components::CATALOGUE
        .iter()
        .map(|component: &&dyn AnyComponent| component.info())
        .collect();
    let catalogue = Catalogue {
        party: identity.party().clone(),
        components,
        made: now,
    };
    let bytes = wire::frame::encode(&catalogue).expect("encoded");
    let hello = Hello {
        protocol: wire::version::PROTOCOL,
        version: "rogue".to_owned(),
        capabilities: vec![],
        now,
        catalogue: identity.sign(CATALOGUE_CONTEXT, &bytes).expect("signed"),
        attempts: vec![],
        direct: vec![],
        rest: None,
        rows_through_coordinator: true,
        slots: None,
        run: None,
        message_key: None,
    };
    greet(connection, &hello, now, PATIENCE)
        .await
        .map(|greeting| greeting.link)
}

/// What the coordinator says to raw bytes on a stream of their own.
async fn raw(link: &Link, bytes: &[u8]) -> Fault {
    let (mut send, mut receive) = link.connection().quic().open_bi().await.expect("a stream");
    // It may refuse before all is written.
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    let reply = tokio::time::timeout(PATIENCE, read_frame::<Reply, _>(&mut receive, BULK_LIMIT))
        .await
        .expect("no hang");
    match reply.expect("a reply") {
        Reply::Failed(fault) => fault,
        other => panic!("{} bytes were taken: {other:?}", bytes.len()),
    }
}

async fn call<Q: Serialize + Sync>(link: &Link, request: &Q) -> Reply {
    link.call(request, Body::Empty, CallOptions::control(PATIENCE))
        .await
        .expect("a reply")
        .0
}

async fn refused<Q: Serialize + Sync>(link: &Link, request: &Q) -> Fault {
    match call(link, request).await {
        Reply::Failed(fault) => fault,
        other => panic!("taken: {other:?}"),
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len())
        .expect("short")
        .to_be_bytes()
        .to_vec();
    frame.extend_from_slice(body);
    frame
}

fn task(job: &str, step: &str, role: Role, id: &str) -> TaskId {
    TaskId {
        job: JobId::new(job).expect("a job"),
        step: StepName::new(step).expect("a step"),
        role,
        party: party(id),
    }
}

fn ended(task: TaskId) -> ToCoordinator {
    let body = ReportBody::Ended {
        outcome: Outcome::Succeeded,
        usage: vocabulary::Usage::default(),
    };
    ToCoordinator::Reports(vec![Report {
        task,
        attempt: Attempt(0),
        body,
    }])
}

fn envelope(job: &str, from: (Role, &str), to: (Role, &str)) -> ToCoordinator {
    let attempt = AttemptKey {
        offer: String::new(),
        job: JobId::new(job).expect("a job"),
        step: StepName::new("hetero_lr_0").expect("a step"),
        attempt: Attempt(0),
    };
    let address = Address {
        attempt,
        from: Participant::new(from.0, party(from.1)),
        to: Participant::new(to.0, party(to.1)),
        tag: "x".to_owned(),
    };
    ToCoordinator::Envelope(EnvelopeHead {
        address,
        message: "x".to_owned(),
        size: 0,
    })
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "every attack on one link, while one job runs"
)]
async fn an_agent_that_breaks_the_protocol_is_refused_and_disturbs_nobody() {
    let cluster = Cluster::up(&program(), "9999,10000,10002");
    let tables = pair(200);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    let before = lives(&cluster);
    // Another party of the federation, which has no part in the job and whose place a rogue takes.
    cluster
        .processes("party-10002")
        .into_iter()
        .for_each(|id| signal(id, "STOP"));
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(300)).await;
    cluster
        .rest
        .until(&job, |row| row["f_status"] == "running")
        .await;
    let (endpoint, identity) = endpoint(&cluster, "10002");
    let mut dice = Dice(0x5eed_0002);

    // No hello, a broken hello, and a connection that only opens streams.
    let silent = dial(&cluster, &endpoint).await;
    for _ in 0..5 {
        let connection = dial(&cluster, &endpoint).await;
        let (mut send, _receive) = connection.quic().open_bi().await.expect("a stream");
        let _ = send.write_all(&framed(&dice.bytes(500))).await;
        tokio::time::timeout(PATIENCE, connection.lost())
            .await
            .expect("the coordinator ends what has no hello");
    }

    throw_noise_at_messages(&cluster, &endpoint, &mut dice).await;

    let link = linked(&cluster, &endpoint, &identity).await;
    assert_eq!(raw(&link, &[0xff; 64]).await.code, ErrorCode::FrameInvalid);
    assert_eq!(
        raw(&link, &(BULK_LIMIT as u32 + 1).to_be_bytes())
            .await
            .code,
        ErrorCode::FrameInvalid
    );
    assert_eq!(raw(&link, &framed(&[])).await.code, ErrorCode::FrameInvalid);
    assert_eq!(
        raw(&link, &[0, 0, 1, 0, 7]).await.code,
        ErrorCode::FrameInvalid
    );
    assert_eq!(
        raw(&link, &framed(&vec![0x91; 1 << 20])).await.code,
        ErrorCode::FrameInvalid
    );
    for _ in 0..100 {
        assert_eq!(
            raw(&link, &framed(&dice.bytes(300))).await.code,
            ErrorCode::FrameInvalid
        );
    }
    for unknown in [
        json!({"shutdown": {}}),
        json!("heartbeat"),
        json!({"mail": {"address": 1}}),
        json!([]),
        json!({"reports": [{}]}),
    ] {
        assert_eq!(
            refused(&link, &unknown).await.code,
            ErrorCode::FrameInvalid,
            "{unknown}"
        );
    }
    // Frames that begin and never end, as many as a link may have open.
    let mut halves = Vec::new();
    for _ in 0..400 {
        let (mut send, receive) = link.connection().quic().open_bi().await.expect("a stream");
        send.write_all(&[0, 0, 1, 0, 7]).await.expect("written");
        halves.push((send, receive));
    }

    let own = (Role::Host, "10002");
    for forged in [
        envelope(&job, (Role::Guest, "9999"), (Role::Host, "10000")),
        envelope(&job, own, (Role::Guest, "9999")),
        envelope(&job, (Role::Host, "10000"), (Role::Guest, "9999")),
    ] {
        let fault = refused(&link, &forged).await;
        assert!(
            [ErrorCode::PermissionDenied, ErrorCode::ProtocolViolation].contains(&fault.code),
            "{fault}"
        );
    }
    assert_eq!(
        refused(&link, &envelope("1", own, (Role::Guest, "9999")))
            .await
            .code,
        ErrorCode::JobUnknown
    );
    for (role, id) in [
        (Role::Guest, "9999"),
        (Role::Host, "10000"),
        (Role::Arbiter, "10000"),
    ] {
        let fault = refused(&link, &ended(task(&job, "hetero_lr_0", role, id))).await;
        assert_eq!(fault.code, ErrorCode::PermissionDenied, "{fault}");
    }
    // A task of its own that nobody ordered changes nothing.
    assert_eq!(
        call(
            &link,
            &ended(task(&job, "hetero_lr_0", Role::Host, "10002"))
        )
        .await,
        Reply::Done
    );

    cluster.rest.succeeded(&job).await;
    assert_eq!(lives(&cluster), before, "a daemon was started again");
    drop((halves, silent));
    endpoint.close("done").await;
    cluster
        .processes("party-10002")
        .into_iter()
        .for_each(|id| signal(id, "CONT"));
    no_panics(cluster.dir.path());
    cluster.end();
}

#[tokio::test]
async fn a_party_that_the_settings_do_not_name_is_told_so() {
    let cluster = Cluster::up(&program(), "9999");
    let (endpoint, identity) = endpoint(&cluster, "10002");
    let refused = Fault::from(
        greeted(&cluster, &endpoint, &identity)
            .await
            .expect_err("it is not a member"),
    );
    assert_eq!(refused.code, ErrorCode::PartyUnknown, "{refused}");
    assert!(
        refused.message.contains("10002")
            && refused.next.is_some_and(|next| next.contains("parties"))
    );
    cluster.end();
}

/// Accepts whatever is offered and hands out what is assigned.
async fn accept_all(
    identity: Identity,
    orders: Arc<Mutex<Vec<TaskId>>>,
    call: ToAgent,
    answer: Answer,
) {
    let reply = match call {
        ToAgent::Offer(offer) => {
            Reply::Accepted(identity.sign(OFFER_CONTEXT, &offer.bytes).expect("signed"))
        }
        ToAgent::Assign(assignment) => {
            orders.lock().expect("orders").push(assignment.task);
            Reply::Done
        }
        ToAgent::Check(_) => Reply::Checked(vec![]),
        _ => Reply::Done,
    };
    let _ = answer.reply(&reply, Body::Empty, PATIENCE).await;
}

fn metric(name: &str, points: usize) -> Metric {
    let data = MetricData::Points((0..points).map(|at| (at as f64, 0.5)).collect())
        .finite()
        .0;
    Metric {
        namespace: "train".to_owned(),
        name: name.to_owned(),
        data,
        meta: serde_json::Map::new(),
    }
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one rogue agent, from its order to the end of its task"
)]
async fn reports_that_are_too_large_or_no_json_are_left_out() {
    let cluster = Cluster::up(&program(), "9999,10000");
    // The rogue takes the place of the party's agent, which is put to sleep.
    let real = cluster.processes("party-10000");
    real.iter().for_each(|id| signal(*id, "STOP"));
    let (endpoint, identity) = endpoint(&cluster, ROGUE);
    let link = linked(&cluster, &endpoint, &identity).await;
    let orders = Arc::new(Mutex::new(Vec::new()));
    let (serving, known) = (link.clone(), orders.clone());
    let served = tokio::spawn(async move {
        serving
            .serve(move |call, _, answer| accept_all(identity.clone(), known.clone(), call, answer))
            .await
    });

    let (dsl, conf) = toy();
    let job = cluster.rest.submitted(&dsl, &conf).await;
    let ordered = async {
        loop {
            if let Some(task) = orders.lock().expect("orders").first().cloned() {
                return task;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let task = tokio::time::timeout(PATIENCE, ordered)
        .await
        .expect("it is ordered");
    let report = |body: ReportBody| Report {
        task: task.clone(),
        attempt: Attempt(0),
        body,
    };
    let progress = vocabulary::Progress::new(0.5, "t".repeat(1 << 20));
    let mut wordy = metric("wordy", 1);
    wordy
        .meta
        .insert("rows".to_owned(), json!(vec![(); 1 << 20]));
    let bodies = [
        ReportBody::Started,
        ReportBody::Metrics(vec![
            metric("large", MOST_POINTS + 1),
            wordy,
            metric("fine", 3),
        ]),
        ReportBody::Summary("{no json".to_owned()),
        ReportBody::ModelView("[".repeat(10_000)),
        ReportBody::Progress(progress),
    ];
    for body in bodies {
        assert_eq!(
            call(&link, &ToCoordinator::Reports(vec![report(body)])).await,
            Reply::Done
        );
    }
    let of = json!({"job_id": job, "component_name": "secure_add_example_0", "role": "host", "party_id": ROGUE});
    let metrics = cluster
        .rest
        .data("/v1/tracking/component/metric/all", &of)
        .await;
    assert!(
        metrics["train"]["large"].is_null()
            && metrics["train"]["wordy"].is_null()
            && !metrics["train"]["fine"].is_null(),
        "{metrics}"
    );
    let summary = cluster
        .rest
        .post("/v1/tracking/component/summary/download", &of)
        .await;
    assert!(
        summary["data"]
            .as_object()
            .is_none_or(serde_json::Map::is_empty),
        "{summary}"
    );

    let fault = Fault::new(ErrorCode::DataMismatch, "x".repeat(1 << 20)).at(&party("9999"));
    let body = ReportBody::Ended {
        outcome: Outcome::Failed(fault),
        usage: vocabulary::Usage::default(),
    };
    assert_eq!(
        call(&link, &ToCoordinator::Reports(vec![report(body)])).await,
        Reply::Done
    );
    let row = cluster.rest.ended(&job).await;
    assert_eq!(
        (row["f_status"].as_str(), row["f_fault"]["code"].as_str()),
        (Some("failed"), Some("FF207"))
    );

    served.abort();
    endpoint.close("done").await;
    real.iter().for_each(|id| signal(*id, "CONT"));
    let next = cluster.rest.submitted(&dsl, &conf).await;
    cluster.rest.succeeded(&next).await;
    no_panics(cluster.dir.path());
    cluster.end();
}
