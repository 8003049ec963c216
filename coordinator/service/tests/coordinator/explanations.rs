//! What people are told: verdicts at the submission, what nothing reads, and why each task of a broken step came to nothing.

use std::time::Duration;

use domain::{JobState, TaskState, reason_of};
use serde_json::json;
use service::{EventQuery, Principal, SubmitJob};
use tokio::time::Instant;
use vocabulary::{ErrorCode, Fault, JobId};

use crate::world::{World, conf, dsl, party, reader_dsl};

fn refusal() -> Fault {
    Fault::new(
        ErrorCode::OfferRefused,
        "table theirs is not for this component",
    )
}

/// The verdict on a new job, and how long it took.
async fn judged(world: &World) -> (JobId, Option<Fault>, Duration) {
    let began = Instant::now();
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let verdict = world.coordinator.jobs().verdicts(&job.id).await.unwrap();
    (job.id, verdict, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn whoever_submits_learns_at_once_that_a_party_refuses() {
    for who in ["9999", "10000", "10001"] {
        let world = World::new().await;
        world
            .agents
            .behave(&party(who), |own| own.refuses = Some(refusal()));
        let (id, verdict, took) = judged(&world).await;
        let fault = verdict.unwrap_or_else(|| panic!("{who}"));
        assert_eq!(
            (fault.code, fault.party),
            (ErrorCode::OfferRefused, Some(party(who)))
        );
        assert!(took < Duration::from_millis(500), "{took:?}");
        let job = world.coordinator.jobs().get(&id).await.unwrap();
        assert_eq!(job.state, JobState::Refused);
        let tasks = world.tasks(&id).await;
        assert!(!tasks.is_empty());
        for task in &tasks {
            let why = reason_of(&job, task, &tasks).expect("each task says why it did not begin");
            assert_eq!(
                (why.code, &why.party),
                (ErrorCode::OfferRefused, &Some(party(who)))
            );
            assert!(
                why.message
                    .contains("table theirs is not for this component"),
                "{why}"
            );
        }
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn parties_that_are_away_or_silent_hold_no_submission_up() {
    let world = World::new().await;
    let (_, verdict, took) = judged(&world).await;
    assert!(
        verdict.is_none() && took < Duration::from_millis(500),
        "all accept: {took:?}"
    );
    world.agents.disconnect(&party("10000"), false).await;
    let (_, verdict, took) = judged(&world).await;
    assert!(
        verdict.is_none() && took < Duration::from_millis(500),
        "one is away: {took:?}"
    );
    world.agents.behave(&party("10001"), |own| {
        own.answers_after = Duration::from_secs(60)
    });
    let (_, verdict, took) = judged(&world).await;
    assert!(verdict.is_none(), "{verdict:?}");
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_millis(1_500),
        "one is silent: {took:?}"
    );
    world.agents.disconnect(&party("9999"), false).await;
    let (_, verdict, took) = judged(&world).await;
    assert!(
        verdict.is_none() && took < Duration::from_millis(500),
        "the initiator is away: {took:?}"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_task_of_a_broken_step_says_which_party_broke_it_and_why() {
    // The host is done before the guest fails, is stopped while it runs, or has hardly begun.
    for (host, state) in [
        (10, TaskState::Succeeded),
        (400, TaskState::Canceled),
        (101, TaskState::Canceled),
    ] {
        let world = World::new().await;
        world.agents.behave(&party("9999"), |own| {
            own.fails.insert("reader_0".into(), 1);
            own.runs = Some(Duration::from_millis(100));
        });
        world.agents.behave(&party("10000"), |own| {
            own.runs = Some(Duration::from_millis(host))
        });
        let job = world.submit(dsl(), conf(10000, json!({}))).await;
        let job = world.settled(&job.id).await;
        assert_eq!(job.state, JobState::Failed);
        let tasks = world.tasks(&job.id).await;
        let own = tasks.iter().find(|task| {
            task.key.id.party == party("10000") && task.key.id.step.as_str() == "reader_0"
        });
        assert_eq!(own.map(|task| task.state), Some(state));
        for task in &tasks {
            let why = reason_of(&job, task, &tasks)
                .unwrap_or_else(|| panic!("{} says nothing", task.key.id));
            assert!(
                why.message.contains("no such table"),
                "{}: {why}",
                task.key.id
            );
            assert_eq!(why.party, Some(party("9999")), "{}", task.key.id);
            let echo =
                task.key.id.step.as_str() == "reader_0" && task.key.id.party == party("10000");
            assert_eq!(
                why.code == ErrorCode::PeerFailed,
                echo,
                "{}: {why}",
                task.key.id
            );
        }
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_job_that_goes_well_give_no_reason() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let job = world.settled(&job.id).await;
    let tasks = world.tasks(&job.id).await;
    assert!(
        tasks
            .iter()
            .all(|task| reason_of(&job, task, &tasks).is_none())
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nothing_reads_stands_in_the_jobs_log() {
    let world = World::new().await;
    let mut conf = conf(10000, json!({"task_coers": 2}));
    conf["component_parameters"]["common"] = json!({"readr_0": {"x\nplanted line": 1}});
    let command = SubmitJob {
        dsl: reader_dsl(),
        conf,
        ..SubmitJob::default()
    };
    let submitted = world
        .coordinator
        .jobs()
        .submit(&Principal::anyone(), command)
        .await
        .unwrap();
    let kept = world
        .coordinator
        .jobs()
        .get(&submitted.job.id)
        .await
        .unwrap();
    assert_eq!(kept.definition.warnings, submitted.warnings);
    let query = EventQuery {
        job: kept.id.clone(),
        from: None,
        to: None,
        after: None,
        before: None,
        newest_first: false,
        limit: 100,
    };
    let events = world.coordinator.jobs().events(&query).await.unwrap();
    let warned: Vec<&str> = events
        .iter()
        .filter(|event| event.level == "WARNING")
        .map(|event| event.line.as_str())
        .collect();
    assert!(
        warned
            .iter()
            .any(|line| line.ends_with("did you mean task_cores?")),
        "{warned:?}"
    );
    assert!(
        warned
            .iter()
            .any(|line| line.ends_with("did you mean reader_0?")),
        "{warned:?}"
    );
    assert!(
        warned
            .iter()
            .all(|line| !line.starts_with("[WARN]") && !line.contains('\n')),
        "{warned:?}"
    );
    world.stop().await;
}
