//! Many jobs at once, some of them for a party that does not answer.

use std::time::Instant;

use fedflow_tests::cluster::{Cluster, signal};
use fedflow_tests::fixtures::toy;
use serde_json::json;

use super::super::program;
use super::{idle, no_panics};

const JOBS: usize = 100;
/// Every so many asks the party that sleeps.
const ONE_IN: usize = 20;

#[tokio::test]
async fn a_hundred_jobs_at_once_all_end_but_those_of_a_party_that_sleeps() {
    let cluster = Cluster::up(&program(), "9999,10000,10001");
    let asleep = cluster.processes("party-10001");
    asleep.iter().for_each(|id| signal(*id, "STOP"));
    let (dsl, conf) = toy();
    let began = Instant::now();
    let submissions = (0..JOBS).map(|number| {
        let (rest, dsl, mut conf) = (cluster.rest.clone(), dsl.clone(), conf.clone());
        let sleeps = number % ONE_IN == 7;
        if sleeps {
            conf["role"]["host"] = json!(["10001"]);
        }
        tokio::spawn(async move { (rest.submitted(&dsl, &conf).await, sleeps) })
    });
    let mut jobs = Vec::new();
    for submission in submissions.collect::<Vec<_>>() {
        jobs.push(submission.await.expect("submitted"));
    }
    let taken = began.elapsed();
    for (job, _) in jobs.iter().filter(|(_, sleeps)| !sleeps) {
        cluster.rest.succeeded(job).await;
    }
    let ended = began.elapsed();
    let healthy = JOBS - JOBS / ONE_IN;
    println!(
        "crowd: {JOBS} jobs taken in {:.2} s, {healthy} ended after {:.2} s: {:.1} jobs a second",
        taken.as_secs_f64(),
        ended.as_secs_f64(),
        healthy as f64 / ended.as_secs_f64(),
    );
    for (job, _) in jobs.iter().filter(|(_, sleeps)| *sleeps) {
        let row = cluster
            .rest
            .until(job, |row| {
                row["f_waiting_reason"]
                    .as_str()
                    .is_some_and(|text| text.contains("10001"))
            })
            .await;
        assert_eq!(row["f_status"], "waiting", "{row}");
    }
    asleep.iter().for_each(|id| signal(*id, "CONT"));
    for (job, _) in &jobs {
        cluster.rest.succeeded(job).await;
    }
    idle(&[
        cluster.party("9999"),
        cluster.party("10000"),
        cluster.party("10001"),
    ])
    .await;
    no_panics(cluster.dir.path());
    cluster.end();
}
