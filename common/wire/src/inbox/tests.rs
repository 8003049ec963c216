//! What the inbox promises beyond the transport contract: limits, spilling, memory accounts.

use std::time::Duration;

use super::*;
use crate::contract::sample_envelope;
use crate::envelope::Envelope;

fn inbox(memory_limit_bytes: u64, folder: Option<&std::path::Path>) -> Arc<Inbox> {
    let spill_dir = folder.map(std::path::Path::to_path_buf);
    Inbox::new(InboxOptions {
        memory_limit_bytes,
        spill_dir,
        ..one_sender()
    })
    .unwrap()
}

/// One sender may have everything.
fn one_sender() -> InboxOptions {
    InboxOptions {
        sender_percent: 100,
        job_percent: 100,
        ..InboxOptions::default()
    }
}

fn files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn of_attempt(number: u32, tag: &str) -> Envelope {
    let mut envelope = sample_envelope("guest", "host", tag, vec![1; 100]);
    envelope.address.attempt.attempt = vocabulary::Attempt(number);
    envelope
}

#[tokio::test]
async fn spills_what_does_not_fit_and_cleans_up_after_reading() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = inbox(10_000, Some(folder.path()));
    let small = sample_envelope("guest", "host", "small", vec![1; 5_000]);
    let large = sample_envelope(
        "guest",
        "host",
        "large",
        (0..50_000).map(|i| i as u8).collect(),
    );
    inbox.deliver(small.clone()).await.unwrap();
    inbox.deliver(large.clone()).await.unwrap();
    assert_eq!(files(folder.path()), 1);
    let usage = inbox.usage();
    assert_eq!(
        (usage.spilled_bytes, usage.envelopes),
        (50_000 + state::OVERHEAD, 2)
    );
    assert!(usage.memory_bytes < 10_000, "{usage:?}");
    assert_eq!(inbox.receive(&large.address).await.unwrap(), large.body);
    assert_eq!(inbox.receive(&small.address).await.unwrap(), small.body);
    assert_eq!(files(folder.path()), 0);
    assert_eq!(inbox.usage(), InboxUsage::default());
}

#[tokio::test]
async fn moves_a_message_to_disk_in_the_middle_of_its_arrival() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = inbox(2_500, Some(folder.path()));
    let whole = sample_envelope(
        "guest",
        "host",
        "pieces",
        (0..10_000).map(|i| (i / 7) as u8).collect(),
    );
    let mut reception = inbox.begin(&whole.address, &whole.message).unwrap();
    for piece in whole.body.chunks(1_000) {
        reception
            .write(Bytes::copy_from_slice(piece))
            .await
            .unwrap();
        assert!(inbox.usage().memory_bytes <= 2_500);
    }
    assert_eq!(reception.finish().await.unwrap(), Delivery::Taken);
    assert_eq!(inbox.receive(&whole.address).await.unwrap(), whole.body);
    assert_eq!(
        (files(folder.path()), inbox.usage()),
        (0, InboxUsage::default())
    );
}

#[tokio::test]
async fn a_broken_arrival_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = inbox(2_500, Some(folder.path()));
    for pieces in [1, 5] {
        let mut reception = inbox
            .begin(&sample_envelope("guest", "host", "x", vec![]).address, "x")
            .unwrap();
        for _ in 0..pieces {
            reception.write(Bytes::from(vec![0; 1_000])).await.unwrap();
        }
        drop(reception);
        assert_eq!(
            (files(folder.path()), inbox.usage()),
            (0, InboxUsage::default())
        );
    }
}

#[tokio::test]
async fn closing_removes_files_and_gives_memory_back() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = inbox(1_000, Some(folder.path()));
    let envelopes = [
        sample_envelope("guest", "host", "a", vec![1; 700]),
        sample_envelope("guest", "host", "b", vec![1; 9_000]),
    ];
    for envelope in &envelopes {
        inbox.deliver(envelope.clone()).await.unwrap();
    }
    inbox.close(&envelopes[0].address.attempt, &envelopes[0].address.to);
    assert_eq!(
        (files(folder.path()), inbox.usage()),
        (0, InboxUsage::default())
    );
}

#[tokio::test]
async fn without_a_spill_folder_refuses_what_does_not_fit() {
    let inbox = inbox(1_000, None);
    let error = inbox
        .deliver(sample_envelope("guest", "host", "a", vec![0; 2_000]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, TransportError::Refused(fault) if fault.code == ErrorCode::StorageFull)
    );
    assert_eq!(inbox.usage(), InboxUsage::default());
    inbox
        .deliver(sample_envelope("guest", "host", "b", vec![0; 700]))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_attempt_has_its_own_limits() {
    let options = InboxOptions {
        per_attempt_limit_bytes: 3_000,
        per_attempt_messages: 2,
        ..InboxOptions::default()
    };
    let inbox = Inbox::new(options).unwrap();
    let huge = inbox
        .deliver(sample_envelope("guest", "host", "huge", vec![0; 4_000]))
        .await
        .unwrap_err();
    assert!(
        matches!(huge, TransportError::TooLarge { limit: 3_000, .. }),
        "{huge}"
    );
    inbox
        .deliver(sample_envelope("guest", "host", "a", vec![0; 2_000]))
        .await
        .unwrap();
    assert!(matches!(
        inbox
            .deliver(sample_envelope("guest", "host", "b", vec![0; 2_000]))
            .await,
        Err(TransportError::Refused(_))
    ));
    inbox
        .deliver(sample_envelope("guest", "host", "c", vec![0; 10]))
        .await
        .unwrap();
    assert!(matches!(
        inbox
            .deliver(sample_envelope("guest", "host", "d", vec![0; 10]))
            .await,
        Err(TransportError::Refused(_))
    ));
    assert_eq!(inbox.usage().envelopes, 2);
}

#[tokio::test]
async fn a_refused_message_may_come_again_later() {
    let options = InboxOptions {
        per_attempt_messages: 1,
        ..InboxOptions::default()
    };
    let inbox = Inbox::new(options).unwrap();
    let (first, second) = (
        sample_envelope("guest", "host", "a", vec![0; 9]),
        sample_envelope("guest", "host", "b", vec![0; 9]),
    );
    inbox.deliver(first.clone()).await.unwrap();
    inbox.deliver(second.clone()).await.unwrap_err();
    inbox.receive(&first.address).await.unwrap();
    assert_eq!(inbox.deliver(second).await.unwrap(), Delivery::Taken);
}

#[tokio::test]
async fn remembers_a_bounded_number_of_closed_steps() {
    let inbox = Inbox::new(InboxOptions {
        closed_remembered: 3,
        ..InboxOptions::default()
    })
    .unwrap();
    let step = |i: u32| {
        let mut envelope = of_attempt(0, "x");
        envelope.address.attempt.step = vocabulary::StepName::new(format!("step_{i}")).unwrap();
        envelope
    };
    for i in 0..5 {
        inbox.close(&step(i).address.attempt, &step(i).address.to);
    }
    assert!(inbox.deliver(step(0)).await.is_ok());
    for i in 2..5 {
        assert!(
            matches!(inbox.deliver(step(i)).await, Err(TransportError::Closed(_))),
            "{i}"
        );
    }
}

#[tokio::test]
async fn closing_an_attempt_drops_the_messages_of_older_ones_and_keeps_newer() {
    let inbox = inbox(1 << 20, None);
    for number in 0..3 {
        inbox.deliver(of_attempt(number, "x")).await.unwrap();
    }
    let waiting = tokio::spawn({
        let (inbox, address) = (inbox.clone(), of_attempt(0, "never").address);
        async move { inbox.receive(&address).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    inbox.close(
        &of_attempt(1, "x").address.attempt,
        &of_attempt(1, "x").address.to,
    );
    assert!(matches!(
        waiting.await.unwrap(),
        Err(TransportError::Closed(_))
    ));
    assert_eq!(inbox.usage().envelopes, 1);
    assert!(inbox.receive(&of_attempt(2, "x").address).await.is_ok());
}

#[tokio::test]
async fn removes_messages_of_an_earlier_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("old.letter"), b"old").unwrap();
    std::fs::write(folder.path().join("other.file"), b"keep").unwrap();
    let _inbox = inbox(1_000, Some(folder.path()));
    assert!(
        !folder.path().join("old.letter").exists() && folder.path().join("other.file").exists()
    );
}

#[tokio::test]
async fn a_receiver_that_is_dropped_while_a_message_arrives_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for limit in [1_000, 1 << 20] {
        let inbox = inbox(limit, Some(folder.path()));
        for i in 0..50 {
            let envelope = sample_envelope("guest", "host", &format!("t{i}"), vec![i; 20_000]);
            let address = envelope.address.clone();
            let deliver = tokio::spawn({
                let inbox = inbox.clone();
                async move { inbox.deliver(envelope).await }
            });
            let first = tokio::time::timeout(
                Duration::from_micros(u64::from(i) * 20),
                inbox.receive(&address),
            )
            .await;
            deliver.await.unwrap().unwrap();
            match first {
                Ok(body) => assert_eq!(body.unwrap().len(), 20_000),
                Err(_) => assert_eq!(inbox.receive(&address).await.unwrap().len(), 20_000),
            }
        }
    }
}

#[tokio::test]
async fn recognises_a_message_that_comes_again_in_other_pieces() {
    let inbox = inbox(1 << 20, None);
    let whole = sample_envelope(
        "guest",
        "host",
        "x",
        (0..150_000).map(|i| (i / 5) as u8).collect(),
    );
    assert_eq!(inbox.deliver(whole.clone()).await.unwrap(), Delivery::Taken);
    for size in [1_000, 65_536, 149_999] {
        let mut reception = inbox.begin(&whole.address, &whole.message).unwrap();
        for piece in whole.body.chunks(size) {
            reception
                .write(Bytes::copy_from_slice(piece))
                .await
                .unwrap();
        }
        assert_eq!(reception.finish().await.unwrap(), Delivery::Duplicate);
    }
    for body in [whole.body.slice(..149_999), whole.body.slice(1..)] {
        let other = Envelope {
            body,
            ..whole.clone()
        };
        assert!(matches!(
            inbox.deliver(other).await,
            Err(TransportError::AddressReused(_))
        ));
    }
    let other = Envelope {
        message: "another".into(),
        ..whole
    };
    assert!(matches!(
        inbox.deliver(other).await,
        Err(TransportError::AddressReused(_))
    ));
}

#[tokio::test]
async fn messages_on_disk_have_a_limit_and_leave_space_when_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::new(InboxOptions {
        memory_limit_bytes: 0,
        disk_limit_bytes: 1_500,
        spill_dir: Some(folder.path().to_owned()),
        ..one_sender()
    });
    let inbox = inbox.unwrap();
    let of = |tag: &str| sample_envelope("guest", "host", tag, vec![1; 1_000]);
    inbox.deliver(of("a")).await.unwrap();
    let refused = inbox.deliver(of("b")).await;
    assert!(
        matches!(refused, Err(TransportError::Refused(fault)) if fault.code == ErrorCode::StorageFull)
    );
    assert_eq!(inbox.usage().spilled_bytes, 1_000 + state::OVERHEAD);
    inbox.receive(&of("a").address).await.unwrap();
    assert_eq!(inbox.usage().spilled_bytes, 0);
    inbox.deliver(of("b")).await.unwrap();
}

#[tokio::test]
async fn a_peer_cannot_open_attempts_without_end() {
    let inbox = Inbox::new(InboxOptions {
        open_attempts: 2,
        ..InboxOptions::default()
    })
    .unwrap();
    let of = |attempt: u32| {
        let mut envelope = sample_envelope("guest", "host", "x", vec![1]);
        envelope.address.attempt.attempt = vocabulary::Attempt(attempt);
        envelope
    };
    for attempt in [5, 9] {
        inbox.deliver(of(attempt)).await.unwrap();
    }
    assert!(matches!(
        inbox.deliver(of(7)).await,
        Err(TransportError::Refused(_))
    ));
    assert_eq!(inbox.deliver(of(9)).await.unwrap(), Delivery::Duplicate);
    inbox.close(&of(5).address.attempt, &of(5).address.to);
    inbox.deliver(of(7)).await.unwrap();
}

/// A message of a party in a job.
fn of(party: &str, job: &str, tag: &str, size: usize) -> Envelope {
    let mut envelope = sample_envelope("guest", "host", tag, vec![1; size]);
    envelope.address.from.party = vocabulary::PartyId::new(party).unwrap();
    envelope.address.attempt.job = vocabulary::JobId::new(job).unwrap();
    envelope
}

/// Sends until a message is refused; gives how many were taken and the refusal.
async fn flood(inbox: &Arc<Inbox>, party: &str, job: &str, size: usize) -> (usize, String) {
    for number in 0..10_000 {
        if let Err(error) = inbox
            .deliver(of(party, job, &format!("flood.{number}"), size))
            .await
        {
            return (number, error.to_string());
        }
    }
    panic!("nothing stops {party}");
}

#[tokio::test]
async fn a_sender_that_fills_its_share_stops_neither_other_senders_nor_its_own_other_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let options = InboxOptions {
        memory_limit_bytes: 20_000,
        disk_limit_bytes: 200_000,
        spill_dir: Some(folder.path().to_owned()),
        ..InboxOptions::default()
    };
    let inbox = Inbox::new(options).unwrap();
    let (taken, refusal) = flood(&inbox, "666", "2026a", 2_000).await;
    assert!(
        taken < 60 && refusal.contains("one job of a sender may have 75000 bytes on disk"),
        "{taken}: {refusal}"
    );
    // The same party in another job, and another party in either.
    inbox.deliver(of("666", "2026b", "x", 2_000)).await.unwrap();
    for number in 0..10 {
        inbox
            .deliver(of("9999", "2026a", &format!("x.{number}"), 2_000))
            .await
            .unwrap();
        inbox
            .deliver(of("9999", "2026b", &format!("x.{number}"), 2_000))
            .await
            .unwrap();
    }
    let (_, refusal) = flood(&inbox, "666", "2026b", 2_000).await;
    assert!(
        refusal.contains("one sender may have") && refusal.contains("party 666"),
        "{refusal}"
    );
    // A league of parties: something is left for whoever comes next.
    for party in ["667", "668", "669"] {
        flood(&inbox, party, "2026c", 2_000).await;
    }
    inbox
        .deliver(of("10000", "2026d", "x", 2_000))
        .await
        .unwrap();
    // What is taken out makes space again.
    inbox.close(
        &of("666", "2026a", "x", 0).address.attempt,
        &of("666", "2026a", "x", 0).address.to,
    );
    inbox
        .deliver(of("666", "2026b", "again", 2_000))
        .await
        .unwrap();
}

#[tokio::test]
async fn messages_without_content_are_counted_too() {
    let inbox = Inbox::new(InboxOptions {
        envelopes: 100,
        ..InboxOptions::default()
    })
    .unwrap();
    let (taken, refusal) = flood(&inbox, "666", "2026a", 0).await;
    assert!(
        taken == 38 && refusal.contains("one job of a sender may have 38 messages"),
        "{taken}: {refusal}"
    );
    let (taken, refusal) = flood(&inbox, "666", "2026b", 0).await;
    assert!(
        taken == 12 && refusal.contains("one sender may have 50 messages"),
        "{taken}: {refusal}"
    );
    inbox.deliver(of("9999", "2026a", "x", 0)).await.unwrap();
    assert_eq!(inbox.usage().envelopes, 51);
}

#[tokio::test]
async fn messages_without_content_take_of_memory_and_disk_no_more_than_their_sender_may() {
    let inbox = Inbox::new(InboxOptions {
        memory_limit_bytes: 20_000,
        ..InboxOptions::default()
    })
    .unwrap();
    let (taken, refusal) = flood(&inbox, "666", "2026a", 0).await;
    // half of the memory, since nobody else has messages; the refused one leaves nothing
    assert_eq!(
        (taken as u64, inbox.usage().memory_bytes),
        (10_000 / state::OVERHEAD, taken as u64 * state::OVERHEAD)
    );
    assert!(refusal.contains("one sender"), "{refusal}");
    inbox
        .deliver(of("9999", "2026a", "x", 1_000))
        .await
        .unwrap();
    inbox.close(
        &of("666", "2026a", "x", 0).address.attempt,
        &of("666", "2026a", "x", 0).address.to,
    );
    assert_eq!(inbox.usage(), InboxUsage::default());

    let folder = tempfile::tempdir().unwrap();
    let options = InboxOptions {
        memory_limit_bytes: 20_000,
        disk_limit_bytes: 40_000,
        spill_dir: Some(folder.path().to_owned()),
        ..InboxOptions::default()
    };
    let inbox = Inbox::new(options).unwrap();
    let (taken, refusal) = flood(&inbox, "666", "2026a", 0).await;
    assert_eq!(
        taken as u64,
        10_000 / state::OVERHEAD + 15_000 / state::OVERHEAD,
        "memory, then disk"
    );
    assert!(refusal.contains("bytes on disk"), "{refusal}");
    assert!(
        inbox.usage().memory_bytes <= 10_000 && inbox.usage().spilled_bytes <= 15_000,
        "{:?}",
        inbox.usage()
    );
    inbox
        .deliver(of("9999", "2026a", "x", 1_000))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_message_that_is_refused_for_another_bound_gives_its_overhead_back() {
    let folder = tempfile::tempdir().unwrap();
    for memory_limit_bytes in [0, 1 << 20] {
        let spill_dir = Some(folder.path().to_owned());
        let options = InboxOptions {
            memory_limit_bytes,
            spill_dir,
            envelopes: 1,
            ..one_sender()
        };
        let inbox = Inbox::new(options).unwrap();
        let first = sample_envelope("guest", "host", "a", vec![1; 10]);
        inbox.deliver(first.clone()).await.unwrap();
        let before = inbox.usage();
        inbox
            .deliver(sample_envelope("guest", "host", "b", vec![1; 10]))
            .await
            .unwrap_err();
        assert_eq!(inbox.usage(), before);
        assert_eq!(
            inbox.deliver(first.clone()).await.unwrap(),
            Delivery::Duplicate
        );
        assert_eq!(inbox.usage(), before);
        inbox.receive(&first.address).await.unwrap();
        assert_eq!(inbox.usage(), InboxUsage::default());
    }
}

#[tokio::test]
async fn an_attempt_that_was_ordered_has_a_box_whatever_others_have_messages() {
    let inbox = Inbox::new(InboxOptions {
        open_attempts: 2,
        ..InboxOptions::default()
    })
    .unwrap();
    for attempt in [5, 9] {
        inbox.deliver(of_attempt(attempt, "x")).await.unwrap();
    }
    let ordered = of_attempt(1, "x");
    assert!(matches!(
        inbox.deliver(ordered.clone()).await,
        Err(TransportError::Refused(_))
    ));
    inbox.open(&ordered.address.attempt, &ordered.address.to);
    inbox.deliver(ordered.clone()).await.unwrap();
    inbox.close(&ordered.address.attempt, &ordered.address.to);
    // what was closed is not opened again
    inbox.open(&ordered.address.attempt, &ordered.address.to);
    assert!(matches!(
        inbox.deliver(of_attempt(1, "y")).await,
        Err(TransportError::Closed(_))
    ));
}
