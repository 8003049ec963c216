//! The agent's REST endpoint: what belongs to this party is answered here, everything else goes on to the coordinator.
//!
//! There are two of them over the same agent state: the own REST endpoint, whose callers are the party's users, and the one that the
//! coordinator reaches over the link, whose callers are outsiders whatever it says of them.

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
mod request_fields;
mod routes;
mod schema;
mod serving;
mod table;
mod table_file;
mod upload;

use std::sync::Arc;

use audit::{AuditEntry, Basis};
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use policy::{Policy, Verdict};
use rest::lenient::whole_body;
use rest::proxy::{make_response, pass_on, take_request, whole};
use rest::{Answer, Dialect, Failure, Forward};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, SignedBytes};
use wire::agent_link::{Caller, HttpHead};

use crate::agent_state::AgentState;
use crate::blocking::blocking;
use crate::keyring::KnownKeys;
use crate::model_archive::ModelArchive;
use crate::serving::Serving;
use crate::tickets::{self, Tickets};
use crate::uplink::Uploads;
use request_fields::RequestFields;

pub(crate) use routes::router;

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
    /// The way to start uploads without HTTP.
    pub(crate) uploads: Arc<dyn Uploads>,
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
    let (path, asked_by) = (
        request.uri().path().to_owned(),
        request_fields::asked_by(&request),
    );
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
