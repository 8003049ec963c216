//! Hostile parties and clients: forged offers, certificates that are none of the federation's, a peer that cheats in a job.

use component_kit::Payload;
use fedflow_tests::hostile::{
    ALL_MINE, Coordinator, Federation, Job, Peer, STRICT, Step, client, envelope, guest, host,
    task_of, until,
};
use pki::Kind;
use serde_json::{Map, Value, json};
use vocabulary::report::ReportBody;
use vocabulary::{ErrorCode, Existing, Offer, Outcome, SignedBytes, UploadConfig, Usage};
use wire::agent_link::{Hello, LARGEST_UPLOAD, Reply, ToCoordinator, UPLOADS, UploadCall};

use super::super::program;

const STEP: &str = "secure_add_example_0";

fn toy_of(initiator: &str) -> Job {
    let step = Step::new(STEP, "secure_add_example").set(json!({"data_num": 100}));
    Job::new(&Peer::components(), &[guest(initiator), host("10000")]).step(step)
}

#[tokio::test]
async fn a_forged_offer_is_refused() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let clinic = federation.agent("10000", ALL_MINE);
    coordinator.joined(&["10000"]).await;
    let bank = Peer::new(&federation, "9999");
    let other = Peer::new(&federation, "10001");
    let offer = || toy_of("9999").offer();

    let mut changed: SignedBytes = bank.sign(&offer());
    changed.bytes = Offer {
        created: vocabulary::Timestamp(1),
        ..offer()
    }
    .canonical_bytes()
    .expect("bytes");
    let mut renamed = other.sign(&offer());
    renamed.signer = bank.party();
    let with = |identity| Peer::with_identity(identity).sign(&offer());
    let stolen = federation.identity("9999", Kind::Agent);
    federation.revoke(&stolen);
    clinic.read_again().await;
    for (what, signed) in [
        ("signed by another party", other.sign(&offer())),
        ("signed by another party in its name", renamed),
        ("other bytes than were signed", changed),
        (
            "of another root",
            with(federation.foreign("9999", Kind::Agent)),
        ),
        (
            "an expired certificate",
            with(federation.expired("9999", Kind::Agent)),
        ),
        ("a revoked certificate", with(stolen)),
        (
            "the coordinator's certificate",
            with(coordinator.identity()),
        ),
        (
            "a coordinator's certificate in its name",
            with(federation.identity("9999", Kind::Coordinator)),
        ),
    ] {
        let fault = coordinator.offer("10000", signed).await.expect_err(what);
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::OfferRefused, Some("signature")),
            "{what}: {fault}"
        );
    }
    coordinator
        .offer("10000", bank.sign(&offer()))
        .await
        .expect("the real one is taken");
    assert!(clinic.lives());
}

#[tokio::test]
async fn certificates_that_are_none_of_the_federations_open_nothing() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let clinic = federation.agent("10000", ALL_MINE);
    until("the agent to be linked", || {
        clinic.is_linked().then_some(())
    })
    .await;
    for (what, identity) in [
        ("another root", federation.foreign("10001", Kind::Agent)),
        ("expired", federation.expired("10001", Kind::Agent)),
        (
            "a coordinator's",
            federation.identity("10001", Kind::Coordinator),
        ),
    ] {
        let peer = Peer::with_identity(identity);
        peer.join(&federation).await.expect_err(what);
        let said = envelope(
            &task_of(&toy_of("10001").id, STEP, &guest("10001")),
            (0, ""),
            &host("10000"),
            "x",
            "x",
        );
        peer.send(clinic.quic(), said).await.expect_err(what);
    }
    let good = Peer::new(&federation, "10001");
    good.join(&federation).await.expect("a good one is let in");
    assert!(clinic.lives() && !daemon.log().contains("panicked"));
}

#[tokio::test]
async fn an_agent_links_to_no_coordinator_of_another_root() {
    let federation = Federation::new(&program());
    let mut clinic = federation.agent("10000", ALL_MINE);
    clinic.stop();
    for (what, identity) in [
        (
            "another root",
            federation.foreign("coordinator", Kind::Coordinator),
        ),
        (
            "expired",
            federation.expired("coordinator", Kind::Coordinator),
        ),
        (
            "an agent's",
            federation.identity("coordinator", Kind::Agent),
        ),
    ] {
        let coordinator = Coordinator::start_as(&federation, identity);
        let before = clinic.log().len();
        clinic.start();
        until("an attempt to link", || {
            clinic.log()[before..].contains("FF").then_some(())
        })
        .await;
        assert!(
            !clinic.is_linked() && coordinator.heard().is_empty(),
            "{what}: {}",
            clinic.log()
        );
        clinic.stop();
        coordinator.stop().await;
    }
    let coordinator = Coordinator::start(&federation);
    clinic.start();
    coordinator.joined(&["10000"]).await;
}

/// A real coordinator and a real guest; the host cheats, and makes of the sum what it likes.
#[tokio::test]
async fn a_hostile_host_plays_its_part_in_a_job_of_real_daemons() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let bank = federation.agent("9999", ALL_MINE);
    let clinic = Peer::new(&federation, "10000");
    clinic.join(&federation).await.expect("let in");
    let dsl = json!({"components": {STEP: {"module": "SecureAddExample"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": ["9999"], "host": ["10000"]},
        "component_parameters": {"common": {STEP: {"data_num": 100}}},
    });
    until("the agent to be linked", || bank.is_linked().then_some(())).await;
    let job = bank.rest().submitted(&dsl, &conf).await;
    let order = clinic.ordered(STEP).await;
    let task = order.task.clone();
    clinic.report(&task, 0, ReportBody::Started).await;
    clinic.receive(STEP, "partition.0/guest_share").await;
    let zeros = vec![0_u64; 100].encode().expect("encoded");
    for (tag, body) in [
        ("partition.0/host_share", zeros),
        ("host_sum", vec![7_u64].encode().expect("encoded")),
    ] {
        let reply = clinic
            .send(
                bank.quic(),
                envelope(&task, (0, &order.offer), &guest("9999"), tag, body),
            )
            .await;
        assert_eq!(
            reply.expect("a reply"),
            wire::agent_link::Reply::Done,
            "{tag}"
        );
    }
    let usage = Usage::default();
    clinic
        .report(
            &task,
            0,
            ReportBody::Ended {
                outcome: Outcome::Succeeded,
                usage,
            },
        )
        .await;
    daemon.rest().succeeded(&job).await;
    assert!(bank.lives());
}

/// An upload in the name of party 9999, whoever says it.
fn upload(staged: Option<&str>) -> UploadConfig {
    UploadConfig {
        namespace: "experiment".into(),
        table_name: "stolen".into(),
        file: "salaries.csv".into(),
        head: 1,
        partition: 4,
        id_delimiter: ",".into(),
        existing: Existing::Replace,
        extend_sid: false,
        auto_increasing_sid: false,
        with_meta: false,
        meta: Map::new(),
        schema: Map::new(),
        storage_engine: None,
        party_id: Some("9999".into()),
        staged: staged.map(str::to_owned),
        storage_address: None,
        of_job: Map::new(),
    }
}

#[tokio::test]
async fn an_upload_is_started_for_the_party_that_says_so_and_for_no_other() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let bank = federation.agent("9999", ALL_MINE);
    let clinic = Peer::new(&federation, "10000");
    let hello = Hello {
        capabilities: vec![UPLOADS.into(), "of_tomorrow".into()],
        ..clinic.hello()
    };
    clinic.join_with(&federation, hello).await.expect("let in");
    until("the agent to be linked", || bank.is_linked().then_some(())).await;
    assert!(clinic.shares(UPLOADS) && !clinic.shares("of_tomorrow"));
    let say = async |config: UploadConfig| {
        let call = UploadCall {
            config,
            ticket: None,
        };
        let call = ToCoordinator::Upload(Box::new(call));
        clinic
            .call(&call, bytes::Bytes::new())
            .await
            .expect("a reply")
            .0
    };
    let envelope = |reply: Reply| match reply {
        Reply::Document(text) => serde_json::from_str::<Value>(&text).expect("JSON"),
        other => panic!("no envelope: {other:?}"),
    };
    let refused = envelope(say(upload(None)).await);
    assert_eq!(refused["retcode"], 108, "{refused}");
    assert_eq!(refused["jobId"], Value::Null, "{refused}");
    let made = envelope(say(upload(Some("s1"))).await);
    assert_eq!(made["retcode"], 0, "{made}");
    assert_eq!(made["data"]["parties"], json!(["10000"]), "{made}");
    let mut large = upload(Some("s2"));
    large
        .schema
        .insert("sid".into(), json!("x".repeat(LARGEST_UPLOAD)));
    let reply = say(large).await;
    assert!(
        matches!(&reply, Reply::Failed(fault) if fault.code == ErrorCode::LimitReached),
        "{reply:?}"
    );
    assert!(clinic.is_linked() && daemon.lives() && bank.lives());
    // The bank's own upload, of a user at its own REST endpoint, goes the same way.
    bank.rest().load("9999", "own", "id,x\n1,1\n2,2\n").await;
}

#[tokio::test]
async fn bytes_that_are_no_request_disturb_no_other_client() {
    let federation = Federation::new(&program());
    let clinic = federation.agent("10000", STRICT);
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/job/submit HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    ] {
        let reply = client::raw(clinic.rest_address(), noise).await;
        assert!(
            !reply.starts_with(b"HTTP/1.1 2") && !reply.starts_with(b"HTTP/1.1 5"),
            "{reply:?}"
        );
    }
    let request = http::Request::get(format!("http://{}/livez", clinic.rest_address()));
    let answer = client::ask(request.body(bytes::Bytes::new()).expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(clinic.lives());
}
