//! Stops at any moment of a job's life: it ends at once, as canceled or, just at the end, as a success.

use std::time::{Duration, Instant};

use fedflow_tests::cluster::signal;
use fedflow_tests::fixtures::{lr_conf, lr_dsl};
use serde_json::json;

use super::super::loaded;
use super::{Dice, idle, lives, no_panics};

#[tokio::test]
async fn a_stop_at_any_time_ends_the_job_and_leaves_the_agents_idle() {
    let cluster = loaded().await;
    let before = lives(&cluster);
    let rest = &cluster.rest;
    let began = Instant::now();
    let whole = rest.submitted(&lr_dsl(), &lr_conf(15)).await;
    rest.succeeded(&whole).await;
    let length = u64::try_from(began.elapsed().as_millis()).expect("short");
    let mut dice = Dice(0x5eed_0005);
    let (mut canceled, mut slowest) = (0, Duration::ZERO);
    for turn in 0..20_u64 {
        let job = rest.submitted(&lr_dsl(), &lr_conf(15)).await;
        // The first at once, the last about at the end, the rest anywhere.
        let pause = match turn {
            0 => 0,
            17.. => length - length / 20 + dice.below(length / 10),
            _ => dice.below(length),
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let asked = Instant::now();
        let reply = rest.post("/v1/job/stop", &json!({"job_id": job})).await;
        assert_eq!(reply["retcode"], 0, "{reply}");
        let row = rest.ended(&job).await;
        slowest = slowest.max(asked.elapsed());
        match row["f_status"].as_str() {
            Some("canceled") => canceled += 1,
            Some("success") => {}
            _ => panic!("stopped after {pause} of {length} ms: {row}"),
        }
        let tasks = rest
            .data("/v1/job/task/query", &json!({"job_id": job}))
            .await;
        // As in FATE, tasks that never began stay waiting.
        assert!(
            !tasks
                .as_array()
                .expect("tasks")
                .iter()
                .any(|task| task["f_party_status"] == "running"),
            "{tasks}"
        );
        idle(&[cluster.party("9999"), cluster.party("10000")]).await;
    }
    println!(
        "stops: {canceled} of 20 canceled, the slowest ended after {slowest:?}; a whole job takes {length} ms"
    );
    assert!(canceled > 3, "{canceled}");
    assert!(slowest < Duration::from_secs(15), "{slowest:?}");
    let last = rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    rest.succeeded(&last).await;
    assert_eq!(lives(&cluster), before, "a daemon was started again");
    no_panics(cluster.dir.path());
    cluster.end();
}

#[tokio::test]
async fn a_job_that_waits_for_an_answer_can_be_stopped() {
    let cluster = loaded().await;
    let asleep = cluster.processes("party-10000");
    asleep.iter().for_each(|id| signal(*id, "STOP"));
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    cluster
        .rest
        .until(&job, |row| {
            row["f_waiting_reason"]
                .as_str()
                .is_some_and(|text| text.contains("10000"))
        })
        .await;
    assert_eq!(
        cluster
            .rest
            .post("/v1/job/stop", &json!({"job_id": job}))
            .await["retcode"],
        0
    );
    let began = Instant::now();
    assert_eq!(cluster.rest.ended(&job).await["f_status"], "canceled");
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    asleep.iter().for_each(|id| signal(*id, "CONT"));
    let next = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    cluster.rest.succeeded(&next).await;
    idle(&[cluster.party("9999"), cluster.party("10000")]).await;
    cluster.end();
}
