//! What happens when everybody plays along.

use domain::{JobState, TaskState};
use serde_json::json;
use service::{
    Deploy, JobFilter, ModelFilter, ModelKey, Options, Principal, ServiceError, SubmitJob,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::MemoryStore;
use vocabulary::offer::fingerprint_of;
use vocabulary::{
    Attempt, Clock, ErrorCode, Fault, ManualClock, MetricData, ModelRef, Participant, Role,
    TableRef, Timestamp,
};

use crate::agents::Agents;
use crate::world::{World, catalogue, conf, dsl, pair_conf, party, reader_dsl, task_id};

#[tokio::test(start_paused = true)]
async fn a_job_runs_from_submission_to_success() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    assert_eq!((job.state, job.id.as_str().len()), (JobState::Offered, 21));
    assert!(
        world.coordinator.jobs().get(&job.id).await.is_ok(),
        "it is stored when submit returns"
    );
    let ended = world.settled(&job.id).await;
    assert_eq!(
        (
            ended.state,
            ended.progress,
            ended.reason.clone(),
            ended.waiting.clone()
        ),
        (JobState::Succeeded, 100, None, None)
    );
    assert_eq!(ended.answers.len(), 3, "{:?}", ended.answers);
    assert!(ended.started >= Some(ended.created) && ended.ended > ended.started);
    assert_eq!(
        world.states(&job.id, "hetero_lr_0").await,
        [TaskState::Succeeded; 3]
    );
    let evaluation = world.states(&job.id, "evaluation_0").await;
    assert!(
        evaluation.contains(&TaskState::Skipped) && evaluation.contains(&TaskState::Succeeded),
        "{evaluation:?}"
    );
    // Every party is told that it is over, once.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.agents.count("close"), 3, "{:?}", world.agents.log());
    assert_eq!(world.agents.count(" sign "), 1);
    assert_eq!(world.agents.count(" offer"), 2);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_says_everything_a_task_needs() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let ended = world.settled(&job.id).await;
    let lr = world.agents.assignment("hetero_lr_0", "9999");
    let reader = task_id(&job.id, "reader_0", Role::Guest, "9999");
    assert_eq!(lr.inputs.len(), 1);
    assert_eq!(
        (lr.inputs[0].port.as_str(), &lr.inputs[0].table),
        ("train_data", &TableRef::output(&reader, Attempt(0), 0))
    );
    assert_eq!(
        lr.offer,
        fingerprint_of(&ended.offer.as_ref().unwrap().bytes)
    );
    assert_eq!(lr.model_version, job.id.as_str());
    assert_eq!(lr.parameters["max_iter"], 3);
    assert_eq!(lr.deadline, Some(ended.deadline()));
    assert_eq!(lr.step_cast.arbiter, vec![party("10001")]);
    assert!(
        world
            .agents
            .assignment("hetero_lr_0", "10001")
            .inputs
            .is_empty(),
        "the arbiter has no table"
    );
    let evaluation = world.agents.assignment("evaluation_0", "9999");
    assert_eq!(
        (
            evaluation.step_cast.guest.len(),
            evaluation.step_cast.host.len()
        ),
        (1, 0),
        "the host skips it"
    );
    assert_eq!(evaluation.cast, job.cast);
    let offer: vocabulary::Offer = rmp_serde::from_slice(&ended.offer.unwrap().bytes).unwrap();
    let tables = &offer.steps[0].tables;
    assert!(
        tables.contains(&(
            Participant::new(Role::Host, party("10000")),
            TableRef::new("experiment", "theirs")
        )),
        "{tables:?}"
    );
    assert!(offer.steps[1].parameters[0].1.contains("max_iter"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_agents_report_can_be_read() {
    let world = World::new().await;
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    world.settled(&job.id).await;
    let id = task_id(&job.id, "hetero_lr_0", Role::Guest, "9999");
    let c = &world.coordinator;
    let metrics = c.jobs().metrics(&id).await.unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!(
        metrics[0].data.plain(),
        MetricData::Points(vec![(0.0, 0.7), (1.0, 0.5)])
    );
    assert_eq!(
        c.jobs().summary(&id).await.unwrap(),
        Some(json!({"rows": 10}))
    );
    assert_eq!(
        c.jobs().model_view(&id).await.unwrap(),
        Some(json!({"meta": {}, "param": {}}))
    );
    assert_eq!(c.jobs().outputs(&id).await.unwrap()[0].rows, 10);
    let filter = ModelFilter {
        job: Some(job.id.clone()),
        ..ModelFilter::default()
    };
    assert!(!c.models().find(&filter).await.unwrap().is_empty());
    let view = c.parties().parameters(&id).await.unwrap();
    assert_eq!(
        view.merged,
        json!({"max_iter": 3, "init_param": {"init_method": "zeros", "fit_intercept": true}})
    );
    assert_eq!(view.user_given, ["max_iter", "init_param.init_method"]);
    let host = Participant::new(Role::Host, party("10000"));
    c.jobs().set_notes(&job.id, &host, "good").await.unwrap();
    assert_eq!(
        c.jobs().notes(&job.id).await.unwrap(),
        vec![(host, "good".to_owned())]
    );
    assert!(
        c.jobs()
            .delete_metrics(&service::Principal::anyone(), &job.id)
            .await
            .unwrap()
    );
    assert!(c.jobs().metrics(&id).await.unwrap().is_empty());
    let health = c.health().await;
    assert_eq!(
        (health.store, health.jobs, health.agents_online),
        (None, vec![(JobState::Succeeded, 1)], 3)
    );
    let absent = task_id(&job.id, "nothing_0", Role::Guest, "9999");
    assert!(matches!(
        c.jobs().metrics(&absent).await,
        Err(ServiceError::NotFound(_))
    ));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_jobs_at_once_all_succeed() {
    let world = World::new().await;
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let coordinator = world.coordinator.clone();
        let command = SubmitJob {
            dsl: dsl(),
            conf: conf(10000, json!({})),
            ..SubmitJob::default()
        };
        submissions.spawn(async move {
            coordinator
                .jobs()
                .submit_documents(&Principal::anyone(), command)
                .await
                .unwrap()
                .id
        });
    }
    let ids = submissions.join_all().await;
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        200,
        "each has its own id"
    );
    for id in &ids {
        assert_eq!(world.settled(id).await.state, JobState::Succeeded);
    }
    assert_eq!(
        world.agents.assignments().len(),
        200 * 6,
        "every task was ordered once"
    );
    let (_, total) = world
        .coordinator
        .jobs()
        .find(&JobFilter::default())
        .await
        .unwrap();
    assert_eq!(total, 200);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ids_stay_apart_across_coordinators_in_one_moment() {
    let store: Arc<dyn service::Store> = Arc::new(MemoryStore::default());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000_000)));
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let agents = Agents::default();
        let c = service::Coordinator::new(
            store.clone(),
            Arc::new(agents.clone()),
            clock.clone(),
            Options::default(),
        );
        agents.serve(Some(c.clone()));
        for id in ["9999", "10000"] {
            c.parties()
                .connected(&party(id), catalogue(), service::AgentFacts::default())
                .await
                .unwrap();
        }
        for _ in 0..20 {
            let command = SubmitJob {
                dsl: reader_dsl(),
                conf: pair_conf(10000),
                ..SubmitJob::default()
            };
            let job = c
                .jobs()
                .submit_documents(&Principal::anyone(), command)
                .await
                .unwrap();
            assert_eq!(
                job.definition.conf["job_parameters"]["common"]["model_version"],
                job.id.as_str()
            );
            assert!(ids.insert(job.id));
        }
    }
    assert_eq!(ids.len(), 60);
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_wrong_are_refused_with_the_place() {
    let world = World::new().await;
    let submit = |conf| {
        let command = SubmitJob {
            dsl: dsl(),
            conf,
            ..SubmitJob::default()
        };
        let c = world.coordinator.clone();
        async move {
            c.jobs()
                .submit_documents(&Principal::anyone(), command)
                .await
                .expect_err("is refused")
        }
    };
    let mut wrong = conf(10000, json!({}));
    wrong["component_parameters"]["common"]["hetero_lr_0"]["max_itr"] = json!(1);
    match submit(wrong).await {
        ServiceError::Invalid { diagnostics, job } => {
            assert!(job.is_some(), "the reply to a client names an id");
            assert!(
                diagnostics[0].message.contains("max_itr"),
                "{diagnostics:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let unknown = submit(conf(10002, json!({}))).await;
    assert_eq!(unknown.fault().code, ErrorCode::PartyUnknown, "{unknown}");
    world.agents.behave(&party("9999"), |own| {
        own.objects = vec![
            Fault::new(ErrorCode::ParameterInvalid, "max_iter is too small").path("x.max_iter"),
        ];
    });
    let objected = submit(conf(10000, json!({}))).await;
    assert_eq!(
        objected.fault().path.as_deref(),
        Some("x.max_iter"),
        "{objected}"
    );
    let (_, total) = world
        .coordinator
        .jobs()
        .find(&JobFilter::default())
        .await
        .unwrap();
    assert_eq!(total, 0, "nothing was stored");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_partys_user_submits_and_steers_its_own_jobs_only() {
    let world = World::new().await;
    let host = Principal::of_party(party("10000"));
    let stranger = Principal::of_party(party("77"));
    let command = SubmitJob {
        dsl: dsl(),
        conf: conf(10000, json!({})),
        ..SubmitJob::default()
    };
    let denied = world
        .coordinator
        .jobs()
        .submit_documents(&host, command)
        .await
        .expect_err("in another's name");
    assert!(matches!(denied, ServiceError::Denied(_)), "{denied:?}");
    let job = world.submit(dsl(), conf(10000, json!({}))).await;
    let denied = world
        .coordinator
        .jobs()
        .stop(&stranger, &job.id, JobState::Canceled)
        .await
        .expect_err("not in it");
    assert!(matches!(denied, ServiceError::Denied(_)), "{denied:?}");
    let stopped = world
        .coordinator
        .jobs()
        .stop(&host, &job.id, JobState::Canceled)
        .await
        .unwrap();
    assert_eq!(stopped.state, JobState::Canceled);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_deployed_model_is_applied_by_a_predict_job() {
    let world = World::new().await;
    let trained = world.submit(dsl(), conf(10000, json!({}))).await;
    world.settled(&trained.id).await;
    let c = &world.coordinator;
    let (who, names) = (
        Principal::anyone(),
        vec!["reader_0".to_owned(), "hetero_lr_0".to_owned()],
    );
    let checkpoints = json!({"hetero_lr_0": {"step_index": 2}})
        .as_object()
        .cloned()
        .unwrap();
    let what = Deploy {
        components: names,
        checkpoints,
        ..Deploy::default()
    };
    let train = ModelKey::new(trained.model_id.clone(), trained.model_version.clone());
    let made = c.models().deploy(&who, &train, what.clone()).await.unwrap();
    assert!(made.is_whole(), "{made:?}");
    let deployed = made.key;
    assert_ne!(deployed.version, trained.model_version);
    let again = c
        .models()
        .deploy(&who, &deployed, what.clone())
        .await
        .unwrap();
    assert!(
        again
            .parts
            .iter()
            .all(|(_, part)| *part == Err("Child model could not be deployed.".to_owned()))
    );
    assert_eq!(
        c.models().version(&again.key).await.unwrap(),
        None,
        "a failed deployment leaves nothing"
    );
    let absent = ModelKey::new(trained.model_id.clone(), "none");
    let absent = c
        .models()
        .deploy(&who, &absent, what)
        .await
        .expect_err("absent");
    assert!(matches!(absent, ServiceError::NotFound(_)), "{absent:?}");
    let ids = json!({"job_type": "predict", "model_id": trained.model_id, "model_version": deployed.version});
    let job = world.submit(json!({}), conf(10000, ids)).await;
    assert_eq!(world.settled(&job.id).await.state, JobState::Succeeded);
    let apply = world.agents.assignment("hetero_lr_0", "9999");
    assert_eq!(
        (apply.task.job.clone(), apply.stage),
        (job.id.clone(), vocabulary::Stage::Apply)
    );
    let owner = Participant::new(Role::Guest, party("9999"));
    let model = ModelRef {
        version: trained.model_version.clone(),
        step: apply.task.step.clone(),
        owner,
    };
    assert_eq!(
        apply.models[0].model, model,
        "the model stays where the training left it"
    );
    assert_eq!(
        apply.models[0].checkpoint,
        Some(vocabulary::CheckpointRef::StepIndex(2))
    );
    let ids = json!({"job_type": "predict", "model_id": trained.model_id, "model_version": trained.model_version});
    let command = SubmitJob {
        dsl: json!({}),
        conf: conf(10000, ids),
        ..SubmitJob::default()
    };
    let refused = c
        .jobs()
        .submit_documents(&who, command)
        .await
        .expect_err("not deployed");
    assert_eq!(refused.fault().code, ErrorCode::ModelMissing, "{refused}");
    world.stop().await;
}
