//! Runs through ABEJA's API with real processes: over a file that was sent, across a kill of the coordinator.

use std::time::Duration;

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use serde_json::{Value, json};

use super::loaded;

const BASE: &str = "/organizations/1234567890123";

/// Status and reply; none while the REST endpoint is away.
async fn ask(cluster: &Cluster, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let method = method.parse().expect("a method");
    let (status, bytes) = cluster
        .rest
        .send(method, path, "application/json", body)
        .await
        .ok()?;
    let told = || panic!("{path}: {}", String::from_utf8_lossy(&bytes));
    Some((
        status,
        serde_json::from_slice(&bytes).unwrap_or_else(|_| told()),
    ))
}

async fn got(cluster: &Cluster, method: &str, path: &str, body: &Value) -> Value {
    let (status, reply) = ask(cluster, method, path, body).await.expect("answered");
    assert!(
        matches!(status, 200 | 201),
        "{method} {path}: {status} {reply}"
    );
    reply
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not text"))
        .to_owned()
}

#[tokio::test]
async fn runs_survive_the_kill_of_the_coordinator() {
    let cluster = loaded().await;
    let trained = cluster.rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    cluster.rest.succeeded(&trained).await;
    let deployments = got(
        &cluster,
        "GET",
        &format!("{BASE}/deployments"),
        &Value::Null,
    )
    .await;
    let deployment = text(&deployments["entries"][0]["deployment_id"]);
    let versions = format!("{BASE}/deployments/{deployment}/versions");
    let version =
        got(&cluster, "GET", &versions, &Value::Null).await["entries"][0]["version_id"].clone();
    let runs = format!("{BASE}/deployments/{deployment}/runs");
    let mut made = Vec::new();
    for _ in 0..4 {
        let run = got(
            &cluster,
            "POST",
            &runs,
            &json!({"version_id": version, "distribution": 1}),
        )
        .await;
        made.push(run);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    cluster.kill("coordinator");
    for run in &made {
        let path = format!("{runs}/{}", text(&run["run_id"]));
        let mut last = Value::Null;
        for _ in 0..600 {
            // the REST endpoint is away for a moment
            if let Some((200, run)) = ask(&cluster, "GET", &path, &Value::Null).await {
                last = run;
                if matches!(last["status"].as_str(), Some("SUCCEEDED" | "FAILED")) {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(
            (&last["status"], &last["created_at"]),
            (&json!("SUCCEEDED"), &run["created_at"]),
            "{last}"
        );
        let lines = got(&cluster, "GET", &format!("{path}/logs"), &Value::Null).await;
        let events = lines["events"].as_array().expect("lines");
        let ends = events
            .iter()
            .filter(|event| event["message"] == "the job has succeeded")
            .count();
        assert_eq!(ends, 1, "each move is told once: {lines}");
    }
    let listed = got(&cluster, "GET", &runs, &Value::Null).await;
    let ids: Vec<&Value> = listed["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| &run["run_id"])
        .collect();
    let newest: Vec<&Value> = made.iter().rev().map(|run| &run["run_id"]).collect();
    assert_eq!(ids, newest, "each run once");
    cluster.end();
}
