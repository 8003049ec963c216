//! A whole agent against a coordinator's end of the link: hello, orders, reports, both REST endpoints, restart.

use std::path::PathBuf;

use pki::Kind;
use policy::{Policy, Rules};
use rest::proxy::whole;
use tokio::io::AsyncReadExt;
use transport::hello::read_hello;
use transport::{Body, CallOptions, Connection, EndpointOptions, Link, Service};
use vocabulary::offer::fingerprint_of;
use vocabulary::report::ReportBody;
use vocabulary::{Clock, Report, Role, SignedBytes, Timestamp};
use wire::agent_link::{
    AGENT_LINK, Caller, Catalogue as Announced, Hello, HttpHead, OFFER_CONTEXT, Reply, ToAgent,
    ToCoordinator, Welcome,
};

use super::*;
use crate::trial::{Certificates, OPEN, SCRIPTED, assignment, job, offer, script};

const PATIENCE: Duration = Duration::from_secs(10);

struct Coordinator {
    endpoint: Endpoint,
    incoming: mpsc::Receiver<Incoming>,
    told: mpsc::UnboundedSender<Report>,
    reports: mpsc::UnboundedReceiver<Report>,
}

impl Coordinator {
    fn new(certificates: &Certificates) -> Self {
        let options = EndpointOptions::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        let service = Service {
            alpn: AGENT_LINK,
            callers: Kind::Agent,
        };
        let (endpoint, incoming) = Endpoint::bind(
            options,
            certificates.identity("centre", Kind::Coordinator),
            &[service],
        )
        .unwrap();
        let (told, reports) = mpsc::unbounded_channel();
        Self {
            endpoint,
            incoming,
            told,
            reports,
        }
    }

    async fn arrival(&mut self) -> Connection {
        tokio::time::timeout(PATIENCE, self.incoming.recv())
            .await
            .expect("in time")
            .expect("dialled")
            .connection
    }

    /// Welcomes an agent and serves its calls: reports are acknowledged, requests answered with their own path.
    async fn welcome(&mut self) -> (Hello, Link) {
        let connection = self.arrival().await;
        let call = read_hello(connection, PATIENCE).await.unwrap();
        let hello = call.hello.clone();
        let welcome = Welcome::Accepted {
            protocol: 1,
            version: "9.9".into(),
            capabilities: vec![],
            now: SystemClock.now(),
            heartbeat_millis: 200,
            peers: vec![],
        };
        let link = call.accept(&welcome, PATIENCE).await.unwrap();
        let (served, told) = (link.clone(), self.told.clone());
        tokio::spawn(async move {
            served
                .serve(move |call: ToCoordinator, _, answer| {
                    let told = told.clone();
                    async move {
                        let (reply, body) = match call {
                            ToCoordinator::Reports(reports) => {
                                reports
                                    .into_iter()
                                    .for_each(|report| told.send(report).unwrap());
                                (Reply::Done, Body::Empty)
                            }
                            ToCoordinator::Http(head) => {
                                let text = format!("{} by {:?}", head.target, head.caller);
                                let head = wire::agent_link::HttpReplyHead {
                                    status: 200,
                                    headers: vec![],
                                };
                                (Reply::Http(head), Body::Bytes(text.into()))
                            }
                            _ => (Reply::Done, Body::Empty),
                        };
                        let _ = answer.reply(&reply, body, PATIENCE).await;
                    }
                })
                .await
        });
        (hello, link)
    }

    async fn end_of_attempt(&mut self) -> Outcome {
        loop {
            let report = tokio::time::timeout(PATIENCE, self.reports.recv())
                .await
                .expect("in time")
                .expect("told");
            if let ReportBody::Ended { outcome, .. } = report.body {
                return outcome;
            }
        }
    }
}

async fn order(link: &Link, order: ToAgent) -> Reply {
    link.call(&order, Body::Empty, CallOptions::control(PATIENCE))
        .await
        .unwrap()
        .0
}

struct Bench {
    certificates: Certificates,
    coordinator: Coordinator,
    config: AgentConfig,
}

fn bench(policy: &str) -> Bench {
    let certificates = Certificates::new();
    let coordinator = Coordinator::new(&certificates);
    let path = |name: &str| -> PathBuf { certificates.folder.path().join(name) };
    std::fs::write(path("policy.toml"), policy).unwrap();
    let address = coordinator.endpoint.local_address().unwrap().to_string();
    let config = AgentConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        rest: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: path("data"),
        policy: Some(path("policy.toml")),
        ..AgentConfig::new(
            crate::trial::party("2"),
            certificates.issue("2", Kind::Agent),
            address,
        )
    };
    Bench {
        certificates,
        coordinator,
        config,
    }
}

impl Bench {
    async fn start(&self) -> (Running, CancellationToken) {
        let stop = CancellationToken::new();
        (
            start(self.config.clone(), SCRIPTED, None, stop.clone())
                .await
                .unwrap(),
            stop,
        )
    }

    fn signed(&self, what: &str) -> SignedBytes {
        let bytes = offer(&script(what)).canonical_bytes().unwrap();
        self.certificates
            .identity("1", Kind::Agent)
            .sign(OFFER_CONTEXT, &bytes)
            .unwrap()
    }
}

async fn get(rest: SocketAddr, path: &str) -> String {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(rest).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {rest}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came true");
}

/// What an agent has done before it starts.
async fn input_was_made(config: &AgentConfig, order: &vocabulary::Assignment) {
    let agent_state = open_agent_state(config, SCRIPTED).await.unwrap();
    crate::trial::input_was_made(&agent_state, order).await;
    agent_state.records.close().await;
}

#[tokio::test]
async fn takes_an_offer_runs_its_step_and_reports() {
    let mut bench = bench(OPEN);
    input_was_made(
        &bench.config,
        &assignment(Role::Host, "2", 0, &script("leave")),
    )
    .await;
    let (running, stop) = bench.start().await;
    let (hello, link) = bench.coordinator.welcome().await;
    let trust = bench.certificates.identity("1", Kind::Agent);
    let signer = pki::verify_signed(
        &hello.catalogue,
        wire::agent_link::CATALOGUE_CONTEXT,
        &trust,
        SystemClock.now(),
    )
    .unwrap();
    assert_eq!(hello.capabilities, [wire::agent_link::UPLOADS]);
    let announced: Announced = wire::frame::decode(&hello.catalogue.bytes).unwrap();
    assert_eq!(
        (signer.party.as_str(), announced.components[0].name.as_str()),
        ("2", "scripted")
    );
    assert!(
        hello.rows_through_coordinator && hello.rest == Some(format!("http://{}", running.rest))
    );
    let signed = bench.signed("leave");
    assert!(
        matches!(order(&link, ToAgent::Offer(signed.clone())).await, Reply::Accepted(answer) if answer.bytes == signed.bytes)
    );
    let assignment = assignment(Role::Host, "2", 0, &script("leave"));
    assert_eq!(assignment.offer, fingerprint_of(&signed.bytes));
    assert_eq!(
        order(&link, ToAgent::Assign(Box::new(assignment.clone()))).await,
        Reply::Done
    );
    assert_eq!(bench.coordinator.end_of_attempt().await, Outcome::Succeeded);
    let changed = vocabulary::Assignment {
        attempt: vocabulary::Attempt(1),
        parameters: script("talk"),
        ..assignment
    };
    assert!(
        matches!(order(&link, ToAgent::Assign(Box::new(changed))).await, Reply::Failed(fault) if fault.code == ErrorCode::OfferRefused)
    );
    assert_eq!(order(&link, ToAgent::Close(job())).await, Reply::Done);
    stop.cancel();
    running.wait().await.unwrap();
}

#[tokio::test]
async fn answers_at_both_endpoints_and_tells_callers_apart() {
    let mut bench = bench("");
    let (running, stop) = bench.start().await;
    let (hello, link) = bench.coordinator.welcome().await;
    assert!(!hello.rows_through_coordinator);
    eventually(|| running.link().connected).await;
    let passed_on = get(running.rest, "/v1/job/list?x=1").await;
    assert!(
        passed_on.contains("200 OK") && passed_on.contains("/v1/job/list?x=1 by PartyUser"),
        "{passed_on}"
    );
    let own = get(running.rest, "/v1/fedflow/health").await;
    assert!(
        own.contains("\"party\":\"2\"") && own.contains("\"connected\":true"),
        "{own}"
    );
    let head = HttpHead {
        method: "POST".into(),
        target: "/v1/table/preview".into(),
        headers: vec![],
        caller: Caller::PartyUser(crate::trial::party("2")),
        ticket: None,
    };
    let body = Body::Pieces(Box::new(crate::uplink::StreamPieces(whole(
        "{\"name\": \"t\", \"namespace\": \"n\"}",
    ))));
    let (reply, mut body) = link
        .call(&ToAgent::Http(head), body, CallOptions::bulk(PATIENCE))
        .await
        .unwrap();
    let mut text = String::new();
    AsyncReadExt::read_to_string(&mut body, &mut text)
        .await
        .unwrap();
    assert!(
        matches!(reply, Reply::Http(_)) && text.contains("\"retcode\":108"),
        "{text}"
    );
    stop.cancel();
    running.wait().await.unwrap();
}

#[tokio::test]
async fn comes_back_after_a_lost_link_and_says_what_it_still_runs() {
    let mut bench = bench(OPEN);
    let deaf = assignment(Role::Host, "2", 0, &script("deaf"));
    input_was_made(&bench.config, &deaf).await;
    let (running, stop) = bench.start().await;
    let (hello, link) = bench.coordinator.welcome().await;
    assert!(hello.attempts.is_empty());
    order(&link, ToAgent::Offer(bench.signed("deaf"))).await;
    order(&link, ToAgent::Assign(Box::new(deaf.clone()))).await;
    link.connection().close("for the test");
    let (hello, _link) = bench.coordinator.welcome().await;
    assert_eq!(hello.attempts, [(deaf.task, deaf.attempt)]);
    stop.cancel();
    running.wait().await.unwrap();
    // cut off by the end of the agent, and told before it went
    assert_eq!(bench.coordinator.end_of_attempt().await, Outcome::Lost);
}

#[tokio::test]
async fn reports_what_ran_when_it_died() {
    let mut bench = bench(OPEN);
    let lost = assignment(Role::Host, "2", 0, &script("wait"));
    let agent_state = open_agent_state(&bench.config, SCRIPTED).await.unwrap();
    agent_state
        .records
        .begin_attempt(&lost, Timestamp(1))
        .await
        .unwrap();
    agent_state.records.close().await;
    drop(agent_state);
    let (running, stop) = bench.start().await;
    let (hello, _link) = bench.coordinator.welcome().await;
    assert_eq!(hello.attempts, [(lost.task, lost.attempt)]);
    assert_eq!(bench.coordinator.end_of_attempt().await, Outcome::Lost);
    stop.cancel();
    running.wait().await.unwrap();
}

#[tokio::test]
async fn shows_why_the_coordinator_refuses_it() {
    let mut bench = bench("");
    let (running, stop) = bench.start().await;
    let call = read_hello(bench.coordinator.arrival().await, PATIENCE)
        .await
        .unwrap();
    call.refuse(
        Fault::new(ErrorCode::VersionMismatch, "too old").next("update it"),
        PATIENCE,
    )
    .await;
    eventually(|| running.link().last_error.is_some()).await;
    let error = running.link().last_error.unwrap();
    assert_eq!(
        (error.code, error.next.as_deref()),
        (ErrorCode::VersionMismatch, Some("update it"))
    );
    let answer = get(running.rest, "/v1/job/list").await;
    assert!(
        answer.contains("503") && answer.contains("too old"),
        "{answer}"
    );
    stop.cancel();
    running.wait().await.unwrap();
}

#[tokio::test]
async fn says_clearly_why_it_cannot_start() {
    let bench = bench("");
    let (running, stop) = bench.start().await;
    let stopped = CancellationToken::new();
    let elsewhere = bench.config.data.with_file_name("data-2");
    let taken = AgentConfig {
        rest: running.rest,
        data: elsewhere.clone(),
        ..bench.config.clone()
    };
    let fault = start(taken, SCRIPTED, None, stopped.clone())
        .await
        .err()
        .unwrap();
    assert!(
        fault.code == ErrorCode::AddressUnusable
            && fault.message.contains(&running.rest.to_string()),
        "{fault}"
    );
    let taken = AgentConfig {
        listen: running.quic,
        data: elsewhere,
        ..bench.config.clone()
    };
    assert_eq!(
        start(taken, SCRIPTED, None, stopped.clone())
            .await
            .err()
            .unwrap()
            .code,
        ErrorCode::AddressUnusable
    );
    let foreign = AgentConfig {
        party: crate::trial::party("3"),
        ..bench.config.clone()
    };
    let fault = start(foreign, SCRIPTED, None, stopped.clone())
        .await
        .err()
        .unwrap();
    assert!(
        fault.code == ErrorCode::ConfigInvalid && fault.message.contains("agent 2"),
        "{fault}"
    );
    let nowhere = AgentConfig {
        identity: "nowhere".into(),
        ..bench.config.clone()
    };
    assert!(start(nowhere, SCRIPTED, None, stopped).await.is_err());
    stop.cancel();
    running.wait().await.unwrap();
}

/// A UDP port that is free now.
fn free_port() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[tokio::test]
async fn two_agents_run_a_step_with_direct_messages() {
    let mut bench = bench(OPEN);
    let mut running = Vec::new();
    let stop = CancellationToken::new();
    for id in ["1", "2"] {
        let listen = free_port();
        let config = AgentConfig {
            listen,
            direct: vec![listen.to_string()],
            party: crate::trial::party(id),
            identity: bench.certificates.issue(id, Kind::Agent),
            data: bench.config.data.with_file_name(format!("data-{id}")),
            ..bench.config.clone()
        };
        let role = if id == "1" { Role::Guest } else { Role::Host };
        input_was_made(&config, &assignment(role, id, 0, &script("talk"))).await;
        running.push(start(config, SCRIPTED, None, stop.clone()).await.unwrap());
    }
    let mut links = std::collections::BTreeMap::new();
    let mut peers = Vec::new();
    for _ in 0..2 {
        let (hello, link) = bench.coordinator.welcome().await;
        let chain = link
            .connection()
            .peer()
            .chain
            .iter()
            .map(|der| der.to_vec())
            .collect();
        let party = link.connection().peer().party.clone();
        let message_key = hello.message_key;
        let direct = hello.direct;
        peers.push(wire::agent_link::Peer {
            party: party.clone(),
            chain,
            direct,
            online: true,
            run: None,
            message_key,
        });
        links.insert(party.to_string(), link);
    }
    for link in links.values() {
        assert_eq!(
            order(link, ToAgent::Peers(peers.clone())).await,
            Reply::Done
        );
    }
    let Reply::Signed(signed) = order(&links["1"], ToAgent::Sign(offer(&script("talk")))).await
    else {
        panic!("not signed")
    };
    assert!(matches!(
        order(&links["2"], ToAgent::Offer(signed)).await,
        Reply::Accepted(_)
    ));
    for (role, id) in [(Role::Host, "2"), (Role::Guest, "1")] {
        let assignment = assignment(role, id, 0, &script("talk"));
        assert_eq!(
            order(&links[id], ToAgent::Assign(Box::new(assignment))).await,
            Reply::Done
        );
    }
    for _ in 0..2 {
        assert_eq!(bench.coordinator.end_of_attempt().await, Outcome::Succeeded);
    }
    stop.cancel();
    for agent in running {
        agent.wait().await.unwrap();
    }
}

#[tokio::test]
async fn a_narrower_policy_counts_though_the_certificate_cannot_be_read_and_an_unreadable_one_ends()
{
    let bench = bench(OPEN);
    let (running, stop) = bench.start().await;
    let renewal = running.renewal();
    let (policy, list) = (
        bench.config.policy.clone().unwrap(),
        bench.config.identity.join("revoked.crl"),
    );
    let closed = Policy::new(crate::trial::party("2"), Rules::default());
    // The revocation list is half written when the policy is narrowed.
    let whole = std::fs::read(&list).unwrap();
    std::fs::write(&list, &whole[..whole.len() / 2]).unwrap();
    std::fs::write(&policy, "").unwrap();
    renewal.reload().unwrap_err();
    assert_eq!(*renewal.agent_state.policy(), closed);
    assert!(renewal.is_behind(), "tried again");
    std::fs::write(&list, whole).unwrap();
    std::fs::write(&policy, OPEN).unwrap();
    renewal.reload().unwrap();
    assert!(!renewal.is_behind());
    // No policy: what was in force counts for a minute, which health tells of.
    std::fs::write(&policy, "no policy").unwrap();
    let now = renewal.agent_state.now();
    renewal.reload_at(now).unwrap_err();
    renewal.reload_at(now.plus_millis(59_000)).unwrap_err();
    assert_ne!(*renewal.agent_state.policy(), closed);
    let health = get(running.rest, "/v1/fedflow/health").await;
    assert!(
        health.contains(&now.millis().to_string()) && health.contains("not well formed"),
        "{health}"
    );
    renewal.reload_at(now.plus_millis(60_000)).unwrap_err();
    assert_eq!(*renewal.agent_state.policy(), closed);
    std::fs::write(&policy, OPEN).unwrap();
    renewal.reload().unwrap();
    assert_ne!(*renewal.agent_state.policy(), closed);
    stop.cancel();
    running.wait().await.unwrap();
}

#[tokio::test]
async fn reads_its_policy_again_without_a_restart() {
    let mut bench = bench("");
    let (running, stop) = bench.start().await;
    let (hello, link) = bench.coordinator.welcome().await;
    assert!(!hello.rows_through_coordinator);
    assert!(matches!(
        order(&link, ToAgent::Offer(bench.signed("talk"))).await,
        Reply::Failed(_)
    ));
    eventually(|| running.link().connected).await;
    let policy = bench.config.policy.clone().unwrap();
    std::fs::write(&policy, "no policy").unwrap();
    assert_eq!(
        running.renewal().reload().unwrap_err().code,
        ErrorCode::ConfigInvalid
    );
    std::fs::write(&policy, OPEN).unwrap();
    running.renewal().reload().unwrap();
    let (hello, link) = bench.coordinator.welcome().await;
    assert!(hello.rows_through_coordinator);
    assert!(matches!(
        order(&link, ToAgent::Offer(bench.signed("talk"))).await,
        Reply::Accepted(_)
    ));
    stop.cancel();
    running.wait().await.unwrap();
}

#[test]
fn folders_of_the_agent_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (fresh, open) = (folder.path().join("a/b"), folder.path().join("open"));
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    make_folder(&fresh).unwrap();
    make_folder(&open).unwrap();
    assert_eq!((mode(&fresh), mode(&open)), (0o700, 0o750));
}
