//! Schedules: when their jobs begin, and that a restart neither doubles nor loses one.

use std::time::Duration;

use domain::recurring::Rule;
use domain::{JobState, NewExperiment};
use serde_json::{Value, json};
use service::{JobFilter, NewSchedule, Principal, ServiceError, SubmitJob};
use vocabulary::{ErrorCode, Tenant};

use crate::world::{World, pair_conf, party, reader_dsl};

fn every(seconds: u64, conf: Value) -> NewSchedule {
    let order = SubmitJob {
        dsl: reader_dsl(),
        conf,
        ..SubmitJob::default()
    };
    NewSchedule {
        name: Some("nightly".to_owned()),
        rule: Rule::EverySeconds(seconds),
        enabled: true,
        order,
    }
}

async fn jobs(world: &World) -> usize {
    world
        .coordinator
        .jobs()
        .find(&JobFilter::default())
        .await
        .unwrap()
        .0
        .len()
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn begins_a_job_each_time_and_says_when_the_next_one_begins() {
    let world = World::new().await;
    let who = Principal::anyone();
    let made = world
        .coordinator
        .schedules()
        .create(&who, every(60, pair_conf(10000)))
        .await
        .unwrap();
    assert_eq!(made.due, Some(made.created.plus_millis(60_000)));
    seconds(50).await;
    assert_eq!(jobs(&world).await, 0);
    seconds(140).await;
    assert_eq!(jobs(&world).await, 3);
    let (schedule, body) = world
        .coordinator
        .schedules()
        .list(&who)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (body.begun, schedule.due),
        (3, Some(made.created.plus_millis(240_000)))
    );
    let last = world.settled(&schedule.job.unwrap()).await;
    assert_eq!(last.state, JobState::Succeeded);

    let (off, body) = world
        .coordinator
        .schedules()
        .enable(&who, &made.id, false)
        .await
        .unwrap();
    assert_eq!((off.due, body.enabled), (None, false));
    seconds(200).await;
    assert_eq!(jobs(&world).await, 3);
    world
        .coordinator
        .schedules()
        .enable(&who, &made.id, true)
        .await
        .unwrap();
    seconds(62).await;
    assert_eq!(jobs(&world).await, 4);
    world
        .coordinator
        .schedules()
        .delete(&who, &made.id)
        .await
        .unwrap();
    seconds(200).await;
    assert_eq!(jobs(&world).await, 4, "its jobs stay, and no other comes");
    assert!(matches!(
        world.coordinator.schedules().delete(&who, &made.id).await,
        Err(ServiceError::NotFound(_))
    ));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_neither_doubles_nor_loses_a_start() {
    let world = World::new().await;
    let who = Principal::anyone();
    world
        .coordinator
        .schedules()
        .create(&who, every(100, pair_conf(10000)))
        .await
        .unwrap();
    seconds(102).await;
    assert_eq!(jobs(&world).await, 1);
    let first = world
        .coordinator
        .jobs()
        .find(&JobFilter::default())
        .await
        .unwrap()
        .0
        .remove(0);
    world.settled(&first.id).await;
    let mut left = world.crash().await;
    for _ in 0..3 {
        let again = World::again(left);
        seconds(5).await;
        assert_eq!(jobs(&again).await, 1, "it began already");
        left = again.crash().await;
    }
    // Three times were missed; one job begins for them.
    seconds(330).await;
    let world = World::again(left);
    for id in crate::world::PARTIES {
        world.agents.connect(&party(id)).await;
    }
    seconds(5).await;
    assert_eq!(jobs(&world).await, 2);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn does_not_begin_while_the_job_before_has_not_ended() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let who = Principal::anyone();
    let made = world
        .coordinator
        .schedules()
        .create(&who, every(10, pair_conf(10000)))
        .await
        .unwrap();
    seconds(45).await;
    assert_eq!(jobs(&world).await, 1);
    let (schedule, body) = world
        .coordinator
        .schedules()
        .list(&who)
        .await
        .unwrap()
        .remove(0);
    let fault = body.last.unwrap().fault.expect("it could not begin");
    assert!(fault.message.contains("has not ended yet"), "{fault}");
    assert!(schedule.due > Some(made.created.plus_millis(40_000)));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn archiving_switches_schedules_off_and_taking_out_leaves_them_so() {
    let world = World::new().await;
    let who = Principal::anyone();
    let experiment = world
        .coordinator
        .experiments()
        .create(NewExperiment::named(Tenant::only(), "trial"))
        .await
        .unwrap();
    let mut conf = pair_conf(10000);
    conf["job_parameters"]["common"]["experiment"] = json!("trial");
    let made = world
        .coordinator
        .schedules()
        .create(&who, every(10, conf.clone()))
        .await
        .unwrap();
    assert_eq!(made.parent.as_deref(), Some(experiment.id.as_str()));
    world
        .coordinator
        .experiments()
        .archive(None, experiment.id.as_str(), true)
        .await
        .unwrap();
    let (off, body) = world
        .coordinator
        .schedules()
        .list(&who)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((off.due, body.enabled), (None, false));
    seconds(60).await;
    assert_eq!(jobs(&world).await, 0);
    for refused in [
        world
            .coordinator
            .schedules()
            .enable(&who, &made.id, true)
            .await
            .map(|found| found.0),
        world
            .coordinator
            .schedules()
            .create(&who, every(10, conf))
            .await,
    ] {
        assert!(
            matches!(refused, Err(ServiceError::Conflict(fault)) if fault.code == ErrorCode::Conflict)
        );
    }
    world
        .coordinator
        .experiments()
        .archive(None, experiment.id.as_str(), false)
        .await
        .unwrap();
    seconds(60).await;
    assert_eq!(jobs(&world).await, 0, "it stays switched off");
    world
        .coordinator
        .schedules()
        .enable(&who, &made.id, true)
        .await
        .unwrap();
    seconds(12).await;
    assert_eq!(jobs(&world).await, 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn is_made_and_seen_by_its_initiators_users_only() {
    let world = World::new().await;
    let (own, other) = (
        Principal::of_party(party("9999")),
        Principal::of_party(party("10000")),
    );
    let denied = world
        .coordinator
        .schedules()
        .create(&other, every(10, pair_conf(10000)))
        .await
        .unwrap_err();
    assert!(matches!(denied, ServiceError::Denied(_)), "{denied:?}");
    let made = world
        .coordinator
        .schedules()
        .create(&own, every(10, pair_conf(10000)))
        .await
        .unwrap();
    assert!(
        world
            .coordinator
            .schedules()
            .list(&other)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(matches!(
        world.coordinator.schedules().delete(&other, &made.id).await,
        Err(ServiceError::NotFound(_))
    ));
    assert!(
        world
            .coordinator
            .schedules()
            .enable(&other, &made.id, false)
            .await
            .is_err()
    );
    seconds(12).await;
    assert_eq!(jobs(&world).await, 1);
    let wrong = NewSchedule {
        rule: Rule::Cron("soon".to_owned()),
        ..every(1, pair_conf(10000))
    };
    assert!(
        world
            .coordinator
            .schedules()
            .create(&own, wrong)
            .await
            .is_err()
    );
    world.stop().await;
}
