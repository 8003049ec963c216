//! Refusals, absences, losses, crashes and repetitions.

use domain::{JobState, TaskState};
use serde_json::json;
use service::{Principal, ServiceError};
use std::sync::Arc;
use std::time::Duration;
use store::{MemoryStore, SqliteStore};
use vocabulary::report::ReportBody;
use vocabulary::{Attempt, ErrorCode, Fault, Outcome, Report, Role, Usage};

use crate::world::{PARTIES, World, conf, dsl, pair_conf, party, reader_dsl, task_id};

#[tokio::test(start_paused = true)]
async fn a_refusal_settles_the_job_with_its_reason() {
    let world = World::new().await;
    let no = Fault::new(
        ErrorCode::OfferRefused,
        "table theirs is not for this component",
    );
    world
        .agents
        .behave(&party("10000"), |own| own.refuses = Some(no));
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let refused = world.settled(&job.id).await;
    let reason = refused.reason.unwrap();
    assert_eq!(
        (refused.state, reason.code, reason.party),
        (
            JobState::Refused,
            ErrorCode::OfferRefused,
            Some(party("10000"))
        )
    );
    assert!(world.agents.assignments().is_empty(), "nothing ran");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_initiators_own_refusal_settles_it_before_anybody_else_is_asked() {
    let world = World::new().await;
    world.agents.behave(&party("9999"), |own| {
        own.refuses = Some(Fault::new(ErrorCode::OfferRefused, "no"))
    });
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Refused);
    assert_eq!(world.agents.count(" offer"), 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_for_a_party_and_says_so_until_it_connects() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let waits = world.until(&job.id, "waiting for the host", |job| {
        job.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.parties.contains(&party("10000")))
    });
    let waiting = waits.await.waiting.unwrap();
    assert!(
        waiting.reason.contains("party 10000 is not connected"),
        "{waiting:?}"
    );
    assert_eq!(
        waiting.last_error.map(|fault| fault.code),
        Some(ErrorCode::PartyOffline)
    );
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(
        world.coordinator.jobs().get(&job.id).await.unwrap().state,
        JobState::Offered,
        "it waits as long as it takes"
    );
    world.agents.connect(&party("10000")).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_for_a_dead_party_delays_no_other() {
    let world = World::new().await;
    world.agents.disconnect(&party("10001"), false).await;
    let mut stuck = Vec::new();
    for _ in 0..30 {
        stuck.push(world.submit(reader_dsl(), pair_conf(10001)).await.id);
    }
    let other = world.submit(reader_dsl(), pair_conf(10000)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(world.settled(&other.id).await.state, JobState::Succeeded);
    assert!(
        before.elapsed() < Duration::from_secs(2),
        "{:?}",
        before.elapsed()
    );
    for id in &stuck {
        assert_eq!(
            world.coordinator.jobs().get(id).await.unwrap().state,
            JobState::Offered
        );
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_party_that_answers_slowly_or_never_delays_no_other() {
    let world = World::new().await;
    world.agents.behave(&party("10001"), |own| {
        own.answers_after = Duration::from_secs(15)
    });
    for _ in 0..40 {
        world.submit(reader_dsl(), pair_conf(10001)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let other = world.submit(reader_dsl(), pair_conf(10000)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(world.settled(&other.id).await.state, JobState::Succeeded);
    assert!(
        before.elapsed() < Duration::from_secs(2),
        "{:?}",
        before.elapsed()
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_delivered_shows_in_what_the_job_waits_for() {
    let world = World::new().await;
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.agents.behave(&party("10000"), |own| {
        own.answers_after = Duration::from_secs(1_000)
    });
    let waits = world.until(&job.id, "the error to show", |job| {
        job.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.last_error.is_some())
    });
    let waiting = waits.await.waiting.unwrap();
    assert_eq!(
        waiting.last_error.map(|fault| fault.code),
        Some(ErrorCode::PeerTimeout)
    );
    assert_eq!(waiting.parties, vec![party("10000")]);
    world.agents.behave(&party("10000"), |own| {
        own.answers_after = Duration::from_millis(1)
    });
    let ended = world.settled(&job.id).await;
    assert_eq!((ended.state, ended.waiting), (JobState::Succeeded, None));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_tried_again_as_often_as_asked_for() {
    let world = World::new().await;
    let full = Fault::new(ErrorCode::StorageFull, "no space");
    world.agents.behave(&party("10000"), |own| {
        (own.fails, own.fails_with) = ([("hetero_lr_0".to_owned(), 2)].into(), Some(full.clone()));
    });
    let retries = json!({"auto_retries": 2, "auto_retry_delay": 5});
    let job = world.submit(dsl(), conf(10000, retries)).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "10000").attempt,
        Attempt(2)
    );
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "9999").attempt,
        Attempt(2),
        "the same attempt at every party"
    );
    world.agents.behave(&party("10000"), |own| {
        own.fails = [("hetero_lr_0".to_owned(), 9)].into()
    });
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let failed = world.settled(&job.id).await;
    assert_eq!(
        (failed.state, failed.reason.unwrap().code),
        (JobState::Failed, ErrorCode::StorageFull)
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_succeed_is_not_tried_six_times() {
    let world = World::new().await;
    let cases = [
        (ErrorCode::TableMissing, 0, "permanent: not again"),
        (ErrorCode::NumericRange, 1, "the same twice: not again"),
        (
            ErrorCode::StorageFull,
            5,
            "may pass: as often as was asked for",
        ),
    ];
    for (code, last, why) in cases {
        world.agents.behave(&party("10000"), |own| {
            own.fails = [("hetero_lr_0".to_owned(), 99)].into();
            own.fails_with = Some(Fault::new(code, "as before"));
        });
        let job = world
            .submit(
                dsl(),
                conf(10000, json!({"auto_retries": 5, "auto_retry_delay": 1})),
            )
            .await;
        let failed = world.settled(&job.id).await;
        assert_eq!(
            (failed.state, failed.reason.unwrap().code),
            (JobState::Failed, code)
        );
        assert_eq!(
            world.agents.assignment("hetero_lr_0", "10000").attempt,
            Attempt(last),
            "{why}"
        );
    }
    world.stop().await;
}

/// The party's log has it from the order, the run's log from the events, whoever it was that ended.
#[tokio::test(start_paused = true)]
async fn why_a_step_begins_anew_stands_in_order_and_log() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| {
        own.fails = [("hetero_lr_0".to_owned(), 1)].into();
        own.fails_with = Some(Fault::new(ErrorCode::StorageFull, "no space"));
    });
    let job = world
        .submit(dsl(), conf(10000, json!({"auto_retries": 1})))
        .await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    for party in ["9999", "10000"] {
        let order = world.agents.assignment("hetero_lr_0", party);
        assert_eq!(order.attempt, Attempt(1));
        assert!(
            order
                .because
                .as_ref()
                .is_some_and(|why| why.contains("no space") && why.contains("10000")),
            "{order:?}"
        );
        assert_eq!(
            world.agents.assignment("reader_0", party).because,
            None,
            "a first attempt needs no reason"
        );
    }
    world.stop().await;
}

/// An agent that says goodbye costs no lease, and one that falls silent the whole of it.
#[tokio::test(start_paused = true)]
async fn a_goodbye_ends_the_lease_at_once() {
    for (parting, waits) in [
        (service::Parting::Ended, false),
        (service::Parting::Unknown, true),
    ] {
        let world = World::new().await;
        world.agents.behave(&party("10000"), |own| own.runs = None);
        let job = world.submit(reader_dsl(), pair_conf(10000)).await;
        world.reaches(&job.id, JobState::Running).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.agents.part(&party("10000"), true, parting).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let anew = world
            .tasks(&job.id)
            .await
            .iter()
            .any(|task| task.key.attempt == Attempt(1));
        assert_eq!(anew, !waits, "{parting:?}: begun anew after five seconds");
        world.agents.behave(&party("10000"), |own| {
            own.runs = Some(Duration::from_millis(50))
        });
        world.agents.connect(&party("10000")).await;
        assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
        let rows = world.tasks_of_all_attempts(&job.id).await;
        let first = rows
            .iter()
            .find(|task| task.key.id.party == party("10000") && task.key.attempt == Attempt(0));
        assert_eq!(
            first.map(|task| task.state),
            Some(TaskState::Lost),
            "how it ended is kept: {rows:?}"
        );
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_refuses_a_task_fails_it_with_its_reason() {
    let world = World::new().await;
    let no = Fault::new(ErrorCode::StorageFull, "no space");
    world
        .agents
        .behave(&party("10000"), |own| own.refuses_tasks = Some(no));
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    let failed = world.settled(&job.id).await;
    let reason = failed.reason.unwrap();
    assert_eq!(
        (failed.state, reason.code, reason.party),
        (
            JobState::Failed,
            ErrorCode::StorageFull,
            Some(party("10000"))
        )
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_agents_step_starts_again_when_it_is_back() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world
        .until(&job.id, "the task runs", |job| {
            job.state == JobState::Running
        })
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.agents.disconnect(&party("10000"), true).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        world
            .states(&job.id, "reader_0")
            .await
            .contains(&TaskState::Running),
        "its lease has not run out"
    );
    tokio::time::sleep(Duration::from_secs(15)).await;
    world.agents.behave(&party("10000"), |own| {
        own.runs = Some(Duration::from_millis(50))
    });
    world.agents.connect(&party("10000")).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("reader_0", "10000").attempt,
        Attempt(1)
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_restarted_within_its_lease_loses_its_attempts_at_once() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.reaches(&job.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.agents.disconnect(&party("10000"), true).await;
    world.agents.behave(&party("10000"), |own| {
        own.runs = Some(Duration::from_millis(50))
    });
    world.agents.connect(&party("10000")).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("reader_0", "10000").attempt,
        Attempt(1)
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_break_of_the_link_loses_nothing() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| {
        own.runs = Some(Duration::from_secs(8))
    });
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.reaches(&job.id, JobState::Running).await;
    world.agents.disconnect(&party("10000"), false).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.agents.connect(&party("10000")).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert!(
        world
            .tasks(&job.id)
            .await
            .iter()
            .all(|task| task.key.attempt == Attempt(0))
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_frozen_agents_old_try_is_stopped_when_it_wakes() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let job = world.submit(reader_dsl(), pair_conf(10000)).await;
    world.reaches(&job.id, JobState::Running).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world
        .agents
        .behave(&party("10000"), |own| own.frozen = true);
    tokio::time::sleep(Duration::from_secs(40)).await;
    let tasks = world.tasks(&job.id).await;
    assert!(
        tasks.iter().any(|task| task.key.attempt == Attempt(1)),
        "the step has a new attempt: {tasks:?}"
    );
    world.agents.behave(&party("10000"), |own| {
        (own.frozen, own.runs) = (false, Some(Duration::from_millis(50)))
    });
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        world.agents.count("10000 cancel reader_0 0"),
        1,
        "{:?}",
        world.agents.log()
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_coordinator_finishes_what_a_crashed_one_began() {
    for pause in [0, 2, 5, 20, 60, 120, 180] {
        let world = World::new().await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(world.submit(dsl(), conf(10000, json!({}))).await.id);
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let left = world.crash().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let world = World::again(left);
        for id in PARTIES {
            world.agents.connect(&party(id)).await;
        }
        for id in &ids {
            let ended = world.settled(id).await;
            assert_eq!(
                ended.state,
                JobState::Succeeded,
                "after {pause} ms: {:?}",
                ended.reason
            );
        }
        for task in world.tasks(&ids[0]).await {
            assert_eq!(task.key.attempt, Attempt(0), "no work was done twice");
        }
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restarted_coordinator_knows_catalogues_before_agents_are_back() {
    let world = World::new().await;
    let left = world.crash().await;
    let world = World::again(left);
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    assert_eq!(job.state, JobState::Offered);
    assert_eq!(world.coordinator.parties().components().len(), 9);
    assert!(!world.coordinator.presence().is_online(&party("9999")));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reports_said_twice_change_nothing() {
    let world = World::new().await;
    for id in PARTIES {
        world.agents.behave(&party(id), |own| own.repeats = true);
    }
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    let id = task_id(&job.id, "hetero_lr_0", Role::Guest, "9999");
    assert_eq!(
        world.coordinator.jobs().metrics(&id).await.unwrap()[0]
            .data
            .len(),
        2
    );
    assert_eq!(
        world.coordinator.jobs().outputs(&id).await.unwrap().len(),
        1
    );
    // Nor does a late word on an attempt that is over.
    let late = Outcome::Failed(Fault::new(ErrorCode::Internal, "late"));
    let body = ReportBody::Ended {
        outcome: late,
        usage: Usage::default(),
    };
    let report = Report {
        task: id.clone(),
        attempt: Attempt(0),
        body,
    };
    world
        .coordinator
        .jobs()
        .record_reports(&party("9999"), vec![report.clone()])
        .await
        .unwrap();
    let stale = Report {
        attempt: Attempt(7),
        ..report.clone()
    };
    world
        .coordinator
        .jobs()
        .record_reports(&party("9999"), vec![stale])
        .await
        .unwrap();
    assert_eq!(
        world.coordinator.jobs().get(&job.id).await.unwrap().state,
        JobState::Succeeded
    );
    let foreign = world
        .coordinator
        .jobs()
        .record_reports(&party("10000"), vec![report])
        .await
        .expect_err("another's task");
    assert!(matches!(foreign, ServiceError::Denied(_)), "{foreign:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long_times_out() {
    let world = World::new().await;
    world.agents.behave(&party("10000"), |own| own.runs = None);
    let mut limited = pair_conf(10000);
    limited["job_parameters"]["common"] = json!({"timeout": 60});
    let job = world.submit(reader_dsl(), limited).await;
    let ended = world.settled(&job.id).await;
    assert_eq!(
        (ended.state, ended.reason.unwrap().code),
        (JobState::TimedOut, ErrorCode::DeadlinePassed)
    );
    assert_eq!(world.agents.count("10000 cancel"), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_party_that_is_not_in_the_federation_is_not_welcome() {
    let options = service::Options {
        known_parties: Some(vec![party("9999")]),
        ..service::Options::default()
    };
    let world = World::without_agents(Arc::new(MemoryStore::default()));
    let c = service::Coordinator::new(
        world.store.clone(),
        Arc::new(world.agents.clone()),
        world.clock.clone(),
        options,
    );
    let denied = c
        .parties()
        .connected(&party("77"), vec![], service::AgentFacts::default())
        .await
        .expect_err("foreign");
    assert_eq!(denied.fault().code, ErrorCode::PartyUnknown);
    world.stop().await;
}

/// The same on SQLite in a file, in real time: crash in the middle included.
#[tokio::test]
async fn jobs_survive_a_crash_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coordinator.db");
    let world = World::without_agents(Arc::new(SqliteStore::open(&path).await.unwrap()));
    for id in PARTIES {
        world.agents.connect(&party(id)).await;
    }
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(world.submit(dsl(), conf(10000, json!({}))).await.id);
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
    let (_, agents, clock) = world.crash().await;
    let reopened: Arc<dyn service::Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
    let world = World::again((reopened, agents, clock));
    for id in PARTIES {
        world.agents.connect(&party(id)).await;
    }
    for id in &ids {
        assert_eq!(world.settled(id).await.state, JobState::Succeeded);
    }
    let stopped = world
        .coordinator
        .jobs()
        .stop(&Principal::operator(), &ids[0], JobState::Canceled)
        .await
        .unwrap();
    assert_eq!(stopped.state, JobState::Succeeded);
    world.stop().await;
}
