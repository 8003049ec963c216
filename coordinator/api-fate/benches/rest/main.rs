//! How long the REST endpoint takes to answer, and what a full store changes about it.
//!
//! Run with `cargo bench -p api-fate`. Requests go over loopback HTTP to an API on a SQLite file; agents are played inside
//! the process and answer at once. Times depend on the machine and its disk: read the ratios.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

#[allow(dead_code)]
#[path = "../../../service/tests/coordinator/agents.rs"]
mod agents;
mod full;
mod percentiles;
#[allow(dead_code)]
#[path = "../../../service/tests/coordinator/world.rs"]
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::rest::{BodyStream, RestServer, ServeOptions};
use api_fate::{ApiOptions, FateFlow};
use api_kit::Rows;
use async_trait::async_trait;
use fedflow_tests::rest as rest_client;
use serde_json::{Value, json};
use store::SqliteStore;
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::{HttpHead, HttpReplyHead};

use full::{Kind, Template};
use percentiles::Percentiles;
use world::{PARTIES, World, conf, dsl, pair_conf, party, reader_dsl};

const SUBMISSIONS: usize = 300;
const QUESTIONS: usize = 400;
/// Jobs that the questions are about, and jobs that a full store has beside them.
const FEW: usize = 10;
const MANY: usize = 9_990;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        submissions().await;
        questions().await;
    });
}

/// A federation behind a REST endpoint, on a SQLite file of its own.
struct Bench {
    world: World,
    server: rest_client::RestClient,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

struct NoRows;

#[async_trait]
impl Rows for NoRows {
    async fn forward(
        &self,
        _: &PartyId,
        _: HttpHead,
        _: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        Err(Fault::new(
            ErrorCode::PartyOffline,
            "no rows are asked for here",
        ))
    }
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("bench.db"))
            .await
            .expect("opens");
        let world = World::without_agents(Arc::new(store));
        for id in PARTIES {
            world.agents.connect(&party(id)).await;
        }
        let api = FateFlow::new(
            world.coordinator.clone(),
            Arc::new(NoRows),
            ApiOptions::default(),
        );
        let server = RestServer::open(
            "127.0.0.1:0".parse().expect("an address"),
            ServeOptions::default(),
        )
        .await
        .expect("opens");
        let client = rest_client::RestClient::new(&format!("http://{}", server.address()));
        let stop = CancellationToken::new();
        tokio::spawn(server.run(api_fate::router(api), stop.clone()));
        Self {
            world,
            server: client,
            stop,
            _folder: folder,
        }
    }

    /// A job that ran, to be copied.
    async fn template(&self) -> Template {
        let id = self
            .server
            .submitted(&dsl(), &conf(10000, json!({})))
            .await
            .parse()
            .expect("an id");
        let job = self.world.settled(&id).await;
        Template {
            tasks: self.world.tasks(&id).await,
            job,
        }
    }

    async fn fill(&self, template: &Template, kind: Kind, count: usize) {
        template.fill(self.world.store.as_ref(), kind, count).await;
    }

    async fn close(self) {
        self.stop.cancel();
        self.world.stop().await;
    }
}

/// `job/submit` with one job in the store, with 1,000 finished ones, and with 1,000 that wait for a dead party.
async fn submissions() {
    println!("job/submit over loopback HTTP, SQLite file, {SUBMISSIONS} times");
    let mut alone = None;
    for (beside, finished, waiting) in [
        ("1 job", 0, 0),
        ("1,000 finished", 1_000, 0),
        ("1,000 waiting", 0, 1_000),
    ] {
        let bench = Bench::open().await;
        let template = bench.template().await;
        bench.fill(&template, Kind::Ordinary, finished).await;
        if waiting > 0 {
            bench.world.agents.disconnect(&party("10001"), false).await;
            for _ in 0..waiting {
                bench
                    .server
                    .submitted(&reader_dsl(), &pair_conf(10001))
                    .await;
            }
        }
        let mut times = Vec::new();
        for _ in 0..SUBMISSIONS {
            let started = Instant::now();
            bench
                .server
                .submitted(&dsl(), &conf(10000, json!({})))
                .await;
            times.push(started.elapsed());
        }
        let times = Percentiles::of(times);
        println!(
            "  beside {beside:<15} {times}{}",
            times.beside(alone.as_ref())
        );
        alone.get_or_insert(times);
        bench.close().await;
    }
}

/// Reads, with the jobs they are about alone in the store and among 10,000.
async fn questions() {
    let few = measured(0).await;
    let many = measured(MANY).await;
    println!(
        "reads, {FEW} jobs in the store, then {} ({QUESTIONS} times each)",
        FEW + MANY
    );
    for ((name, before), (_, after)) in few.iter().zip(&many) {
        println!("  {name:<42} {before}");
        println!("  {:<42} {after}{}", "", after.beside(Some(before)));
    }
}

async fn measured(others: usize) -> Vec<(&'static str, Percentiles)> {
    let bench = Bench::open().await;
    let template = bench.template().await;
    bench.fill(&template, Kind::Special, FEW).await;
    bench.fill(&template, Kind::Ordinary, others).await;
    let id = full::special(FEW / 2);
    let task =
        json!({"job_id": id, "component_name": "hetero_lr_0", "role": "guest", "party_id": 9999});
    let asked: [(&str, &str, Value); 9] = [
        ("job/query by id", "job/query", json!({"job_id": id})),
        (
            "job/query by status (10 fit)",
            "job/query",
            json!({"status": "failed"}),
        ),
        (
            "job/query by party (10 fit)",
            "job/query",
            json!({"role": "host", "party_id": 10001}),
        ),
        (
            "job/list/job, a page of 10",
            "job/list/job",
            json!({"limit": 10}),
        ),
        (
            "job/list/job, a page of 10 by status",
            "job/list/job",
            json!({"limit": 10, "status": "failed"}),
        ),
        (
            "job/list/task, a page of 10",
            "job/list/task",
            json!({"limit": 10}),
        ),
        (
            "job/task/query by id",
            "job/task/query",
            json!({"job_id": id}),
        ),
        (
            "tracking/component/metrics",
            "tracking/component/metrics",
            task.clone(),
        ),
        (
            "tracking/component/metric/all",
            "tracking/component/metric/all",
            task,
        ),
    ];
    let mut results = Vec::new();
    for (name, path, body) in asked {
        let path = format!("/v1/{path}");
        assert_eq!(
            bench.server.post(&path, &body).await["retcode"],
            0,
            "{name}"
        );
        let mut times = Vec::new();
        for _ in 0..QUESTIONS {
            let started = Instant::now();
            ask(&bench.server, &path, &body).await;
            times.push(started.elapsed());
        }
        results.push((name, Percentiles::of(times)));
    }
    if others > 0 {
        all_at_once(&bench.server, others).await;
    }
    bench.close().await;
    results
}

async fn ask(server: &rest_client::RestClient, path: &str, body: &Value) -> usize {
    let sent = server
        .send(
            http::Method::POST,
            path,
            "application/json",
            body.to_string(),
        )
        .await;
    let (status, bytes) = sent.expect("an answer");
    assert_eq!(status, 200);
    bytes.len()
}

/// The question that every job in the store fits: no paging is asked for, and every row must come.
async fn all_at_once(server: &rest_client::RestClient, jobs: usize) {
    let before = most_memory();
    let started = Instant::now();
    let bytes = ask(server, "/v1/job/query", &json!({"status": "success"})).await;
    let took: Duration = started.elapsed();
    let megabytes = bytes as f64 / 1e6;
    let grown = most_memory().saturating_sub(before) as f64 / 1e6;
    println!(
        "job/query that {jobs} jobs fit: {megabytes:.0} MB in {took:.1?}, {:.0} jobs a second; the memory of this process \
         (the client's copy of the answer among it) grew by {grown:.0} MB",
        jobs as f64 / took.as_secs_f64()
    );
}

/// The most memory that this process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    line.trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap_or(0)
        * 1024
}
