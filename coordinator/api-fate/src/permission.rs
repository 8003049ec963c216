//! `permission/*` and `key/*`: kept by each party's own agent. Here every connected one is asked, and answers as its policy
//! lets it; a request that names an `owner` goes to that party alone.

use rest::{Answer, Failure};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::Caller;

use super::FateFlow;
use super::request::Call;
use super::rows;
use super::table_more::joined;

pub(super) async fn grant(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/permission/grant", &["party_id"]).await
}

pub(super) async fn withdraw(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/permission/delete", &["party_id"]).await
}

pub(super) async fn query(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/permission/query", &["party_id"]).await
}

pub(super) async fn grant_privilege(api: FateFlow, call: Call) -> Answer {
    asked(
        &api,
        &call,
        "/v1/permission/grant/privilege",
        &["src_party_id", "src_role"],
    )
    .await
}

pub(super) async fn withdraw_privilege(api: FateFlow, call: Call) -> Answer {
    asked(
        &api,
        &call,
        "/v1/permission/delete/privilege",
        &["src_party_id", "src_role"],
    )
    .await
}

pub(super) async fn query_privilege(api: FateFlow, call: Call) -> Answer {
    asked(
        &api,
        &call,
        "/v1/permission/query/privilege",
        &["src_party_id", "src_role"],
    )
    .await
}

pub(super) async fn save_key(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/key/public/save", &["party_id", "key"]).await
}

pub(super) async fn key(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/key/query", &["party_id"]).await
}

pub(super) async fn delete_key(api: FateFlow, call: Call) -> Answer {
    asked(&api, &call, "/v1/key/public/delete", &["party_id"]).await
}

async fn asked(api: &FateFlow, call: &Call, path: &str, needs: &[&'static str]) -> Answer {
    call.validated(needs)?;
    let body = Value::Object(call.body.clone());
    let mut replies = Vec::new();
    for owner in owners(api, call)? {
        replies.push(rows::ask_openly(api, &call.caller, &owner, path, &body).await);
    }
    joined(replies)
}

/// The parties whose permissions are meant: the one that is named or whose user asks, else all that are connected, but not
/// the one that the request is about.
fn owners(api: &FateFlow, call: &Call) -> Result<Vec<PartyId>, Failure> {
    if let Caller::PartyUser(own) = &call.caller {
        return Ok(vec![own.clone()]);
    }
    let agents = api.coordinator().presence().agents;
    let unknown = |party: &str| {
        Fault::new(
            ErrorCode::PartyUnknown,
            format!("party {party} was never connected"),
        )
    };
    if let Some(named) = call.text("owner") {
        let owner = agents.into_keys().find(|party| party.as_str() == named);
        return Ok(vec![owner.ok_or_else(|| unknown(&named))?]);
    }
    let about = call.text("party_id").or_else(|| call.text("src_party_id"));
    let online = agents
        .into_iter()
        .filter(|(_, agent)| agent.online)
        .map(|(party, _)| party);
    let owners: Vec<PartyId> = online
        .filter(|party| Some(party.as_str()) != about.as_deref())
        .collect();
    if owners.is_empty() {
        let fault = Fault::new(
            ErrorCode::PartyOffline,
            "no party is connected whose permissions could be meant",
        );
        return Err(fault.next("ask at the party's own REST endpoint").into());
    }
    Ok(owners)
}
