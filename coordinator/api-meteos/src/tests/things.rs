//! What is made, shown, listed and deleted, and in which words that is refused.

use domain::JobState;
use serde_json::{Value, json};

use super::world::World;

const UUID: usize = 36;

#[tokio::test]
async fn templates_are_available_at_once() {
    let world = World::open().await;
    let template = world
        .make(
            "templates",
            "template",
            json!({
                "display_name": "t", "display_description": null, "image_id": "i", "master_nodes_num": "1",
                "master_flavor_id": "4", "worker_nodes_num": 2, "worker_flavor_id": "2", "spark_version": "1.6",
                "floating_ip_pool": null,
            }),
        )
        .await;
    assert_eq!(template["id"].as_str().map(str::len), Some(UUID));
    let mut rest = template.clone();
    for name in ["id", "created_at"] {
        rest.as_object_mut().expect("object").shift_remove(name);
    }
    assert_eq!(
        rest,
        json!({"status": "available", "name": "t", "description": null, "user_id": "anonymous", "project_id": "p",
            "master_nodes": 1, "master_flavor": "4", "worker_nodes": 2, "worker_flavor": "2", "spark_version": "1.6",
            "cluster_id": null})
    );
    assert_eq!(template["created_at"], json!("2026-11-18T11:06:40.000000"));
    let list = world.get("templates").await;
    let links = &list["templates"][0]["links"];
    let id = template["id"].as_str().expect("an id");
    assert_eq!(
        links[0]["href"],
        json!(format!("http://here:8989/v1/p/templates/{id}"))
    );
    assert_eq!(
        links[1]["href"],
        json!(format!("http://here:8989/p/templates/{id}"))
    );
    assert!(list["templates"][0].get("cluster_id").is_none());
    assert_eq!(
        world.get("templates/detail").await["templates"][0],
        template
    );
}

#[tokio::test]
async fn experiments_are_available_once_the_party_answers() {
    let world = World::without_agents(None, crate::Options::default());
    let template = world.make("templates", "template", json!({})).await;
    let fields = json!({"template_id": template["id"], "key_name": "k", "display_name": "same"});
    let made = world
        .make("experiments", "experiment", fields.clone())
        .await;
    assert_eq!(
        (&made["status"], &made["template_id"], &made["key_name"]),
        (&json!("creating"), &template["id"], &json!("k"))
    );
    let path = format!("/v1/p/experiments/{}", made["id"].as_str().expect("an id"));
    let (status, refused) = world.ask("DELETE", &path, Value::Null).await;
    assert_eq!(status, 400);
    let message = refused["badRequest"]["message"].as_str().expect("text");
    assert!(
        message.starts_with("Invalid Status: Experiment status must be available"),
        "{message}"
    );
    let dataset = json!({"dataset": {"method": "download", "experiment_id": made["id"]}});
    let (status, refused) = world.ask("POST", "/v1/p/datasets", dataset).await;
    assert_eq!(
        (status, &refused["badRequest"]["message"]),
        (
            400,
            &json!("Invalid Status: Experiment status must be available.")
        )
    );
    world.connect().await;
    assert_eq!(
        world.get("experiments").await["experiments"][0]["status"],
        json!("available")
    );
    // a name may be there twice
    let again = world.make("experiments", "experiment", fields).await;
    assert_eq!(again["name"], json!("same"));
    assert_eq!(
        world.ask("DELETE", &path, Value::Null).await,
        (202, Value::Null)
    );
    assert_eq!(world.ask("DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn experiments_of_other_apis_are_listed_with_the_default_template() {
    let world = World::open().await;
    let named = domain::NewExperiment::named(vocabulary::Tenant::only(), "elsewhere");
    world
        .coordinator
        .experiments()
        .create(named)
        .await
        .expect("made");
    let listed = world.get("experiments").await["experiments"][0].clone();
    assert_eq!(
        (&listed["name"], &listed["status"]),
        (&json!("elsewhere"), &json!("available"))
    );
    let template = listed["template_id"].as_str().expect("an id");
    let shown = world.get(&format!("templates/{template}")).await;
    assert_eq!(shown["template"]["name"], json!("default"));
    let (status, _) = world
        .ask(
            "DELETE",
            &format!("/v1/p/templates/{template}"),
            Value::Null,
        )
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn datasets_show_their_first_rows_and_never_a_password() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({
        "display_name": "rows", "method": "download", "source_dataset_url": "swift://c/o.txt", "experiment_id": experiment,
        "params": "Tm9uZQ==", "percent_train": null, "percent_test": null, "swift_password": "secret-7",
    });
    let made = world.make("datasets", "dataset", fields).await;
    assert_eq!(
        (&made["status"], &made["head"], &made["stderr"]),
        (&json!("creating"), &Value::Null, &Value::Null)
    );
    let id = made["id"].as_str().expect("an id");
    let (status, refused) = world
        .ask("DELETE", &format!("/v1/p/datasets/{id}"), Value::Null)
        .await;
    assert_eq!(status, 400, "{refused}");
    world.settle(JobState::Succeeded, "['1,2']").await;
    let shown = world.get(&format!("datasets/{id}")).await;
    assert_eq!(
        (&shown["dataset"]["status"], &shown["dataset"]["head"]),
        (&json!("available"), &json!("['1,2']\n"))
    );
    let listed = world.get("datasets?status=available").await;
    assert_eq!(listed["datasets"][0]["head"], json!("['1,2']\n"));
    for text in [shown.to_string(), listed.to_string(), made.to_string()] {
        assert!(!text.contains("secret-7"));
    }
    assert_eq!(
        world
            .ask("DELETE", &format!("/v1/p/datasets/{id}"), Value::Null)
            .await
            .0,
        202
    );
    assert_eq!(
        world
            .ask("GET", &format!("/v1/p/datasets/{id}"), Value::Null)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_failed_or_stopped_job_is_an_error_that_says_why() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"method": "download", "source_dataset_url": "swift://c/o", "experiment_id": experiment});
    let made = world.make("datasets", "dataset", fields).await;
    world.settle(JobState::Canceled, "").await;
    let shown = world
        .get(&format!("datasets/{}", made["id"].as_str().expect("an id")))
        .await;
    assert_eq!(shown["dataset"]["status"], json!("error"));
    assert_eq!(shown["dataset"]["stderr"], json!("the job was canceled"));
    // an address that means nothing is told when the work would begin
    let fields = json!({"method": "download", "source_dataset_url": "ftp://c/o", "experiment_id": experiment});
    let made = world.make("datasets", "dataset", fields).await;
    let shown = world
        .get(&format!("datasets/{}", made["id"].as_str().expect("an id")))
        .await;
    assert_eq!(shown["dataset"]["status"], json!("error"));
    assert!(
        shown["dataset"]["stderr"]
            .as_str()
            .expect("text")
            .contains("ftp://c/o")
    );
}

#[tokio::test]
async fn what_reads_a_dataset_waits_while_that_is_being_made() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"method": "download", "source_dataset_url": "swift://c/o", "experiment_id": experiment});
    let source = world.make("datasets", "dataset", fields).await;
    let url = format!("internal://{}", source["id"].as_str().expect("an id"));
    let follows = json!({"source_dataset_url": url, "experiment_id": experiment, "model_type": "KMeans",
        "method": "parse"});
    let made = world.make("models", "model", follows.clone()).await;
    assert_eq!(
        (&made["status"], &made["stderr"]),
        (&json!("creating"), &Value::Null)
    );
    let (jobs, _) = world
        .coordinator
        .jobs()
        .find(&service::JobFilter::default())
        .await
        .expect("jobs");
    let mut first = None;
    for job in &jobs {
        let job = world.coordinator.jobs().get(&job.id).await.expect("a job");
        first = first.or(job.settings.after);
    }
    assert!(
        jobs.iter().any(|job| Some(&job.id) == first.as_ref()),
        "the model's job waits for the dataset's: {first:?}"
    );
    for job in jobs {
        world.end(&job.id, JobState::Failed).await;
    }
    let late = world.make("datasets", "dataset", follows).await;
    assert_eq!(late["status"], json!("error"));
    assert!(
        late["stderr"]
            .as_str()
            .expect("a reason")
            .contains("could not be made"),
        "{late}"
    );
}

#[tokio::test]
async fn a_table_that_is_removed_elsewhere_takes_its_dataset_along() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"method": "download", "source_dataset_url": "swift://c/o", "experiment_id": experiment});
    let made = world.make("datasets", "dataset", fields).await;
    world.settle(JobState::Succeeded, "['1']").await;
    let id = made["id"].as_str().expect("an id");
    let table = vocabulary::TableRef::new("datasets", id);
    let [home, other] = ["9999", "10000"].map(|id| vocabulary::PartyId::new(id).expect("valid"));
    world
        .coordinator
        .tables()
        .removed(&other, &table)
        .await
        .expect("noted");
    assert_eq!(
        world.get(&format!("datasets/{id}")).await["dataset"]["status"],
        json!("available"),
        "another's table"
    );
    world
        .coordinator
        .tables()
        .removed(&home, &table)
        .await
        .expect("noted");
    let shown = world.get(&format!("datasets/{id}")).await["dataset"].clone();
    assert_eq!(
        (&shown["status"], &shown["stderr"], &shown["head"]),
        (
            &json!("error"),
            &json!("the table was removed"),
            &Value::Null
        )
    );
    let gone = vocabulary::TableRef::new("datasets", "none");
    world
        .coordinator
        .tables()
        .removed(&home, &gone)
        .await
        .expect("nobody's table");
}

#[tokio::test]
async fn learning_anew_from_nothing_is_refused_and_harms_nothing() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"source_dataset_url": "swift://c/o", "model_type": "KMeans", "experiment_id": experiment});
    let made = world.make("models", "model", fields).await;
    world.settle(JobState::Succeeded, "").await;
    let id = made["id"].as_str().expect("an id");
    for anew in [
        json!({}),
        json!({"model_type": "KMeans"}),
        json!({"source_dataset_url": "swift://c/o"}),
    ] {
        let (status, body) = world
            .ask(
                "POST",
                &format!("/v1/p/models/{id}/action"),
                json!({"os-recreate": anew}),
            )
            .await;
        assert_eq!(status, 400, "{body}");
    }
    assert_eq!(
        world.get(&format!("models/{id}")).await["model"]["status"],
        json!("available")
    );
    let anew =
        json!({"os-recreate": {"model_type": "NaiveBayes", "source_dataset_url": "swift://c/o"}});
    let (status, body) = world
        .ask("POST", &format!("/v1/p/models/{id}/action"), anew.clone())
        .await;
    assert_eq!(
        (status, &body["model"]["status"], &body["model"]["id"]),
        (200, &json!("recreating"), &json!(id))
    );
    assert_eq!(
        world
            .ask("POST", &format!("/v1/p/models/{id}/action"), anew)
            .await
            .0,
        400,
        "it is not available now"
    );
}

#[tokio::test]
async fn long_arguments_are_kept() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"source_dataset_url": "swift://c/o", "model_type": "KMeans", "experiment_id": experiment});
    let made = world.make("models", "model", fields).await;
    world.settle(JobState::Succeeded, "").await;
    let args = "MSwy".repeat(26_000);
    let body = json!({"learning": {"model_id": made["id"], "method": "dance", "args": args}});
    let (status, reply) = world.ask("POST", "/v1/p/learnings", body).await;
    assert_eq!((status, &reply["learning"]["args"]), (200, &json!(args)));
    for key in ["stdout", "stderr", "args"] {
        assert_eq!(
            world.get(&format!("learnings?sort_key={key}")).await["learnings"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
    }
}

#[tokio::test]
async fn a_split_makes_two() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let split = |train: Value, test: Value| {
        json!({"display_name": "d", "method": "split", "source_dataset_url": "swift://c/o", "experiment_id": experiment,
            "percent_train": train, "percent_test": test})
    };
    let made = world
        .make("datasets", "dataset", split(json!("0.9"), json!("0.1")))
        .await;
    assert_eq!(made["name"], json!("d_train_0.9"));
    world.settle(JobState::Succeeded, "['1']").await;
    let list = world
        .get("datasets?sort_key=display_name&sort_dir=asc")
        .await;
    let both: Vec<_> = list["datasets"]
        .as_array()
        .expect("list")
        .iter()
        .map(|item| (&item["name"], &item["head"], &item["status"]))
        .collect();
    assert_eq!(
        both,
        [
            (&json!("d_test_0.1"), &Value::Null, &json!("available")),
            (
                &json!("d_train_0.9"),
                &json!("['1']\n"),
                &json!("available")
            ),
        ]
    );
    for (train, test, status, class) in [
        (json!("0.9"), json!("0.3"), 422, "computeFault"),
        (json!(null), json!(null), 400, "badRequest"),
        (json!("x"), json!("0.3"), 400, "badRequest"),
    ] {
        let (found, body) = world
            .ask(
                "POST",
                "/v1/p/datasets",
                json!({"dataset": split(train, test)}),
            )
            .await;
        assert_eq!(
            (found, body[class]["code"].as_u64()),
            (status, Some(u64::from(status))),
            "{body}"
        );
    }
}

#[tokio::test]
async fn models_are_listed_with_text_in_base64() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let fields = json!({"display_name": "m", "source_dataset_url": "swift://c/o", "model_type": "LinearRegression",
        "model_params": "eydudW1JdGVyYXRpb25zJzogMTAwfQ==", "experiment_id": experiment, "dataset_format": null});
    let made = world.make("models", "model", fields).await;
    assert_eq!(
        (&made["status"], &made["params"]),
        (
            &json!("creating"),
            &json!("eydudW1JdGVyYXRpb25zJzogMTAwfQ==")
        )
    );
    let id = made["id"].as_str().expect("an id");
    world
        .make("models", "model", json!({"experiment_id": experiment}))
        .await;
    let list = world.get("models").await;
    assert!(
        list["models"]
            .as_array()
            .expect("list")
            .iter()
            .all(|item| item["params"].is_string())
    );
    let load = json!({"os-load": null});
    let path = format!("/v1/p/models/{id}/action");
    let (status, refused) = world.ask("POST", &path, load).await;
    assert_eq!(
        (status, &refused["badRequest"]["message"]),
        (
            400,
            &json!("Invalid Status: Model status must be available.")
        )
    );
    for (body, message) in [
        (json!({"os-dance": {}}), "There is no such action: os-dance"),
        (
            json!({"os-load": null, "os-unload": null}),
            "Malformed request body",
        ),
        (json!([]), "Malformed request body"),
    ] {
        assert_eq!(
            world.ask("POST", &path, body).await,
            (
                400,
                json!({"badRequest": {"code": 400, "message": message}})
            )
        );
    }
    let ask = json!({"job": {"model_id": id, "method": "predict", "args": "MSwy"}});
    let (status, refused) = world.ask("POST", "/v1/p/jobs", ask).await;
    assert_eq!(
        (status, &refused["badRequest"]["message"]),
        (
            400,
            &json!("Invalid Status: Model status must be available.")
        )
    );
}

#[tokio::test]
async fn refusals_have_the_form_of_the_api() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let large = format!(
        "{{\"template\": {{\"image_id\": \"{}\"}}}}",
        "x".repeat(120_000)
    );
    for (method, path, body, status, class) in [
        (
            "GET",
            "/v1/p/templates/none",
            String::new(),
            404,
            "itemNotFound",
        ),
        (
            "PUT",
            "/v1/p/templates/none",
            "{}".into(),
            404,
            "itemNotFound",
        ),
        ("PATCH", "/v1/p/models", "{}".into(), 404, "itemNotFound"),
        (
            "GET",
            "/v1/p/models/x/y/z",
            String::new(),
            404,
            "itemNotFound",
        ),
        (
            "POST",
            "/v1/p/datasets/x/action",
            "{}".into(),
            404,
            "itemNotFound",
        ),
        ("POST", "/v1/p/templates", "{".into(), 400, "badRequest"),
        ("POST", "/v1/p/templates", String::new(), 400, "badRequest"),
        ("POST", "/v1/p/templates", "{}".into(), 422, "computeFault"),
        (
            "POST",
            "/v1/p/templates",
            "{\"template\": 3}".into(),
            422,
            "computeFault",
        ),
        (
            "POST",
            "/v1/p/learnings",
            "{\"job\": {}}".into(),
            422,
            "computeFault",
        ),
        ("POST", "/v1/p/templates", large, 413, "overLimit"),
        (
            "POST",
            "/v1/p/experiments",
            "{\"experiment\": {}}".into(),
            400,
            "badRequest",
        ),
        (
            "POST",
            "/v1/p/experiments",
            "{\"experiment\": {\"template_id\": \"x\"}}".into(),
            404,
            "itemNotFound",
        ),
        (
            "POST",
            "/v1/p/jobs",
            "{\"job\": {\"model_id\": \"x\"}}".into(),
            404,
            "itemNotFound",
        ),
        (
            "POST",
            "/v1/p/models",
            format!(
                "{{\"model\": {{\"experiment_id\": \"{experiment}\", \"source_dataset_url\": \"internal://x\"}}}}"
            ),
            404,
            "itemNotFound",
        ),
        (
            "POST",
            "/v1/p/models",
            format!(
                "{{\"model\": {{\"experiment_id\": \"{experiment}\", \"model_params\": \"%\"}}}}"
            ),
            400,
            "badRequest",
        ),
        (
            "GET",
            "/v1/p/models?sort_key=secret",
            String::new(),
            400,
            "badRequest",
        ),
        (
            "GET",
            "/v1/p/models?limit=-1",
            String::new(),
            400,
            "badRequest",
        ),
        (
            "GET",
            "/v1/p/models?sort_dir=up",
            String::new(),
            400,
            "badRequest",
        ),
        ("GET", "/identity/v3", String::new(), 404, "itemNotFound"),
    ] {
        let (found, reply) = world.ask_raw(method, path, body).await;
        assert_eq!(
            (found, reply[class]["code"].as_u64()),
            (status, Some(u64::from(status))),
            "{method} {path}: {reply}"
        );
        assert!(reply[class]["message"].is_string());
    }
}

#[tokio::test]
async fn versions_and_headers() {
    let world = World::open().await;
    for (path, status) in [("/", 300), ("/v1/", 200), ("/v1", 200)] {
        let (found, body) = world.ask("GET", path, Value::Null).await;
        assert_eq!(
            (found, &body["versions"][0]["id"]),
            (status, &json!("v1.0")),
            "{path}"
        );
        assert_eq!(body["versions"][0]["status"], json!("SUPPORTED"));
    }
    let request = axum::extract::Request::builder()
        .uri("/v1/p/models")
        .body(axum::body::Body::empty())
        .expect("request");
    let (_, headers, _) = world.send(request).await;
    assert_eq!(headers["x-openstack-meteos-api-version"], "1.0");
    assert_eq!(headers["vary"], "X-OpenStack-Meteos-API-Version");
    assert!(
        headers["x-compute-request-id"]
            .to_str()
            .expect("text")
            .starts_with("req-")
    );
}

#[tokio::test]
async fn lists_go_on_where_their_link_says() {
    let world = World::open().await;
    for name in ["b", "c", "a"] {
        world
            .make("templates", "template", json!({"display_name": name}))
            .await;
    }
    let mut path = "templates?sort_key=display_name&sort_dir=asc&limit=1".to_owned();
    let mut names = Vec::new();
    for _ in 0..3 {
        let list = world.get(&path).await;
        names.push(
            list["templates"][0]["name"]
                .as_str()
                .expect("a name")
                .to_owned(),
        );
        let next = list["templates_links"][0]["href"]
            .as_str()
            .expect("a link")
            .to_owned();
        path = next
            .strip_prefix("http://here:8989/v1/p/")
            .expect("absolute")
            .to_owned();
    }
    assert_eq!(names, ["a", "b", "c"]);
    let last = world.get(&path).await;
    assert_eq!(last["templates"], json!([]));
    assert!(last.get("templates_links").is_none());
}
