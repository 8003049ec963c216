//! A host's columns, drawn by scores of single rows: a guest and a coordinator in league ask for as many vectors as they can
//! get. That vectors of a training rebuild a host's Gram matrix, and one the column of a host that has no other, is shown with
//! the component alone (`hetero_lr::tests::features`); here the real agent of the clinic refuses them.

use ::audit::{AuditEntry, AuditRecord};
use serde_json::Value;

use super::*;

const MORE: &str = "features.vectors_in_training";

/// The clinic's policy: it works with the bank, which is guest and may be arbiter.
fn policy(features: &str) -> String {
    let base = careful(&["9999"], &["experiment.*"])
        .replace("[release]", "independent_arbiter = false\n[release]");
    format!("{base}[features]\n{features}\n")
}

/// The bank is guest and arbiter, the clinic the host whose columns are wanted. Weights begin anew in each attempt.
async fn parties(
    federation: &Federation,
    coordinator: &Coordinator,
    features: &str,
) -> (Agent, Agent, Job) {
    let (bank, clinic) = (
        federation.agent("9999", ALL_MINE),
        federation.agent("10000", &policy(features)),
    );
    let tables = pair(60);
    bank.table("experiment", "guest", &tables.guest);
    clinic.table("experiment", "host", &tables.host);
    coordinator.joined(&["9999", "10000"]).await;
    let mut job = Job::training(&coordinator.catalogue(), ["9999", "10000", "9999"], 2);
    job.steps.retain(|step| step.component != "evaluation");
    job.step_mut("hetero_lr_0").common["init_param"] = json!({"init_method": "random_uniform"});
    (bank, clinic, job)
}

fn asking(job: &Job, parameter: &str, value: Value) -> Job {
    let mut job = job.anew();
    job.step_mut("hetero_lr_0").common[parameter] = value;
    job
}

/// How many vectors of row values left the clinic for a job, by its audit chain.
fn left(clinic: &Agent, job: &Job) -> usize {
    let is_vector = |record: &&AuditRecord| match &record.entry {
        AuditEntry::Message(entry) => {
            entry.message == "host_score"
                && entry.of.task.job == job.id
                && entry.refused_by.is_none()
        }
        _ => false,
    };
    clinic.audit().iter().filter(is_vector).count()
}

#[tokio::test]
async fn scores_of_each_epoch_leave_where_the_policy_lets_them_and_are_refused_at_the_offer_by_default()
 {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic, job) =
        parties(&federation, &coordinator, "vectors_in_training = 'any'").await;
    let greedy = asking(&job, "validation_freqs", json!(1));
    coordinator
        .run(&greedy)
        .await
        .expect("the attacker is seen to work");
    assert_eq!(left(&clinic, &greedy), 3, "two epochs and the end");

    clinic.set_policy(&policy("")).await;
    let callback = json!({"callbacks": ["PerformanceEvaluate"], "validation_freqs": 2});
    for (parameter, value, named) in [
        ("validation_freqs", json!(1), "validation_freqs"),
        ("validation_freqs", json!([1]), "validation_freqs"),
        (
            "callback_param",
            callback,
            "callback_param.validation_freqs",
        ),
    ] {
        let fault = coordinator
            .agree(&asking(&job, parameter, value))
            .await
            .expect_err(named);
        assert_eq!(
            (fault.code, fault.path.as_deref()),
            (ErrorCode::OfferRefused, Some(MORE)),
            "{fault}"
        );
        assert!(
            fault
                .message
                .contains(&format!("parameter {named} of step hetero_lr_0")),
            "{fault}"
        );
    }
    // As many as it consents to, and no more.
    clinic.set_policy(&policy("vectors_in_training = 1")).await;
    let one = asking(&job, "validation_freqs", json!(2));
    coordinator.run(&one).await.expect("one validation");
    assert_eq!(left(&clinic, &one), 2);
    let fault = coordinator
        .agree(&asking(&job, "validation_freqs", json!(1)))
        .await
        .expect_err("two");
    assert_eq!(fault.path.as_deref(), Some(MORE));
    // The usual job draws the scores of its model, and nothing is asked for.
    clinic.set_policy(&policy("")).await;
    let usual = job.anew();
    coordinator
        .run(&usual)
        .await
        .expect("the default lets usual jobs run");
    assert_eq!(left(&clinic, &usual), 1);
    assert!(clinic.lives());
}

#[tokio::test]
async fn attempts_that_are_ordered_again_and_again_end_and_a_restart_does_not_open_them() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, mut clinic, job) = parties(&federation, &coordinator, "repeats = 'any'").await;
    let again = async |job: &Job, attempts: std::ops::Range<u32>| {
        let mut refused = Vec::new();
        for attempt in attempts {
            for (who, outcome) in watched(
                &coordinator,
                job,
                ("hetero_lr_0", attempt),
                &super::host("10000"),
            )
            .await
            {
                if let (Role::Host, Outcome::Failed(fault)) = (who.role, outcome) {
                    refused.push((attempt, fault.path.unwrap_or_default()));
                }
            }
        }
        refused
    };
    coordinator.run(&job).await.expect("it runs");
    assert_eq!(again(&job, 1..5).await, []);
    assert_eq!(
        left(&clinic, &job),
        5,
        "the attacker is seen to work: each attempt has other weights"
    );

    clinic.set_policy(&policy("")).await;
    let job = job.anew();
    coordinator.run(&job).await.expect("it runs");
    let rule = "features.repeats".to_owned();
    assert_eq!(
        again(&job, 1..5).await,
        [(3, rule.clone()), (4, rule.clone())]
    );
    clinic.restart();
    coordinator.joined(&["10000"]).await;
    assert_eq!(again(&job, 5..6).await, [(5, rule)]);
    assert_eq!(left(&clinic, &job), 3);
}

#[tokio::test]
async fn few_columns_are_refused_at_the_offer_and_constant_ones_at_the_message() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (_bank, clinic, job) = parties(&federation, &coordinator, "fewest_columns = 1").await;
    let host = pair(60).host;
    let cut = |columns: usize, more: &str| -> String {
        let line = |(at, line): (usize, &str)| {
            let cells: Vec<&str> = line.split(',').take(columns + 1).collect();
            let more = if more.is_empty() || at > 0 {
                more.to_owned()
            } else {
                ",k1,k2".to_owned()
            };
            format!("{}{more}\n", cells.join(","))
        };
        host.lines().enumerate().map(line).collect()
    };
    let with = |name: &str, text: &str| {
        clinic.table("experiment", name, text);
        let mut job = job.anew();
        let table = json!({"table": {"namespace": "experiment", "name": name}});
        job.step_mut("reader_0")
            .own
            .push((super::host("10000"), table));
        job
    };
    let (one, constant) = (with("one", &cut(1, "")), with("constant", &cut(1, ",7,7")));
    for job in [&one, &constant] {
        coordinator
            .run(job)
            .await
            .expect("the attacker is seen to work");
        assert_eq!(left(&clinic, job), 1);
    }
    clinic.set_policy(&policy("")).await;
    let fault = coordinator
        .agree(&one.anew())
        .await
        .expect_err("one column");
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::OfferRefused, Some("features.fewest_columns"))
    );
    let constant = constant.anew();
    coordinator
        .agree(&constant)
        .await
        .expect("the offer does not show it");
    for step in ["reader_0", "data_transform_0", "intersection_0"] {
        coordinator.run_step(&constant, step, 0).await;
    }
    let ends = watched(
        &coordinator,
        &constant,
        ("hetero_lr_0", 0),
        &super::host("10000"),
    )
    .await;
    let (_, end) = ends.into_iter().next().expect("the clinic's");
    let Outcome::Failed(fault) = end else {
        panic!("{end:?}")
    };
    assert_eq!(
        (fault.code, fault.path.as_deref()),
        (ErrorCode::ReleaseRefused, Some("features.fewest_columns"))
    );
    assert_eq!(left(&clinic, &constant), 0);
}

#[tokio::test]
async fn a_model_is_applied_to_one_row_and_the_states_of_its_training_are_not() {
    let federation = Federation::new(&program());
    let coordinator = Coordinator::start(&federation);
    let (bank, clinic, job) = parties(&federation, &coordinator, "").await;
    coordinator.run(&job).await.expect("trained");
    let host = pair(60).host;
    let id = host
        .lines()
        .nth(1)
        .and_then(|line| line.split(',').next())
        .expect("an id");
    bank.table(
        "experiment",
        "one",
        &format!("id,y,x0,x1\n{id},1,0.5,0.5\n"),
    );
    let mut predict = Job::reading(
        &coordinator.catalogue(),
        &[guest("9999"), super::host("10000"), arbiter("9999")],
    );
    let table = json!({"table": {"namespace": "experiment", "name": "one"}});
    predict
        .step_mut("reader_0")
        .own
        .push((guest("9999"), table));
    let apply = Step::new("hetero_lr_0", "hetero_lr").reads_at("test_data", "intersection_0", 0);
    let predict = predict.step(apply.applies("hetero_lr_0", Some(job.id.as_str())));
    coordinator.run(&predict).await.expect("applied");
    assert_eq!(left(&clinic, &predict), 1);
    // Each state of the training would give the vector of its epoch away.
    let mut offer = predict.anew().offer();
    for input in offer.steps.iter_mut().flat_map(|step| &mut step.models) {
        input.checkpoint = Some(vocabulary::CheckpointRef::StepIndex(0));
    }
    let signed = coordinator
        .sign("9999", offer)
        .await
        .expect("the bank signs whatever it is asked");
    let refused = coordinator
        .offer("10000", signed.clone())
        .await
        .expect_err("a state of the training");
    assert_eq!(
        (refused.code, refused.path.as_deref()),
        (ErrorCode::OfferRefused, Some(MORE)),
        "{refused}"
    );
    clinic.set_policy(&policy("vectors_in_training = 1")).await;
    coordinator
        .offer("10000", signed)
        .await
        .expect("where the policy lets it");
}
