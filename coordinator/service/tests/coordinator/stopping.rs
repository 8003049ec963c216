//! Stopping in every state, and running again.

use domain::{JobState, TaskState};
use serde_json::json;
use service::{Principal, ServiceError, TaskFilter};
use std::time::Duration;
use vocabulary::{Attempt, ErrorCode};

use crate::world::{World, conf, dsl, pair_conf, party, reader_dsl};

fn anyone() -> Principal {
    Principal::anyone()
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_parties_are_still_asked_can_be_stopped() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let waits = world
        .until(&job.id, "waiting", |job| job.waiting.is_some())
        .await;
    assert_eq!(waits.state, JobState::Offered);
    let stopped = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Canceled)
        .await
        .unwrap();
    assert_eq!((stopped.state, stopped.waiting), (JobState::Canceled, None));
    assert_eq!(
        stopped.reason.map(|fault| fault.code),
        Some(ErrorCode::Canceled)
    );
    assert!(
        world
            .tasks(&job.id)
            .await
            .iter()
            .all(|task| task.state == TaskState::Waiting),
        "no task was touched"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_running_job_is_canceled_as_soon_as_its_agents_are_quiet() {
    let world = World::new().await;
    for id in ["9999", "10000", "10001"] {
        world.agents.behave(&party(id), |own| own.runs = None);
    }
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    world.reaches(&job.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopped = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Canceled)
        .await
        .unwrap();
    assert_eq!(stopped.state, JobState::Canceled);
    assert_eq!(
        world.states(&job.id, "reader_0").await,
        [TaskState::Canceled; 2]
    );
    assert_eq!(
        world.states(&job.id, "hetero_lr_0").await,
        [TaskState::Waiting; 3]
    );
    assert_eq!(world.agents.count("cancel reader_0"), 2);
    let again = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Failed)
        .await
        .unwrap();
    assert_eq!(
        again.state,
        JobState::Canceled,
        "a settled job stays as it is"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_takes_long_shows_and_a_second_wish_changes_nothing() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.reaches(&job.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.agents.behave(&party("10000"), |own| {
        own.answers_after = Duration::from_secs(10)
    });
    let asked = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Failed)
        .await
        .unwrap();
    assert_eq!(asked.state, JobState::Stopping);
    let again = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Canceled)
        .await
        .unwrap();
    assert_eq!(again.state, JobState::Stopping);
    assert_eq!(
        world.settled(&job.id).await.state,
        JobState::Failed,
        "as was wished first"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_party_does_not_keep_a_job_from_stopping() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.reaches(&job.id, JobState::Running).await;
    world.agents.disconnect(&party("10000"), false).await;
    let stopped = world
        .coordinator
        .jobs()
        .stop(&anyone(), &job.id, JobState::Canceled)
        .await
        .unwrap();
    assert_eq!(stopped.state, JobState::Canceled);
    // When it comes back with the attempt still running, it is told to stop it.
    world.agents.connect(&party("10000")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        world.agents.count("10000 cancel reader_0 0"),
        1,
        "{:?}",
        world.agents.log()
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn everything_that_waits_can_be_canceled_at_once() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.submit(reader_dsl(), pair_conf(10000)).await.id);
    }
    let host = Principal::of_party(party("10000"));
    assert!(
        world
            .coordinator
            .jobs()
            .cancel_waiting(&host)
            .await
            .unwrap()
            .is_empty(),
        "none is the host's own"
    );
    assert_eq!(
        world
            .coordinator
            .jobs()
            .cancel_waiting(&anyone())
            .await
            .unwrap(),
        ids
    );
    for id in &ids {
        assert_eq!(
            world.coordinator.jobs().get(id).await.unwrap().state,
            JobState::Canceled
        );
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_is_not_canceled_with_those_that_wait() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let runs = world.submit(reader_dsl(), pair_conf(10000)).await.id;
    world.reaches(&runs, JobState::Running).await;
    world.agents.disconnect(&party("10000"), false).await;
    let waits = world.submit(reader_dsl(), pair_conf(10000)).await.id;
    assert_eq!(
        world
            .coordinator
            .jobs()
            .cancel_waiting(&anyone())
            .await
            .unwrap(),
        [waits]
    );
    let job = world.coordinator.jobs().get(&runs).await.unwrap();
    assert_eq!((job.state, job.stop), (JobState::Running, None));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rerun_keeps_what_succeeded_and_asks_all_parties_again() {
    let world = World::new().await;
    world.agents.behave(&party("9999"), |own| {
        own.fails = [("hetero_lr_0".to_owned(), 1)].into()
    });
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let failed = world.settled(&job.id).await;
    assert_eq!(
        (failed.state, failed.reason.map(|f| f.code)),
        (JobState::Failed, Some(ErrorCode::TableMissing))
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = world
        .coordinator
        .jobs()
        .rerun(&anyone(), &job.id, None, false)
        .await
        .unwrap();
    assert_eq!(
        (again.state, again.progress, again.ended),
        (JobState::Offered, 0, None)
    );
    let early = world
        .coordinator
        .jobs()
        .rerun(&anyone(), &job.id, None, false)
        .await
        .expect_err("it runs");
    assert!(matches!(early, ServiceError::Conflict(_)), "{early:?}");
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    let attempts: Vec<(String, Attempt)> = world
        .tasks(&job.id)
        .await
        .into_iter()
        .map(|task| (task.key.id.step.to_string(), task.key.attempt))
        .collect();
    assert!(
        attempts
            .iter()
            .all(|(step, attempt)| *attempt == Attempt(u32::from(step == "hetero_lr_0"))),
        "{attempts:?}"
    );
    assert_eq!(
        world.agents.count(" sign "),
        2,
        "agents had forgotten the offer"
    );
    let all = TaskFilter {
        job: Some(job.id.clone()),
        all_attempts: true,
        ..TaskFilter::default()
    };
    assert_eq!(world.coordinator.jobs().tasks(&all).await.unwrap().1, 7 + 3);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rerun_of_a_job_that_succeeded_needs_force() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let first = world.settled(&job.id).await;
    let kept = world
        .coordinator
        .jobs()
        .rerun(&anyone(), &job.id, None, false)
        .await
        .unwrap();
    assert_eq!(
        (kept.state, kept.ended),
        (JobState::Succeeded, first.ended),
        "nothing to run again"
    );
    let named = Some(vec!["evaluation_0".parse().unwrap()]);
    world
        .coordinator
        .jobs()
        .rerun(&anyone(), &job.id, named, true)
        .await
        .unwrap();
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("evaluation_0", "9999").attempt,
        Attempt(1)
    );
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "9999").attempt,
        Attempt(0)
    );
    let absent = Some(vec!["nothing_0".parse().unwrap()]);
    let refused = world
        .coordinator
        .jobs()
        .rerun(&anyone(), &job.id, absent, true)
        .await
        .expect_err("absent");
    assert!(matches!(refused, ServiceError::NotFound(_)), "{refused:?}");
    world.stop().await;
}
