//! How fast the coordinator decides, and how long a job waits from its submission to its first order.
//!
//! Run with `cargo bench -p service`. Agents are played inside the process and answer at once.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

#[allow(dead_code)]
#[path = "../tests/coordinator/agents.rs"]
mod agents;
#[allow(dead_code)]
#[path = "../tests/coordinator/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{JobSnapshot, decide};
use serde_json::json;
use service::{Principal, Store, SubmitJob};
use store::{MemoryStore, SqliteStore};

use world::{PARTIES, World, conf, dsl, pair_conf, party, reader_dsl};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        decisions().await;
        for waiting in [1, 1_000] {
            first_order("memory", Arc::new(MemoryStore::default()), waiting).await;
            let folder = tempfile::tempdir().expect("a folder");
            let store = SqliteStore::open(&folder.path().join("bench.db"))
                .await
                .expect("opens");
            first_order("SQLite", Arc::new(store), waiting).await;
        }
    });
}

/// Decisions on jobs of three steps at three parties, as they stand at the start, in the middle and at the end.
async fn decisions() {
    let world = World::without_agents(Arc::new(MemoryStore::default()));
    for id in PARTIES {
        world.agents.connect(&party(id)).await;
        world.agents.behave(&party(id), |own| {
            own.runs = Some(Duration::from_millis(300))
        });
    }
    let id = world.submit(dsl(), conf(10000, json!({}))).await.id;
    let mut snapshots = Vec::new();
    for _ in 0..6 {
        let job = world.coordinator.jobs().get(&id).await.unwrap();
        let tasks = world.tasks(&id).await;
        let asked = BTreeMap::new();
        snapshots.push(JobSnapshot {
            job,
            tasks,
            asked,
            earlier: Vec::new(),
            short_of: Vec::new(),
            behind: None,
            held: None,
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let (presence, now) = (world.coordinator.presence(), world.coordinator.now());
    let rounds = 20_000;
    let started = Instant::now();
    let mut made = 0;
    for round in 0..rounds {
        made += decide(&snapshots[round % snapshots.len()], &presence, now).len();
    }
    let per_second = rounds as f64 / started.elapsed().as_secs_f64();
    println!("decide: {per_second:.0} snapshots a second ({made} decisions in {rounds} rounds)");
    world.stop().await;
}

/// From `submit_job` to the first assignment at an agent, beside jobs that wait for a dead party.
async fn first_order(name: &str, store: Arc<dyn Store>, waiting: usize) {
    let world = World::without_agents(store);
    for id in PARTIES {
        world.agents.connect(&party(id)).await;
    }
    world.agents.disconnect(&party("10001"), false).await;
    let started = Instant::now();
    for _ in 0..waiting {
        world.submit(reader_dsl(), pair_conf(10001)).await;
    }
    let filled = started.elapsed();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let before = world.agents.assignments().len();
        let started = Instant::now();
        let command = SubmitJob {
            dsl: reader_dsl(),
            conf: pair_conf(10000),
            ..SubmitJob::default()
        };
        let job = world
            .coordinator
            .jobs()
            .submit_documents(&Principal::anyone(), command)
            .await
            .expect("is taken in");
        while world.agents.assignments().len() == before {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(started.elapsed());
        world.settled(&job.id).await;
    }
    times.sort();
    let (median, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{name}, {waiting} waiting (submitted in {filled:.1?}): submit to first order p50 {median:.1?}, p99 {late:.1?}"
    );
    world.stop().await;
}
