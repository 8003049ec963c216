//! The agent's REST endpoint: what belongs to this party is answered here, everything else goes on to the coordinator.
//!
//! There are two of them over the same agent state: the own REST endpoint, whose callers are the party's users, and the one that the
//! coordinator reaches over the link, whose callers are outsiders whatever it says of them.

mod asked;
mod audit_chain;
mod bind;
mod checkpoint;
mod clean;
mod connector;
mod enabling;
mod files;
mod inference;
mod info;
mod key;
mod lineage;
mod logs;
mod model;
mod output;
mod permission;
mod schema;
mod serving;
mod table;
mod table_file;
mod upload;

use std::future::Future;
use std::sync::Arc;

use audit::{AuditEntry, Basis};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use policy::{Policy, Verdict};
use rest::lenient::whole_body;
use rest::proxy::{make_response, pass_on, take_request, whole};
use rest::{Answer, Dialect, Failure, Forward, tolerate_slash};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, SignedBytes};
use wire::agent_link::{Caller, HttpHead};

use crate::agent_state::AgentState;
use crate::blocking::blocking;
use crate::keyring::KnownKeys;
use crate::model_archive::ModelArchive;
use crate::serving::Serving;
use crate::tickets::{self, Tickets};
use asked::RequestFields;

/// HTTP status for a request that is torn.
const MALFORMED: u16 = 400;
/// HTTP status for what cannot be reached now.
const UNAVAILABLE: u16 = 503;

/// Who asks at the REST endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// A user of the party.
    Own,
    /// Somebody at the coordinator's REST endpoint.
    Outside,
}

/// How the agent is, as JSON.
pub(crate) type Health = Arc<dyn Fn() -> Value + Send + Sync>;

/// What handlers work on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct HandlerState {
    pub(crate) agent_state: Arc<AgentState>,
    pub(crate) coordinator: Arc<dyn Forward>,
    /// The own REST endpoint's address, for outsiders who must go there.
    pub(crate) rest: String,
    pub(crate) health: Health,
    pub(crate) keys: Arc<dyn KnownKeys>,
    pub(crate) serving: Arc<Serving>,
    pub(crate) model_archive: Arc<ModelArchive>,
    pub(crate) tickets: Tickets,
    pub(crate) side: Side,
    /// Who asks, for the audit chain: known while a request is answered.
    pub(crate) asked_by: Option<String>,
}

impl HandlerState {
    /// The same state for the other kind of caller.
    pub(crate) fn on(&self, side: Side) -> Self {
        Self {
            side,
            ..self.clone()
        }
    }

    /// Lets the party's users pass; others where the policy says so. The audit chain names both.
    async fn permit(&self, what: String, rule: fn(&Policy) -> Verdict) -> Result<(), Failure> {
        let policy = self.agent_state.policy();
        let refusal = match self.side {
            Side::Own => None,
            Side::Outside => policy.use_own_endpoint(rule(&policy), Some(&self.rest)),
        };
        let to = match self.side {
            Side::Own => "a user of the party, at its own REST endpoint",
            Side::Outside => "somebody at the coordinator's REST endpoint",
        };
        let refused_by = refusal
            .as_ref()
            .map(|fault| fault.path.clone().unwrap_or_else(|| fault.code.to_string()));
        let basis = Some(Basis {
            policy: policy.hash().to_owned(),
            asked_by: self.asked_by.clone(),
            ..Basis::default()
        });
        // Written before anybody sees anything.
        self.agent_state
            .audit(&AuditEntry::Told {
                what: what.clone(),
                to: to.to_owned(),
                refused_by,
                basis,
            })
            .await?;
        match refusal {
            None => Ok(()),
            Some(fault) => {
                tracing::warn!(code = fault.code.text(), what, "refused to an outsider");
                Err(fault.into())
            }
        }
    }

    /// Permission to see or change rows.
    async fn permit_rows(&self, what: String) -> Result<(), Failure> {
        self.permit(what, Policy::rows_through_coordinator).await
    }

    /// Permission to read logs.
    async fn permit_logs(&self, what: String) -> Result<(), Failure> {
        self.permit(what, Policy::logs_through_coordinator).await
    }

    /// Permission to see or change what is granted and pinned.
    async fn permit_permissions(&self, what: String) -> Result<(), Failure> {
        self.permit(what, Policy::permissions_through_coordinator)
            .await
    }

    /// Permission to read models, or to say what they are used for.
    async fn permit_models(&self, what: String) -> Result<(), Failure> {
        self.permit(what, Policy::models_through_coordinator).await
    }

    /// What the coordinator needs to have a job signed here that one of the party's own users asks for.
    fn ticket(
        &self,
        path: &str,
        body: &[u8],
        asked_by: Option<String>,
    ) -> Result<Option<SignedBytes>, Failure> {
        match self.side {
            Side::Own => Ok(self.tickets.give(&tickets::Request {
                path,
                body,
                asked_by,
            })?),
            Side::Outside => Ok(None),
        }
    }

    fn caller(&self) -> Caller {
        match self.side {
            Side::Own => Caller::PartyUser(self.agent_state.me.clone()),
            Side::Outside => Caller::Outsider,
        }
    }

    /// Whether a request names another party than this one.
    fn is_elsewhere(&self, asked: &RequestFields) -> bool {
        asked
            .text("party_id")
            .is_some_and(|party| party != "0" && party != self.agent_state.me.as_str())
    }

    /// Reads a JSON request; what is about another party is the coordinator's to answer.
    async fn read(&self, request: Request) -> Result<Incoming, Failure> {
        let (method, path) = (
            request.method().to_string(),
            request.uri().path().to_owned(),
        );
        let asked = RequestFields::read(request).await?;
        if !self.is_elsewhere(&asked) {
            return Ok(Incoming::Here(asked));
        }
        self.ask_coordinator(&method, path.trim_end_matches('/'), &asked)
            .await
            .map(Incoming::Answered)
    }

    /// Has the coordinator answer a JSON request. Outsiders came from there and are not sent back.
    async fn ask_coordinator(&self, method: &str, path: &str, asked: &RequestFields) -> Answer {
        if self.side == Side::Outside {
            return Err(Failure::unknown_route());
        }
        let headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
        let body = Value::Object(asked.body.clone()).to_string();
        let ticket = self.ticket(path, body.as_bytes(), asked.asked_by.clone())?;
        let head = HttpHead {
            method: method.to_owned(),
            target: path.to_owned(),
            headers,
            caller: self.caller(),
            ticket,
        };
        let body = whole(body);
        let (head, body) = self
            .coordinator
            .forward(head, body)
            .await
            .map_err(unavailable)?;
        Ok(make_response(head, body))
    }
}

/// A request, or the answer to one that was about another party.
enum Incoming {
    Here(RequestFields),
    Answered(Response),
}

/// A fault of the way to the coordinator, or of a sender that did not send its whole body.
fn unavailable(fault: Fault) -> Failure {
    let status = if fault.code == ErrorCode::RequestInvalid {
        MALFORMED
    } else {
        UNAVAILABLE
    };
    Failure::from(fault).with_status(status)
}

/// A route whose handler takes the handler state and the request.
fn route<H, F>(state: &HandlerState, methods: MethodFilter, handler: H) -> MethodRouter
where
    H: Fn(HandlerState, Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let state = state.clone();
    on(methods, move |request: Request| {
        let asked_by = asked::asked_by(&request);
        let answer = handler(
            HandlerState {
                asked_by,
                ..state.clone()
            },
            request,
        );
        async move { answer.await.unwrap_or_else(IntoResponse::into_response) }
    })
}

/// The REST endpoint.
pub(crate) fn router(handler: HandlerState) -> Router {
    let (post, both) = (MethodFilter::POST, MethodFilter::POST.or(MethodFilter::GET));
    let rest = handler.clone();
    let router = Router::new()
        .route("/v1/data/upload", route(&handler, post, upload::upload))
        .route("/v1/data/download", route(&handler, post, upload::download))
        .route("/v1/data/writer", route(&handler, post, upload::writer))
        .route(
            "/v1/fedflow/staging/{name}",
            route(&handler, MethodFilter::PUT, upload::stage),
        )
        .route(
            "/v1/fedflow/files/{folder}/{name}",
            route(&handler, MethodFilter::PUT, files::put)
                .merge(route(&handler, MethodFilter::GET, files::get))
                .merge(route(&handler, MethodFilter::DELETE, files::delete)),
        )
        .route(
            "/v1/fedflow/files/{folder}",
            route(&handler, MethodFilter::GET, files::list),
        )
        .route("/v1/table/table_info", route(&handler, post, table::info))
        .route("/v1/table/delete", route(&handler, post, table::delete))
        .route("/v1/table/list", route(&handler, post, table::list))
        .route("/v1/table/preview", route(&handler, post, table::preview))
        .route(
            "/v1/table/download",
            route(&handler, both, table_file::download),
        )
        .route("/v1/table/bind", route(&handler, post, bind::bind))
        .route("/v1/table/add", route(&handler, post, bind::bind))
        .route("/v1/table/enable", route(&handler, post, enabling::enable))
        .route(
            "/v1/table/disable",
            route(&handler, post, enabling::disable),
        )
        .route(
            "/v1/table/disable/delete",
            route(&handler, post, enabling::delete_disabled),
        )
        .route(
            "/v1/table/connector/create",
            route(&handler, post, connector::create),
        )
        .route(
            "/v1/table/connector/query",
            route(&handler, post, connector::query),
        )
        .route(
            "/v1/table/tracking/source",
            route(&handler, post, lineage::source),
        )
        .route(
            "/v1/table/tracking/job",
            route(&handler, post, lineage::jobs),
        )
        .route(
            "/v1/table/schema/update",
            route(&handler, post, schema::update),
        )
        .route(
            "/v1/table/schema/anonymous/migrate",
            route(&handler, post, schema::migrate_anonymous),
        )
        .route(
            "/v1/permission/grant",
            route(&handler, post, permission::grant),
        )
        .route(
            "/v1/permission/delete",
            route(&handler, post, permission::withdraw),
        )
        .route(
            "/v1/permission/query",
            route(&handler, post, permission::query),
        )
        .route(
            "/v1/permission/grant/privilege",
            route(&handler, post, permission::grant_privilege),
        )
        .route(
            "/v1/permission/delete/privilege",
            route(&handler, post, permission::withdraw_privilege),
        )
        .route(
            "/v1/permission/query/privilege",
            route(&handler, post, permission::query_privilege),
        )
        .route("/v1/key/public/save", route(&handler, post, key::save))
        .route("/v1/key/query", route(&handler, post, key::query))
        .route("/v1/key/public/delete", route(&handler, post, key::delete))
        .route(
            "/v1/tracking/component/output/data",
            route(&handler, post, output::preview),
        )
        .route(
            "/v1/tracking/component/output/data/download",
            route(&handler, both, output::download),
        )
        .route("/v1/job/clean", route(&handler, post, clean::clean))
        .route(
            "/v1/job/log/download",
            route(&handler, post, logs::download),
        )
        .route("/v1/job/log", route(&handler, both, logs::download))
        .route("/v1/log/size", route(&handler, post, logs::size))
        .route("/v1/log/cat", route(&handler, post, logs::cat))
        .route(
            "/v1/checkpoint/list",
            route(&handler, post, checkpoint::list),
        )
        .route("/v1/checkpoint/get", route(&handler, post, checkpoint::get))
        .route("/v1/model/bind", route(&handler, post, serving::bind))
        .route(
            "/v1/fedflow/serving/load",
            route(&handler, post, serving::load),
        )
        .route(
            "/v1/fedflow/serving/bind",
            route(&handler, post, serving::bind_from_outside),
        )
        .route(
            "/v1/fedflow/inference",
            route(&handler, MethodFilter::GET, inference::list),
        )
        .route(
            "/v1/fedflow/inference/{service_id}",
            route(&handler, post, inference::ask).merge(route(
                &handler,
                MethodFilter::GET,
                inference::figures,
            )),
        )
        .route("/v1/model/export", route(&handler, both, model::export))
        .route("/v1/model/import", route(&handler, post, model::import))
        .route(
            "/v1/fedflow/model/import",
            route(&handler, MethodFilter::PUT, model::import_sent),
        )
        .route(
            "/v1/fedflow/model/migrate",
            route(&handler, post, model::migrate),
        )
        .route(
            "/v1/fedflow/model/permitted",
            route(&handler, post, model::permitted),
        )
        .route("/v1/model/transfer", route(&handler, post, model::transfer))
        .route(
            "/v1/model/transfer/{model}/{version}",
            route(&handler, post, model::transfer),
        )
        .route(
            "/v1/fedflow/health",
            route(&handler, MethodFilter::GET, info::health),
        )
        .route("/livez", route(&handler, MethodFilter::GET, info::is_alive))
        .route(
            "/readyz",
            route(&handler, MethodFilter::GET, info::is_ready),
        )
        .route(
            "/healthz",
            route(&handler, MethodFilter::GET, info::is_ready),
        )
        .route(
            "/v1/fedflow/audit",
            route(&handler, MethodFilter::GET, audit_chain::newest),
        )
        .route(
            "/v1/fedflow/audit/chain",
            route(&handler, MethodFilter::GET, audit_chain::whole),
        )
        .method_not_allowed_fallback(|| async { Failure::wrong_method() })
        .fallback(move |request: Request| elsewhere(rest.clone(), request));
    tolerate_slash(router)
}

/// What is not this party's: the coordinator answers its users.
async fn elsewhere(handler: HandlerState, request: Request) -> Response {
    if handler.side == Side::Outside {
        return Failure::unknown_path(request.uri().path()).into_response();
    }
    if Dialect::is_nobodys(request.uri().path()) {
        rest::lenient::drain(rest::proxy::stream_of(request.into_body())).await;
        return Failure::unknown_route().with_status(404).into_response();
    }
    let passed = match Tickets::are_given_at(request.uri().path()) {
        true => pass_on_with_ticket(&handler, request).await,
        false => pass_on(handler.coordinator.as_ref(), request, handler.caller())
            .await
            .map_err(unavailable),
    };
    passed.unwrap_or_else(IntoResponse::into_response)
}

/// Passes a request on that may start a job; its ticket holds the body, which is read whole for that.
async fn pass_on_with_ticket(handler: &HandlerState, request: Request) -> Answer {
    let (path, asked_by) = (request.uri().path().to_owned(), asked::asked_by(&request));
    let (mut head, body) = take_request(request, handler.caller());
    let body = whole_body(Body::from_stream(body)).await?;
    head.ticket = handler.ticket(&path, &body, asked_by)?;
    let (head, body) = handler
        .coordinator
        .forward(head, whole(body))
        .await
        .map_err(unavailable)?;
    Ok(make_response(head, body))
}

#[cfg(test)]
#[path = "rest_api_tests.rs"]
mod tests;
