//! Peers that die without a word and are started again: whoever had a link to them learns it at once, and no message waits for
//! a time-out.
#![allow(clippy::disallowed_methods, reason = "tests bound their waits")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pki::{ExpectedPeer, Kind};
use tokio::runtime::Runtime;
use transport::direct::SERVICE;
use transport::{Connection, Endpoint, EndpointOptions};
use wire::Transport;
use wire::agent_link::DIRECT_MESSAGES;
use wire::contract::sample_envelope;

use crate::federation::{Agent, Federation, Ways, loopback, party};

/// An agent on a runtime of its own, so that it can die as a killed process does: nothing of it says goodbye.
struct Mortal {
    runtime: Runtime,
    agent: Agent,
}

impl Mortal {
    /// Started at an address, once what was there before is gone.
    async fn start(federation: &Federation, name: &str, at: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let identity = federation.identity(name, Kind::Agent);
        let bound = async move {
            let options = EndpointOptions {
                address: at,
                ..loopback()
            };
            let began = Instant::now();
            loop {
                match Endpoint::bind(options.clone(), identity.clone(), &[SERVICE]) {
                    Ok(bound) => return Agent::start_with(bound, Ways::Direct, None, None).await,
                    Err(error) => assert!(began.elapsed() < Duration::from_secs(5), "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let agent = runtime.spawn(bound).await.unwrap();
        Self { runtime, agent }
    }

    fn address(&self) -> SocketAddr {
        self.agent.endpoint.local_address().unwrap()
    }

    async fn die(self) {
        let Self { runtime, agent } = self;
        // First what would send a goodbye, then those who ask for one.
        tokio::task::spawn_blocking(move || {
            runtime.shutdown_timeout(Duration::from_secs(5));
            drop(agent);
        })
        .await
        .unwrap();
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn dial(from: &Agent, to: SocketAddr, name: &str) -> Connection {
    let expected = ExpectedPeer {
        kind: Kind::Agent,
        party: Some(party(name)),
    };
    from.endpoint
        .connect(&to.to_string(), DIRECT_MESSAGES, expected)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_was_started_again_ends_the_links_to_its_predecessor() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Mortal::start(&federation, "bob", anywhere()).await;
    let at = bob.address();
    let link = dial(&alice, at, "bob").await;
    bob.die().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!link.is_lost(), "nobody said anything yet");
    let bob = Mortal::start(&federation, "bob", at).await;
    let lost = tokio::time::timeout(Duration::from_secs(5), link.lost()).await;
    assert!(
        lost.is_ok() && link.peer_is_gone(),
        "the link still waits for its time-out"
    );
    bob.die().await;
}

/// The token of a reset follows from the identity: nobody else at the port can end a link.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_the_same_port_ends_no_link() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Mortal::start(&federation, "bob", anywhere()).await;
    let at = bob.address();
    let link = dial(&alice, at, "bob").await;
    bob.die().await;
    let mallory = Mortal::start(&federation, "mallory", at).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!link.is_lost(), "ended by a stranger");
    mallory.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_peer_that_was_started_again_goes_over_a_new_link() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Mortal::start(&federation, "bob", anywhere()).await;
    let run = |agent: &Agent, run| {
        vec![wire::agent_link::Peer {
            run: Some(run),
            ..agent.as_peer(true)
        }]
    };
    alice.directory.replace(run(&bob.agent, 1));
    let first = sample_envelope("guest", "host", "first", vec![1]);
    alice.transport.send(first.clone()).await.unwrap();
    bob.die().await;
    // At another port, so that nobody answers at the old one; only the directory tells.
    let bob = Mortal::start(&federation, "bob", anywhere()).await;
    alice.directory.replace(run(&bob.agent, 2));
    let second = sample_envelope("guest", "host", "second", vec![2]);
    let began = Instant::now();
    alice.transport.send(second.clone()).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        bob.agent.transport.receive(&second.address).await.unwrap(),
        second.body
    );
    bob.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_at_once_when_the_peer_is_back_at_its_port() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Mortal::start(&federation, "bob", anywhere()).await;
    let at = bob.address();
    alice.directory.replace(vec![bob.agent.as_peer(true)]);
    alice
        .transport
        .send(sample_envelope("guest", "host", "first", vec![1]))
        .await
        .unwrap();
    bob.die().await;
    let bob = Mortal::start(&federation, "bob", at).await;
    let second = sample_envelope("guest", "host", "second", vec![2]);
    let began = Instant::now();
    // The directory has not heard of it: the reset alone tells.
    alice.transport.send(second.clone()).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        bob.agent.transport.receive(&second.address).await.unwrap(),
        second.body
    );
    bob.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goodbye_is_told_from_a_link_that_ends_alone() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Agent::start(&federation, "bob", Ways::Direct, None).await;
    let at = bob.endpoint.local_address().unwrap();
    let alone = dial(&alice, at, "bob").await;
    let far = dial(&alice, at, "bob").await;
    alone.close("to greet again");
    assert!(!alone.peer_is_gone());
    bob.stop().await;
    far.lost().await;
    assert!(far.peer_is_gone());
}
