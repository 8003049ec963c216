//! Runs: asked for, refused, looked at.

use domain::JobState;
use serde_json::{Value, json};
use vocabulary::JobId;

use super::fixture::{World, below};

#[tokio::test(start_paused = true)]
async fn a_bare_request_makes_a_run_of_the_newest_model() {
    let world = World::open().await;
    let deployments = world.get(&below("deployments")).await;
    let built_in = &deployments["entries"][0];
    assert_eq!(built_in["name"], "fl-predict");
    let path = below(&format!(
        "deployments/{}",
        built_in["deployment_id"].as_str().expect("an id")
    ));
    let version = world.get(&format!("{path}/versions")).await["entries"][0].clone();
    let run = world
        .made(
            &format!("{path}/runs"),
            json!({"version_id": version["version_id"], "environment": {}}),
        )
        .await;
    assert_eq!(
        (&run["status"], &run["retry_count"]),
        (&json!("SUBMITTED"), &json!(5))
    );
    assert_eq!(
        (&run["user_env_vars"], &run["models"], &run["input_data"]),
        (&json!({}), &json!({}), &Value::Null)
    );
    assert!(
        run["run_id"]
            .as_str()
            .is_some_and(|id| id.starts_with("run-") && id.len() == 20)
    );
    let seen = world
        .get(&format!(
            "{path}/runs/{}",
            run["run_id"].as_str().expect("an id")
        ))
        .await;
    assert_ne!(seen["status"], "FAILED", "{seen}");
    let stored = world
        .coordinator
        .entities()
        .get(
            domain::EntityKind::Run,
            None,
            run["run_id"].as_str().expect("an id"),
        )
        .await;
    let job = world
        .coordinator
        .jobs()
        .get(&stored.expect("kept").job.expect("a job"))
        .await
        .expect("a job");
    assert_eq!(
        (job.kind, job.settings.retries, job.settings.shared_retries),
        (domain::JobKind::Predict, 5, true)
    );
    assert!(
        job.settings
            .queue
            .is_some_and(|queue| queue.starts_with("run/local/"))
    );
}

#[tokio::test(start_paused = true)]
async fn keeps_what_was_asked_as_it_was_asked() {
    let world = World::open().await;
    let name = json!({"name": "d", "default_environment": {"A": "1", "B": "1"}});
    let deployment = world.made(&below("deployments"), name).await;
    let path = below(&format!(
        "deployments/{}",
        deployment["deployment_id"].as_str().expect("an id")
    ));
    let version = world
        .made(&format!("{path}/versions"), json!({"version": "0.0.3"}))
        .await;
    let definition =
        world.get(&below("training/definitions")).await["entries"][0]["job_definition_id"].clone();
    let models = world
        .get(&below(&format!(
            "training/definitions/{}/models",
            definition.as_str().expect("an id")
        )))
        .await;
    let model = models["entries"][0]["training_model_id"].clone();
    let asked = json!({
        "version_id": version["version_id"], "models": {"alias": model}, "retry_count": 0, "distribution": 0,
        "environment": {"B": "2"},
    });
    let run = world.made(&format!("{path}/runs"), asked).await;
    assert_eq!(
        (
            &run["retry_count"],
            &run["distribution"],
            &run["models"]["alias"]
        ),
        (&json!(0), &json!(0), &model)
    );
    assert_eq!(
        (&run["user_env_vars"], &run["model_version"]),
        (&json!({"A": "1", "B": "2"}), &json!("0.0.3"))
    );
    let seen = world
        .get(&format!(
            "{path}/runs/{}/",
            run["run_id"].as_str().expect("an id")
        ))
        .await;
    assert_eq!(
        (&seen["distribution"], &seen["created_at"]),
        (&json!(0), &run["created_at"])
    );
}

#[tokio::test(start_paused = true)]
async fn refuses_what_is_malformed_or_unknown_and_makes_nothing_of_it() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let (others, foreign) = world.deployed("two").await;
    let cases = [
        (
            json!({"version_id": version, "retry_count": 10}),
            400,
            "bad_request",
        ),
        (
            json!({"version_id": version, "retry_count": -1}),
            400,
            "bad_request",
        ),
        (
            json!({"version_id": version, "retry_count": "x"}),
            400,
            "bad_request",
        ),
        (
            json!({"version_id": version, "distribution": -1}),
            400,
            "bad_request",
        ),
        (
            json!({"version_id": version, "input_data": {"$s3:1": "a/b"}}),
            400,
            "bad_request",
        ),
        (
            json!({"version_id": version, "environment": {"A": 1}}),
            400,
            "bad_request",
        ),
        (json!({}), 400, "bad_request"),
        (json!([]), 400, "bad_request"),
        (json!({"version_id": foreign}), 404, "not_found"),
        (
            json!({"version_id": version, "models": {"alias": "1234567890123"}}),
            404,
            "not_found",
        ),
        (
            json!({"version_id": version, "input_data": {"$datalake:1": "1234567890123/x"}}),
            404,
            "not_found",
        ),
        (
            json!({"version_id": version, "output_template": {"$datalake:1": "1234567890123"}}),
            404,
            "not_found",
        ),
    ];
    for (body, status, name) in cases {
        let (code, reply) = world.ask("POST", &runs, Some(body.clone())).await;
        assert_eq!(
            (code, &reply["error"]),
            (status, &json!(name)),
            "{body}: {reply}"
        );
        assert!(reply["error_description"].is_string());
    }
    for path in [runs.clone(), others] {
        assert_eq!(world.get(&path).await, json!({"entries": []}));
    }
    assert_eq!(
        world
            .ask("GET", &format!("{runs}/run-0000000000000000"), None)
            .await
            .0,
        404
    );
    assert_eq!(world.ask("PUT", &runs, Some(json!({}))).await.0, 405);
    assert_eq!(
        world.ask("GET", &below("nothing"), None).await.1["error"],
        "not_found"
    );
    let unknown = below("deployments/1234567890123/runs");
    assert_eq!(
        world
            .ask("POST", &unknown, Some(json!({"version_id": version})))
            .await
            .0,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_without_a_model_fails_and_says_why() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let definition =
        world.get(&below("training/definitions")).await["entries"][0]["job_definition_id"].clone();
    let models = below(&format!(
        "training/definitions/{}/models",
        definition.as_str().expect("an id")
    ));
    let model = world.get(&models).await["entries"][0]["training_model_id"].clone();
    let put_away = format!("{models}/{}/archive", model.as_str().expect("an id"));
    assert_eq!(world.ask("POST", &put_away, None).await.0, 200);
    let run = world.made(&runs, json!({"version_id": version})).await;
    assert_eq!(
        run["status"], "SUBMITTED",
        "the reply is made before anything is known"
    );
    let path = format!("{runs}/{}", run["run_id"].as_str().expect("an id"));
    assert_eq!(world.get(&path).await["status"], "FAILED");
    let lines = world.get(&format!("{path}/logs")).await;
    let last = lines["events"]
        .as_array()
        .and_then(|events| events.last())
        .expect("a line");
    assert!(
        last["message"]
            .as_str()
            .is_some_and(|line| line.contains("there is no model to apply")),
        "{lines}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_stays_while_a_run_of_it_lives() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let run = world.made(&runs, json!({"version_id": version})).await;
    let (id, target) = (
        run["run_id"].as_str().expect("an id"),
        runs.trim_end_matches("/runs"),
    );
    let (status, reply) = world.ask("DELETE", target, None).await;
    assert_eq!(
        (status, &reply["error"]),
        (409, &json!("conflict")),
        "{reply}"
    );
    let entity = world
        .coordinator
        .entities()
        .get(domain::EntityKind::Run, None, id)
        .await
        .expect("kept");
    let job: JobId = entity.job.expect("a job");
    let anyone = service::Principal::anyone();
    let stopped = world
        .coordinator
        .jobs()
        .stop(&anyone, &job, JobState::Canceled)
        .await
        .expect("stopped");
    assert_eq!(stopped.state, JobState::Canceled);
    let seen = world.get(&format!("{runs}/{id}")).await;
    assert_eq!(seen["status"], "FAILED");
    let lines = world.get(&format!("{runs}/{id}/logs")).await;
    let last = lines["events"]
        .as_array()
        .and_then(|events| events.last())
        .cloned()
        .expect("a line");
    assert!(
        last["message"]
            .as_str()
            .is_some_and(|line| line.contains("canceled")),
        "{lines}"
    );
    // a run that has ended does not change when its job is run again
    world
        .coordinator
        .jobs()
        .rerun(&anyone, &job, None, true)
        .await
        .expect("again");
    assert_eq!(world.get(&format!("{runs}/{id}")).await["status"], "FAILED");
    let again = world.get(&format!("{runs}/{id}/logs")).await;
    assert_eq!(again, lines);
    // what comes is a run of its own
    let listed = world.get(&runs).await["entries"].clone();
    let fresh = listed
        .as_array()
        .and_then(|runs| runs.iter().find(|run| run["run_id"] != id))
        .expect("another run");
    assert_eq!(
        (listed.as_array().map(Vec::len), fresh["status"] == "FAILED"),
        (Some(2), false),
        "{listed}"
    );
    let own = world
        .get(&format!(
            "{runs}/{}/logs",
            fresh["run_id"].as_str().expect("an id")
        ))
        .await;
    assert!(
        !own.to_string().contains("canceled"),
        "its lines begin behind those of the earlier one: {own}"
    );
    assert_eq!(
        world.get(target).await["runs"],
        listed,
        "a deployment shows its runs"
    );
    let stopped = world
        .coordinator
        .jobs()
        .stop(&anyone, &job, JobState::Canceled)
        .await
        .expect("stopped");
    assert!(stopped.state.is_settled());
    let (status, reply) = world.ask("DELETE", target, None).await;
    assert_eq!(status, 200, "{reply}");
    assert!(
        reply["message"]
            .as_str()
            .is_some_and(|text| text.ends_with("deleted"))
    );
    assert_eq!(world.ask("GET", &format!("{runs}/{id}"), None).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn runs_of_one_queue_stand_in_one_queue() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let mut queues = Vec::new();
    for distribution in [json!(3), json!(19), json!(4), Value::Null, Value::Null] {
        let run = world
            .made(
                &runs,
                json!({"version_id": version, "distribution": distribution}),
            )
            .await;
        let id = run["run_id"].as_str().expect("an id").to_owned();
        let job = world
            .coordinator
            .entities()
            .get(domain::EntityKind::Run, None, &id)
            .await
            .expect("kept")
            .job
            .expect("a job");
        queues.push(
            world
                .coordinator
                .jobs()
                .get(&job)
                .await
                .expect("a job")
                .settings
                .queue
                .expect("a queue"),
        );
    }
    assert_eq!(queues[0], queues[1]);
    assert_ne!(queues[0], queues[2]);
    assert_ne!(queues[3], queues[4], "those that ask for none take turns");
}
