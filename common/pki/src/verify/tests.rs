//! Handshakes that must succeed, and all those that must not.

use std::sync::Arc;

use rustls::RootCertStore;
use vocabulary::{Clock, ManualClock, SystemClock};

use super::*;
use crate::ledger::{RevocationReason, Target};
use crate::trial::{Federation, Handshake, handshake, party, past};

const ALPN: &[&[u8]] = &[b"fedflow/1"];

fn agent(id: &str) -> ExpectedPeer {
    ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party(id)),
    }
}

fn dial(from: &Identity, to: &Identity, expected: ExpectedPeer) -> Handshake {
    let name = expected.server_name();
    let client = client_config_for(from, ALPN, expected).expect("client configuration");
    handshake(
        client,
        server_config(to, ALPN).expect("server configuration"),
        &name,
    )
}

fn refusal(end: Result<PeerIdentity>) -> Refusal {
    match end.expect_err("the handshake succeeded") {
        PkiError::Refused(refusal) => refusal,
        other => panic!("ended for another reason: {other}"),
    }
}

fn assert_told(end: Result<PeerIdentity>, reason: &str) {
    let error = end.expect_err("the handshake succeeded");
    assert!(matches!(&error, PkiError::RefusedByPeer { .. }), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn joins_two_members_and_takes_their_names_from_the_certificates() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("Bank_B.x", Kind::Agent),
    );
    let ends = dial(&a, &b, agent("Bank_B.x"));
    let (seen_by_client, seen_by_server) =
        (ends.client.expect("client"), ends.server.expect("server"));
    assert_eq!(
        seen_by_client.name().uri(),
        "fedflow://banks/agent/Bank_B.x"
    );
    assert_eq!(seen_by_server.name().uri(), "fedflow://banks/agent/9999");
    assert_eq!(&seen_by_server, a.as_peer());
    assert_eq!(seen_by_client.public_key_sec1, b.public_key_sec1());
}

#[test]
fn joins_a_coordinator_whose_party_is_not_configured() {
    let mut banks = Federation::new("banks");
    let (a, hub) = (
        banks.member("9999", Kind::Agent),
        banks.member("hub", Kind::Coordinator),
    );
    let any = ExpectedPeer {
        kind: Kind::Coordinator,
        party: None,
    };
    assert_eq!(
        dial(&a, &hub, any.clone()).client.expect("client").party,
        party("hub")
    );
    let refused = refusal(dial(&a, &a, any).client);
    assert!(matches!(refused, Refusal::OtherPeer { .. }), "{refused}");
}

#[test]
fn offers_what_quic_needs_and_no_resumption() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let server = server_config(&a, ALPN).expect("server");
    let suites: Vec<_> = server
        .crypto_provider()
        .cipher_suites
        .iter()
        .map(|suite| suite.suite())
        .collect();
    assert!(suites.contains(&rustls::CipherSuite::TLS13_AES_128_GCM_SHA256));
    assert_eq!(server.send_tls13_tickets, 0);
    assert!(!server.session_storage.can_cache());
    assert_eq!(server.max_early_data_size, 0);
    assert_eq!(server.alpn_protocols, vec![b"fedflow/1".to_vec()]);
}

#[test]
fn refuses_another_party_than_the_one_dialled() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    let refused = refusal(dial(&a, &b, agent("10001")).client);
    assert_eq!(
        refused,
        Refusal::OtherPeer {
            expected: "agent 10001".into(),
            found: "agent 10000".into()
        }
    );
    let kind = ExpectedPeer {
        kind: Kind::Coordinator,
        party: Some(party("10000")),
    };
    assert!(matches!(
        refusal(dial(&a, &b, kind).client),
        Refusal::OtherPeer { .. }
    ));
}

#[test]
fn lets_the_dialled_name_decide_when_no_peer_is_pinned() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    let dial_name = |name: &str| {
        handshake(
            client_config(&a, ALPN).expect("client"),
            server_config(&b, ALPN).expect("server"),
            name,
        )
    };
    assert_eq!(
        dial_name(&server_name(b.party(), Kind::Agent))
            .client
            .expect("client")
            .party,
        party("10000")
    );
    dial_name(&server_name(&party("10001"), Kind::Agent))
        .client
        .expect_err("another party was taken");
    dial_name(&server_name(b.party(), Kind::Coordinator))
        .client
        .expect_err("another kind was taken");
    dial_name("127.0.0.1")
        .client
        .expect_err("an address was taken for a name");
}

#[test]
fn refuses_a_user_as_a_server() {
    let mut banks = Federation::new("banks");
    let (a, user) = (
        banks.member("9999", Kind::Agent),
        banks.member("9999", Kind::User),
    );
    let expected = ExpectedPeer {
        kind: Kind::User,
        party: Some(party("9999")),
    };
    refusal(dial(&a, &user, expected).client);
    assert_eq!(
        dial(&user, &a, agent("9999")).server.expect("server").kind,
        Kind::User
    );
}

#[test]
fn refuses_members_of_a_foreign_root_on_both_sides() {
    let (mut banks, mut imitation) = (Federation::new("banks"), Federation::new("banks"));
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        imitation.member("10000", Kind::Agent),
    );
    assert_eq!(
        refusal(dial(&a, &b, agent("10000")).client),
        Refusal::ForeignRoot
    );
    // The stranger's side: an imposter that verifies nobody but holds a certificate of its own root.
    let ends = handshake(
        careless(&b),
        server_config(&a, ALPN).expect("server"),
        "9999.agent.fedflow",
    );
    assert_eq!(refusal(ends.server), Refusal::ForeignRoot);
    ends.client.expect_err("the stranger was let in");
}

#[test]
fn refuses_an_expired_certificate_on_both_sides() {
    let mut banks = Federation::new("banks");
    let (fresh, old) = (
        banks.member("9999", Kind::Agent),
        banks.member_with("10000", Kind::Agent, Some(past())),
    );
    assert_eq!(
        refusal(dial(&fresh, &old, agent("10000")).client),
        Refusal::Expired
    );
    let ends = dial(&old, &fresh, agent("9999"));
    assert_eq!(refusal(ends.server), Refusal::Expired);
    assert_told(ends.client, "it has expired");
}

#[test]
fn refuses_a_revoked_certificate_on_both_sides() {
    let mut banks = Federation::new("banks");
    let (a, bad) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    dial(&a, &bad, agent("10000"))
        .client
        .expect("not revoked yet");
    let target = Target::Party(party("10000"));
    let serials = banks
        .authority
        .revoke(&target, RevocationReason::KeyCompromise)
        .expect("revoke");
    assert_eq!(serials, vec![bad.as_peer().serial.clone()]);
    let a = banks.update(&a);
    assert_eq!(
        refusal(dial(&a, &bad, agent("10000")).client),
        Refusal::Revoked
    );
    let ends = dial(&bad, &a, agent("9999"));
    assert_eq!(refusal(ends.server), Refusal::Revoked);
    assert_told(ends.client, "it is revoked");
    let third = banks.member("10001", Kind::Agent);
    dial(&a, &third, agent("10001"))
        .client
        .expect("others go on");
}

#[test]
fn refuses_everybody_under_an_expired_revocation_list() {
    let mut banks = Federation::new("banks");
    let (a, b) = (
        banks.member("9999", Kind::Agent),
        banks.member("10000", Kind::Agent),
    );
    let past = Arc::new(ManualClock::at(
        SystemClock.now().plus_millis(-31 * 86_400_000),
    ));
    banks.set_clock(past);
    banks.authority.refresh_revocations().expect("refresh");
    let stale = banks.update(&a);
    assert_eq!(
        refusal(dial(&stale, &b, agent("10000")).client),
        Refusal::RevocationListExpired
    );
    assert_eq!(
        refusal(dial(&b, &stale, agent("9999")).server),
        Refusal::RevocationListExpired
    );
}

#[test]
fn refuses_a_caller_without_a_certificate() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let mut bare = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_root_certificates(store(&a))
        .with_no_client_auth();
    bare.alpn_protocols = owned(ALPN);
    let ends = handshake(
        Arc::new(bare),
        server_config(&a, ALPN).expect("server"),
        "9999.agent.fedflow",
    );
    assert_eq!(refusal(ends.server), Refusal::Missing);
    assert_told(ends.client, "none was presented");
}

#[test]
fn refuses_a_caller_that_speaks_only_tls_1_2() {
    let mut banks = Federation::new("banks");
    let a = banks.member("9999", Kind::Agent);
    let old =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("versions")
            .with_root_certificates(store(&a))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
                a.certified.as_ref().clone(),
            )));
    let ends = handshake(
        Arc::new(old),
        server_config(&a, ALPN).expect("server"),
        "9999.agent.fedflow",
    );
    let error = ends.server.expect_err("TLS 1.2 was spoken");
    assert!(
        error.to_string().to_lowercase().contains("tls12"),
        "{error}"
    );
    ends.client.expect_err("TLS 1.2 was spoken");
}

fn store(identity: &Identity) -> RootCertStore {
    let mut store = RootCertStore::empty();
    for root in identity.trust().roots() {
        store.add(root.clone()).expect("root");
    }
    store
}

/// A caller that takes any server: what an attacker would run.
fn careless(identity: &Identity) -> Arc<ClientConfig> {
    #[derive(Debug)]
    struct Anybody(TrustRoots);
    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(no_tls12())
        }
        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.server.supported_verify_schemes()
        }
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(identity.trust().clone())))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(
            identity.certified.as_ref().clone(),
        )));
    config.alpn_protocols = owned(ALPN);
    Arc::new(config)
}
