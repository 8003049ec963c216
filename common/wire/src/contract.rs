//! The suite that every transport must pass: call [`run`] from a test with a function that makes two fresh ends.
#![allow(
    clippy::expect_used,
    reason = "a suite of tests: a broken promise panics in the test that called it"
)]

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vocabulary::{Attempt, JobId, Participant, PartyId, Role, StepName};

use crate::envelope::{Address, AttemptKey, Envelope};
use crate::transport::{Transport, TransportError};

/// The largest body that a transport under test may carry: configure it so.
pub const LARGEST: u64 = 24 << 20;
/// Nothing in the suite may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two ends of a fresh transport.
pub struct Pair {
    /// The end of party `alice`.
    pub alice: Arc<dyn Transport>,
    /// The end of party `bob`.
    pub bob: Arc<dyn Transport>,
    /// What must live as long as the ends do.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// The party of guest and arbiter.
pub fn alice() -> PartyId {
    PartyId::new("alice").expect("a valid name")
}

/// The party of host and local.
pub fn bob() -> PartyId {
    PartyId::new("bob").expect("a valid name")
}

/// `guest` and `arbiter` at alice, `host` and `local` at bob.
pub fn participant(role: &str) -> Participant {
    let role: Role = role.parse().expect("a role");
    let party = if matches!(role, Role::Guest | Role::Arbiter) {
        alice()
    } else {
        bob()
    };
    Participant::new(role, party)
}

/// A message of attempt 1 between two roles.
pub fn sample_envelope(from: &str, to: &str, tag: &str, body: Vec<u8>) -> Envelope {
    let attempt = AttemptKey {
        offer: "0f".repeat(32),
        job: JobId::new("202611230000").expect("a valid name"),
        step: StepName::new("step_0").expect("a valid name"),
        attempt: Attempt(1),
    };
    let address = Address {
        attempt,
        from: participant(from),
        to: participant(to),
        tag: tag.to_owned(),
    };
    Envelope {
        address,
        message: "test_message".to_owned(),
        body: body.into(),
    }
}

/// Runs the whole suite, each promise on fresh ends.
pub async fn run<F: AsyncFn() -> Pair>(make: F) {
    patiently("roundtrip", async {
        carries_messages_in_any_order(&make().await).await
    })
    .await;
    patiently("before", async {
        waits_for_a_message_that_comes_later(&make().await).await
    })
    .await;
    patiently("duplicate", async {
        drops_a_repeated_message(&make().await).await
    })
    .await;
    patiently("reused", async {
        refuses_a_second_message_at_an_address(&make().await).await
    })
    .await;
    patiently("crossing", async {
        two_that_send_first_do_not_lock(&make().await).await
    })
    .await;
    patiently("closed", async {
        a_closed_attempt_wakes_and_refuses(&make().await).await
    })
    .await;
    patiently("stale", async {
        a_stale_attempt_is_refused(&make().await).await
    })
    .await;
    patiently("large", async {
        sizes_from_nothing_to_the_largest(&make().await).await
    })
    .await;
    patiently("cancelled", async {
        a_dropped_receive_loses_nothing(&make().await).await
    })
    .await;
    patiently("dropped send", async {
        a_dropped_send_may_be_repeated(&make().await).await
    })
    .await;
    patiently("same party", async {
        roles_of_one_party_write_to_each_other(&make().await).await
    })
    .await;
    patiently("many", async { many_messages_at_once(&make().await).await }).await;
}

async fn patiently<T>(promise: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    assert!(done.is_ok(), "{promise}: nothing happened for {PATIENCE:?}");
    done.expect("checked")
}

/// Bytes that are not the same everywhere.
fn pattern(size: usize, seed: u8) -> Vec<u8> {
    (0..size)
        .map(|i| (i as u8) ^ ((i >> 8) as u8).wrapping_mul(31) ^ ((i >> 16) as u8) ^ seed)
        .collect()
}

async fn carries_messages_in_any_order(pair: &Pair) {
    let envelopes: Vec<Envelope> = (0..20)
        .map(|i| {
            sample_envelope(
                "guest",
                "host",
                &format!("round.{i}/x"),
                pattern(i * 100, i as u8),
            )
        })
        .collect();
    for envelope in &envelopes {
        pair.alice.send(envelope.clone()).await.expect("sent");
    }
    for envelope in envelopes.iter().rev() {
        assert_eq!(
            pair.bob.receive(&envelope.address).await.expect("received"),
            envelope.body
        );
    }
    let back = sample_envelope("host", "guest", "round.0/x", pattern(5, 9));
    pair.bob.send(back.clone()).await.expect("sent back");
    assert_eq!(
        pair.alice.receive(&back.address).await.expect("received"),
        back.body
    );
}

async fn waits_for_a_message_that_comes_later(pair: &Pair) {
    let envelope = sample_envelope("guest", "host", "later", pattern(1000, 1));
    let receive = pair.bob.receive(&envelope.address);
    let send = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        pair.alice
            .send(sample_envelope("guest", "host", "another", vec![7]))
            .await
            .expect("sent");
        pair.alice.send(envelope.clone()).await.expect("sent");
    };
    let (received, ()) = tokio::join!(receive, send);
    assert_eq!(received.expect("received"), envelope.body);
}

async fn drops_a_repeated_message(pair: &Pair) {
    let envelope = sample_envelope("guest", "host", "twice", pattern(3000, 2));
    pair.alice.send(envelope.clone()).await.expect("sent");
    pair.alice
        .send(envelope.clone())
        .await
        .expect("repeated before it was read");
    assert_eq!(
        pair.bob.receive(&envelope.address).await.expect("received"),
        envelope.body
    );
    pair.alice
        .send(envelope.clone())
        .await
        .expect("repeated after it was read");
    let again = pair.bob.receive(&envelope.address).await;
    assert!(
        matches!(again, Err(TransportError::AddressReused(_))),
        "read twice: {again:?}"
    );
}

async fn refuses_a_second_message_at_an_address(pair: &Pair) {
    let first = sample_envelope("guest", "host", "same", vec![1]);
    pair.alice.send(first.clone()).await.expect("sent");
    let second = pair
        .alice
        .send(sample_envelope("guest", "host", "same", vec![2]))
        .await;
    assert!(
        matches!(&second, Err(TransportError::AddressReused(address)) if **address == first.address),
        "{second:?}"
    );
    assert_eq!(
        pair.bob.receive(&first.address).await.expect("received"),
        first.body
    );
}

async fn two_that_send_first_do_not_lock(pair: &Pair) {
    let size = (LARGEST / 2) as usize;
    let there = sample_envelope("guest", "host", "large", pattern(size, 3));
    let back = sample_envelope("host", "guest", "large", pattern(size, 4));
    let (sent, answered) =
        tokio::join!(pair.alice.send(there.clone()), pair.bob.send(back.clone()));
    sent.expect("sent");
    answered.expect("sent");
    assert!(
        pair.bob.receive(&there.address).await.expect("received") == there.body,
        "body changed"
    );
    assert!(
        pair.alice.receive(&back.address).await.expect("received") == back.body,
        "body changed"
    );
}

async fn a_closed_attempt_wakes_and_refuses(pair: &Pair) {
    let envelope = sample_envelope("guest", "host", "never", vec![1]);
    let (attempt, host) = (&envelope.address.attempt, &envelope.address.to);
    let unread = sample_envelope("guest", "host", "unread", vec![1]);
    pair.alice.send(unread.clone()).await.expect("sent");
    let close = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        pair.bob.close(attempt, host).await;
    };
    let (woken, ()) = tokio::join!(pair.bob.receive(&envelope.address), close);
    assert!(
        matches!(&woken, Err(TransportError::Closed(key)) if key == attempt),
        "{woken:?}"
    );
    let unread = pair.bob.receive(&unread.address).await;
    assert!(
        matches!(unread, Err(TransportError::Closed(_))),
        "{unread:?}"
    );
    let sent = pair.alice.send(envelope.clone()).await;
    assert!(
        matches!(&sent, Err(TransportError::Closed(key)) if key == attempt),
        "{sent:?}"
    );
    // Another receiver at the same party is not closed, nor is another step.
    let local = sample_envelope("guest", "local", "never", vec![2]);
    pair.alice
        .send(local.clone())
        .await
        .expect("sent to another role");
    assert_eq!(
        pair.bob.receive(&local.address).await.expect("received"),
        local.body
    );
    let mut other = envelope.clone();
    other.address.attempt.step = StepName::new("step_1").expect("a valid name");
    pair.alice
        .send(other.clone())
        .await
        .expect("sent for another step");
    assert_eq!(
        pair.bob.receive(&other.address).await.expect("received"),
        other.body
    );
}

async fn a_stale_attempt_is_refused(pair: &Pair) {
    let current = sample_envelope("guest", "host", "x", vec![1]);
    pair.bob
        .close(&current.address.attempt, &current.address.to)
        .await;
    let of = |attempt: u32| {
        let mut envelope = current.clone();
        envelope.address.attempt.attempt = Attempt(attempt);
        envelope
    };
    let stale = pair.alice.send(of(0)).await;
    assert!(matches!(stale, Err(TransportError::Closed(_))), "{stale:?}");
    pair.alice
        .send(of(2))
        .await
        .expect("a newer attempt is open");
    assert_eq!(
        pair.bob.receive(&of(2).address).await.expect("received"),
        of(2).body
    );
}

async fn sizes_from_nothing_to_the_largest(pair: &Pair) {
    for size in [
        0,
        1,
        1 << 10,
        (4 << 20) - 1,
        4 << 20,
        (4 << 20) + 1,
        LARGEST as usize,
    ] {
        let envelope = sample_envelope("guest", "host", &format!("size.{size}"), pattern(size, 5));
        pair.alice.send(envelope.clone()).await.expect("sent");
        assert!(
            pair.bob.receive(&envelope.address).await.expect("received") == envelope.body,
            "{size} bytes changed"
        );
    }
    let envelope = sample_envelope("guest", "host", "too.large", vec![0; LARGEST as usize + 1]);
    let refused = pair.alice.send(envelope).await;
    assert!(
        matches!(
            refused,
            Err(TransportError::TooLarge { limit: LARGEST, .. })
        ),
        "{refused:?}"
    );
}

async fn a_dropped_receive_loses_nothing(pair: &Pair) {
    for turn in 0..10u64 {
        let envelope =
            sample_envelope("guest", "host", &format!("turn.{turn}"), pattern(50_000, 6));
        let receive = pair.bob.receive(&envelope.address);
        let first =
            async { tokio::time::timeout(Duration::from_micros(turn * 300), receive).await };
        let (first, sent) = tokio::join!(first, pair.alice.send(envelope.clone()));
        sent.expect("sent");
        let body: Bytes = match first {
            Ok(body) => body.expect("received"),
            Err(_) => pair
                .bob
                .receive(&envelope.address)
                .await
                .expect("received after a dropped receive"),
        };
        assert!(body == envelope.body, "body changed");
    }
}

async fn a_dropped_send_may_be_repeated(pair: &Pair) {
    for turn in 0..10u64 {
        let envelope = sample_envelope(
            "guest",
            "host",
            &format!("turn.{turn}"),
            pattern(2 << 20, 7),
        );
        let _ = tokio::time::timeout(
            Duration::from_micros(turn * 500),
            pair.alice.send(envelope.clone()),
        )
        .await;
        pair.alice.send(envelope.clone()).await.expect("sent again");
        assert!(
            pair.bob.receive(&envelope.address).await.expect("received") == envelope.body,
            "body changed"
        );
    }
}

async fn roles_of_one_party_write_to_each_other(pair: &Pair) {
    let own = sample_envelope("guest", "arbiter", "x", vec![1, 2, 3]);
    let foreign = sample_envelope("host", "arbiter", "x", vec![4]);
    let guest = sample_envelope("host", "guest", "x", vec![5]);
    pair.alice.send(own.clone()).await.expect("sent to itself");
    pair.bob.send(foreign.clone()).await.expect("sent");
    pair.bob.send(guest.clone()).await.expect("sent");
    for envelope in [own, foreign, guest] {
        assert_eq!(
            pair.alice
                .receive(&envelope.address)
                .await
                .expect("received"),
            envelope.body
        );
    }
}

async fn many_messages_at_once(pair: &Pair) {
    let envelopes: Vec<Envelope> = (0..300)
        .map(|i| {
            sample_envelope(
                "guest",
                "host",
                &format!("many.{i}"),
                pattern(i * 37, i as u8),
            )
        })
        .collect();
    let sends: Vec<_> = envelopes
        .iter()
        .map(|envelope| {
            let (alice, envelope) = (pair.alice.clone(), envelope.clone());
            tokio::spawn(async move { alice.send(envelope).await })
        })
        .collect();
    for envelope in &envelopes {
        assert!(
            pair.bob.receive(&envelope.address).await.expect("received") == envelope.body,
            "body changed"
        );
    }
    for send in sends {
        send.await.expect("not panicked").expect("sent");
    }
}
