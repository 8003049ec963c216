//! The life of a model with real processes: trained, deployed, applied; the scores are those of the training.

use std::collections::BTreeMap;

use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use fedflow_tests::rest::RestClient;
use serde_json::{Value, json};

use super::loaded;

/// Scores at the guest by id: of the first hundred rows.
async fn scores(rest: &RestClient, job: &str) -> BTreeMap<String, f64> {
    scores_of(rest, job, "hetero_lr_0").await
}

/// The same of a step.
async fn scores_of(rest: &RestClient, job: &str, step: &str) -> BTreeMap<String, f64> {
    let of = json!({"job_id": job, "component_name": step, "role": "guest", "party_id": "9999"});
    let reply = rest.post("/v1/tracking/component/output/data", &of).await;
    let header = reply["meta"]["header"][0].as_array().expect("a header");
    let score = header
        .iter()
        .position(|name| name == "predict_score")
        .expect("a column of scores");
    let rows = reply["data"][0].as_array().expect("rows").iter();
    rows.map(|row| {
        (
            row[0].to_string(),
            row[score]
                .to_string()
                .trim_matches('"')
                .parse()
                .expect("a number"),
        )
    })
    .collect()
}

fn predict_conf(model: &Value, tables: bool) -> Value {
    let own = |table: &str| json!({"0": {"reader_1": {"table": {"name": table, "namespace": "experiment"}}}});
    let role = if tables {
        json!({"guest": own("guest"), "host": own("host")})
    } else {
        json!({})
    };
    json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {
            "job_type": "predict", "model_id": model["model_id"], "model_version": model["model_version"]
        }},
        "component_parameters": {"role": role},
    })
}

#[tokio::test]
async fn what_is_deployed_repeats_the_scores_of_the_training() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let job = rest.submitted(&lr_dsl(), &lr_conf(4)).await;
    rest.succeeded(&job).await;
    let trained = scores(rest, &job).await;
    assert_eq!(trained.len(), 100);
    let model_id = "arbiter-10000#guest-9999#host-10000#model";
    let whole = json!({"model_id": model_id, "model_version": job});
    let alike = async |job: &str| {
        let applied = scores(rest, job).await;
        assert_eq!(applied.len(), 100);
        for (id, score) in &applied {
            let before = trained
                .get(id)
                .unwrap_or_else(|| panic!("{id} was not in the training"));
            assert!(
                (score - before).abs() < 1e-6,
                "{id}: {before} when trained, {score} now"
            );
        }
    };

    // By names, with the readers of the training.
    let mut wanted = whole.clone();
    wanted["cpn_list"] = json!([
        "reader_0",
        "data_transform_0",
        "intersection_0",
        "hetero_lr_0"
    ]);
    let deployed = rest.data("/v1/model/deploy", &wanted).await;
    let reply = rest
        .submit(&Value::Null, &predict_conf(&deployed, false))
        .await;
    assert_eq!(
        reply["data"]["model_info"]["model_version"], deployed["model_version"],
        "{reply}"
    );
    let first = reply["jobId"].as_str().expect("a job").to_owned();
    rest.succeeded(&first).await;
    alike(&first).await;

    // As pipelines do: the DSL of a first child, with a reader of one's own, becomes a second child.
    wanted["cpn_list"] = json!(["data_transform_0", "intersection_0", "hetero_lr_0"]);
    let first_child = rest.data("/v1/model/deploy", &wanted).await;
    let mut dsl = rest.data("/v1/model/get/predict/dsl", &first_child).await;
    dsl["components"]["reader_1"] =
        json!({"module": "Reader", "provider": "fate_flow", "output": {"data": ["data"]}});
    dsl["components"]["data_transform_0"]["input"]["data"] = json!({"data": ["reader_1.data"]});
    let mut second = whole.clone();
    second["predict_dsl"] = dsl.clone();
    let second_child = rest.data("/v1/model/deploy", &second).await;
    let job = rest
        .submitted(&dsl, &predict_conf(&second_child, true))
        .await;
    rest.succeeded(&job).await;
    alike(&job).await;

    // What is not deployed is told, not tried.
    let refused = rest
        .submit(&Value::Null, &predict_conf(&whole, false))
        .await;
    assert_eq!(refused["retcode"], 103);
    assert!(
        refused["retmsg"]
            .as_str()
            .expect("text")
            .ends_with("model has not been deployed yet"),
        "{refused}"
    );
    cluster.end();
}

/// The graph of a training, and behind it steps that apply what the first ones learned to rows of their own.
fn twice() -> (Value, Value) {
    let applies = |module: &str, port: &str, from: &str, model: &str| json!({"module": module, "input": {"data": {port: [from]}, "model": [model]}, "output": {"data": ["data"], "model": ["model"]}});
    let (mut dsl, mut conf) = (lr_dsl(), lr_conf(4));
    let steps = dsl["components"].as_object_mut().expect("steps");
    steps.remove("evaluation_0");
    steps.insert("reader_1".into(), steps["reader_0"].clone());
    steps.insert(
        "data_transform_1".into(),
        applies(
            "DataTransform",
            "data",
            "reader_1.data",
            "data_transform_0.model",
        ),
    );
    let mut intersection = steps["intersection_0"].clone();
    intersection["input"] = json!({"data": {"data": ["data_transform_1.data"]}});
    steps.insert("intersection_1".into(), intersection);
    steps.insert(
        "hetero_lr_1".into(),
        applies(
            "HeteroLR",
            "test_data",
            "intersection_1.data",
            "hetero_lr_0.model",
        ),
    );
    for role in ["guest", "host"] {
        let own = &mut conf["component_parameters"]["role"][role]["0"];
        own["reader_1"] = own["reader_0"].clone();
    }
    (dsl, conf)
}

#[tokio::test]
async fn steps_that_applied_a_model_are_deployed_under_their_own_names() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let (dsl, conf) = twice();
    let job = rest.submitted(&dsl, &conf).await;
    rest.succeeded(&job).await;
    let trained = scores_of(rest, &job, "hetero_lr_1").await;
    assert_eq!(trained.len(), 100);
    let model_id = "arbiter-10000#guest-9999#host-10000#model";
    let applied = [
        "reader_1",
        "data_transform_1",
        "intersection_1",
        "hetero_lr_1",
    ];
    let all: Vec<&String> = dsl["components"]
        .as_object()
        .expect("steps")
        .keys()
        .collect();
    for steps in [json!(all), json!(applied)] {
        let wanted = json!({"model_id": model_id, "model_version": job, "cpn_list": steps});
        let deployed = rest.data("/v1/model/deploy", &wanted).await;
        let job = rest
            .submitted(&Value::Null, &predict_conf(&deployed, false))
            .await;
        rest.succeeded(&job).await;
        let again = scores_of(rest, &job, "hetero_lr_1").await;
        assert_eq!(again.len(), 100, "{steps}");
        for (id, score) in &again {
            assert!(
                (score - trained[id]).abs() < 1e-6,
                "{id} of {steps}: {score} where it was {}",
                trained[id]
            );
        }
    }
    // The part of the model is shown under the step's own name, too.
    let of = |step: &str| json!({"job_id": job, "component_name": step, "role": "guest", "party_id": "9999"});
    let header = async |step: &str| {
        let reply = rest
            .post("/v1/tracking/component/output/model", &of(step))
            .await;
        reply["data"]["header"].clone()
    };
    assert_eq!(
        header("data_transform_1").await,
        header("data_transform_0").await
    );
    cluster.end();
}
