//! A coordinator without parties, with the API's two sides behind one REST endpoint.

use std::sync::Arc;
use std::time::Duration;

use ::store::MemoryStore;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use rest::access::token;
use rest::lenient::whole_body;
use rest::{Access, BodyStream};
use serde_json::{Value, json};
use service::{AgentGateway, Coordinator, Options, Order, OrderReply, Principal};
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault, ManualClock, PartyId, Timestamp};
use wire::agent_link::{HttpHead, HttpReplyHead};

use crate::proto::experiment_service_client::ExperimentServiceClient;
use crate::{KubeflowOptions, grpc, router};
use api_kit::{ApiContext, Apis, Authenticator, Rows, dispatch};

/// Nobody is there.
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

pub(super) struct World {
    pub(super) coordinator: Coordinator,
    pub(super) server: Router,
}

/// Tokens of two parties and of the operator, all of them named as who holds them.
fn guard(clock: &Arc<ManualClock>) -> Access {
    let entry = |name: &str, holder: &str| {
        let hash = token::sha256(&daemon::Secret::new(name));
        format!("[[tokens]]\nsha256 = '{hash}'\n{holder}\nexpires = '2030-01-01'\n")
    };
    let text = entry("one", "party = '9999'")
        + &entry("two", "party = '10000'")
        + &entry("operator", "operator = true");
    Access::open(
        toml::from_str(&text).expect("settings"),
        None,
        clock.clone(),
    )
    .expect("opened")
}

impl World {
    /// A REST endpoint that asks nobody who he is.
    pub(super) async fn open() -> Self {
        Self::with(KubeflowOptions::default(), false).await
    }

    pub(super) async fn with(options: KubeflowOptions, guarded: bool) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(1_795_000_000_123_456)));
        let access = guarded.then(|| guard(&clock));
        let principal = if guarded {
            Principal::operator()
        } else {
            Principal::anyone()
        };
        let coordinator = Coordinator::new(
            Arc::new(MemoryStore::default()),
            Arc::new(Nobody),
            clock,
            Options::default(),
        );
        let authenticator = Authenticator::new(access, principal);
        let context = ApiContext {
            coordinator: coordinator.clone(),
            rows: Arc::new(Nobody),
            authenticator,
        };
        let elsewhere = Router::new();
        let server = dispatch(Apis {
            fate_flow: elsewhere.clone(),
            kubeflow: router(&context, options),
            grpc: grpc(&context, options).await.expect("services"),
            abeja: elsewhere.clone(),
            meteos: elsewhere,
        });
        Self {
            coordinator,
            server,
        }
    }

    pub(super) fn client(&self) -> ExperimentServiceClient<Router> {
        ExperimentServiceClient::new(self.server.clone())
    }

    /// Status, content type and body of the answer to a request below `/apis/v1beta1`.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> (u16, String, String) {
        let path = format!("/apis/v1beta1{path}");
        self.ask_whole(method, &path, token, body).await
    }

    /// The same of a whole path, without a credential.
    pub(super) async fn whole(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String, String) {
        self.ask_whole(method, path, "", body).await
    }

    async fn ask_whole(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> (u16, String, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = self
            .server
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let kind = response.headers()["content-type"]
            .to_str()
            .expect("text")
            .to_owned();
        let status = response.status().as_u16();
        let bytes = whole_body(response.into_body()).await.expect("a body");
        (
            status,
            kind,
            String::from_utf8(bytes.to_vec()).expect("text"),
        )
    }

    /// The same, of a JSON answer.
    pub(super) async fn json_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, kind, text) = self.ask(method, path, token, &text).await;
        assert_eq!(kind, "application/json", "{method} {path}: {text}");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    pub(super) async fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.json_as("", method, path, body).await
    }

    /// Makes an experiment and gives its id.
    pub(super) async fn make(&self, name: &str) -> String {
        let (status, made) = self
            .json("POST", "/experiments", json!({"name": name}))
            .await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    /// The names of a listing, and the whole answer.
    pub(super) async fn list(&self, query: &str) -> (Vec<String>, Value) {
        let (status, found) = self
            .json("GET", &format!("/experiments?{query}"), Value::Null)
            .await;
        assert_eq!(status, 200, "{query}: {found}");
        let names = found["experiments"].as_array().into_iter().flatten();
        (
            names
                .map(|one| one["name"].as_str().expect("a name").to_owned())
                .collect(),
            found,
        )
    }
}
