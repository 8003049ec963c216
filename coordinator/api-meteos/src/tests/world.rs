//! A coordinator with one party, and the API on top.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use domain::JobState;
use rest::lenient::whole_body;
use rest::proxy::whole;
use rest::{Access, BodyStream};
use serde_json::{Map, Value, json};
use service::parties::AgentFacts;
use service::records::TextKind;
use service::{
    AgentGateway, Coordinator, JobFilter, Order, OrderReply, Principal, Store, TaskFilter,
};
use store::MemoryStore;
use tower::ServiceExt;
use vocabulary::{
    ComponentInfo, Fault, JobId, ManualClock, PartyId, Port, PortKind, Role, Timestamp,
};
use wire::agent_link::{HttpHead, HttpReplyHead};

use crate::{Options, router};
use api_kit::{ApiContext, Authenticator, Rows};

/// The moment at which every test begins.
pub(super) const START: Timestamp = Timestamp(1_795_000_000_000_000);

/// An agent that takes every order.
struct Willing;

#[async_trait]
impl AgentGateway for Willing {
    async fn call(
        &self,
        _party: &PartyId,
        order: Order,
        _patience: Duration,
    ) -> Result<OrderReply, Fault> {
        Ok(match order {
            Order::Check(_) => OrderReply::Checked(Vec::new()),
            _ => OrderReply::Done,
        })
    }
}

#[async_trait]
impl Rows for Willing {
    async fn forward(
        &self,
        _party: &PartyId,
        _head: HttpHead,
        _body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        Ok((
            HttpReplyHead {
                status: 200,
                headers: vec![],
            },
            whole("{}"),
        ))
    }
}

fn component(
    name: &str,
    module: &str,
    ports: [&[(&str, PortKind)]; 2],
    defaults: Value,
) -> ComponentInfo {
    let fields = defaults
        .as_object()
        .expect("object")
        .keys()
        .map(|name| (name.clone(), json!({})));
    let properties: Map<String, Value> = fields.collect();
    let port = |(name, kind): &(&str, PortKind)| Port {
        name: (*name).to_owned(),
        kind: *kind,
    };
    ComponentInfo {
        name: name.to_owned(),
        version: 1,
        summary: String::new(),
        modules: vec![module.to_owned()],
        roles: vec![Role::Guest, Role::Host, Role::Local],
        inputs: ports[0].iter().map(port).collect(),
        outputs: ports[1].iter().map(port).collect(),
        schema: json!({"type": "object", "properties": properties, "additionalProperties": false}),
        defaults,
        messages: vec![],
        cast: vec![],
        needs: vec![],
        applies_with: None,
    }
}

fn catalogue() -> Vec<ComponentInfo> {
    let data = ("data", PortKind::Data);
    let (train, test) = (
        ("train_data", PortKind::Data),
        ("test_data", PortKind::Data),
    );
    let model = ("model", PortKind::Model);
    let learner = json!({"model_type": "", "format": "csv", "learner": "", "evaluate": false, "print": false});
    vec![
        component("reader", "Reader", [&[], &[data]], json!({"table": null})),
        component(
            "lines_reader",
            "LinesReader",
            [&[], &[data]],
            json!({"file": null, "table": null, "lines": null}),
        ),
        component(
            "lines_transform",
            "LinesTransform",
            [&[data], &[data]],
            json!({"steps": null, "refusal": null}),
        ),
        component(
            "lines_split",
            "LinesSplit",
            [
                &[data],
                &[("train", PortKind::Data), ("test", PortKind::Data)],
            ],
            json!({"train": 0.7}),
        ),
        component(
            "local_learner",
            "LocalLearner",
            [&[train, test, model], &[data, model]],
            learner,
        ),
        component(
            "writer",
            "Writer",
            [&[data], &[]],
            json!({"output_namespace": null, "output_name": null}),
        ),
    ]
}

/// Everything behind the API.
pub(super) struct World {
    pub(super) router: Router,
    pub(super) coordinator: Coordinator,
    pub(super) store: Arc<dyn Store>,
}

impl World {
    pub(super) async fn open() -> Self {
        let world = Self::without_agents(None, Options::default());
        world.connect().await;
        world
    }

    pub(super) fn without_agents(access: Option<Access>, options: Options) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::at(START));
        let settings = service::Options {
            known_parties: Some(vec![party("9999"), party("10000")]),
            ..service::Options::default()
        };
        let coordinator = Coordinator::new(store.clone(), Arc::new(Willing), clock, settings);
        let who = if access.is_some() {
            Principal::operator()
        } else {
            Principal::anyone()
        };
        let context = ApiContext {
            coordinator: coordinator.clone(),
            rows: Arc::new(Willing),
            authenticator: Authenticator::new(access, who),
        };
        Self {
            router: router(context, options),
            coordinator,
            store,
        }
    }

    pub(super) async fn connect(&self) {
        for id in ["9999", "10000"] {
            let facts = AgentFacts {
                rest: None,
                rows_through_coordinator: true,
                attempts: vec![],
                slots: Some(64),
            };
            self.coordinator
                .parties()
                .connected(&party(id), catalogue(), facts)
                .await
                .expect("connected");
        }
    }

    pub(super) async fn send(&self, request: Request) -> (u16, HeaderMap, Vec<u8>) {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        (
            parts.status.as_u16(),
            parts.headers,
            whole_body(body).await.expect("body").to_vec(),
        )
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_raw(
            method,
            path,
            if body.is_null() {
                String::new()
            } else {
                body.to_string()
            },
        )
        .await
    }

    pub(super) async fn ask_raw(&self, method: &str, path: &str, body: String) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "here:8989")
            .header("content-type", "application/json");
        let (status, _, bytes) = self
            .send(request.body(Body::from(body)).expect("request"))
            .await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (
            status,
            if text.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&text).expect(&text)
            },
        )
    }

    /// Makes something, and gives its view.
    pub(super) async fn make(&self, collection: &str, singular: &str, fields: Value) -> Value {
        let (status, body) = self
            .ask(
                "POST",
                &format!("/v1/p/{collection}"),
                json!({singular: fields}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        body[singular].clone()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", &format!("/v1/p/{path}"), Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A template and an experiment that is available.
    pub(super) async fn experiment(&self) -> String {
        let template = self
            .make("templates", "template", json!({"worker_nodes_num": 2}))
            .await;
        let made = self
            .make(
                "experiments",
                "experiment",
                json!({"template_id": template["id"]}),
            )
            .await;
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Has a job end.
    pub(super) async fn end(&self, id: &JobId, state: JobState) {
        let mut tx = self.store.begin().await.expect("begin");
        let mut job = tx.job(id).await.expect("read").expect("a job");
        job.state = state;
        assert!(tx.save_job(&job).await.expect("saved"));
        tx.commit().await.expect("committed");
    }

    /// Has the newest job end, with what a step printed.
    pub(super) async fn settle(&self, state: JobState, printed: &str) {
        let (jobs, _) = self
            .coordinator
            .jobs()
            .find(&JobFilter::default())
            .await
            .expect("jobs");
        let newest = jobs
            .into_iter()
            .max_by_key(|job| job.id.clone())
            .expect("a job");
        let mut tx = self.store.begin().await.expect("begin");
        let mut job = tx.job(&newest.id).await.expect("read").expect("a job");
        job.state = state;
        assert!(tx.save_job(&job).await.expect("saved"));
        let filter = TaskFilter {
            job: Some(job.id.clone()),
            ..TaskFilter::default()
        };
        let (tasks, _) = tx.find_tasks(&filter).await.expect("tasks");
        for task in tasks {
            let summary = json!({"printed": printed}).to_string();
            tx.put_text(&task.key, TextKind::Summary, &summary)
                .await
                .expect("summary");
        }
        tx.commit().await.expect("committed");
    }
}

fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid")
}
