//! Bad input and refusals: one clear error each, and the daemons live on.

use fedflow_tests::cluster::{Cluster, signal};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair};
use serde_json::{Value, json};

use super::{loaded, program};

fn said(reply: &Value) -> String {
    assert_ne!(reply["retcode"], 0, "{reply}");
    reply["retmsg"].as_str().expect("a reason").to_owned()
}

/// What the failed tasks of a job report.
async fn report(cluster: &Cluster, job: &str) -> String {
    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    let all = tasks
        .as_array()
        .expect("tasks")
        .iter()
        .filter_map(|task| task["f_error_report"].as_str());
    all.filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn bad_documents_are_refused_with_the_place() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["input"]["data"]["train_data"] = json!(["nowhere_0.data"]);
    assert!(
        said(&rest.submit(&dsl, &lr_conf(1)).await).contains("data input nowhere_0 does not exist")
    );

    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_0"]["module"] = json!("HeteroLRR");
    assert!(said(&rest.submit(&dsl, &lr_conf(1)).await).contains("HeteroLRR"));

    let mut conf = lr_conf(1);
    conf["component_parameters"]["common"]["hetero_lr_0"]["max_itr"] = json!(3);
    let text = said(&rest.submit(&lr_dsl(), &conf).await);
    assert!(
        text.contains("redundant parameters") && text.contains("max_itr"),
        "{text}"
    );

    let mut conf = lr_conf(1);
    conf["component_parameters"]["common"]["hetero_lr_0"]["optimizer"] = json!("magic");
    let text = said(&rest.submit(&lr_dsl(), &conf).await);
    assert!(
        text.contains("optimizer") && text.contains("magic"),
        "{text}"
    );

    let mut conf = lr_conf(1);
    conf["role"]["host"] = json!([10007]);
    assert!(said(&rest.submit(&lr_dsl(), &conf).await).contains("10007"));
    assert!(said(&rest.submit(&json!("nonsense"), &json!([])).await).len() > 10);

    let job = rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    rest.succeeded(&job).await;
    cluster.end();
}

#[tokio::test]
async fn a_missing_table_is_named_with_the_nearest_one() {
    let cluster = loaded().await;
    let mut conf = lr_conf(1);
    conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"]["name"] = json!("hosst");
    let job = cluster.rest.submitted(&lr_dsl(), &conf).await;
    assert_eq!(cluster.rest.ended(&job).await["f_status"], "failed");
    let text = report(&cluster, &job).await;
    assert!(
        text.contains("FF201") && text.contains("hosst") && text.contains("10000"),
        "{text}"
    );
    assert!(
        text.contains("experiment.host"),
        "no nearest name in {text}"
    );
    cluster.end();
}

#[tokio::test]
async fn an_empty_intersection_is_said_as_such() {
    let cluster = loaded().await;
    let tables = pair(60);
    cluster
        .rest
        .load(
            "10000",
            "strangers",
            &tables
                .host
                .replace("id", "other")
                .replacen("other", "id", 1),
        )
        .await;
    let mut conf = lr_conf(1);
    conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"]["name"] =
        json!("strangers");
    let job = cluster.rest.submitted(&lr_dsl(), &conf).await;
    assert_eq!(cluster.rest.ended(&job).await["f_status"], "failed");
    let text = report(&cluster, &job).await;
    assert!(text.contains("FF203"), "{text}");
    cluster.end();
}

#[tokio::test]
async fn a_refused_offer_names_the_party_and_the_rule() {
    let mut cluster = loaded().await;
    let policy = cluster.dir.path().join("party-10000/policy.toml");
    let text = std::fs::read_to_string(&policy).expect("a policy");
    std::fs::write(
        &policy,
        text.replace("tables = [\"*\"]", "tables = [\"experiment.other\"]"),
    )
    .expect("written");
    cluster.restart();
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    let row = cluster.rest.ended(&job).await;
    assert_eq!(row["f_status"], "failed");
    let text = row.to_string();
    assert!(
        text.contains("FF301") && text.contains("admission.tables") && text.contains("10000"),
        "{text}"
    );
    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    let started = tasks
        .as_array()
        .expect("tasks")
        .iter()
        .any(|task| !task["f_start_time"].is_null());
    assert!(!started, "a task ran although a party refused");
    cluster.end();
}

#[tokio::test]
async fn a_job_that_waits_for_a_dead_party_delays_no_other_and_says_why_it_waits() {
    let cluster = Cluster::up(&program(), "9999,10000,10001");
    let tables = pair(120);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    cluster.rest.load("10001", "host", &tables.host).await;
    let asleep = cluster.processes("party-10001");
    asleep.iter().for_each(|id| signal(*id, "STOP"));
    let mut conf = lr_conf(2);
    conf["role"]["host"] = json!([10001]);
    let waiting = cluster.rest.submitted(&lr_dsl(), &conf).await;
    for _ in 0..3 {
        let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
        cluster.rest.succeeded(&job).await;
    }
    let row = cluster
        .rest
        .until(&waiting, |row| {
            row["f_waiting_reason"]
                .as_str()
                .is_some_and(|text| text.contains("10001"))
        })
        .await;
    assert_eq!(row["f_status"], "waiting", "{row}");
    let detail = cluster
        .rest
        .data("/v1/fedflow/job/waiting", &json!({"job_id": waiting}))
        .await;
    assert!(
        detail["waiting"]["since"].is_i64() || detail["waiting"]["since"].is_string(),
        "{detail}"
    );
    asleep.iter().for_each(|id| signal(*id, "CONT"));
    cluster.rest.succeeded(&waiting).await;
    cluster.end();
}

#[tokio::test]
async fn a_running_job_stops_when_asked_and_can_run_again() {
    let cluster = loaded().await;
    let mut conf = lr_conf(1_000_000);
    conf["component_parameters"]["common"]["hetero_lr_0"]["tol"] = json!(1e-300);
    let job = cluster.rest.submitted(&lr_dsl(), &conf).await;
    let running = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "status": "running"});
    while cluster.rest.post("/v1/job/task/query", &running).await["retcode"] != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        cluster
            .rest
            .post("/v1/job/stop", &json!({"job_id": job}))
            .await["retcode"],
        0
    );
    assert_eq!(cluster.rest.ended(&job).await["f_status"], "canceled");
    let change = json!({"job_id": job});
    assert_eq!(
        cluster.rest.post("/v1/job/stop", &change).await["retcode"],
        0,
        "stopping twice is not an error"
    );
    let other = cluster.rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    cluster.rest.succeeded(&other).await;
    cluster.end();
}
