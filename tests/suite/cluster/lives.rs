//! The life of jobs beyond the happy path, with real agents: retries, changed parameters, steps taken over, cleaning up.

use fedflow_tests::fixtures::{lr_conf, lr_dsl, toy};
use serde_json::{Value, json};

use super::loaded;

fn versions(tasks: &Value) -> Vec<u64> {
    tasks
        .as_array()
        .expect("tasks")
        .iter()
        .filter_map(|task| task["f_task_version"].as_u64())
        .collect()
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "the life of one job: each part needs the one before"
)]
async fn a_job_is_retried_changed_taken_over_and_cleaned_up() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let (dsl, mut conf) = toy();
    conf["job_parameters"]["common"]["auto_retries"] = json!(1);
    conf["component_parameters"]["common"]["secure_add_example_0"]["fail_attempts"] = json!(1);
    let rehearsal = rest.submitted(&dsl, &conf).await;
    rest.succeeded(&rehearsal).await;
    let tasks = rest
        .data("/v1/job/task/query", &json!({"job_id": rehearsal}))
        .await;
    assert_eq!(
        versions(&tasks),
        [1, 1],
        "the first attempt failed on purpose"
    );

    let first = rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    rest.succeeded(&first).await;
    let mut conf = lr_conf(3);
    let steps = ["reader_0", "data_transform_0", "intersection_0"];
    conf["job_parameters"] =
        json!({"common": {"inheritance_info": {"job_id": first, "component_list": steps}}});
    let heir = rest.submitted(&lr_dsl(), &conf).await;
    rest.succeeded(&heir).await;
    let row = &rest.data("/v1/job/query", &json!({"job_id": heir})).await[0];
    assert_eq!(
        (
            &row["f_inheritance_status"],
            &row["f_inheritance_info"]["job_id"]
        ),
        (&json!("success"), &json!(first))
    );
    let guest = |step: &str| json!({"job_id": heir, "component_name": step, "role": "guest", "party_id": "9999"});
    let rows = rest
        .data(
            "/v1/tracking/component/output/data",
            &guest("intersection_0"),
        )
        .await;
    assert_eq!(
        rows[0].as_array().map(Vec::len),
        Some(100),
        "what was taken over is read under the new job's name"
    );

    let change = json!({"common": {"hetero_lr_0": {"max_iter": 5}}});
    rest.data(
        "/v1/job/parameter/update",
        &json!({"job_id": heir, "component_parameters": change}),
    )
    .await;
    let again = json!({"job_id": heir, "component_name": "hetero_lr_0", "force": true});
    assert_eq!(
        rest.post("/v1/job/rerun", &again).await["retmsg"],
        "rerun job success"
    );
    rest.succeeded(&heir).await;
    let parameters = rest
        .data("/v1/tracking/component/parameters", &guest("hetero_lr_0"))
        .await;
    assert_eq!(parameters["ComponentParam"]["max_iter"], 5);
    let tasks = rest
        .data(
            "/v1/job/task/query",
            &json!({"job_id": heir, "role": "guest"}),
        )
        .await;
    assert_eq!(
        versions(&tasks),
        [0, 0, 0, 1, 1],
        "what hangs on the step ran again, nothing else"
    );

    // The earlier job's tables are the heir's, too: they stay until both let go of them.
    let cleaned = rest.data("/v1/job/clean", &json!({"job_id": first})).await;
    assert!(
        cleaned["9999"]["tables"]
            .as_u64()
            .is_some_and(|tables| tables > 0),
        "{cleaned}"
    );
    let rows = rest
        .data(
            "/v1/tracking/component/output/data",
            &guest("intersection_0"),
        )
        .await;
    assert_eq!(rows[0].as_array().map(Vec::len), Some(100));
    cluster.end();
}
