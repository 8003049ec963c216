//! How long a page of log lines takes in a run with a million of them, at its ends and in its middle, and how long reading all.
//!
//! Run with `cargo bench -p api-abeja --bench lines`; `LINES=10000` makes it shorter. Requests go to ABEJA's API on a SQLite file,
//! without a network between.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

#[path = "../../../api-fate/benches/rest/percentiles.rs"]
#[allow(dead_code)]
mod percentiles;

use std::sync::Arc;
use std::time::{Duration, Instant};

use api_kit::{ApiContext, Authenticator, Rows};
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use domain::abeja::Run;
use domain::{Entity, EntityKind, Event};
use rest::BodyStream;
use rest::lenient::whole_body;
use serde_json::Value;
use service::numbered::IdForm;
use service::{AgentGateway, Coordinator, Options, Order, OrderReply, Principal};
use store::SqliteStore;
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault, JobId, PartyId, SystemClock, Tenant, Timestamp};
use wire::agent_link::{HttpHead, HttpReplyHead};

use percentiles::Percentiles;

const AT_ONCE: i64 = 10_000;
const QUESTIONS: usize = 300;

struct Nobody;

#[async_trait]
impl Rows for Nobody {
    async fn forward(
        &self,
        _: &PartyId,
        _: HttpHead,
        _: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        Err(Fault::new(ErrorCode::PartyOffline, "nobody is asked here"))
    }
}

#[async_trait]
impl AgentGateway for Nobody {
    async fn call(&self, _: &PartyId, _: Order, _: Duration) -> Result<OrderReply, Fault> {
        Err(Fault::new(ErrorCode::PartyOffline, "nobody is asked here"))
    }
}

struct Bench {
    router: axum::Router,
    run: String,
}

impl Bench {
    async fn open(folder: &std::path::Path, lines: i64) -> Self {
        let store = Arc::new(
            SqliteStore::open(&folder.join("bench.db"))
                .await
                .expect("opens"),
        );
        let coordinator = Coordinator::new(
            store,
            Arc::new(Nobody),
            Arc::new(SystemClock),
            Options::default(),
        );
        let tenant = Tenant::only();
        let target = coordinator.targets().built_in(&tenant).await.expect("made");
        let job = JobId::new("20260101000000000000").expect("valid");
        let mut run = Entity::new(EntityKind::Run, "", tenant, Timestamp(0));
        (run.parent, run.job) = (Some(target.id.clone()), Some(job.clone()));
        run.write(&Run {
            gathered: true,
            ..Run::default()
        })
        .expect("written");
        let run = coordinator
            .entities()
            .add_numbered(run, IdForm::Hex("run-"), false)
            .await
            .expect("added");
        let started = Instant::now();
        for start in (0..lines).step_by(usize::try_from(AT_ONCE).expect("fits")) {
            let line = |at: i64| {
                Event::own(
                    Timestamp(at * 1_000),
                    format!("line {at} of a run that has much to say"),
                )
            };
            let part: Vec<Event> = (start..(start + AT_ONCE).min(lines)).map(line).collect();
            coordinator
                .jobs()
                .add_events(&job, &part)
                .await
                .expect("added");
        }
        println!(
            "{lines} lines written in {:.1} s",
            started.elapsed().as_secs_f64()
        );
        let authenticator = Authenticator::new(None, Principal::anyone());
        let router = api_abeja::router(ApiContext {
            coordinator,
            rows: Arc::new(Nobody),
            authenticator,
        });
        Self {
            router,
            run: format!("/organizations/o/deployments/{}/runs/{}", target.id, run.id),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let request = Request::builder()
            .uri(format!("{}/{path}", self.run))
            .body(Body::empty())
            .expect("request");
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        serde_json::from_slice(&whole_body(response.into_body()).await.expect("body"))
            .expect("json")
    }

    async fn times(&self, path: &str) -> Percentiles {
        let mut times = Vec::with_capacity(QUESTIONS);
        for _ in 0..QUESTIONS {
            let started = Instant::now();
            assert!(
                !self.get(path).await["events"]
                    .as_array()
                    .expect("a list")
                    .is_empty()
            );
            times.push(started.elapsed());
        }
        Percentiles::of(times)
    }
}

fn main() {
    let lines = std::env::var("LINES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Bench::open(folder.path(), lines).await;
        println!("a page of 100 lines, {QUESTIONS} times");
        let first = bench.times("logs").await;
        println!("  the first lines              {first}");
        let middle = Timestamp(lines / 2 * 1_000).0 / 1_000_000;
        let moment = format!(
            "1970-01-01T{:02}:{:02}:{:02}",
            middle / 3_600,
            middle / 60 % 60,
            middle % 60
        );
        for (what, path) in [
            ("from the middle on", format!("logs?start_time={moment}")),
            ("the latest lines", "recentlogs".to_owned()),
            (
                "back from the middle",
                format!("recentlogs?end_time={moment}"),
            ),
        ] {
            let times = bench.times(&path).await;
            println!("  {what:<28} {times}{}", times.beside(Some(&first)));
        }
        whole(&bench, lines).await;
    });
}

/// Reads every line by following the tokens.
async fn whole(bench: &Bench, lines: i64) {
    let (started, mut seen, mut times, mut path) =
        (Instant::now(), 0_usize, Vec::new(), "logs".to_owned());
    loop {
        let asked = Instant::now();
        let page = bench.get(&path).await;
        times.push(asked.elapsed());
        seen += page["events"].as_array().expect("a list").len();
        let Some(token) = page.get("next_token").and_then(Value::as_str) else {
            break;
        };
        path = format!("logs?next_token={token}");
    }
    assert_eq!(i64::try_from(seen).expect("fits"), lines);
    println!(
        "  all of them                  {} in {:.1} s",
        Percentiles::of(times),
        started.elapsed().as_secs_f64()
    );
}
