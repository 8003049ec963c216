//! Consent that is withdrawn while a job runs, and consent that ends by itself.

use std::time::Duration;

use super::*;
use fedflow_tests::hostile::until;

/// A training that would go on for a long time.
pub(super) fn long(coordinator: &Coordinator) -> Job {
    let mut job = Job::training(
        &coordinator.catalogue(),
        ["9999", "10000", "10000"],
        100_000,
    );
    job.step_mut("hetero_lr_0").common["tol"] = json!(1e-300);
    job
}

/// Starts the training's last step at both parties and waits until it is under way.
pub(super) async fn under_way(coordinator: &Coordinator, job: &Job) {
    coordinator.agree(job).await.expect("agreed");
    for step in ["reader_0", "data_transform_0", "intersection_0"] {
        for (who, outcome) in coordinator.run_step(job, step, 0).await {
            assert_eq!(outcome, Outcome::Succeeded, "{step} {who}");
        }
    }
    for who in [guest("9999"), host("10000"), arbiter("10000")] {
        let party = who.party.to_string();
        coordinator
            .assign(&party, job.assignment("hetero_lr_0", &who, 0))
            .await
            .expect("ordered");
    }
    until("some epochs", || {
        (coordinator
            .metrics_of(&job.task("hetero_lr_0", &arbiter("10000")))
            .len()
            > 3)
        .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_narrowed_policy_stops_what_runs_and_says_why() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    // Everything goes through the coordinator, so that what leaves can be counted.
    let bank = federation
        .party("9999")
        .policy(ALL_MINE)
        .settings("relay_only = true")
        .start();
    let clinic = federation
        .party("10000")
        .policy(ALL_MINE)
        .settings("relay_only = true")
        .start();
    let tables = pair(60);
    bank.table("experiment", "guest", &tables.guest);
    clinic.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    let job = long(&coordinator);
    under_way(&coordinator, &job).await;
    let from_clinic = |heads: Vec<wire::agent_link::EnvelopeHead>| {
        heads
            .into_iter()
            .filter(|head| head.address.from.party == party("10000"))
            .count()
    };
    let before = from_clinic(coordinator.messages());
    assert!(
        before > 0,
        "messages of the clinic pass while its policy admits them"
    );

    clinic
        .set_policy(&careful(&["10001"], &["experiment.*"]))
        .await;
    let ended = coordinator
        .ended(&job.task("hetero_lr_0", &host("10000")))
        .await;
    let Outcome::Failed(fault) = ended else {
        panic!("it ended as {ended:?}")
    };
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("admission.initiators")),
        "{fault}"
    );
    assert_eq!(fault.party, Some(party("10000")));
    let after = from_clinic(coordinator.messages());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        from_clinic(coordinator.messages()),
        after,
        "nothing more leaves"
    );
    // A new order under the old offer is refused for the same reason.
    let order = job.assignment("hetero_lr_0", &host("10000"), 1);
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("refused");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.initiators"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_narrowed_release_rule_stops_messages_of_a_running_task() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    let job = long(&coordinator);
    under_way(&coordinator, &job).await;
    // A change that concerns another job changes nothing here.
    clinic
        .set_policy(&ALL_MINE.replace("fewest_rows = 1", "fewest_rows = 2"))
        .await;
    assert!(
        coordinator
            .end_of(&job.task("hetero_lr_0", &host("10000")))
            .is_none()
    );
    clinic
        .set_policy(&ALL_MINE.replace("\"ciphertext\", ", ""))
        .await;
    let ended = coordinator
        .ended(&job.task("hetero_lr_0", &host("10000")))
        .await;
    let Outcome::Failed(fault) = ended else {
        panic!("it ended as {ended:?}")
    };
    assert_eq!(
        fault.path.as_deref(),
        Some("release.disclosures"),
        "{fault}"
    );
}

#[tokio::test]
async fn an_offer_is_good_for_its_time_and_its_attempts() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic) = two(&federation, &coordinator).await;
    clinic
        .set_policy(&careful(&["9999"], &["experiment.*"]))
        .await;
    let reading = || Job::reading(&coordinator.catalogue(), &[guest("9999"), host("10000")]);
    let refused = async |job: &Job| {
        let signed = coordinator.sign("9999", job.offer()).await.expect("signed");
        coordinator
            .offer("10000", signed)
            .await
            .expect_err("refused")
    };
    let mut endless = reading();
    endless.lasts_millis = 31 * 24 * 3600 * 1000;
    assert_eq!(
        refused(&endless).await.path.as_deref(),
        Some("admission.offer_days")
    );
    let mut greedy = reading();
    greedy.attempts = 101;
    assert_eq!(
        refused(&greedy).await.path.as_deref(),
        Some("admission.attempts")
    );

    let mut few = reading();
    few.attempts = 2;
    coordinator.agree(&few).await.expect("agreed");
    for attempt in [0, 1] {
        coordinator
            .assign("10000", few.assignment("reader_0", &host("10000"), attempt))
            .await
            .expect("ordered");
    }
    let order = few.assignment("reader_0", &host("10000"), 2);
    let fault = coordinator
        .assign("10000", order)
        .await
        .expect_err("used up");
    assert_eq!(fault.path.as_deref(), Some("admission.attempts"), "{fault}");

    let mut short = reading();
    short.lasts_millis = 3_000;
    coordinator.agree(&short).await.expect("agreed");
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    let order = short.assignment("reader_0", &host("10000"), 0);
    let fault = coordinator.assign("10000", order).await.expect_err("ended");
    assert_eq!(
        fault.path.as_deref(),
        Some("admission.offer_days"),
        "{fault}"
    );
    // The same job offered anew is good again.
    let mut again = short.clone();
    again.lasts_millis = 600_000;
    coordinator.agree(&again).await.expect("agreed anew");
    coordinator
        .assign("10000", again.assignment("reader_0", &host("10000"), 0))
        .await
        .expect("ordered");
}
