//! Checkpoints, and predictions that somebody waits for.

use std::time::{Duration, Instant};

use fedflow_tests::cluster::{Cluster, signal};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair};
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Value, json};

use super::{loaded, program};

const CHAIN: [&str; 3] = ["data_transform_0", "intersection_0", "hetero_lr_0"];

/// The model id and version that a training left.
async fn model(rest: &RestClient, job: &str) -> (Value, Value) {
    let config = rest
        .data(
            "/v1/job/config",
            &json!({"job_id": job, "role": "guest", "party_id": "9999"}),
        )
        .await;
    (
        config["model_info"]["model_id"].clone(),
        config["model_info"]["model_version"].clone(),
    )
}

/// Scores by id of a step's output at the guest.
async fn scores(rest: &RestClient, job: &str) -> Vec<(String, f64)> {
    let of = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "party_id": "9999"});
    let reply = rest.post("/v1/tracking/component/output/data", &of).await;
    let header: Vec<&str> = reply["meta"]["header"][0]
        .as_array()
        .expect("a header")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let at = header
        .iter()
        .position(|name| *name == "predict_score")
        .expect("scores");
    let number = |cell: &Value| {
        cell.as_f64()
            .or_else(|| cell.as_str()?.parse().ok())
            .expect("a number")
    };
    let row = |row: &Value| (row[0].as_str().expect("an id").to_owned(), number(&row[at]));
    reply["data"][0]
        .as_array()
        .expect("rows")
        .iter()
        .map(row)
        .collect()
}

fn furthest(one: &[(String, f64)], other: &[(String, f64)]) -> f64 {
    let ids =
        |scores: &[(String, f64)]| scores.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(one), ids(other));
    one.iter()
        .zip(other)
        .map(|((_, one), (_, other))| (one - other).abs())
        .fold(0.0, f64::max)
}

fn with_checkpoints(epochs: u32) -> Value {
    let mut conf = lr_conf(epochs);
    conf["component_parameters"]["common"]["hetero_lr_0"]["callback_param"] =
        json!({"callbacks": ["ModelCheckpoint"], "save_freq": 1});
    conf
}

/// A state leaves in FATE's messages, and the last one is the model that `model/transfer` gives.
async fn in_fates_messages(rest: &RestClient, mut of: Value, listed: &Value) {
    let (id, version) = (of["model_id"].clone(), of["model_version"].clone());
    let name = json!({"namespace": format!("host#10000#{}", id.as_str().expect("an id")), "name": version});
    let whole = rest.data("/v1/model/transfer", &name).await;
    of["step_index"] = json!(3);
    let state = rest.data("/v1/checkpoint/get", &of).await["models"].clone();
    let names: Vec<&String> = state.as_object().expect("messages").keys().collect();
    assert_eq!(
        names,
        [
            "HeteroLogisticRegressionMeta",
            "HeteroLogisticRegressionParam"
        ]
    );
    for (name, message) in state.as_object().expect("messages") {
        // Numbers of the other one went through text, which may cost the last bit.
        let other = &whole[format!("hetero_lr_0.model:{name}")];
        assert_eq!(
            message.as_str().map(str::len),
            other.as_str().map(str::len),
            "{name}"
        );
    }
    assert_eq!(
        listed["models"]["HeteroLogisticRegressionParam"]["buffer_name"],
        "LRModelParam"
    );
    assert_eq!(
        listed["models"]["HeteroLogisticRegressionMeta"]["buffer_name"],
        "LRModelMeta"
    );
}

#[tokio::test]
async fn a_deployed_checkpoint_scores_as_a_training_that_stopped_there() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let job = rest.submitted(&lr_dsl(), &with_checkpoints(4)).await;
    rest.succeeded(&job).await;
    let (id, version) = model(rest, &job).await;
    let of = json!({
        "role": "host", "party_id": "10000", "model_id": id, "model_version": version, "component_name": "hetero_lr_0",
    });
    let kept = rest.data("/v1/checkpoint/list", &of).await;
    let steps: Vec<i64> = kept
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|kept| kept["step_index"].as_i64())
        .collect();
    assert_eq!(steps, [0, 1, 2, 3]);
    in_fates_messages(rest, of, &kept[3]).await;

    let mut chain = vec!["reader_0"];
    chain.extend(CHAIN);
    let deploy = json!({
        "model_id": id, "model_version": version, "cpn_list": chain, "components_checkpoint": {"hetero_lr_0": {"step_index": 1}},
    });
    let deployed = rest.data("/v1/model/deploy", &deploy).await;
    let mut conf = lr_conf(1);
    conf["component_parameters"] = json!({});
    conf["job_parameters"] = json!({"common": {"job_type": "predict", "model_id": id, "model_version": deployed["model_version"]}});
    let predicted = rest.submitted(&json!({}), &conf).await;
    rest.succeeded(&predicted).await;
    let short = rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    rest.succeeded(&short).await;
    let (predicted, short, whole) = (
        scores(rest, &predicted).await,
        scores(rest, &short).await,
        scores(rest, &job).await,
    );
    assert!(furthest(&predicted, &short) < 1e-6);
    assert!(furthest(&predicted, &whole) > 1e-3);
    cluster.end();
}

async fn inference(rest: &RestClient, service: &str, ids: Value) -> Value {
    rest.post(
        &format!("/v1/fedflow/inference/{service}"),
        &json!({"ids": ids}),
    )
    .await
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "the life of one bound model: each part needs the one before"
)]
async fn a_bound_model_answers_for_single_rows_and_says_who_is_away() {
    let cluster = Cluster::up_with(&program(), "9999,10000", &["--serving"]);
    let tables = pair(200);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    let (rest, guest) = (&cluster.rest, cluster.party("9999"));
    let job = rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    rest.succeeded(&job).await;
    let (id, version) = model(rest, &job).await;
    let deploy = json!({"model_id": id, "model_version": version, "cpn_list": CHAIN});
    let deployed = rest.data("/v1/model/deploy", &deploy).await["model_version"].clone();
    let mut of = lr_conf(1);
    of["job_parameters"] = json!({"model_id": id, "model_version": version});
    let refused = rest.post("/v1/model/load", &of).await;
    assert_eq!(
        (&refused["retcode"], &refused["data"]["guest"]["9999"]),
        (&json!(101), &json!(100)),
        "{refused}"
    );
    of["job_parameters"]["model_version"] = deployed.clone();
    let load = rest.data("/v1/model/load", &of).await;
    assert_eq!(
        (&load["guest"], &load["host"]),
        (&json!({"9999": 0}), &json!({"10000": 0}))
    );
    of["service_id"] = json!("risk");
    let bound = guest.post("/v1/model/bind", &of).await;
    assert_eq!(bound, json!({"retcode": 0, "retmsg": "service id is risk"}));

    // id7 is not at the host
    let answer = inference(
        &guest,
        "risk",
        json!(["id1", "id7", "nobody", "id0", "id2"]),
    )
    .await;
    assert_eq!(
        (&answer["retcode"], &answer["data"]["not_found"]),
        (&json!(0), &json!(["id7", "nobody"])),
        "{answer}"
    );
    let trained = scores(rest, &job).await;
    let rows = answer["data"]["scores"].as_array().expect("scores");
    assert_eq!(
        rows.iter()
            .map(|row| row["id"].as_str().expect("an id"))
            .collect::<Vec<_>>(),
        ["id1", "id0", "id2"]
    );
    for row in rows {
        let (_, score) = trained
            .iter()
            .find(|(id, _)| row["id"] == **id)
            .expect("it was trained on");
        assert!(
            (row["predict_score"].as_f64().expect("a score") - score).abs() < 1e-9,
            "{row} is not {score}"
        );
    }
    assert_eq!(
        inference(&guest, "other", json!(["id1"])).await["retcode"],
        101
    );
    assert_eq!(
        inference(rest, "risk", json!(["id1"])).await["retcode"],
        100,
        "not through the coordinator's REST endpoint"
    );
    assert_eq!(
        inference(&guest, "risk", json!(["id7"])).await["data"]["not_found"],
        json!(["id7"])
    );

    // `up` would start the host again
    signal(cluster.id(), "STOP");
    cluster.kill("party-10000");
    let began = Instant::now();
    loop {
        let away = inference(&guest, "risk", json!(["id1"])).await;
        assert_ne!(away["retcode"], 0, "{away}");
        let said = away["retmsg"].as_str().expect("a reason").to_owned();
        assert!(said.contains("FF"), "{said}");
        if said.contains("host 10000 is not connected") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "{said}");
    }
    signal(cluster.id(), "CONT");
    let sent = guest
        .send(
            Method::GET,
            "/v1/fedflow/inference/risk",
            "application/json",
            "",
        )
        .await
        .expect("answered");
    let figures: Value = serde_json::from_slice(&sent.1).expect("JSON");
    assert_eq!(figures["data"]["count"], 2, "{figures}");
    assert!(
        figures["data"]["errors"].as_u64() > Some(0)
            && figures["data"]["latency_ms"]["p99"].as_f64() > Some(0.0)
    );
    cluster.end();
}
