//! How the agent is.

use std::sync::PoisonError;

use axum::extract::Request;
use axum::response::IntoResponse;
use doors::{Answer, Reply};
use serde_json::json;
use vocabulary::Fault;

use super::{Desk, Side};

pub(super) async fn health(desk: Desk, _: Request) -> Answer {
    let mut data = (desk.health)();
    // How many records of each kind cannot be read; more is for the log and for the party's own users.
    data["set_aside"] = match desk.holdings.records.count_set_aside().await {
        Ok(counts) => json!(counts),
        Err(error) => json!({"unknown": Fault::from(error).code.text()}),
    };
    let status = desk.holdings.chain.status();
    // Others learn whether something can leave at all, and not how much did.
    data["audit"] = match desk.side {
        Side::Own => json!(status),
        Side::Outside => json!({"state": status.state}),
    };
    let unread = desk.holdings.unread.lock().unwrap_or_else(PoisonError::into_inner).clone();
    data["policy"] = match (unread, desk.side) {
        (None, _) => json!({"unreadable_since": null}),
        (Some((since, fault)), Side::Own) => json!({"unreadable_since": since.millis(), "why": fault.to_string()}),
        (Some((since, _)), Side::Outside) => json!({"unreadable_since": since.millis()}),
    };
    if desk.side == Side::Outside
        && let Some(refused) = data.pointer_mut("/access/refused")
    {
        *refused = json!(refused.as_array().map_or(0, Vec::len));
    }
    Ok(Reply::data(data).into_response())
}
