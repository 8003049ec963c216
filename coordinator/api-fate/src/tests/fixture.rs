//! The federation of two parties and three jobs behind the API, and agents that answer from a script.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use api_kit::Rows;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use futures_util::TryStreamExt;
use rest::lenient::whole_body;
use rest::proxy::{take_response, whole};
use rest::targz::{Member, pack};
use rest::{BodyStream, Reply, file_reply};
use serde_json::{Value, json};
use service::Coordinator;
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::{Caller, HttpHead, HttpReplyHead};

use crate::{ApiOptions, FateFlow, router};

pub(super) use api_fixture::{MODEL, TRAIN, UPLOAD, WAITING, party};

/// A request that a scripted agent got.
#[derive(Debug, Clone)]
pub(super) struct AgentRequest {
    pub(super) party: String,
    pub(super) target: String,
    pub(super) caller: Caller,
    pub(super) body: Vec<u8>,
}

/// Agents that answer rows requests.
#[derive(Default)]
pub(super) struct Agents {
    pub(super) seen: Mutex<Vec<AgentRequest>>,
    /// Tables that exist: party and name.
    pub(super) tables: Mutex<BTreeSet<(String, String)>>,
    /// Parties whose agent does not answer.
    pub(super) away: Mutex<BTreeSet<String>>,
}

impl Agents {
    pub(super) fn targets(&self) -> Vec<(String, String)> {
        self.seen
            .lock()
            .expect("lock")
            .iter()
            .map(|seen| (seen.party.clone(), seen.target.clone()))
            .collect()
    }
}

#[async_trait]
impl Rows for Agents {
    async fn forward(
        &self,
        party: &PartyId,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault> {
        if self.away.lock().expect("lock").contains(party.as_str()) {
            return Err(Fault::new(
                ErrorCode::PartyOffline,
                "the agent is not connected",
            ));
        }
        let body: Vec<u8> = body
            .try_fold(Vec::new(), |mut all, piece| async move {
                all.extend_from_slice(&piece);
                Ok(all)
            })
            .await
            .map_err(|error| Fault::new(ErrorCode::FrameInvalid, error.to_string()))?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let length = body.len();
        let target = head.target.clone();
        self.seen.lock().expect("lock").push(AgentRequest {
            party: party.to_string(),
            target: target.clone(),
            caller: head.caller,
            body,
        });
        let table = (
            party.to_string(),
            asked["table_name"].as_str().unwrap_or_default().to_owned(),
        );
        let exists = self.tables.lock().expect("lock").contains(&table);
        let reply = match target.as_str() {
            "/v1/table/table_info" => Reply::data(
                json!({"table_name": table.1, "exist": i32::from(exists), "count": 569}),
            ),
            "/v1/table/delete" if self.tables.lock().expect("lock").remove(&table) => {
                Reply::data(json!({"table_name": table.1}))
            }
            "/v1/table/delete" => Reply::code(101, "no find table"),
            "/v1/job/clean" if party.as_str() == "9999" => Reply::data(json!({"tables": 2})),
            "/v1/job/clean" => Reply::code(108, "rows stay here"),
            "/v1/table/disable" => {
                Reply::data(json!([{"table_name": format!("t of {party}"), "namespace": "n"}]))
            }
            "/v1/table/tracking/source" if party.as_str() == "10000" => {
                Reply::code(100, "no found table: t")
            }
            "/v1/table/tracking/source" => Reply::data(json!([])),
            "/v1/table/tracking/job" if party.as_str() == "10000" => {
                Reply::data(json!({"count": 2, "job": ["3", "1"]}))
            }
            "/v1/table/tracking/job" => Reply::data(json!({"count": 2, "job": ["2", "1"]})),
            "/v1/table/bind" if exists => Reply::code(100, "engine PATH address {} check failed"),
            "/v1/table/bind" => Reply::code(101, "no find table"),
            "/v1/table/download" if party.as_str() == "10000" => {
                *rest::Failure::nothing("no found table:n, t").0
            }
            "/v1/table/download" => {
                let archive = Body::from_stream(pack([Member::new("table.csv", "id,y\n")]));
                return Ok(take_response(file_reply(
                    "table_n_t.tar.gz",
                    "application/gzip",
                    archive,
                )));
            }
            "/v1/permission/grant" if party.as_str() == "10000" => {
                Reply::code(108, "ask at its own REST endpoint")
            }
            "/v1/permission/grant" => Reply::success(),
            "/v1/tracking/component/output/data" => {
                Reply::data(json!([[["1", 0.5]]])).with_meta(asked)
            }
            "/v1/tracking/component/output/data/download" if party.as_str() == "9999" => {
                let archive = Body::from_stream(pack([Member::new("train.csv", "id,y\n")]));
                return Ok(take_response(file_reply(
                    "rows.tar.gz",
                    "application/gzip",
                    archive,
                )));
            }
            "/v1/tracking/component/output/data/download" => Reply::code(108, "rows stay here"),
            "/v1/job/log/download" => {
                let own = Member::new(
                    format!("guest/{party}/INFO.log"),
                    format!("line of {party}\n"),
                );
                let archive = pack([own, Member::new("guest/other/INFO.log", "planted")]);
                let response = file_reply(
                    "logs.tar.gz",
                    "application/gzip",
                    Body::from_stream(archive),
                );
                return Ok(take_response(response));
            }
            "/v1/model/export" => {
                let part = |key: &str| {
                    asked[key]
                        .as_str()
                        .map_or_else(|| asked[key].to_string(), str::to_owned)
                };
                let (role, id, version) = (part("role"), part("model_id"), part("model_version"));
                let name = format!("{role}#{party}#{id}_{version}.zip");
                return Ok(take_response(file_reply(
                    &name,
                    "application/zip",
                    Body::from("PK"),
                )));
            }
            "/v1/model/transfer" => Reply::data(json!({"x": "eA=="})),
            "/v1/fedflow/model/migrate" => Reply::success().saying("Migrating model successfully."),
            "/v1/fedflow/model/permitted" => Reply::code(108, "models stay here"),
            import if import.starts_with("/v1/fedflow/model/import?") => Reply::success(),
            other if !other.starts_with("/v1/fedflow/staging/") => Reply::success(),
            staging => {
                let id = staging
                    .strip_prefix("/v1/fedflow/staging/")
                    .unwrap_or_default();
                let head = HttpReplyHead {
                    status: 200,
                    headers: vec![],
                };
                return Ok((
                    head,
                    whole(json!({"staged": id, "bytes": length}).to_string()),
                ));
            }
        };
        Ok(take_response(axum::response::IntoResponse::into_response(
            reply,
        )))
    }
}

/// An API with everything behind it.
pub(super) struct World {
    pub(super) api: FateFlow,
    pub(super) router: Router,
    pub(super) agents: Arc<Agents>,
    pub(super) coordinator: Coordinator,
}

impl World {
    /// Both parties let the coordinator's REST endpoint at their rows.
    pub(super) async fn open() -> Self {
        Self::with_rows(true).await
    }

    pub(super) async fn with_rows(through_coordinator: bool) -> Self {
        let coordinator = api_fixture::coordinator(through_coordinator).await;
        let agents = Arc::new(Agents::default());
        let api = FateFlow::new(coordinator.clone(), agents.clone(), ApiOptions::default());
        let router = router(api.clone());
        Self {
            api,
            router,
            agents,
            coordinator,
        }
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

    /// Posts JSON below `/v1/`, and reads the envelope.
    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.post_as(None, path, body).await
    }

    /// Posts as a user who came through a party's REST endpoint.
    pub(super) async fn post_as(
        &self,
        user_of: Option<&str>,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method("POST")
            .uri(format!("/v1/{path}"))
            .body(Body::from(body.to_string()))
            .expect("request");
        if let Some(own) = user_of {
            request
                .extensions_mut()
                .insert(Caller::PartyUser(party(own)));
        }
        let (status, _, bytes) = self.send(request).await;
        (
            status,
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| panic!("{path}: {}", String::from_utf8_lossy(&bytes))),
        )
    }

    /// `data` of a successful reply.
    pub(super) async fn data(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.post(path, body).await;
        assert_eq!(
            (status, reply["retcode"].as_i64()),
            (200, Some(0)),
            "{path}: {reply}"
        );
        reply["data"].clone()
    }
}
