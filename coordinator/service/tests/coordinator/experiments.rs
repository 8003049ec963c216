//! Experiments and queues: where jobs stand, and whose turn it is.

use domain::{Entity, Job, JobState, NewExperiment, Workspace};
use serde_json::json;
use service::{
    Coordinator, Deploy, ModelKey, NewSchedule, Placement, Principal, ServiceError, SubmitJob,
};
use vocabulary::{ErrorCode, Limits, Tenant};

use crate::world::{World, conf, dsl, pair_conf, party, reader_dsl};

fn placed(queue: &str) -> Placement {
    Placement {
        queue: Some(queue.to_owned()),
        ..Placement::default()
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_of_one_queue_run_one_after_another_in_the_order_of_submission() {
    let world = World::new().await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        let command = SubmitJob {
            dsl: reader_dsl(),
            conf: pair_conf(10000),
            ..SubmitJob::default()
        };
        jobs.push(
            world
                .coordinator
                .jobs()
                .submit_at(&Principal::anyone(), command, placed("q"))
                .await
                .expect("taken")
                .job,
        );
    }
    let apart = world.submit(reader_dsl(), pair_conf(10000)).await;
    let mut ended = Vec::new();
    for job in &jobs {
        let job = world.settled(&job.id).await;
        assert_eq!(job.state, JobState::Succeeded);
        ended.push((job.started.expect("it ran"), job.ended.expect("it ended")));
    }
    for pair in ended.windows(2) {
        assert!(
            pair[0].1 <= pair[1].0,
            "the next one starts when the one before has ended: {ended:?}"
        );
    }
    let apart = world.settled(&apart.id).await;
    assert!(
        apart.started < Some(ended[5].0),
        "a job of no queue waits for none"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_stopped_in_its_queue_lets_the_next_one_by() {
    let world = World::new().await;
    world.agents.disconnect(&party("10001"), false).await;
    let submit = async |conf| {
        let command = SubmitJob {
            dsl: reader_dsl(),
            conf,
            ..SubmitJob::default()
        };
        world
            .coordinator
            .jobs()
            .submit_at(&Principal::anyone(), command, placed("q"))
            .await
            .expect("taken")
            .job
    };
    let stuck = submit(conf(10001, json!({}))).await;
    let next = submit(pair_conf(10000)).await;
    let waits = world
        .until(&next.id, "waiting", |job| {
            job.waiting.is_some() && job.state == JobState::Queued
        })
        .await;
    let reason = waits.waiting.map(|waiting| waiting.reason);
    assert_eq!(
        reason,
        Some(format!("job {} comes first in the same queue", stuck.id))
    );
    world
        .coordinator
        .jobs()
        .stop(&Principal::anyone(), &stuck.id, JobState::Canceled)
        .await
        .expect("stopped");
    assert_eq!(world.settled(&next.id).await.state, JobState::Succeeded);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_of_an_experiment_that_is_prepared_waits_until_it_is_ready() {
    let world = World::new().await;
    let home = world
        .coordinator
        .parties()
        .home(&Tenant::only())
        .await
        .expect("a party");
    assert_eq!(home, party("10000"));
    world.agents.disconnect(&home, false).await;
    let new = NewExperiment {
        workspace: Workspace::Preparing,
        ..NewExperiment::named(Tenant::only(), "fresh")
    };
    let limits = Limits {
        workers: Some(2),
        ..Limits::default()
    };
    let experiment = world
        .coordinator
        .experiments()
        .create(NewExperiment { limits, ..new })
        .await
        .expect("made");
    let mut named = pair_conf(10001);
    named["job_parameters"]["common"]["experiment"] = json!("fresh");
    let job = world.submit(reader_dsl(), named).await;
    assert_eq!(job.settings.limits, limits, "what the experiment allows");
    let held = world
        .until(&job.id, "waiting", |job| {
            job.waiting.is_some() && job.state == JobState::Queued
        })
        .await;
    let reason = held.waiting.expect("waits").reason;
    assert_eq!(
        reason,
        "experiment fresh is being prepared: its home party has not answered"
    );
    world.agents.connect(&home).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    let ready = world
        .coordinator
        .experiments()
        .get(None, experiment.id.as_str())
        .await
        .expect("there");
    assert_eq!(ready.workspace, Workspace::Ready);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_archived_experiment_takes_no_new_work_and_stops_none() {
    let world = World::new().await;
    let new = NewExperiment::named(Tenant::only(), "trial");
    let experiment = world
        .coordinator
        .experiments()
        .create(new)
        .await
        .expect("made");
    let mut named = pair_conf(10000);
    named["job_parameters"]["common"]["experiment"] = json!("trial");
    let job = world.submit(reader_dsl(), named.clone()).await;
    assert_eq!(job.experiment, experiment.id);
    world
        .coordinator
        .experiments()
        .archive(None, experiment.id.as_str(), true)
        .await
        .expect("archived");
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    let stored = world.coordinator.jobs().get(&job.id).await.expect("there");
    assert!(stored.archived.is_some());

    let command = SubmitJob {
        dsl: reader_dsl(),
        conf: named.clone(),
        ..SubmitJob::default()
    };
    let refused = world
        .coordinator
        .jobs()
        .submit_documents(&Principal::anyone(), command.clone())
        .await
        .expect_err("archived");
    assert!(
        matches!(&refused, ServiceError::Conflict(fault) if fault.code == ErrorCode::Conflict),
        "{refused:?}"
    );
    let again = world
        .coordinator
        .jobs()
        .rerun(&Principal::anyone(), &job.id, None, true)
        .await
        .expect_err("archived");
    assert!(matches!(again, ServiceError::Conflict(_)), "{again:?}");

    world
        .coordinator
        .experiments()
        .archive(None, experiment.id.as_str(), false)
        .await
        .expect("taken out");
    let job = world
        .coordinator
        .jobs()
        .submit_documents(&Principal::anyone(), command)
        .await
        .expect("taken in");
    assert_eq!(job.archived, None);
    let other = world.submit(reader_dsl(), pair_conf(10000)).await;
    let default = world
        .coordinator
        .experiments()
        .meant(&Tenant::only(), "Default")
        .await
        .expect("made on demand");
    assert_eq!(other.experiment, default.id);
    world.stop().await;
}

/// A model that was trained and deployed, with one use of each kind.
struct UsedModel {
    train: ModelKey,
    deployed: ModelKey,
    predicted: Job,
    schedule: Entity,
    new: NewSchedule,
}

/// What is deployed of the trained model.
fn both_components() -> Deploy {
    Deploy {
        components: vec!["reader_0".to_owned(), "hetero_lr_0".to_owned()],
        ..Deploy::default()
    }
}

/// Trains in the experiment `trial`, and uses the model everywhere else.
async fn used_model(world: &World) -> UsedModel {
    let (c, who) = (&world.coordinator, Principal::anyone());
    let mut named = conf(10000, json!({}));
    named["job_parameters"]["common"]["experiment"] = json!("trial");
    let trained = world.submit(dsl(), named).await;
    assert_eq!(world.settled(&trained.id).await.state, JobState::Succeeded);
    let train = ModelKey::new(trained.model_id.clone(), trained.model_version.clone());
    let deployed = c
        .models()
        .deploy(&who, &train, both_components())
        .await
        .expect("deployed")
        .key;
    // The job that applies the model stands elsewhere, as those of other APIs do.
    let ids = json!({"job_type": "predict", "model_id": deployed.model_id, "model_version": deployed.version});
    let order = SubmitJob {
        dsl: json!({}),
        conf: conf(10000, ids),
        ..SubmitJob::default()
    };
    let predicted = c
        .jobs()
        .submit_documents(&who, order.clone())
        .await
        .expect("taken in");
    assert_eq!(
        world.settled(&predicted.id).await.state,
        JobState::Succeeded
    );
    let rule = domain::recurring::Rule::EverySeconds(3_600);
    let new = NewSchedule {
        name: None,
        rule,
        enabled: false,
        order,
    };
    let schedule = c.schedules().create(&who, new.clone()).await.expect("made");
    UsedModel {
        train,
        deployed,
        predicted,
        schedule,
        new,
    }
}

/// Every way in which more work could be asked of the model.
async fn refusals(c: &Coordinator, model: &UsedModel) -> Vec<(&'static str, ServiceError)> {
    let who = Principal::anyone();
    vec![
        (
            "a predict job",
            c.jobs()
                .submit_documents(&who, model.new.order.clone())
                .await
                .expect_err("archived"),
        ),
        (
            "another attempt of one",
            c.jobs()
                .rerun(&who, &model.predicted.id, None, true)
                .await
                .expect_err("archived"),
        ),
        (
            "a deployment",
            c.models()
                .deploy(&who, &model.train, both_components())
                .await
                .expect_err("archived"),
        ),
        (
            "keeping it ready",
            c.serving()
                .plan(&who, &model.deployed)
                .await
                .expect_err("archived"),
        ),
        (
            "a schedule",
            c.schedules()
                .create(&who, model.new.clone())
                .await
                .expect_err("archived"),
        ),
        (
            "switching one on",
            c.schedules()
                .enable(&who, &model.schedule.id, true)
                .await
                .expect_err("archived"),
        ),
    ]
}

fn assert_refused_as_archived(what: &str, error: &ServiceError) {
    let fault = error.fault();
    assert!(
        matches!(error, ServiceError::Conflict(_)) && fault.code == ErrorCode::Conflict,
        "{what}: {fault}"
    );
    assert!(
        fault.message.contains("experiment trial is archived") && fault.next.is_some(),
        "{what}: {fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_of_an_archived_experiment_takes_no_new_work_wherever_it_is_asked_for() {
    let world = World::new().await;
    let (c, who) = (&world.coordinator, Principal::anyone());
    let experiment = c
        .experiments()
        .create(NewExperiment::named(Tenant::only(), "trial"))
        .await
        .expect("made");
    let model = used_model(&world).await;
    assert_ne!(model.predicted.experiment, experiment.id);

    c.experiments()
        .archive(None, experiment.id.as_str(), true)
        .await
        .expect("archived");
    for (what, error) in refusals(c, &model).await {
        assert_refused_as_archived(what, &error);
    }

    c.experiments()
        .archive(None, experiment.id.as_str(), false)
        .await
        .expect("taken out");
    let again = c
        .jobs()
        .submit_documents(&who, model.new.order.clone())
        .await
        .expect("taken in");
    assert_eq!(world.settled(&again.id).await.state, JobState::Succeeded);
    assert!(
        c.serving()
            .plan(&who, &model.deployed)
            .await
            .expect("a plan")
            .is_some()
    );
    world.stop().await;
}
