//! Messages on their way: a hostile relay, and messages that no participant of the step has sent.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use fedflow_tests::hostile::{
    ALL_MINE, Agent, Coordinator, Federation, Job, Messages, Peer, Step, envelope, guest, head_of,
    host, task_of, until,
};
use serde_json::json;
use vocabulary::{ErrorCode, Outcome};
use wire::agent_link::{EnvelopeHead, Reply};

use super::super::program;
use super::toy;

const STEP: &str = "secure_add_example_0";

/// Two agents whose messages go through the relay.
async fn relayed(federation: &Federation, coordinator: &Coordinator) -> [Agent; 2] {
    let start = |id: &str| {
        federation
            .party(id)
            .policy(ALL_MINE)
            .settings("relay_only = true")
            .start()
    };
    let agents = [start("9999"), start("10000")];
    coordinator.joined(&["9999", "10000"]).await;
    agents
}

#[tokio::test]
async fn a_relay_can_repeat_and_lose_messages_and_not_change_them() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let _agents = relayed(&federation, &coordinator).await;

    // Honest, and everything recorded.
    let kept: Arc<Mutex<Vec<(EnvelopeHead, Bytes)>>> = Arc::default();
    let keeping = kept.clone();
    coordinator.on_messages(move |head, body| {
        keeping
            .lock()
            .expect("kept")
            .push((head.clone(), body.clone()));
        Messages::Pass
    });
    coordinator.run(&toy(&coordinator)).await.expect("it runs");
    assert_eq!(kept.lock().expect("kept").len(), 3);

    coordinator.on_messages(|_, _| Messages::Repeat(3));
    coordinator
        .run(&toy(&coordinator))
        .await
        .expect("repeated messages change nothing");

    // The message of an earlier job in the place of this one's.
    let old = kept.lock().expect("kept")[0].1.clone();
    coordinator.on_messages(move |head, _| Messages::Replace(head.clone(), old.clone()));
    let job = toy(&coordinator);
    coordinator.agree(&job).await.expect("agreed");
    for who in [guest("9999"), host("10000")] {
        coordinator
            .assign(who.party.as_str(), job.assignment(STEP, &who, 0))
            .await
            .expect("taken");
    }
    until("a message to be replaced", || {
        coordinator
            .messages()
            .into_iter()
            .find(|head| head.address.attempt.job == job.id)
    })
    .await;
    assert_eq!(coordinator.end_of(&job.task(STEP, &host("10000"))), None);
    // Nothing was taken for the real one, which still counts when it comes.
    coordinator.on_messages(|_, _| Messages::Pass);
    for who in [guest("9999"), host("10000")] {
        assert_eq!(
            coordinator.ended(&job.task(STEP, &who)).await,
            Outcome::Succeeded,
            "{who}"
        );
    }
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "every kind of forged message for one step"
)]
async fn a_message_of_nobody_in_the_step_is_refused() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let clinic = federation.agent("10000", ALL_MINE);
    let (member, stranger) = (
        Peer::new(&federation, "9999"),
        Peer::new(&federation, "10001"),
    );
    member.join(&federation).await.expect("let in");
    stranger.join(&federation).await.expect("let in");
    coordinator.joined(&["9999", "10000", "10001"]).await;
    let step = Step::new(STEP, "secure_add_example").set(json!({"data_num": 100}));
    let job = Job::new(&coordinator.catalogue(), &[guest("9999"), host("10000")]).step(step);
    coordinator.agree(&job).await.expect("agreed");
    let (to, tag) = (host("10000"), "partition.0/guest_share");
    let from = |id: &str| task_of(&job.id, STEP, &guest(id));
    let mut earlier = job.clone();
    earlier.attempts = 99;
    let [now, before] = [&job, &earlier].map(|job| job.offer().fingerprint().expect("bytes"));

    // In the own name and without a part; in the name of one that has a part; for another party; of an unknown job.
    let own = envelope(&from("10001"), (0, &now), &to, tag, "x");
    let posing = envelope(&from("9999"), (0, &now), &to, tag, "x");
    let astray = envelope(&from("10001"), (0, &now), &host("9999"), tag, "x");
    for (envelope, code) in [
        (own.clone(), ErrorCode::PermissionDenied),
        (posing.clone(), ErrorCode::ProtocolViolation),
        (astray, ErrorCode::ProtocolViolation),
    ] {
        let direct = stranger
            .direct("10000", clinic.quic())
            .await
            .expect("connected");
        let reply = direct.send(envelope.clone()).await.expect("a reply");
        assert!(
            matches!(&reply, Reply::Failed(fault) if fault.code == code),
            "{envelope:?}: {reply:?}"
        );
    }
    // The same through the relay of a coordinator that looks away.
    for (envelope, code) in [
        (own, ErrorCode::PermissionDenied),
        (posing, ErrorCode::ProtocolViolation),
    ] {
        let reply = stranger.relay(envelope.clone()).await.expect("a reply");
        assert!(
            matches!(&reply, Reply::Failed(fault) if fault.code == code),
            "{envelope:?}: {reply:?}"
        );
    }
    // The one that has a part is heard, both ways, and a lie about the size is none.
    let good = envelope(&from("9999"), (0, &now), &to, tag, "x");
    let direct = member
        .direct("10000", clinic.quic())
        .await
        .expect("connected");
    // The very same under another offer of the job, or under none, is not.
    for offer in [before.as_str(), ""] {
        let stale = envelope(&from("9999"), (0, offer), &to, tag, "x");
        for reply in [
            direct.send(stale.clone()).await,
            member.relay(stale.clone()).await,
        ] {
            let reply = reply.expect("a reply");
            assert!(
                matches!(&reply, Reply::Failed(fault) if fault.code == ErrorCode::OfferRefused),
                "{offer}: {reply:?}"
            );
        }
    }
    let long = EnvelopeHead {
        size: 5,
        ..head_of(&good)
    };
    let reply = direct.say(long, "x").await.expect("a reply");
    assert!(
        matches!(&reply, Reply::Failed(fault) if fault.code == ErrorCode::FrameInvalid),
        "{reply:?}"
    );
    assert_eq!(direct.send(good).await.expect("a reply"), Reply::Done);
    let relayed = envelope(
        &from("9999"),
        (0, &now),
        &to,
        "partition.1/guest_share",
        "x",
    );
    assert_eq!(member.relay(relayed).await.expect("a reply"), Reply::Done);
    assert!(clinic.lives());
}
