//! Who gets a link and who does not, and what each refusal says.

use std::time::Duration;

use pki::{ExpectedPeer, Identity, IssueOptions, Kind, RevocationReason, Target};
use transport::direct::SERVICE;
use transport::hello::{greet, read_hello};
use transport::{Endpoint, LinkError, RelayOptions};
use vocabulary::{Clock, ErrorCode, Fault, SystemClock};
use wire::agent_link::{AGENT_LINK, DIRECT_MESSAGES};

use crate::federation::{AGENTS, Coordinator, Federation, PATIENCE, hello, join, loopback, party};

fn code(error: LinkError) -> (ErrorCode, String) {
    let fault = Fault::from(error);
    (fault.code, fault.to_string())
}

#[tokio::test]
async fn a_member_of_the_federation_is_welcome() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = federation.endpoint("alice", Kind::Agent, &[SERVICE]);
    let greeting = join(&agent, &coordinator.address()).await.unwrap();
    assert_eq!(greeting.agreed.protocol, 1);
    assert_eq!(greeting.link.connection().peer().party, party("hub"));
    assert!(greeting.agreed.skew_millis.abs() < 2_000);
}

#[tokio::test]
async fn another_federation_is_refused_on_both_sides() {
    let (federation, foreign) = (Federation::new(), Federation::new());
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = foreign.endpoint("alice", Kind::Agent, &[]);
    let (code, text) = code(join(&agent, &coordinator.address()).await.unwrap_err());
    assert_eq!(code, ErrorCode::CertificateRefused, "{text}");
    assert!(text.contains("federation root"), "{text}");
}

#[tokio::test]
async fn a_revoked_agent_learns_that_it_is_revoked() {
    let federation = Federation::new();
    let revoked = federation.identity("alice", Kind::Agent);
    federation
        .authority
        .lock()
        .unwrap()
        .revoke(
            &Target::Party(party("alice")),
            RevocationReason::KeyCompromise,
        )
        .unwrap();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = Endpoint::bind(loopback(), revoked, &[]).unwrap();
    let (code, text) = code(join(&agent, &coordinator.address()).await.unwrap_err());
    assert_eq!(code, ErrorCode::CertificateRefused, "{text}");
    assert!(text.contains("revoked"), "{text}");
}

#[tokio::test]
async fn a_link_is_closed_when_its_certificate_is_revoked_later() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (alice, _a) = federation.endpoint("alice", Kind::Agent, &[]);
    let (bob, _b) = federation.endpoint("bob", Kind::Agent, &[]);
    let lost = join(&alice, &coordinator.address()).await.unwrap().link;
    let kept = join(&bob, &coordinator.address()).await.unwrap().link;
    let list = {
        let mut authority = federation.authority.lock().unwrap();
        authority
            .revoke(
                &Target::Party(party("alice")),
                RevocationReason::KeyCompromise,
            )
            .unwrap();
        authority.revocations_pem().unwrap()
    };
    let folder = federation.folder.path().join("coordinator-hub");
    pki::install_revocations(&folder, &list).unwrap();
    let closed = coordinator
        .endpoint
        .set_identity(Identity::load(&folder).unwrap())
        .unwrap();
    assert_eq!(closed, [party("alice")]);
    let (code_lost, text) = code(
        tokio::time::timeout(PATIENCE, lost.connection().lost())
            .await
            .unwrap(),
    );
    assert_eq!(code_lost, ErrorCode::CertificateRefused, "{text}");
    assert!(text.contains("revoked"), "{text}");
    assert!(!kept.connection().is_lost());
    let (again, text) = code(join(&alice, &coordinator.address()).await.unwrap_err());
    assert_eq!(again, ErrorCode::CertificateRefused, "{text}");
    join(&bob, &coordinator.address()).await.unwrap();
}

#[tokio::test]
async fn a_user_certificate_is_no_agent() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (user, _incoming) = federation.endpoint("alice", Kind::User, &[]);
    let (code, text) = code(join(&user, &coordinator.address()).await.unwrap_err());
    assert_eq!(code, ErrorCode::CertificateRefused, "{text}");
}

#[tokio::test]
async fn another_party_than_the_one_dialled_is_refused() {
    let federation = Federation::new();
    let (alice, _a) = federation.endpoint("alice", Kind::Agent, &[SERVICE]);
    let (bob, _b) = federation.endpoint("bob", Kind::Agent, &[SERVICE]);
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party("carol")),
    };
    let address = bob.local_address().unwrap().to_string();
    let (code, text) = code(
        alice
            .connect(&address, DIRECT_MESSAGES, expected)
            .await
            .unwrap_err(),
    );
    assert_eq!(code, ErrorCode::CertificateRefused, "{text}");
    assert!(text.contains("carol") && text.contains("bob"), "{text}");
}

#[tokio::test]
async fn a_daemon_that_speaks_something_else_is_a_version_mismatch() {
    let federation = Federation::new();
    let (alice, _a) = federation.endpoint("alice", Kind::Agent, &[SERVICE]);
    let (bob, _b) = federation.endpoint("bob", Kind::Agent, &[SERVICE]);
    let address = bob.local_address().unwrap().to_string();
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: None,
    };
    let (code, text) = code(
        alice
            .connect(&address, AGENT_LINK, expected)
            .await
            .unwrap_err(),
    );
    assert_eq!(code, ErrorCode::VersionMismatch, "{text}");
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_unusable() {
    let federation = Federation::new();
    let options = transport::EndpointOptions {
        handshake_timeout: Duration::from_millis(300),
        ..loopback()
    };
    let (alice, _a) =
        Endpoint::bind(options, federation.identity("alice", Kind::Agent), &[]).unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let expected = || ExpectedPeer {
        kind: Kind::Coordinator,
        party: None,
    };
    for address in [
        silent.local_addr().unwrap().to_string(),
        "no.such.host.invalid:1".into(),
        "nonsense".into(),
    ] {
        let (code, text) = code(
            alice
                .connect(&address, AGENT_LINK, expected())
                .await
                .unwrap_err(),
        );
        assert_eq!(code, ErrorCode::AddressUnusable, "{text}");
        assert!(text.contains(&address), "{text}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_address_that_cannot_be_used() {
    let federation = Federation::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = transport::EndpointOptions {
        address: taken.local_addr().unwrap(),
        ..loopback()
    };
    let error = Endpoint::bind(options, federation.identity("alice", Kind::Agent), &[])
        .err()
        .unwrap();
    assert_eq!(code(error).0, ErrorCode::AddressUnusable);
}

#[tokio::test]
async fn clocks_that_differ_too_much_are_refused_with_the_difference() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = federation.endpoint("alice", Kind::Agent, &[]);
    for (millis, refused) in [(6_000, false), (400_000, true), (-400_000, true)] {
        let expected = ExpectedPeer {
            kind: Kind::Coordinator,
            party: None,
        };
        let connection = agent
            .connect(&coordinator.address(), AGENT_LINK, expected)
            .await
            .unwrap();
        let now = SystemClock.now().plus_millis(millis);
        match greet(connection, &hello((1, 1), now), now, PATIENCE).await {
            Ok(greeting) => {
                assert!(!refused);
                assert!(
                    (greeting.agreed.skew_millis + millis).abs() < 2_000,
                    "{:?}",
                    greeting.agreed
                );
            }
            Err(error) => {
                let (code, text) = code(error);
                assert!(
                    refused && code == ErrorCode::ClockSkew && text.contains("seconds"),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn versions_that_do_not_meet_are_refused_with_both_ranges() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = federation.endpoint("alice", Kind::Agent, &[]);
    let expected = ExpectedPeer {
        kind: Kind::Coordinator,
        party: None,
    };
    let connection = agent
        .connect(&coordinator.address(), AGENT_LINK, expected)
        .await
        .unwrap();
    let now = SystemClock.now();
    let (code, text) = code(
        greet(connection, &hello((7, 9), now), now, PATIENCE)
            .await
            .unwrap_err(),
    );
    assert_eq!(code, ErrorCode::VersionMismatch);
    assert!(text.contains("7 to 9") && text.contains("1 to 1"), "{text}");
}

#[tokio::test]
async fn a_caller_that_never_says_hello_is_dropped() {
    let federation = Federation::new();
    let (hub, mut incoming) = federation.endpoint("hub", Kind::Coordinator, &[AGENTS]);
    let (agent, _incoming) = federation.endpoint("alice", Kind::Agent, &[]);
    let expected = ExpectedPeer {
        kind: Kind::Coordinator,
        party: Some(party("hub")),
    };
    let silent = agent
        .connect(
            &hub.local_address().unwrap().to_string(),
            AGENT_LINK,
            expected,
        )
        .await
        .unwrap();
    let accepted = incoming.recv().await.unwrap();
    let error = read_hello(accepted.connection, Duration::from_millis(100))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, LinkError::TimedOut { .. }), "{error}");
    tokio::time::timeout(PATIENCE, silent.lost()).await.unwrap();
}

#[tokio::test]
async fn an_agent_comes_back_after_the_coordinator_restarts() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let (agent, _incoming) = federation.endpoint("alice", Kind::Agent, &[]);
    let address = coordinator.endpoint.local_address().unwrap();
    let link = join(&agent, &address.to_string()).await.unwrap().link;
    coordinator.stop().await;
    tokio::time::timeout(PATIENCE, link.connection().lost())
        .await
        .unwrap();
    let options = transport::EndpointOptions {
        address,
        ..loopback()
    };
    let mut backoff =
        transport::Backoff::new(Duration::from_millis(20), Duration::from_millis(200));
    let restart = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let identity = federation.identity("hub", Kind::Coordinator);
        let (endpoint, incoming) = Endpoint::bind(options, identity, &[AGENTS]).unwrap();
        Coordinator::run(endpoint, incoming, RelayOptions::default())
    };
    let reconnect = async {
        loop {
            match join(&agent, &address.to_string()).await {
                Ok(greeting) => return greeting,
                Err(_) => backoff.wait().await,
            }
        }
    };
    let (_coordinator, greeting) = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::join!(restart, reconnect)
    })
    .await
    .unwrap();
    assert!(!greeting.link.connection().is_lost());
}

#[tokio::test]
async fn an_expired_certificate_is_named_as_such() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let folder = federation.folder.path().join("old");
    let now = SystemClock.now();
    let validity = pki::Validity {
        not_before: now.plus_millis(-7_200_000),
        not_after: now.plus_millis(-3_600_000),
    };
    let options = IssueOptions {
        validity: Some(validity),
        ..IssueOptions::default()
    };
    federation
        .authority
        .lock()
        .unwrap()
        .issue(&party("alice"), Kind::Agent, &folder, &options)
        .unwrap();
    let (agent, _incoming) =
        Endpoint::bind(loopback(), Identity::load(&folder).unwrap(), &[]).unwrap();
    let (code, text) = code(join(&agent, &coordinator.address()).await.unwrap_err());
    assert_eq!(code, ErrorCode::CertificateRefused, "{text}");
    assert!(text.contains("expired"), "{text}");
}

#[tokio::test]
async fn a_peer_has_no_connections_without_end() {
    let federation = Federation::new();
    let (alice, _a) = federation.endpoint("alice", Kind::Agent, &[]);
    let (bob, mut incoming) = federation.endpoint("bob", Kind::Agent, &[SERVICE]);
    let address = bob.local_address().unwrap().to_string();
    let expected = || ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party("bob")),
    };
    let mut kept = Vec::new();
    for _ in 0..16 {
        let ours = alice
            .connect(&address, DIRECT_MESSAGES, expected())
            .await
            .unwrap();
        kept.push((ours, incoming.recv().await.unwrap()));
    }
    let one_more = alice
        .connect(&address, DIRECT_MESSAGES, expected())
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, one_more.lost())
        .await
        .expect("closed by the other side");
    assert!(kept.iter().all(|(ours, _)| !ours.is_lost()));
    kept.pop().unwrap().0.close("no more needed");
    tokio::time::sleep(Duration::from_millis(200)).await;
    alice
        .connect(&address, DIRECT_MESSAGES, expected())
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, incoming.recv())
        .await
        .expect("welcome again")
        .unwrap();
}
