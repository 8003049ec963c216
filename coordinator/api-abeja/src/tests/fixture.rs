//! FATE-Flow's world of two parties and a training, seen through this API; agents that keep files in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use futures_util::TryStreamExt;
use rest::access::token;
use rest::lenient::whole_body;
use rest::proxy::{take_response, whole};
use rest::{Access, AccessSettings, BodyStream, Reply};
use serde_json::{Value, json};
use service::parties::AgentFacts;
use service::{Coordinator, Principal};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault, ManualClock, PartyId, Role, Timestamp};
use wire::agent_link::{HttpHead, HttpReplyHead};

use api_fixture::{catalogue, component};
use api_kit::{ApiContext, Authenticator, Rows};

/// The organization of the tests' paths.
pub(super) const ORGANIZATION: &str = "9999";

/// Agents that keep files and a log of three lines.
#[derive(Default)]
pub(super) struct Agents {
    pub(super) files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Lines of every participant's log of every job.
    pub(super) lines: Mutex<Vec<String>>,
    /// What was asked.
    pub(super) targets: Mutex<Vec<String>>,
}

#[async_trait]
impl Rows for Agents {
    async fn forward(
        &self,
        party: &PartyId,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        let pieces = body.try_collect::<Vec<_>>().await;
        let body = pieces
            .map_err(|error| Fault::new(ErrorCode::RequestInvalid, error.to_string()))?
            .concat();
        let key = format!("{party} {}", head.target);
        self.targets.lock().expect("lock").push(head.target.clone());
        let not_found = || {
            let failure =
                rest::Failure::from(Fault::new(ErrorCode::NotFound, "there is no such file"))
                    .with_status(404);
            Ok(take_response(axum::response::IntoResponse::into_response(
                failure,
            )))
        };
        let reply = match (head.method.as_str(), head.target.as_str()) {
            ("PUT", _) => {
                let bytes = body.len();
                self.files.lock().expect("lock").insert(key, body);
                Reply::data(json!({"bytes": bytes, "sha256": "0".repeat(64)}))
            }
            ("GET", _) => {
                let Some(file) = self.files.lock().expect("lock").get(&key).cloned() else {
                    return not_found();
                };
                return Ok((
                    HttpReplyHead {
                        status: 200,
                        headers: vec![],
                    },
                    whole(file),
                ));
            }
            ("DELETE", _) if self.files.lock().expect("lock").remove(&key).is_none() => {
                return not_found();
            }
            (_, "/v1/log/cat") => {
                let asked: Value = serde_json::from_slice(&body).expect("asked in JSON");
                let begin = asked["begin"].as_u64().expect("a number");
                let lines = self.lines.lock().expect("lock");
                let wanted = lines
                    .iter()
                    .enumerate()
                    .skip(usize::try_from(begin).expect("small") - 1);
                Reply::data(
                    wanted
                        .map(|(at, line)| json!({"line_num": at + 1, "content": line}))
                        .collect(),
                )
            }
            _ => Reply::success(),
        };
        Ok(take_response(axum::response::IntoResponse::into_response(
            reply,
        )))
    }
}

/// The API with everything behind it.
pub(super) struct World {
    pub(super) router: Router,
    pub(super) agents: Arc<Agents>,
    pub(super) coordinator: Coordinator,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    /// A REST endpoint that asks nobody. The models of earlier trainings have their numbers.
    pub(super) async fn open() -> Self {
        Self::behind(Authenticator::new(None, Principal::anyone())).await
    }

    /// A REST endpoint that asks: `own` is of party 9999, `other` of party 30000, `ended` was of 9999, `operator` is the operator's.
    pub(super) async fn guarded() -> Self {
        let entry = |name: &str, holder: &str, expires: &str| {
            let hash = token::sha256(&daemon::Secret::new(name));
            format!("[[tokens]]\nsha256 = '{hash}'\n{holder}\nexpires = '{expires}'\n")
        };
        let text = [
            entry("own", "party = '9999'", "2030-01-01"),
            entry("other", "party = '30000'", "2030-01-01"),
            entry("operator", "operator = true", "2030-01-01"),
            entry("ended", "party = '9999'", "2020-01-01"),
        ];
        let settings: AccessSettings = toml::from_str(&text.concat()).expect("settings");
        let clock = Arc::new(ManualClock::at(Timestamp(1_795_000_000_000_000)));
        let access = Access::open(settings, None, clock).expect("opened");
        Self::behind(Authenticator::new(Some(access), Principal::operator())).await
    }

    async fn behind(authenticator: Authenticator) -> Self {
        let coordinator = api_fixture::coordinator(true).await;
        // beside what FATE-Flow's world has, its parties can read tables
        let mut components = catalogue();
        components.push(component(
            "reader",
            "Reader",
            &[Role::Guest, Role::Host],
            json!({"table": null}),
        ));
        for id in ["10000", "9999"] {
            let facts = AgentFacts {
                rest: None,
                rows_through_coordinator: true,
                attempts: vec![],
                slots: Some(64),
            };
            let id = PartyId::new(id).expect("valid");
            coordinator
                .parties()
                .connected(&id, components.clone(), facts)
                .await
                .expect("connected");
        }
        let stop = CancellationToken::new();
        let (driven, ended) = (coordinator.clone(), stop.clone());
        tokio::spawn(async move { driven.run(ended).await });
        let agents = Arc::new(Agents::default());
        let context = ApiContext {
            coordinator: coordinator.clone(),
            rows: agents.clone(),
            authenticator,
        };
        let world = Self {
            router: crate::router(context),
            agents,
            coordinator,
            stop,
        };
        // the loop has looked round once
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        world
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request) -> (u16, axum::http::HeaderMap, Vec<u8>) {
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

    /// Asks with a JSON body, or none.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(body)
            .expect("request");
        let (status, _, bytes) = self.send(request).await;
        (
            status,
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| panic!("{path}: {}", String::from_utf8_lossy(&bytes))),
        )
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, reply) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }

    pub(super) async fn made(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.ask("POST", path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {reply}");
        reply
    }

    /// A deployment with a version: the path of its runs, and the version's id.
    pub(super) async fn deployed(&self, name: &str) -> (String, String) {
        let deployment = self
            .made(&below("deployments"), json!({"name": name}))
            .await;
        let path = below(&format!(
            "deployments/{}",
            deployment["deployment_id"].as_str().expect("an id")
        ));
        let version = self
            .made(&format!("{path}/versions"), json!({"version": "0.0.1"}))
            .await;
        (
            format!("{path}/runs"),
            version["version_id"].as_str().expect("an id").to_owned(),
        )
    }
}

/// A path of the organization.
pub(super) fn below(path: &str) -> String {
    format!("/organizations/{ORGANIZATION}/{path}")
}
