//! What the coordinator can and cannot do with the messages it relays.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pki::{ExpectedPeer, Kind};
use transport::direct::SERVICE;
use transport::{
    Body, CallOptions, Directory, Dispatcher, Endpoint, Link, LinkError, Pieces, Relay, RelayLink,
    RelayOptions, RelayedTransport, RouteOptions, RoutedTransport,
};
use vocabulary::{ErrorCode, Fault, Participant, Role};
use wire::agent_link::{DIRECT_MESSAGES, EnvelopeHead, Peer, Reply};
use wire::contract::sample_envelope;
use wire::{Envelope, Inbox, InboxOptions, InboxUsage, Transport, TransportError};

use crate::federation::{Agent, Coordinator, Federation, PATIENCE, Ways, introduce, party};

const CANARY: &[u8] = b"canary-that-must-not-be-seen";

/// A coordinator that keeps what it sees, and does to it what it likes.
struct Hostile {
    receiver: Arc<RelayedTransport>,
    seen: Mutex<Vec<u8>>,
    tamper: Box<dyn Fn(&mut EnvelopeHead, &mut Vec<u8>) + Send + Sync>,
}

#[async_trait]
impl RelayLink for Hostile {
    async fn messages(&self, mut head: EnvelopeHead, body: Body) -> Result<Reply, LinkError> {
        let Body::Pieces(mut pieces) = body else {
            panic!("a sealed body comes in pieces")
        };
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await.map_err(LinkError::Refused)? {
            bytes.extend_from_slice(&piece);
        }
        assert_eq!(head.size, bytes.len() as u64, "the announced size is exact");
        self.seen
            .lock()
            .unwrap()
            .extend_from_slice(&wire::frame::encode(&head).unwrap());
        self.seen.lock().unwrap().extend_from_slice(&bytes);
        (self.tamper)(&mut head, &mut bytes);
        Ok(match self.receiver.take(&head, &mut &bytes[..]).await {
            Ok(_) => Reply::Done,
            Err(TransportError::Refused(fault)) => Reply::Failed(fault),
            Err(error) => Reply::Failed(Fault::new(ErrorCode::RequestInvalid, error.to_string())),
        })
    }
}

struct End {
    endpoint: Endpoint,
    directory: Directory,
    dispatcher: Arc<Dispatcher>,
}

impl End {
    /// An end whose messages are of `name` and whose identity is of `identity`: usually the same.
    fn new(federation: &Federation, name: &str, identity: &str) -> Self {
        let (endpoint, _) = federation.endpoint(identity, Kind::Agent, &[]);
        let inbox = Inbox::new(InboxOptions::default()).unwrap();
        let dispatcher =
            Dispatcher::new(party(name), inbox, 32 << 20, PATIENCE, Arc::new(|_| Ok(())));
        Self {
            endpoint,
            directory: Directory::new(),
            dispatcher,
        }
    }

    fn knows(&self, name: &str, of: &End) {
        let chain = of
            .endpoint
            .identity()
            .chain()
            .iter()
            .map(|der| der.to_vec())
            .collect();
        let message_key = Some(of.endpoint.message_key().unwrap());
        self.directory.replace(vec![Peer {
            party: party(name),
            chain,
            direct: vec![],
            online: true,
            run: None,
            message_key,
        }]);
    }

    fn relayed(&self, link: Arc<dyn RelayLink>) -> Arc<RelayedTransport> {
        RelayedTransport::new(
            self.endpoint.clone(),
            self.directory.clone(),
            self.dispatcher.clone(),
            link,
        )
    }

    fn transport(&self, link: Arc<dyn RelayLink>) -> Arc<RoutedTransport> {
        let options = RouteOptions {
            give_up: Duration::from_millis(50),
            ..RouteOptions::default()
        };
        RoutedTransport::new(
            self.dispatcher.clone(),
            None,
            Some(self.relayed(link)),
            options,
        )
    }

    fn usage(&self) -> InboxUsage {
        self.dispatcher.inbox().usage()
    }
}

/// A way that leads nowhere.
struct Nowhere;

#[async_trait]
impl RelayLink for Nowhere {
    async fn messages(&self, _: EnvelopeHead, _: Body) -> Result<Reply, LinkError> {
        Err(LinkError::Abandoned)
    }
}

type Tamper = Box<dyn Fn(&mut EnvelopeHead, &mut Vec<u8>) + Send + Sync>;

/// Sends a message from alice to bob through a hostile coordinator.
async fn send_through(
    envelope: &Envelope,
    tamper: Tamper,
) -> (Result<(), TransportError>, Arc<Hostile>, End) {
    let federation = Federation::new();
    let (alice, bob) = (
        End::new(&federation, "alice", "alice"),
        End::new(&federation, "bob", "bob"),
    );
    alice.knows("bob", &bob);
    let hostile = Arc::new(Hostile {
        receiver: bob.relayed(Arc::new(Nowhere)),
        seen: Mutex::default(),
        tamper,
    });
    let sent = alice
        .transport(hostile.clone())
        .send(envelope.clone())
        .await;
    (sent, hostile, bob)
}

fn canary_envelope(repeat: usize) -> Envelope {
    sample_envelope("guest", "host", "x", CANARY.repeat(repeat))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[tokio::test]
async fn the_relay_sees_addresses_and_sealed_bytes_only() {
    for repeat in [1, 200_000] {
        let envelope = canary_envelope(repeat);
        let (sent, hostile, bob) = send_through(&envelope, Box::new(|_, _| {})).await;
        sent.unwrap();
        let seen = hostile.seen.lock().unwrap().clone();
        assert!(contains(&seen, b"test_message") && contains(&seen, b"alice"));
        for part in [
            CANARY,
            &CANARY[..12],
            &blake3::hash(&envelope.body).as_bytes()[..],
        ] {
            assert!(!contains(&seen, part));
        }
        assert!(
            bob.dispatcher
                .inbox()
                .receive(&envelope.address)
                .await
                .unwrap()
                == envelope.body
        );
    }
}

#[tokio::test]
async fn nothing_that_a_relay_changes_is_taken() {
    let changes: Vec<(&str, Tamper)> = vec![
        ("first byte", Box::new(|_, bytes| bytes[4] ^= 1)),
        ("claim", Box::new(|_, bytes| bytes[200] ^= 1)),
        (
            "last byte",
            Box::new(|_, bytes| *bytes.last_mut().unwrap() ^= 1),
        ),
        (
            "middle",
            Box::new(|_, bytes| {
                let at = bytes.len() / 2;
                bytes[at] ^= 0x80
            }),
        ),
        (
            "shortened",
            Box::new(|_, bytes| bytes.truncate(bytes.len() - 1)),
        ),
        (
            "receiver",
            Box::new(|head, _| head.address.to = Participant::new(Role::Local, party("bob"))),
        ),
        (
            "sender's role",
            Box::new(|head, _| head.address.from = Participant::new(Role::Arbiter, party("alice"))),
        ),
        (
            "sender",
            Box::new(|head, _| head.address.from.party = party("carol")),
        ),
        ("tag", Box::new(|head, _| head.address.tag = "y".into())),
        (
            "attempt",
            Box::new(|head, _| head.address.attempt.attempt.0 += 1),
        ),
        (
            "message",
            Box::new(|head, _| head.message = "other_message".into()),
        ),
        ("everything", Box::new(|_, bytes| bytes.fill(0))),
        ("nothing left", Box::new(|_, bytes| bytes.clear())),
    ];
    for (what, tamper) in changes {
        let (sent, _, bob) = send_through(&canary_envelope(1000), tamper).await;
        assert!(sent.is_err(), "{what} was taken");
        assert_eq!(bob.usage(), InboxUsage::default(), "{what}");
    }
}

#[tokio::test]
async fn pieces_cannot_be_swapped_repeated_or_left_out() {
    // Three full pieces of 4 MiB, and a short one.
    let envelope = sample_envelope(
        "guest",
        "host",
        "x",
        (0..(12 << 20)).map(|i: u32| (i >> 12) as u8).collect(),
    );
    let piece = 4 + (4 << 20) + 81;
    let swap: Tamper = Box::new(move |_, bytes| {
        let middle: Vec<u8> = bytes.drain(piece..2 * piece).collect();
        bytes.splice(2 * piece..2 * piece, middle);
    });
    let repeat: Tamper = Box::new(move |_, bytes| bytes.copy_within(piece..2 * piece, 2 * piece));
    let drop_one: Tamper = Box::new(move |_, bytes| drop(bytes.drain(piece..2 * piece)));
    let drop_last: Tamper = Box::new(move |_, bytes| bytes.truncate(3 * piece));
    for tamper in [swap, repeat, drop_one, drop_last] {
        let (sent, _, bob) = send_through(&envelope, tamper).await;
        assert!(sent.is_err());
        assert_eq!(bob.usage(), InboxUsage::default());
    }
}

#[tokio::test]
async fn a_message_signed_by_another_party_is_refused() {
    let federation = Federation::new();
    // Carol works with the coordinator: her signature, alice's name.
    let carol = End::new(&federation, "alice", "carol");
    let bob = End::new(&federation, "bob", "bob");
    carol.knows("bob", &bob);
    let receiver = bob.relayed(Arc::new(Nowhere));
    let hostile = Arc::new(Hostile {
        receiver,
        seen: Mutex::default(),
        tamper: Box::new(|_, _| {}),
    });
    let error = carol
        .transport(hostile)
        .send(canary_envelope(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TransportError::Refused(fault) if fault.code == ErrorCode::ProtocolViolation),
        "{error}"
    );
    assert_eq!(bob.usage(), InboxUsage::default());
}

#[tokio::test]
async fn a_directory_that_names_another_certificate_gets_nothing() {
    let (federation, foreign) = (Federation::new(), Federation::new());
    let alice = End::new(&federation, "alice", "alice");
    let receiver = End::new(&federation, "bob", "bob").relayed(Arc::new(Nowhere));
    let hostile = Arc::new(Hostile {
        receiver,
        seen: Mutex::default(),
        tamper: Box::new(|_, _| {}),
    });
    for other in [
        End::new(&federation, "bob", "carol"),
        End::new(&foreign, "bob", "bob"),
    ] {
        alice.knows("bob", &other);
        let error = alice
            .transport(hostile.clone())
            .send(canary_envelope(1))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, TransportError::Unreachable { detail, .. } if detail.contains("FF404")),
            "{error}"
        );
    }
    assert!(hostile.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_sender_cannot_use_another_name_at_the_relay_or_directly() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let bob = Agent::start(&federation, "bob", Ways::Both, Some(&coordinator)).await;
    let (carol, _incoming) = federation.endpoint("carol", Kind::Agent, &[SERVICE]);
    let envelope = canary_envelope(1);
    let head = EnvelopeHead {
        address: envelope.address.clone(),
        message: envelope.message.clone(),
        size: 4,
    };
    let violation = |reply: &Reply| matches!(reply, Reply::Failed(fault) if fault.code == ErrorCode::ProtocolViolation);

    let link = crate::federation::join(&carol, &coordinator.address())
        .await
        .unwrap()
        .link;
    let call = wire::agent_link::ToCoordinator::Envelope(head.clone());
    let body = || Body::Bytes(Bytes::from_static(b"fake"));
    let (reply, _) = link
        .call(&call, body(), CallOptions::bulk(PATIENCE))
        .await
        .unwrap();
    assert!(violation(&reply), "{reply:?}");

    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party("bob")),
    };
    let address = bob.endpoint.local_address().unwrap().to_string();
    let direct = Link::new(
        carol
            .connect(&address, DIRECT_MESSAGES, expected)
            .await
            .unwrap(),
    );
    let (reply, _) = direct
        .call(&head, body(), CallOptions::bulk(PATIENCE))
        .await
        .unwrap();
    assert!(violation(&reply), "{reply:?}");
    assert_eq!(bob.dispatcher.inbox().usage(), InboxUsage::default());
}

#[tokio::test]
async fn relayed_messages_reaches_an_agent_that_connects_later() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let alice = Agent::start(&federation, "alice", Ways::Relayed, Some(&coordinator)).await;
    let bob = Agent::start(&federation, "bob", Ways::Relayed, Some(&coordinator)).await;
    introduce(&[&alice, &bob], false);
    bob.stop().await;
    let envelope = canary_envelope(1);
    let send = tokio::spawn({
        let (transport, envelope) = (alice.transport.clone(), envelope.clone());
        async move { transport.send(envelope).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!send.is_finished());
    let bob = Agent::start(&federation, "bob", Ways::Relayed, Some(&coordinator)).await;
    // The new run has another key for messages, which the coordinator tells.
    introduce(&[&alice, &bob], false);
    send.await.unwrap().unwrap();
    assert_eq!(
        bob.transport.receive(&envelope.address).await.unwrap(),
        envelope.body
    );
}

/// A body of given pieces, perhaps one that never ends.
struct Given(VecDeque<Bytes>, bool);

#[async_trait]
impl Pieces for Given {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.0.is_empty() && self.1 {
            std::future::pending::<()>().await;
        }
        Ok(self.0.pop_front())
    }
}

#[tokio::test]
async fn a_relay_keeps_its_quotas_and_the_announced_size() {
    let federation = Federation::new();
    let options = RelayOptions {
        largest: 1 << 20,
        messages_per_party: 1,
        patience: Duration::from_millis(500),
    };
    let coordinator = Coordinator::start(&federation, options.clone());
    let _bob = Agent::start(&federation, "bob", Ways::Relayed, Some(&coordinator)).await;
    let links = coordinator.links.clone();
    let relay = Relay::new(
        options,
        Arc::new(move |party| links.lock().unwrap().get(party).cloned()),
        Arc::new(|_| Ok(())),
    );
    let head = |to: &str, size: u64| {
        let mut address = canary_envelope(1).address;
        address.to.party = party(to);
        EnvelopeHead {
            address,
            message: "m".into(),
            size,
        }
    };
    // The length of a piece that never comes whole, so that the receiver waits for the rest.
    let given = |bytes: usize, hangs| {
        let mut body = vec![0; bytes];
        body.splice(..4.min(bytes), [0, 1, 0, 0].into_iter().take(bytes));
        Given(VecDeque::from([Bytes::from(body)]), hangs)
    };
    let refusal = async |to: &str, size: u64, body: Given| match relay
        .forward(&party("alice"), head(to, size), body)
        .await
    {
        Ok(Reply::Failed(fault)) | Err(fault) => fault.code,
        Ok(reply) => panic!("{reply:?}"),
    };
    assert_eq!(
        refusal("bob", 3 << 20, given(1, false)).await,
        ErrorCode::RequestInvalid
    );
    assert_eq!(
        refusal("nobody", 10, given(10, false)).await,
        ErrorCode::PartyOffline
    );
    assert_eq!(
        refusal("bob", 10, given(5, false)).await,
        ErrorCode::FrameInvalid
    );
    assert_eq!(
        refusal("bob", 10, given(50, false)).await,
        ErrorCode::FrameInvalid
    );
    // While one message hangs, a second is sent back; afterwards there is space again.
    let (hanging, second) = tokio::join!(refusal("bob", 10, given(5, true)), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        relay
            .forward(&party("alice"), head("bob", 10), given(10, false))
            .await
    });
    assert_eq!(hanging, ErrorCode::PeerTimeout);
    assert!(matches!(second, Err(fault) if fault.message.contains("under way")));
    assert_eq!(
        refusal("nobody", 10, given(10, false)).await,
        ErrorCode::PartyOffline
    );
}
