//! Experiments and schedules at real daemons, through a kill of the coordinator.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::toy;
use fedflow_tests::rest::{PATIENCE, RestClient};
use http::Method;
use serde_json::{Value, json};

use super::program;

const EXPERIMENTS: &str = "/apis/v1beta1/experiments";

/// The answer, or null while the REST endpoint does not answer.
async fn ask(rest: &RestClient, method: Method, path: &str, body: &Value) -> Value {
    let sent = rest
        .send(method, path, "application/json", body.to_string())
        .await;
    sent.ok()
        .and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// How often the schedule has begun a job, and the jobs of its experiment.
async fn begun(
    rest: &RestClient,
    schedule: &Value,
    experiment: &str,
) -> Option<(usize, BTreeSet<String>)> {
    let of = json!({"schedule_id": schedule});
    let found = ask(rest, Method::POST, "/v1/fedflow/schedules/query", &of).await;
    let count = usize::try_from(found["data"][0]["begun"].as_u64()?).ok()?;
    let rows = ask(
        rest,
        Method::POST,
        "/v1/job/query",
        &json!({"experiment": experiment}),
    )
    .await;
    let rows = rows["data"].as_array()?;
    Some((
        count,
        rows.iter()
            .map(|row| row["f_job_id"].as_str().expect("an id").to_owned())
            .collect(),
    ))
}

#[tokio::test]
async fn schedules_begin_each_time_once_through_a_kill_of_the_coordinator() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let made = ask(
        &cluster.rest,
        Method::POST,
        EXPERIMENTS,
        &json!({"name": "nightly"}),
    )
    .await;
    let experiment = made["id"].as_str().expect("an id").to_owned();
    let (dsl, mut conf) = toy();
    conf["job_parameters"]["common"]["experiment"] = json!(experiment);
    let order = json!({"job_dsl": dsl, "job_runtime_conf": conf, "every_seconds": 1});
    let schedule = cluster
        .rest
        .data("/v1/fedflow/schedules/create", &order)
        .await["schedule_id"]
        .clone();
    let until = Instant::now() + PATIENCE;
    let mut killed = 0;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let Some((count, _)) = begun(&cluster.rest, &schedule, &experiment).await else {
            continue;
        };
        if count > killed && killed < 2 {
            cluster.kill("coordinator");
            killed = count;
        } else if count >= killed + 2 && killed >= 2 {
            break;
        }
    }
    let archive = format!("{EXPERIMENTS}/{experiment}:archive");
    assert_eq!(
        ask(&cluster.rest, Method::POST, &archive, &Value::Null).await,
        json!({})
    );
    let (count, jobs) = begun(&cluster.rest, &schedule, &experiment)
        .await
        .expect("answered");
    assert_eq!(count, jobs.len(), "each begun job is there once: {jobs:?}");
    assert!(count >= 4, "{count}");
    let shown = ask(
        &cluster.rest,
        Method::GET,
        &format!("{EXPERIMENTS}/{experiment}"),
        &Value::Null,
    )
    .await;
    assert_eq!(
        (&shown["name"], &shown["storage_state"]),
        (&json!("nightly"), &json!("STORAGESTATE_ARCHIVED"))
    );
    for job in &jobs {
        cluster.rest.succeeded(job).await;
    }
    let again = cluster
        .rest
        .post(
            "/v1/fedflow/schedules/enable",
            &json!({"schedule_id": schedule}),
        )
        .await;
    assert_eq!(again["retcode"], 103, "{again}");
    let (after, _) = begun(&cluster.rest, &schedule, &experiment)
        .await
        .expect("answered");
    assert_eq!(after, count, "archiving switched it off");
    cluster.end();
}
