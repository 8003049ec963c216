//! `checkpoint/*`: the owner's agent answers, where its policy lets the coordinator's REST endpoint at models.

use rest::{Answer, Failure};
use serde_json::Value;
use service::ModelKey;
use vocabulary::PartyId;

use super::FateFlow;
use super::reply::fail;
use super::request::Call;
use super::rows;

const NEEDED: [&str; 5] = [
    "role",
    "party_id",
    "model_id",
    "model_version",
    "component_name",
];

pub(super) async fn list(api: FateFlow, call: Call) -> Answer {
    ask(&api, call, "/v1/checkpoint/list").await
}

pub(super) async fn get(api: FateFlow, call: Call) -> Answer {
    ask(&api, call, "/v1/checkpoint/get").await
}

async fn ask(api: &FateFlow, call: Call, path: &str) -> Answer {
    // HTTP 400 with the text of the older checker.
    if call.body.is_empty() {
        return Err(Failure::http(400, Some("no parameters")));
    }
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|key| call.body.get(*key).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        let text = format!("'required parameters are missing: {}; '", missing.join(","));
        return Err(Failure::http(400, Some(&text)));
    }
    let text = |key: &str| call.text(key).unwrap_or_default();
    let party = PartyId::new(text("party_id")).map_err(|_| {
        Failure::code(
            rest::fate_reply::ARGUMENT,
            format!("party {:?} cannot be", text("party_id")),
        )
    })?;
    let key = ModelKey::new(text("model_id"), text("model_version"));
    let mut body = call.body.clone();
    // The agent believes this field, so a caller must not be the one who sets it.
    body.remove("stored_version");
    // The agent keeps the states of a deployed model under the version of the training.
    if let Some(version) = api
        .coordinator()
        .models()
        .version(&key)
        .await
        .map_err(fail)?
    {
        body.insert("stored_version".to_owned(), Value::from(version.stored));
    }
    rows::pass_on_openly(api, &call.caller, &party, path, &Value::Object(body)).await
}
