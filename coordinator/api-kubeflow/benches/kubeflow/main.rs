//! What a hundred thousand experiments cost a listing, how fast experiments are made, and gRPC beside REST.
//!
//! Run with `cargo bench -p api-kubeflow --bench kubeflow`. Requests go to the APIs' router in this process, one after the other, on
//! a SQLite file: reading, the store and showing are measured, the network is not.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

#[allow(dead_code)]
#[path = "../../../api-fate/benches/rest/percentiles.rs"]
mod percentiles;

use std::sync::Arc;
use std::time::{Duration, Instant};

use api_kit::{ApiContext, Apis, Authenticator, Rows, dispatch};
use api_kubeflow::KubeflowOptions;
use api_kubeflow::proto::experiment_service_client::ExperimentServiceClient;
use api_kubeflow::proto::{GetExperimentRequest, ListExperimentsRequest};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use domain::NewExperiment;
use rest::BodyStream;
use rest::lenient::{segment_of, whole_body};
use serde_json::{Value, json};
use service::{AgentGateway, Coordinator, Options, Order, OrderReply, Principal, Store};
use store::SqliteStore;
use tower::ServiceExt;
use vocabulary::{ErrorCode, ExperimentId, Fault, PartyId, SystemClock, Tenant, Timestamp};
use wire::agent_link::{HttpHead, HttpReplyHead};

use percentiles::Percentiles;

const EXPERIMENTS: usize = 100_000;
const QUESTIONS: usize = 300;

struct Nobody;

#[async_trait]
impl AgentGateway for Nobody {
    async fn call(&self, _: &PartyId, _: Order, _: Duration) -> Result<OrderReply, Fault> {
        Err(Fault::new(ErrorCode::PartyOffline, "nobody is there"))
    }
}

#[async_trait]
impl Rows for Nobody {
    async fn forward(
        &self,
        _: &PartyId,
        _: HttpHead,
        _: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        Err(Fault::new(ErrorCode::PartyOffline, "nobody is there"))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("bench.db"))
            .await
            .expect("opens");
        fill(&store).await;
        let coordinator = Coordinator::new(
            Arc::new(store),
            Arc::new(Nobody),
            Arc::new(SystemClock),
            Options::default(),
        );
        let authenticator = Authenticator::new(None, Principal::anyone());
        let context = ApiContext {
            coordinator,
            rows: Arc::new(Nobody),
            authenticator,
        };
        let options = KubeflowOptions::default();
        let server = dispatch(Apis {
            fate_flow: Router::new(),
            kubeflow: api_kubeflow::router(&context, options),
            grpc: api_kubeflow::grpc(&context, options)
                .await
                .expect("services"),
            abeja: Router::new(),
            meteos: Router::new(),
        });
        lists(&server).await;
        creations(&server).await;
        sides(&server).await;
    });
}

async fn fill(store: &dyn Store) {
    let begun = Instant::now();
    let mut tx = store.begin().await.expect("begins");
    for number in 0..EXPERIMENTS {
        let id =
            ExperimentId::new(format!("{number:08}-0000-4000-8000-000000000000")).expect("an id");
        let mut new = NewExperiment::named(
            Tenant::only(),
            format!("experiment {:06}", number * 7_919 % EXPERIMENTS),
        );
        new.description = format!("number {number} of many");
        let at =
            Timestamp(1_790_000_000_000_000 + i64::try_from(number).expect("small") * 1_000_000);
        let mut made = new.make(id, false, at).expect("made");
        made.archived = number % 3 == 0;
        assert!(tx.insert_experiment(&made).await.expect("inserts"));
    }
    tx.commit().await.expect("commits");
    println!(
        "{EXPERIMENTS} experiments stored in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
}

async fn ask(server: &Router, method: &str, path: &str, body: &str) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(format!("/apis/v1beta1{path}"));
    let request = request
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = server.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 200, "{path}");
    serde_json::from_slice(&whole_body(response.into_body()).await.expect("a body")).expect("JSON")
}

async fn lists(server: &Router) {
    let available = json!({"op": "NOT_EQUALS", "key": "storage_state", "string_value": "STORAGESTATE_ARCHIVED"});
    let part = json!({"op": "IS_SUBSTRING", "key": "name", "string_value": "ENT 05"});
    let filter = |predicates: &[&Value]| segment_of(&json!({"predicates": predicates}).to_string());
    for (what, query) in [
        ("newest first", "sort_by=created_at%20desc".to_owned()),
        ("by name", "sort_by=name".to_owned()),
        (
            "available, by name",
            format!("sort_by=name&filter={}", filter(&[&available])),
        ),
        (
            "available, name contains, by name down",
            format!(
                "sort_by=name%20desc&filter={}",
                filter(&[&available, &part])
            ),
        ),
    ] {
        let mut times = Vec::new();
        let mut token = String::new();
        for _ in 0..QUESTIONS {
            let begun = Instant::now();
            let page = ask(
                server,
                "GET",
                &format!("/experiments?page_size=50&{query}&page_token={token}"),
                "",
            )
            .await;
            times.push(begun.elapsed());
            token = page["next_page_token"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
        }
        println!("list of 50, {what:<40} {}", Percentiles::of(times));
    }
}

async fn creations(server: &Router) {
    let begun = Instant::now();
    for number in 0..QUESTIONS {
        ask(
            server,
            "POST",
            "/experiments",
            &json!({"name": format!("new {number}")}).to_string(),
        )
        .await;
    }
    println!(
        "{:.0} experiments made each second, one after the other",
        QUESTIONS as f64 / begun.elapsed().as_secs_f64()
    );
}

async fn sides(server: &Router) {
    let id = "00000007-0000-4000-8000-000000000000";
    let mut client = ExperimentServiceClient::new(server.clone());
    let (mut rest, mut rpc) = (Vec::new(), Vec::new());
    for _ in 0..QUESTIONS {
        let begun = Instant::now();
        ask(server, "GET", &format!("/experiments/{id}"), "").await;
        rest.push(begun.elapsed());
        let begun = Instant::now();
        client
            .get_experiment(GetExperimentRequest { id: id.to_owned() })
            .await
            .expect("there");
        rpc.push(begun.elapsed());
    }
    let rest = Percentiles::of(rest);
    println!("get over REST {rest}");
    let rpc = Percentiles::of(rpc);
    println!("get over gRPC {rpc}{}", rpc.beside(Some(&rest)));
    let (mut rest, mut rpc) = (Vec::new(), Vec::new());
    for _ in 0..QUESTIONS {
        let begun = Instant::now();
        ask(server, "GET", "/experiments?page_size=200&sort_by=name", "").await;
        rest.push(begun.elapsed());
        let request = ListExperimentsRequest {
            page_size: 200,
            sort_by: "name".to_owned(),
            ..Default::default()
        };
        let begun = Instant::now();
        client.list_experiment(request).await.expect("listed");
        rpc.push(begun.elapsed());
    }
    let rest = Percentiles::of(rest);
    println!("list of 200 over REST {rest}");
    let rpc = Percentiles::of(rpc);
    println!("list of 200 over gRPC {rpc}{}", rpc.beside(Some(&rest)));
}
