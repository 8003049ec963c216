//! Turns for capacity, limits of steps, parameters that change, and steps taken over from an earlier job.

use std::time::Duration;

use domain::{Job, JobState, TaskState};
use serde_json::{Value, json};
use service::{Principal, ServiceError, SubmitJob};
use vocabulary::offer::fingerprint_of;
use vocabulary::{Attempt, ErrorCode, Fault, Offer, Role, TableRef};

use crate::world::{PARTIES, World, conf, dsl, pair_conf, party, reader_dsl, task_id};

/// All parties are there, each with so many places.
async fn world_with(slots: u32) -> World {
    let world = World::without_agents(std::sync::Arc::new(store::MemoryStore::default()));
    for id in PARTIES {
        world
            .agents
            .behave(&party(id), |own| own.slots = Some(slots));
        world.agents.connect(&party(id)).await;
    }
    world
}

async fn refused(world: &World, conf: Value) -> Vec<String> {
    let command = SubmitJob {
        dsl: dsl(),
        conf,
        ..SubmitJob::default()
    };
    match world
        .coordinator
        .jobs()
        .submit_documents(&Principal::anyone(), command)
        .await
    {
        Err(ServiceError::Invalid {
            diagnostics,
            job: Some(_),
        }) => diagnostics.iter().map(ToString::to_string).collect(),
        other => panic!("it is taken in: {other:?}"),
    }
}

fn waits_for_capacity(job: &Job) -> bool {
    job.waiting
        .as_ref()
        .is_some_and(domain::Waiting::is_for_capacity)
}

fn offer_of(job: &Job) -> Offer {
    rmp_serde::from_slice(&job.offer.as_ref().expect("signed").bytes).expect("an offer")
}

#[tokio::test(start_paused = true)]
async fn jobs_take_turns_by_priority_and_then_by_age() {
    let world = world_with(1).await;
    for id in PARTIES {
        world
            .agents
            .behave(&party(id), |own| own.runs = Some(Duration::from_secs(5)));
    }
    let first = world.submit(dsl(), conf(10000, json!({}))).await;
    world.reaches(&first.id, JobState::Running).await;
    let old = world.submit(dsl(), conf(10000, json!({}))).await;
    let urgent = world
        .submit(dsl(), conf(10000, json!({"priority": 5})))
        .await;
    let waits = world
        .until(&old.id, "waiting for capacity", waits_for_capacity)
        .await;
    assert_eq!(waits.state, JobState::Queued);
    let mut started = Vec::new();
    for job in [&first, &old, &urgent] {
        let ended = world.settled(&job.id).await;
        assert_eq!(ended.state, JobState::Succeeded);
        started.push((ended.started, ended.ended));
    }
    let [first, old, urgent] = started[..] else {
        unreachable!()
    };
    assert!(first.1 <= urgent.0 && urgent.1 <= old.0, "{started:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_while_it_waits_for_capacity_lets_the_next_one_in() {
    let world = world_with(1).await;
    world.agents.behave(&party("9999"), |own| own.runs = None);
    let first = world.submit(reader_dsl(), conf(10000, json!({}))).await;
    world.reaches(&first.id, JobState::Running).await;
    let second = world.submit(reader_dsl(), conf(10000, json!({}))).await;
    let third = world.submit(reader_dsl(), conf(10000, json!({}))).await;
    world
        .until(&third.id, "waiting for capacity", waits_for_capacity)
        .await;
    world.agents.behave(&party("9999"), |own| {
        own.runs = Some(Duration::from_millis(50))
    });
    for job in [&second, &first] {
        let stopped = world
            .coordinator
            .jobs()
            .stop(&Principal::anyone(), &job.id, JobState::Canceled)
            .await
            .unwrap();
        assert_eq!(stopped.state, JobState::Canceled);
    }
    assert_eq!(world.settled(&third.id).await.state, JobState::Succeeded);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_finds_the_agent_full_is_kept() {
    let world = World::new().await;
    let busy = Fault::new(ErrorCode::AgentBusy, "the agent runs 1 attempts already");
    world
        .agents
        .behave(&party("9999"), |own| own.refuses_tasks = Some(busy));
    let job = world.submit(reader_dsl(), conf(10000, json!({}))).await;
    let waits = world
        .until(&job.id, "an order that waits", |job| {
            job.waiting.is_some() && job.started.is_some()
        })
        .await;
    let error = waits.waiting.and_then(|waiting| waiting.last_error);
    assert_eq!(error.map(|error| error.code), Some(ErrorCode::AgentBusy));
    world
        .agents
        .behave(&party("9999"), |own| own.refuses_tasks = None);
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn asking_for_more_cores_than_a_party_has_is_refused() {
    let world = world_with(2).await;
    let said = refused(&world, conf(10000, json!({"task_cores": 9}))).await;
    assert!(
        said[0].starts_with("RuntimeError: max cores per job is 8 base on ("),
        "{said:?}"
    );
    assert!(
        said[0].contains("expect 9 cores, please use task_cores job parameters"),
        "{said:?}"
    );
    let job = world
        .submit(
            dsl(),
            conf(10000, json!({"task_cores": 4, "task_parallelism": 2})),
        )
        .await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_too_long_times_out_and_is_tried_again() {
    let world = World::new().await;
    world.agents.behave(&party("9999"), |own| own.runs = None);
    let parameters =
        json!({"task_timeout": 60, "task_conf": {"reader_0": {"timeout": 5}}, "auto_retries": 1});
    let job = world.submit(reader_dsl(), conf(10000, parameters)).await;
    let ended = world.settled(&job.id).await;
    assert_eq!(ended.state, JobState::TimedOut);
    assert_eq!(
        ended.reason.as_ref().map(|reason| reason.code),
        Some(ErrorCode::DeadlinePassed)
    );
    let tasks = world.tasks(&job.id).await;
    assert!(
        tasks.iter().all(|task| task.key.attempt == Attempt(1)),
        "one more try"
    );
    assert!(
        tasks.iter().any(|task| task.state == TaskState::TimedOut),
        "{tasks:?}"
    );
    let order = world.agents.assignment("reader_0", "9999");
    assert!(
        order
            .deadline
            .is_some_and(|deadline| deadline < ended.deadline()),
        "the agent knows the step's limit"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn parameters_that_change_after_the_end_count_when_the_job_runs_again() {
    let world = World::new().await;
    let job = world
        .submit(dsl(), conf(10000, json!({"auto_retries": 2})))
        .await;
    let ended = world.settled(&job.id).await;
    let change = json!({"common": {"hetero_lr_0": {"max_iter": 7}}});
    let who = Principal::anyone();
    let changed = world
        .coordinator
        .fate()
        .update_parameters(&who, &job.id, &change, &Value::Null)
        .await
        .unwrap();
    assert_eq!(
        (changed.state, changed.settings.retries),
        (JobState::Succeeded, 2)
    );
    assert_eq!(
        changed.definition.conf["component_parameters"]["common"]["hetero_lr_0"]["max_iter"],
        7
    );
    assert_eq!(
        changed.definition.conf["component_parameters"]["common"]["hetero_lr_0"]["init_param"]["init_method"],
        "zeros"
    );
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "9999").parameters["max_iter"],
        3
    );
    world
        .coordinator
        .jobs()
        .rerun(&who, &job.id, None, true)
        .await
        .unwrap();
    let again = world.settled(&job.id).await;
    assert_eq!(again.state, JobState::Succeeded);
    let order = world.agents.assignment("hetero_lr_0", "9999");
    assert_eq!(
        (order.attempt, &order.parameters["max_iter"]),
        (Attempt(1), &json!(7))
    );
    assert_ne!(
        again
            .offer
            .as_ref()
            .map(|offer| fingerprint_of(&offer.bytes)),
        ended.offer.map(|o| fingerprint_of(&o.bytes))
    );
    let common = json!({"common": {"task_timeout": 9}});
    let changed = world
        .coordinator
        .fate()
        .update_parameters(&who, &job.id, &Value::Null, &common)
        .await
        .unwrap();
    assert_eq!(
        (
            changed.settings.retries,
            changed.settings.step_timeout_millis
        ),
        (0, Some(9_000)),
        "put in place"
    );
    assert_eq!(
        changed.definition.conf["job_parameters"]["common"]["model_version"],
        job.id.as_str()
    );
    let wrong = json!({"common": {"hetero_lr_0": {"surprise": 7}}});
    let error = world
        .coordinator
        .fate()
        .update_parameters(&who, &job.id, &wrong, &Value::Null)
        .await
        .unwrap_err();
    assert!(matches!(error, ServiceError::Invalid { .. }), "{error:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn parameters_that_are_changed_back_make_an_offer_that_nobody_saw() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let mut seen = std::collections::BTreeSet::new();
    for iterations in [3, 7, 3, 7, 3] {
        let change = json!({"common": {"hetero_lr_0": {"max_iter": iterations}}});
        world
            .coordinator
            .fate()
            .update_parameters(&Principal::anyone(), &job.id, &change, &Value::Null)
            .await
            .unwrap();
        let signed = world
            .until(&job.id, "a signature", |job| job.offer.is_some())
            .await;
        assert!(
            seen.insert(fingerprint_of(&signed.offer.unwrap().bytes)),
            "{iterations}"
        );
    }
    world.agents.connect(&party("10000")).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "10000").parameters["max_iter"],
        3
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_has_its_parties_asked_anew_and_one_that_runs_keeps_what_was_signed() {
    let world = World::new().await;
    world.agents.disconnect(&party("10000"), false).await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    world
        .until(&job.id, "a signature", |job| job.offer.is_some())
        .await;
    let (who, change) = (
        Principal::anyone(),
        json!({"common": {"hetero_lr_0": {"max_iter": 7}}}),
    );
    world
        .coordinator
        .fate()
        .update_parameters(&who, &job.id, &change, &Value::Null)
        .await
        .unwrap();
    world.agents.connect(&party("10000")).await;
    world.agents.behave(&party("9999"), |own| {
        own.runs = Some(Duration::from_secs(5))
    });
    world.reaches(&job.id, JobState::Running).await;
    let error = world
        .coordinator
        .fate()
        .update_parameters(&who, &job.id, &change, &Value::Null)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ServiceError::Conflict(fault) if fault.code == ErrorCode::JobState),
        "{error:?}"
    );
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    assert_eq!(
        world.agents.assignment("hetero_lr_0", "10000").parameters["max_iter"],
        7
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn steps_that_an_earlier_job_has_done_are_taken_over() {
    let world = World::new().await;
    let first = world.submit(dsl(), conf(10000, json!({}))).await;
    world.settled(&first.id).await;
    let orders = world.agents.count("assign reader_0");
    let info = json!({"job_id": first.id, "component_list": ["reader_0"]});
    let second = world
        .submit(dsl(), conf(10000, json!({"inheritance_info": info})))
        .await;
    assert_eq!(
        world.states(&second.id, "reader_0").await,
        [TaskState::Succeeded; 2]
    );
    let ended = world.settled(&second.id).await;
    assert_eq!(
        (ended.state, world.agents.count("assign reader_0")),
        (JobState::Succeeded, orders)
    );
    let reader = task_id(&first.id, "reader_0", Role::Guest, "9999");
    let lr = world.agents.assignment("hetero_lr_0", "9999");
    assert_eq!(
        (&lr.task.job, &lr.inputs[0].table),
        (&second.id, &TableRef::output(&reader, Attempt(0), 0))
    );
    let offer = offer_of(&ended);
    assert_eq!(offer.steps[0].inherited, Some(first.id.clone()));
    assert!(
        offer.steps[1]
            .inputs
            .iter()
            .all(|input| input.of_job == Some(first.id.clone()))
    );
    let own = task_id(&second.id, "reader_0", Role::Guest, "9999");
    assert_eq!(
        world.coordinator.jobs().metrics(&own).await.unwrap(),
        world.coordinator.jobs().metrics(&reader).await.unwrap()
    );
    // What was taken over is taken from where it was done, and run again it is the job's own.
    let info = json!({"job_id": second.id, "component_list": ["reader_0", "hetero_lr_0"]});
    let third = world
        .submit(dsl(), conf(10000, json!({"inheritance_info": info})))
        .await;
    let ended = world.settled(&third.id).await;
    assert_eq!(
        (ended.state, offer_of(&ended).steps[0].inherited.clone()),
        (JobState::Succeeded, Some(first.id.clone()))
    );
    world
        .coordinator
        .jobs()
        .rerun(&Principal::anyone(), &second.id, None, true)
        .await
        .unwrap();
    let ended = world.settled(&second.id).await;
    assert_eq!(
        (ended.state, offer_of(&ended).steps[0].inherited.clone()),
        (JobState::Succeeded, None)
    );
    let lr = world.agents.assignment("hetero_lr_0", "9999");
    assert_eq!(lr.inputs[0].table, TableRef::output(&own, Attempt(1), 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_job_left_is_named_in_the_offer() {
    let world = World::new().await;
    let first = world.submit(dsl(), conf(10000, json!({}))).await;
    world.settled(&first.id).await;
    let mut reads = pair_conf(10000);
    let source = json!({"job_id": first.id, "component_name": "reader_0", "data_name": "data"});
    reads["component_parameters"] = json!({"common": {"reader_0": {"table": source}}});
    let second = world.submit(reader_dsl(), reads).await;
    let ended = world.settled(&second.id).await;
    assert_eq!(ended.state, JobState::Succeeded);
    let offered = &offer_of(&ended).steps[0].tables;
    for (role, id) in [(Role::Guest, "9999"), (Role::Host, "10000")] {
        let left = TableRef::output(&task_id(&first.id, "reader_0", role, id), Attempt(0), 0);
        assert!(
            offered
                .iter()
                .any(|(who, table)| who.role == role && *table == left),
            "{offered:?}"
        );
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_succeeded_and_is_the_same_can_be_taken_over() {
    let world = World::new().await;
    world.agents.behave(&party("9999"), |own| {
        own.fails = [("hetero_lr_0".to_owned(), 9)].into()
    });
    let first = world.submit(dsl(), conf(10000, json!({}))).await;
    assert_eq!(world.settled(&first.id).await.state, JobState::Failed);
    let asked = |job: &str, step: &str| {
        conf(
            10000,
            json!({"inheritance_info": {"job_id": job, "component_list": [step]}}),
        )
    };
    for (conf, text) in [
        (asked("1", "reader_0"), "Exception: no found job 1"),
        (
            asked(first.id.as_str(), "hetero_lr_0"),
            "has not succeeded and cannot be inherited",
        ),
        (
            asked(first.id.as_str(), "other_0"),
            "is to be inherited and is not in the dsl",
        ),
    ] {
        let said = refused(&world, conf).await;
        assert!(said[0].contains(text), "{said:?}");
    }
    let mut elsewhere = asked(first.id.as_str(), "reader_0");
    elsewhere["role"]["host"] = json!([10001]);
    elsewhere["role"]["arbiter"] = json!([10000]);
    let said = refused(&world, elsewhere).await;
    assert!(said[0].contains("is not the same in job"), "{said:?}");
    world.stop().await;
}
