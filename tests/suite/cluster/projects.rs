//! Datasets, models and learnings with real processes, seen through Meteos' API; a coordinator that is killed loses none.

use std::time::Duration;

use fedflow_tests::cluster::Cluster;
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Value, json};

use super::program;

async fn ask(rest: &RestClient, method: Method, path: &str, body: &Value) -> Value {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (status, reply) = rest
        .send(method, &format!("/v1/p/{path}"), "application/json", text)
        .await
        .expect("an answer");
    assert!(
        (200..300).contains(&status),
        "{path}: {status} {}",
        String::from_utf8_lossy(&reply)
    );
    serde_json::from_slice(&reply).unwrap_or(Value::Null)
}

async fn make(rest: &RestClient, collection: &str, singular: &str, fields: Value) -> String {
    let made = ask(rest, Method::POST, collection, &json!({singular: fields})).await;
    made[singular]["id"].as_str().expect("an id").to_owned()
}

/// The view of something once its status is no longer one of the passing ones.
async fn settled(rest: &RestClient, collection: &str, singular: &str, id: &str) -> Value {
    for _ in 0..1_200 {
        let view = ask(
            rest,
            Method::GET,
            &format!("{collection}/{id}"),
            &Value::Null,
        )
        .await[singular]
            .clone();
        if !view["status"].as_str().expect("a status").ends_with("ing") {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{collection} {id} is still under way");
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "the life of one model: each part needs the one before"
)]
async fn a_model_of_lines_answers_for_a_row_and_survives_the_coordinators_end() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let rest = cluster.rest.clone();
    let rows: String = (0..40)
        .map(|n| format!("{},{n},{}\n", 2 * n, n % 3))
        .collect();
    let party = cluster.party("9999");
    let put = party
        .send(
            Method::PUT,
            "/v1/fedflow/files/lab/rows.txt",
            "text/plain",
            rows,
        )
        .await
        .expect("put");
    assert!(put.0 < 300, "{put:?}");
    let template = make(
        &rest,
        "templates",
        "template",
        json!({"worker_nodes_num": 2, "worker_flavor_id": "2"}),
    )
    .await;
    let experiment = make(
        &rest,
        "experiments",
        "experiment",
        json!({"template_id": template}),
    )
    .await;
    assert_eq!(
        settled(&rest, "experiments", "experiment", &experiment).await["status"],
        json!("available")
    );
    let source = json!({"method": "download", "source_dataset_url": "swift://lab/rows.txt", "experiment_id": experiment});
    let dataset = make(&rest, "datasets", "dataset", source).await;
    let shown = settled(&rest, "datasets", "dataset", &dataset).await;
    assert_eq!(shown["status"], json!("available"), "{shown}");
    assert!(
        shown["head"]
            .as_str()
            .expect("rows")
            .starts_with("['0,0,0', '2,1,1', "),
        "{shown}"
    );
    let source = format!("internal://{dataset}");
    let fields = json!({"model_type": "DecisionTreeRegression", "source_dataset_url": source, "experiment_id": experiment,
        "model_params": "eydtYXhEZXB0aCc6IDEwfQ=="});
    let model = make(&rest, "models", "model", fields).await;
    let shown = settled(&rest, "models", "model", &model).await;
    assert_eq!(shown["status"], json!("available"), "{shown}");

    cluster.kill("coordinator");
    let mut cluster = cluster;
    cluster.restart();
    let rest = cluster.rest.clone();
    let row = json!({"model_id": model, "method": "predict", "args": "NywxCg=="});
    let learning = make(&rest, "learnings", "learning", row.clone()).await;
    let shown = settled(&rest, "learnings", "learning", &learning).await;
    assert_eq!(
        (&shown["status"], &shown["stdout"]),
        (&json!("available"), &json!("14.0")),
        "{shown}"
    );
    ask(
        &rest,
        Method::POST,
        &format!("models/{model}/action"),
        &json!({"os-load": null}),
    )
    .await;
    assert_eq!(
        settled(&rest, "models", "model", &model).await["status"],
        json!("active")
    );
    let at_once = ask(&rest, Method::POST, "learnings", &json!({"learning": row})).await;
    assert_eq!(at_once["learning"]["stdout"], json!("14.0"), "{at_once}");
    ask(
        &rest,
        Method::POST,
        &format!("models/{model}/action"),
        &json!({"os-unload": null}),
    )
    .await;
    assert_eq!(
        settled(&rest, "models", "model", &model).await["status"],
        json!("available")
    );
    let fields = json!({"model_id": model, "source_dataset_url": source});
    let evaluation = make(&rest, "model_evaluations", "model_evaluation", fields).await;
    let shown = settled(&rest, "model_evaluations", "model_evaluation", &evaluation).await;
    assert!(
        shown["stdout"]
            .as_str()
            .expect("figures")
            .contains("'Precision': 1.0"),
        "{shown}"
    );
    an_archived_experiment_takes_nothing(&rest, &experiment, &model).await;
    cluster.end();
}

/// The status and the answer to a request with a JSON body, or with none where it is null.
async fn sent(rest: &RestClient, method: Method, path: &str, body: Value) -> (u16, Value) {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (status, reply) = rest
        .send(method, path, "application/json", text)
        .await
        .expect("an answer");
    (
        status,
        serde_json::from_slice(&reply).unwrap_or(Value::Null),
    )
}

/// Archived through Kubeflow's API, an experiment and its models take nothing new through Meteos' and ABEJA's.
async fn an_archived_experiment_takes_nothing(rest: &RestClient, experiment: &str, model: &str) {
    let send = async |method: Method, path: &str, body: Value| sent(rest, method, path, body).await;
    let organization = "/organizations/1234567890123";
    let deployments = send(
        Method::GET,
        &format!("{organization}/deployments"),
        Value::Null,
    )
    .await
    .1;
    let deployment = deployments["entries"][0]["deployment_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let versions = format!("{organization}/deployments/{deployment}/versions");
    let version =
        send(Method::GET, &versions, Value::Null).await.1["entries"][0]["version_id"].clone();
    let definitions = send(
        Method::GET,
        &format!("{organization}/training/definitions"),
        Value::Null,
    )
    .await
    .1;
    let definition = definitions["entries"][0]["job_definition_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let models = format!("{organization}/training/definitions/{definition}/models");
    let trained =
        send(Method::GET, &models, Value::Null).await.1["entries"][0]["training_model_id"].clone();
    let run = json!({"version_id": version, "models": {"alias": trained}});
    let runs = format!("{organization}/deployments/{deployment}/runs");
    let (load, ask) = (format!("/v1/p/models/{model}/action"), "/v1/p/learnings");
    let row = json!({"learning": {"model_id": model, "method": "predict", "args": "NywxCg=="}});

    let archive = format!("/apis/v1beta1/experiments/{experiment}:archive");
    assert_eq!(send(Method::POST, &archive, Value::Null).await.0, 200);
    let before = send(Method::GET, &runs, Value::Null).await.1;
    let (status, refused) = send(Method::POST, &runs, run.clone()).await;
    assert_eq!(
        (status, &refused["error"]),
        (409, &json!("conflict")),
        "{refused}"
    );
    assert_eq!(
        send(Method::GET, &runs, Value::Null).await.1,
        before,
        "nothing was made"
    );
    for (path, body) in [(&*load, json!({"os-load": null})), (ask, row)] {
        let (status, refused) = send(Method::POST, path, body).await;
        let told = refused["badRequest"]["message"]
            .as_str()
            .unwrap_or_default();
        assert!(
            status == 400 && told.starts_with("Invalid Status"),
            "{path}: {status} {refused}"
        );
    }
    assert_eq!(
        send(
            Method::POST,
            &archive.replace(":archive", ":unarchive"),
            Value::Null
        )
        .await
        .0,
        200
    );
    let (status, made) = send(Method::POST, &runs, run).await;
    assert_eq!(status, 201, "{made}");
}
