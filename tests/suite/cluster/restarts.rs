//! Daemons killed at once (SIGKILL) in the middle of the work: nothing is lost, and jobs end as they should.

use std::time::Duration;

use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use serde_json::json;

use super::loaded;

async fn survives(folder: &str, pause: Duration) {
    let cluster = loaded().await;
    let calm = cluster.rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    cluster.rest.succeeded(&calm).await;
    // Enough epochs that the kill falls into the training.
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(40)).await;
    let queued = cluster.rest.submitted(&lr_dsl(), &lr_conf(3)).await;
    tokio::time::sleep(pause).await;
    cluster.kill(folder);
    cluster.rest.succeeded(&job).await;
    cluster.rest.succeeded(&queued).await;
    let figure = |job: &str| {
        let (rest, job) = (cluster.rest.clone(), job.to_owned());
        async move { rest.figure(&job, "9999", "hetero_lr_0", "auc").await }
    };
    assert_eq!(
        figure(&calm).await,
        figure(&queued).await,
        "the result before and after the kill of {folder} differ"
    );
    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    assert!(
        tasks
            .as_array()
            .expect("tasks")
            .iter()
            .all(|task| task["f_status"] == "success"),
        "{tasks}"
    );
    cluster.end();
}

#[tokio::test]
async fn jobs_survive_the_kill_of_the_coordinator() {
    survives("coordinator", Duration::from_millis(900)).await;
}

#[tokio::test]
async fn jobs_survive_the_kill_of_the_guests_agent() {
    survives("party-9999", Duration::from_millis(1100)).await;
}

#[tokio::test]
async fn jobs_survive_the_kill_of_the_agent_of_host_and_arbiter() {
    survives("party-10000", Duration::from_millis(700)).await;
}
