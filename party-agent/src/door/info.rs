//! How the agent is, and what its audit chain says.

use axum::extract::Request;
use axum::response::IntoResponse;
use doors::{Answer, Failure, Reply};
use serde_json::json;
use vocabulary::{ErrorCode, Fault};

use super::{Desk, Side};

/// Entries of the audit chain that are shown unless `last` asks for more or fewer.
const LAST: usize = 1_000;

pub(super) async fn health(desk: Desk, _: Request) -> Answer {
    Ok(Reply::data((desk.health)()).into_response())
}

/// The newest entries of the audit chain, checked from its beginning; for the party's own users.
pub(super) async fn audit(desk: Desk, request: Request) -> Answer {
    if desk.side == Side::Outside {
        let fault = Fault::new(ErrorCode::PermissionDenied, "the audit chain is for the party's own users");
        return Err(Failure::from(fault.at(&desk.holdings.me).next(format!("ask at {}", desk.rest))));
    }
    let last = doors::upload::read_query(request.uri().query().unwrap_or_default());
    let last = last.get("last").and_then(|last| last.as_str()?.parse().ok()).unwrap_or(LAST);
    let chain = desk.holdings.records.audit_chain().await.map_err(Fault::from)?;
    let shown = chain.get(chain.len().saturating_sub(last)..).unwrap_or_default();
    Ok(Reply::data(json!(shown)).with_meta(json!({"entries": chain.len(), "intact": true})).into_response())
}
