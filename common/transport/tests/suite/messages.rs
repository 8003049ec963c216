//! Messages over real links pass the transport contract, whichever way they go.

use std::time::Duration;

use transport::{RelayOptions, RouteOptions, RoutedTransport};
use vocabulary::{Attempt, ErrorCode};
use wire::Transport;
use wire::TransportError;
use wire::contract::{self, LARGEST, Pair, sample_envelope};

use crate::federation::{Agent, Coordinator, Federation, Ways, introduce};

async fn pair(ways: Ways) -> Pair {
    let federation = Federation::new();
    let options = RelayOptions {
        largest: LARGEST,
        ..RelayOptions::default()
    };
    let coordinator = Coordinator::start(&federation, options);
    let alice = Agent::start(&federation, "alice", ways, Some(&coordinator)).await;
    let bob = Agent::start(&federation, "bob", ways, Some(&coordinator)).await;
    introduce(&[&alice, &bob], ways != Ways::Relayed);
    Pair {
        alice: alice.transport.clone(),
        bob: bob.transport.clone(),
        guard: Box::new((federation, coordinator, alice, bob)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn direct_messages_passes_the_contract() {
    contract::run(async || pair(Ways::Direct).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relayed_messages_passes_the_contract() {
    contract::run(async || pair(Ways::Relayed).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routed_messages_passes_the_contract() {
    contract::run(async || pair(Ways::Both).await).await;
}

#[tokio::test]
async fn falls_back_to_the_relay_where_no_direct_way_works() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let alice = Agent::start(&federation, "alice", Ways::Both, Some(&coordinator)).await;
    let bob = Agent::start(&federation, "bob", Ways::Both, Some(&coordinator)).await;
    introduce(&[&alice, &bob], true);
    // An address where another party answers: the certificate decides, and the relay takes over.
    let mut wrong = bob.as_peer(true);
    wrong.direct = vec![
        coordinator.address(),
        alice.endpoint.local_address().unwrap().to_string(),
    ];
    alice.directory.replace(vec![wrong]);
    let envelope = sample_envelope("guest", "host", "x", vec![7; 100]);
    alice.transport.send(envelope.clone()).await.unwrap();
    assert_eq!(
        bob.transport.receive(&envelope.address).await.unwrap(),
        envelope.body
    );
}

#[tokio::test]
async fn an_agent_that_cannot_be_dialled_answers_over_the_connection_it_dialled() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Agent::start(&federation, "bob", Ways::Direct, None).await;
    alice.directory.replace(vec![bob.as_peer(true)]);
    bob.directory.replace(vec![alice.as_peer(false)]);
    let there = sample_envelope("guest", "host", "x", vec![1]);
    alice.transport.send(there.clone()).await.unwrap();
    let back = sample_envelope("host", "guest", "x", vec![2]);
    bob.transport.send(back.clone()).await.unwrap();
    assert_eq!(
        alice.transport.receive(&back.address).await.unwrap(),
        back.body
    );
}

#[tokio::test]
async fn a_message_waits_for_a_receiver_that_restarts() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let bob = Agent::start(&federation, "bob", Ways::Direct, None).await;
    introduce(&[&alice, &bob], true);
    let first = sample_envelope("guest", "host", "first", vec![1]);
    alice.transport.send(first.clone()).await.unwrap();
    bob.stop().await;
    let second = sample_envelope("guest", "host", "second", vec![2]);
    let send = tokio::spawn({
        let (transport, second) = (alice.transport.clone(), second.clone());
        async move { transport.send(second).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!send.is_finished());
    let bob = Agent::start(&federation, "bob", Ways::Direct, None).await;
    alice.directory.replace(vec![bob.as_peer(true)]);
    send.await.unwrap().unwrap();
    assert_eq!(
        bob.transport.receive(&second.address).await.unwrap(),
        second.body
    );
}

#[tokio::test]
async fn gives_up_with_the_last_cause() {
    let federation = Federation::new();
    let alice = Agent::start(&federation, "alice", Ways::Direct, None).await;
    let options = transport::RouteOptions {
        give_up: Duration::from_millis(300),
        ..Default::default()
    };
    let hasty = transport::RoutedTransport::new(
        alice.dispatcher.clone(),
        None,
        alice.relayed.clone(),
        options,
    );
    let error = hasty
        .send(sample_envelope("guest", "host", "x", vec![1]))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TransportError::Unreachable { detail, .. } if detail.contains("FF401")),
        "{error}"
    );
}

/// Messages of so many attempts that the step of [`sample_envelope`] takes no further one at its receiver, but not of its own.
async fn crowd(sender: &dyn Transport) {
    for number in 100..116 {
        let mut invented = sample_envelope("guest", "host", "x", vec![1]);
        invented.address.attempt.attempt = Attempt(number);
        sender.send(invented).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_waits_for_space_and_invented_attempts_keep_no_ordered_one_out() {
    for ways in [Ways::Direct, Ways::Relayed] {
        let federation = Federation::new();
        let coordinator = Coordinator::start(&federation, RelayOptions::default());
        let alice = Agent::start(&federation, "alice", ways, Some(&coordinator)).await;
        let bob = Agent::start(&federation, "bob", ways, Some(&coordinator)).await;
        introduce(&[&alice, &bob], ways != Ways::Relayed);
        crowd(&*alice.transport).await;
        let honest = sample_envelope("guest", "host", "x", vec![7; 100]);
        let send = tokio::spawn({
            let (transport, honest) = (alice.transport.clone(), honest.clone());
            async move { transport.send(honest).await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            !send.is_finished(),
            "it is neither refused for good nor taken"
        );
        bob.transport
            .open(&honest.address.attempt, &honest.address.to)
            .await;
        send.await.unwrap().unwrap();
        assert_eq!(
            bob.transport.receive(&honest.address).await.unwrap(),
            honest.body
        );
    }
}

#[tokio::test]
async fn a_message_for_which_no_space_is_made_ends_with_the_receivers_own_cause() {
    let federation = Federation::new();
    let coordinator = Coordinator::start(&federation, RelayOptions::default());
    let alice = Agent::start(&federation, "alice", Ways::Relayed, Some(&coordinator)).await;
    let bob = Agent::start(&federation, "bob", Ways::Relayed, Some(&coordinator)).await;
    introduce(&[&alice, &bob], false);
    crowd(&*alice.transport).await;
    let options = RouteOptions {
        give_up: Duration::from_millis(500),
        ..RouteOptions::default()
    };
    let hasty = RoutedTransport::new(
        alice.dispatcher.clone(),
        None,
        alice.relayed.clone(),
        options,
    );
    let sent = tokio::time::timeout(
        Duration::from_secs(10),
        hasty.send(sample_envelope("guest", "host", "x", vec![1])),
    );
    let Err(TransportError::Refused(fault)) = sent.await.expect("it gives up") else {
        panic!("there is no space")
    };
    assert_eq!(
        (fault.code, fault.party),
        (ErrorCode::StorageFull, Some(bob.dispatcher.party().clone()))
    );
}
