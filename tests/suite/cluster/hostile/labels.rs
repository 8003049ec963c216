//! A guest's labels in small batches: the guest's agent judges the batches by its own policy, before anything of its data
//! leaves, and whatever the others want.

use std::path::Path;

use vocabulary::Participant;

use super::*;

/// A bank that guards its labels, a clinic that has the job started, an independent arbiter. Everything passes the
/// coordinator, which so sees what is said.
struct Parties {
    coordinator: Coordinator,
    bank: Agent,
    _others: [Agent; 2],
}

impl Parties {
    async fn of(federation: &Federation) -> Self {
        let coordinator = Coordinator::start(federation);
        let relayed = |id: &str, policy: &str| {
            federation
                .party(id)
                .policy(policy)
                .settings("relay_only = true")
                .start()
        };
        let bank = relayed("9999", &guarded(""));
        let (clinic, court) = (relayed("10000", ALL_MINE), relayed("10001", ALL_MINE));
        let tables = pair(60);
        bank.table("experiment", "guest", &tables.guest);
        clinic.table("experiment", "host", &tables.host);
        coordinator.joined(&["9999", "10000", "10001"]).await;
        Self {
            coordinator,
            bank,
            _others: [clinic, court],
        }
    }

    /// Agrees on a job and runs it up to the training, which is ordered everywhere; gives how it ends at one of them.
    async fn trained(&self, job: &Job, who: &Participant) -> Outcome {
        let coordinator = &self.coordinator;
        coordinator.agree(job).await.expect("agreed");
        for step in ["reader_0", "data_transform_0", "intersection_0"] {
            for (who, outcome) in coordinator.run_step(job, step, 0).await {
                assert_eq!(outcome, Outcome::Succeeded, "{step} {who}");
            }
        }
        for who in [guest("9999"), host("10000"), arbiter("10001")] {
            let order = job.assignment("hetero_lr_0", &who, 0);
            coordinator
                .assign(who.party.as_str(), order)
                .await
                .expect("ordered");
        }
        coordinator.ended(&job.task("hetero_lr_0", who)).await
    }

    /// Names of messages that passed in the training of a job.
    fn said(&self, job: &Job) -> Vec<String> {
        let of_job = |head: &wire::agent_link::EnvelopeHead| {
            let attempt = &head.address.attempt;
            attempt.job == job.id && attempt.step == step_name("hetero_lr_0")
        };
        self.coordinator
            .messages()
            .into_iter()
            .filter(of_job)
            .map(|head| head.message)
            .collect()
    }

    /// What the bank's own log of a job says.
    fn log(&self, job: &Job) -> String {
        let mut text = String::new();
        read_all(
            &self.bank.data().join("logs").join(job.id.as_str()),
            &mut text,
        );
        text
    }
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            read_all(&entry.path(), text);
        } else {
            *text += &std::fs::read_to_string(entry.path()).unwrap_or_default();
        }
    }
}

/// The policy of a careful party, whose rules for labels are those of the default unless it says others.
fn guarded(labels: &str) -> String {
    careful(&["10000", "10001"], &["experiment.*"]) + labels
}

/// A training that the clinic starts. The parties have 48 rows in common and the clinic three columns, so that 36 rows are
/// the fewest of a batch.
fn training(coordinator: &Coordinator, batch_size: i64) -> Job {
    let mut job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10001"], 2)
        .started_by(&host("10000"));
    let common = &mut job.step_mut("hetero_lr_0").common;
    (common["batch_size"], common["masked_rate"]) = (json!(batch_size), json!(0.5));
    job
}

#[tokio::test]
async fn small_batches_are_refused_before_anything_of_the_labels_leaves() {
    let federation = Federation::new(&program());
    let parties = Parties::of(&federation).await;
    let coordinator = &parties.coordinator;
    let large = training(coordinator, -1);
    coordinator
        .run(&large)
        .await
        .expect("one batch of all rows is large enough");
    assert!(
        parties
            .log(&large)
            .contains("labels: case (a), one batch of all 48 rows"),
        "{}",
        parties.log(&large)
    );

    let small = training(coordinator, 12);
    let Outcome::Failed(fault) = parties.trained(&small, &guest("9999")).await else {
        panic!("refused")
    };
    let rule = (ErrorCode::ReleaseRefused, Some("labels.small_table"));
    assert_eq!((fault.code, fault.path.as_deref()), rule, "{fault}");
    let said = parties.said(&small);
    assert!(said.iter().any(|message| message == "columns"), "{said:?}");
    assert!(
        said.iter()
            .all(|message| message == "columns" || message == "public_key"),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_hostile_coordinator_cannot_make_batches_smaller() {
    let federation = Federation::new(&program());
    let parties = Parties::of(&federation).await;
    let coordinator = &parties.coordinator;
    // Batches other than those of the signed offer.
    let large = training(coordinator, -1);
    coordinator.agree(&large).await.expect("agreed");
    let mut order = large.assignment("hetero_lr_0", &guest("9999"), 0);
    order.parameters["batch_size"] = json!(12);
    let fault = coordinator
        .assign("9999", order)
        .await
        .expect_err("another order");
    assert_eq!(fault.code, ErrorCode::OfferRefused, "{fault}");

    // An offer in which the clinic and the arbiter have small batches, and the bank large ones.
    let mut mixed = training(coordinator, 12);
    let own = (guest("9999"), json!({"batch_size": -1}));
    mixed.step_mut("hetero_lr_0").own.push(own);
    for (job, who) in [(&mixed, host("10000")), (&mixed.anew(), arbiter("10001"))] {
        let Outcome::Failed(fault) = parties.trained(job, &who).await else {
            panic!("{who} refuses")
        };
        assert_eq!(fault.code, ErrorCode::DataMismatch, "{fault}");
    }
    let said = parties.said(&mixed);
    assert!(
        said.iter()
            .all(|message| !["forward", "residual", "masked_rows"].contains(&message.as_str())),
        "{said:?}"
    );
}

#[tokio::test]
async fn with_a_warning_it_runs_hidden_and_without_rules_it_runs_in_the_open() {
    let federation = Federation::new(&program());
    let parties = Parties::of(&federation).await;
    let coordinator = &parties.coordinator;
    parties
        .bank
        .set_policy(&guarded("[labels]\nwhen_broken = \"warn\"\n"))
        .await;
    let small = training(coordinator, 12);
    coordinator.run(&small).await.expect("it runs");
    let log = parties.log(&small);
    assert!(
        log.contains("must have at least 36 in a batch") && log.contains("a host learns about"),
        "{log}"
    );
    assert!(
        !parties
            .said(&small)
            .iter()
            .any(|message| message == "masked_rows"),
        "all rows hide the batches"
    );

    // The attack that this keeps off: rows that change are named to the host, batch after batch.
    parties
        .bank
        .set_policy(&guarded("[labels]\nrows_per_column = 0\n"))
        .await;
    let open = training(coordinator, 12);
    coordinator.run(&open).await.expect("it runs");
    assert_eq!(
        parties
            .said(&open)
            .iter()
            .filter(|message| *message == "masked_rows")
            .count(),
        2 * 4
    );
    assert!(
        parties
            .log(&open)
            .contains("the policy has no rules for labels"),
        "{}",
        parties.log(&open)
    );
}
