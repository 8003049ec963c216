//! `fedflow doctor`: says exactly what stops two daemons from talking.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use pki::{ExpectedPeer, Identity, Kind, Revocation};
use serde_json::json;
use transport::hello::greet;
use transport::{Endpoint, EndpointOptions};
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock};
use wire::agent_link::{AGENT_LINK, CATALOGUE_CONTEXT, Catalogue, Hello};

use crate::say;

/// Which daemon to examine.
#[derive(Args, Clone)]
pub(crate) struct DoctorArguments {
    /// An agent's settings: certificate, ports and policy are checked, and the coordinator is called as that agent would.
    #[arg(long, required_unless_present = "coordinator")]
    agent: Option<PathBuf>,
    /// A coordinator's settings: certificate and ports are checked.
    #[arg(long, conflicts_with = "agent")]
    coordinator: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Longest wait for the coordinator's answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// One thing that was checked.
struct Finding {
    what: String,
    fault: Option<Fault>,
}

/// Examines; fails with the first thing that is wrong.
pub(crate) async fn run(arguments: &DoctorArguments) -> Result<()> {
    let mut findings = Vec::new();
    match (&arguments.agent, &arguments.coordinator) {
        (Some(path), _) => examine_agent(path, &mut findings).await,
        (None, Some(path)) => examine_coordinator(path, &mut findings),
        (None, None) => {
            return Err(Fault::new(
                ErrorCode::RequestInvalid,
                "say which: --agent or --coordinator",
            )
            .into());
        }
    }
    show(&findings, arguments.json);
    match findings.into_iter().find_map(|finding| finding.fault) {
        None => Ok(()),
        Some(fault) => Err(fault.into()),
    }
}

fn show(findings: &[Finding], as_json: bool) {
    for finding in findings {
        if as_json {
            say::value(
                &json!({"checked": finding.what, "ok": finding.fault.is_none(), "fault": finding.fault}),
            );
        } else {
            say::line(format!(
                "{}  {}",
                if finding.fault.is_none() {
                    "ok   "
                } else {
                    "WRONG"
                },
                finding.what
            ));
        }
    }
}

fn note(findings: &mut Vec<Finding>, what: impl Into<String>, done: Result<(), Fault>) -> bool {
    let fine = done.is_ok();
    findings.push(Finding {
        what: what.into(),
        fault: done.err(),
    });
    fine
}

fn check_identity(
    folder: &std::path::Path,
    revocation: Revocation,
    findings: &mut Vec<Finding>,
) -> Option<Identity> {
    let facts = pki::inspect(folder).map_err(Fault::from);
    let problems = facts.map(|facts| {
        facts
            .into_iter()
            .flat_map(|one| one.problems)
            .collect::<Vec<_>>()
    });
    let judged = problems.and_then(|problems| match problems.first() {
        None => Ok(()),
        Some(problem) => Err(Fault::new(ErrorCode::CertificateRefused, problem.clone())
            .next("see `fedflow certs inspect`")),
    });
    note(
        findings,
        format!("certificate and key in {}", folder.display()),
        judged,
    );
    match Identity::load_for_daemon(folder, revocation) {
        Ok(identity) => Some(identity),
        Err(error) => {
            note(findings, "the identity can be loaded", Err(error.into()));
            None
        }
    }
}

fn check_port(
    what: &str,
    free: std::io::Result<()>,
    address: SocketAddr,
    findings: &mut Vec<Finding>,
) {
    let judged = free.or_else(|error| match error.kind() {
        // The daemon itself may be running: that is no fault.
        std::io::ErrorKind::AddrInUse => Ok(()),
        _ => Err(Fault::new(
            ErrorCode::AddressUnusable,
            format!("{address} cannot be used: {error}"),
        )
        .next("choose an address of this machine")),
    });
    note(findings, format!("{what} {address}"), judged);
}

fn examine_coordinator(path: &std::path::Path, findings: &mut Vec<Finding>) {
    match coordinator::read_config(path) {
        Err(fault) => {
            note(findings, format!("settings {}", path.display()), Err(fault));
        }
        Ok(config) => {
            note(findings, format!("settings {}", path.display()), Ok(()));
            check_identity(&config.identity, config.revocation, findings);
            check_port(
                "QUIC (UDP)",
                UdpSocket::bind(config.listen).map(|_| ()),
                config.listen,
                findings,
            );
            check_port(
                "REST (TCP)",
                TcpListener::bind(config.rest).map(|_| ()),
                config.rest,
                findings,
            );
        }
    }
}

async fn examine_agent(path: &std::path::Path, findings: &mut Vec<Finding>) {
    let config = match party_agent::AgentConfig::load(path) {
        Ok(config) => config,
        Err(fault) => {
            note(findings, format!("settings {}", path.display()), Err(fault));
            return;
        }
    };
    note(findings, format!("settings {}", path.display()), Ok(()));
    if let Some(file) = &config.policy {
        let policy = policy::Policy::load(config.party.clone(), file)
            .map(|_| ())
            .map_err(Fault::from);
        note(findings, format!("policy {}", file.display()), policy);
    }
    check_port(
        "QUIC (UDP)",
        UdpSocket::bind(config.listen).map(|_| ()),
        config.listen,
        findings,
    );
    check_port(
        "REST (TCP)",
        TcpListener::bind(config.rest).map(|_| ()),
        config.rest,
        findings,
    );
    let Some(identity) = check_identity(&config.identity, config.revocation, findings) else {
        return;
    };
    let named = if *identity.party() == config.party && identity.kind() == Kind::Agent {
        Ok(())
    } else {
        let text = format!(
            "the certificate is of {} {}, the settings say agent {}",
            identity.kind(),
            identity.party(),
            config.party
        );
        Err(Fault::new(ErrorCode::CertificateRefused, text)
            .next("issue a certificate for this party"))
    };
    if note(findings, "the certificate names this party", named) {
        let called = call(
            &config.coordinator,
            config.coordinator_party.clone(),
            identity,
        )
        .await;
        note(
            findings,
            format!(
                "the coordinator at {} takes this agent in",
                config.coordinator
            ),
            called,
        );
    }
}

/// Calls the coordinator as the agent would, with a hello that says that it is only a probe.
async fn call(coordinator: &str, party: Option<PartyId>, identity: Identity) -> Result<(), Fault> {
    let now = SystemClock.now();
    let catalogue = Catalogue {
        party: identity.party().clone(),
        components: vec![],
        made: now,
    };
    let bytes = rmp_serde::to_vec_named(&catalogue)
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
    let hello = Hello {
        protocol: wire::version::PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        // Without it the coordinator would take the probe for the agent and end the real one's
        // link.
        capabilities: vec![wire::agent_link::PROBE.to_owned()],
        now,
        catalogue: identity.sign(CATALOGUE_CONTEXT, &bytes)?,
        attempts: vec![],
        direct: vec![],
        rest: None,
        rows_through_coordinator: false,
        slots: None,
        run: None,
        message_key: None,
    };
    // Not the agent's own port: the agent may be running while it is examined.
    let any_port = if coordinator.starts_with('[') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let address: SocketAddr = any_port
        .parse()
        .map_err(|_| Fault::new(ErrorCode::Internal, "no address to dial from"))?;
    let (endpoint, _) =
        Endpoint::bind(EndpointOptions::at(address), identity, &[]).map_err(Fault::from)?;
    let expected = ExpectedPeer {
        kind: Kind::Coordinator,
        party,
    };
    let connection = endpoint
        .connect(coordinator, AGENT_LINK, expected)
        .await
        .map_err(Fault::from)?;
    let greeted = greet(connection, &hello, now, PATIENCE)
        .await
        .map_err(Fault::from);
    endpoint.close("the probe is over").await;
    greeted.map(|_| ())
}
