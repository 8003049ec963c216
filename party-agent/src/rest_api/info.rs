//! How the agent is.

use std::sync::PoisonError;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::Fault;

use super::{HandlerState, Side, blocking};

/// HTTP status of an agent that takes no work in now.
const NOT_READY: u16 = 503;

pub(super) async fn health(handler: HandlerState, _: Request) -> Answer {
    let mut data = state(&handler).await?;
    if handler.side == Side::Outside && data["disk"] != "ok" {
        // where the agent keeps its things is no business of theirs
        data["disk"] = json!("it cannot be written");
    }
    // How many records of each kind cannot be read; more is for the log and for the party's own users.
    data["set_aside"] = match handler.agent_state.records.count_set_aside().await {
        Ok(counts) => json!(counts),
        Err(error) => json!({"unknown": Fault::from(error).code.text()}),
    };
    let status = handler.agent_state.chain.status();
    // Others learn whether something can leave at all, and not how much did.
    data["audit"] = match handler.side {
        Side::Own => json!(status),
        Side::Outside => json!({"state": status.state}),
    };
    let unread = handler
        .agent_state
        .unread
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    data["policy"] = match (unread, handler.side) {
        (None, _) => json!({"unreadable_since": null}),
        (Some((since, fault)), Side::Own) => {
            json!({"unreadable_since": since.millis(), "why": fault.to_string()})
        }
        (Some((since, _)), Side::Outside) => json!({"unreadable_since": since.millis()}),
    };
    if handler.side == Side::Outside
        && let Some(refused) = data.pointer_mut("/access/refused")
    {
        *refused = json!(refused.as_array().map_or(0, Vec::len));
    }
    let reply = match wanting(&data) {
        None => Reply::data(data),
        Some(why) => Reply {
            status: NOT_READY,
            ..Reply::code(i64::from(NOT_READY), why).with_data(data)
        },
    };
    Ok(reply.into_response())
}

/// Whether work can be taken in, for those who start and stop daemons. It tells no more.
pub(super) async fn is_ready(handler: HandlerState, _: Request) -> Answer {
    let why = wanting(&state(&handler).await?);
    let body = json!({"ready": why.is_none()});
    let status = if why.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok((status, axum::Json(body)).into_response())
}

/// That the process answers.
pub(super) async fn is_alive(_: HandlerState, _: Request) -> Answer {
    Ok(axum::Json(json!({"alive": true})).into_response())
}

async fn state(handler: &HandlerState) -> Result<Value, Failure> {
    // the disk is asked
    let health = handler.health.clone();
    blocking(move || Ok(health())).await
}

/// What keeps the agent from taking work in.
fn wanting(data: &Value) -> Option<String> {
    let disk = data
        .get("disk")
        .and_then(Value::as_str)
        .filter(|disk| *disk != "ok");
    if let Some(why) = disk {
        return Some(format!(
            "{why}: make space, or let the agent's user write there"
        ));
    }
    let is_linked = data
        .pointer("/coordinator/connected")
        .is_none_or(|connected| *connected == Value::Bool(true));
    (!is_linked).then(|| {
        "the coordinator is not reached: see coordinator.last_error, and the agent's log".to_owned()
    })
}
