//! A deployed model leaves one federation as archives, one for each party, and predicts the same in another.

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Value, json};

use super::{loaded, program};

/// Who has a part of the model.
const PARTS: [(&str, &str); 3] = [("guest", "9999"), ("host", "10000"), ("arbiter", "10000")];

/// Scores by id of the job's learner.
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
        .expect("a score");
    let number = |cell: &Value| {
        cell.as_f64()
            .or_else(|| cell.as_str()?.parse().ok())
            .expect("a number")
    };
    let rows = reply["data"][0].as_array().expect("rows").iter();
    let mut scores: Vec<(String, f64)> = rows
        .map(|row| {
            (
                row[0]
                    .as_str()
                    .map_or_else(|| row[0].to_string(), str::to_owned),
                number(&row[at]),
            )
        })
        .collect();
    scores.sort_by(|left, right| left.0.cmp(&right.0));
    scores
}

async fn predicted(rest: &RestClient, model: &Value) -> Vec<(String, f64)> {
    let mut conf = lr_conf(3);
    conf["job_parameters"] = json!({"common": {
        "job_type": "predict", "model_id": model["model_id"], "model_version": model["model_version"],
    }});
    conf["component_parameters"]
        .as_object_mut()
        .expect("an object")
        .remove("common");
    let job = rest.submitted(&json!({}), &conf).await;
    rest.succeeded(&job).await;
    scores(rest, &job).await
}

fn form(fields: &Value, archive: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields.as_object().expect("fields") {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let part =
            format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(
        b"--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\n\r\n",
    );
    body.extend_from_slice(archive);
    body.extend_from_slice(b"\r\n--X--\r\n");
    body
}

async fn imported(cluster: &Cluster, fields: &Value, archive: &[u8]) -> (u16, Value) {
    let kind = "multipart/form-data; boundary=X";
    let sent = cluster
        .rest
        .send(
            Method::POST,
            "/v1/model/import",
            kind,
            form(fields, archive),
        )
        .await;
    let (status, bytes) = sent.expect("answered");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

fn part(model: &Value, role: &str, party: &str, force: u8) -> Value {
    json!({
        "model_id": model["model_id"], "model_version": model["model_version"], "role": role, "party_id": party,
        "force_update": force, "file": "/tmp/model.zip",
    })
}

#[tokio::test]
async fn an_exported_model_predicts_the_same_in_another_federation() {
    let first = loaded().await;
    let job = first.rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    first.rest.succeeded(&job).await;
    let row = first.rest.job(&job).await;
    let deployed = json!({
        "model_id": "arbiter-10000#guest-9999#host-10000#model", "model_version": row["f_job_id"],
        "cpn_list": ["reader_0", "data_transform_0", "intersection_0", "hetero_lr_0"],
    });
    let model = first.rest.data("/v1/model/deploy", &deployed).await;
    let trained = scores(&first.rest, &job).await;
    let before = predicted(&first.rest, &model).await;
    assert_eq!(before.len(), trained.len());
    let mut archives = Vec::new();
    for (role, party) in PARTS {
        let asked = part(&model, role, party, 0).to_string();
        let sent = first
            .rest
            .send(Method::GET, "/v1/model/export", "application/json", asked)
            .await;
        let (status, bytes) = sent.expect("answered");
        assert_eq!(status, 200, "{role}: {}", String::from_utf8_lossy(&bytes));
        archives.push(bytes);
    }
    let (status, reply) = imported(&first, &part(&model, "guest", "9999", 0), &archives[0]).await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (409, &json!("Model already exists."))
    );
    let (status, reply) = imported(&first, &part(&model, "guest", "9999", 1), &archives[0]).await;
    assert_eq!((status, &reply["retcode"]), (200, &json!(0)), "{reply}");
    assert_eq!(
        predicted(&first.rest, &model).await,
        before,
        "an import over itself changes nothing"
    );
    first.end();

    let second = loaded().await;
    for ((role, party), archive) in PARTS.into_iter().zip(&archives) {
        let (status, reply) = imported(&second, &part(&model, role, party, 0), archive).await;
        assert_eq!(
            (status, &reply["retcode"]),
            (200, &json!(0)),
            "{role}: {reply}"
        );
        assert_eq!(reply["data"]["party_id"], party);
    }
    let after = predicted(&second.rest, &model).await;
    assert_eq!(after.len(), before.len());
    for ((id, score), (other, expected)) in after.iter().zip(&before) {
        assert!(
            id == other && (score - expected).abs() < 1e-12,
            "{id}: {score}, but {other} was {expected}"
        );
    }
    second.end();
}

#[tokio::test]
async fn a_copy_without_a_store_fails_and_says_why() {
    let cluster = Cluster::up(&program(), "9999");
    let body = json!({"model_id": "guest-9999#model", "model_version": "20260101120000000000", "role": "guest", "party_id": "9999"});
    let reply = cluster.rest.post("/v1/model/store", &body).await;
    assert_eq!(
        (reply["retcode"].as_i64(), reply["data"]["code"].as_i64()),
        (Some(0), Some(0)),
        "{reply}"
    );
    let row = cluster
        .rest
        .ended(reply["jobId"].as_str().expect("a job"))
        .await;
    assert_eq!(row["f_status"], "failed");
    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": reply["jobId"]}))
        .await;
    assert!(
        tasks[0]["f_error_report"]
            .as_str()
            .unwrap_or_default()
            .contains("no model store"),
        "{tasks}"
    );
    cluster.end();
}
