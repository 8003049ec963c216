//! A party that is lost in the middle of a job and does not come back by itself.

use std::time::{Duration, Instant};

use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use fedflow_tests::rest::RestClient;
use serde_json::json;

use super::apart::Apart;
use super::{health, idle};

async fn trains(rest: &RestClient, job: &str) {
    let running = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "status": "running"});
    let began = Instant::now();
    while rest.post("/v1/job/task/query", &running).await["retcode"] != 0 {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "job {job} does not train: {}",
            rest.job(job).await
        );
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Waits until the job says for whom it waits.
async fn waits_for(rest: &RestClient, job: &str, party: &str) {
    let row = rest
        .until(job, |row| {
            row["f_waiting_reason"]
                .as_str()
                .is_some_and(|text| text.contains(party))
        })
        .await;
    assert!(
        ["running", "waiting"].contains(&row["f_status"].as_str().unwrap_or_default()),
        "{row}"
    );
    let detail = rest
        .data("/v1/fedflow/job/waiting", &json!({"job_id": job}))
        .await;
    assert_eq!(detail["waiting"]["parties"], json!([party]), "{detail}");
    let since = detail["waiting"]["since"].as_i64().expect("a time");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = rest
        .data("/v1/fedflow/job/waiting", &json!({"job_id": job}))
        .await;
    assert_eq!(
        later["waiting"]["since"].as_i64(),
        Some(since),
        "since when it waits moved: {later}"
    );
}

#[tokio::test]
async fn a_job_waits_for_a_lost_party_and_goes_on_when_it_is_back() {
    let mut apart = Apart::loaded().await;
    let rest = apart.rest("coordinator");
    let job = rest.submitted(&lr_dsl(), &lr_conf(60)).await;
    trains(&rest, &job).await;
    apart.kill("party-10000");
    waits_for(&rest, &job, "10000").await;
    assert_eq!(health(&rest).await["agents_online"], json!(["9999"]));
    apart.start("party-10000");
    rest.succeeded(&job).await;
    idle(&[apart.rest("party-9999"), apart.rest("party-10000")]).await;
    apart.end();
}

#[tokio::test]
async fn a_job_that_waits_for_a_lost_party_can_be_stopped() {
    let mut apart = Apart::loaded().await;
    let rest = apart.rest("coordinator");
    let job = rest.submitted(&lr_dsl(), &lr_conf(1_000_000)).await;
    trains(&rest, &job).await;
    apart.kill("party-10000");
    waits_for(&rest, &job, "10000").await;
    assert_eq!(
        rest.post("/v1/job/stop", &json!({"job_id": job})).await["retcode"],
        0
    );
    assert_eq!(rest.ended(&job).await["f_status"], "canceled");
    // The lost party learns that its part is over, and works for the next job.
    apart.start("party-10000");
    apart.connected().await;
    idle(&[apart.rest("party-9999"), apart.rest("party-10000")]).await;
    let next = rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    rest.succeeded(&next).await;
    apart.end();
}

#[tokio::test]
async fn a_job_outlives_the_loss_of_everybody_at_once() {
    let mut apart = Apart::loaded().await;
    let rest = apart.rest("coordinator");
    let job = rest.submitted(&lr_dsl(), &lr_conf(60)).await;
    trains(&rest, &job).await;
    super::FOLDERS.iter().for_each(|folder| apart.kill(folder));
    super::FOLDERS.iter().for_each(|folder| apart.start(folder));
    apart.rest("coordinator").succeeded(&job).await;
    apart.end();
}
