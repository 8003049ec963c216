//! `checkpoint/*`: states of a model that a training of this party kept before its end.

use axum::extract::Request;
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use component_kit::SavedModel;
use fate_models::StoredMessage;
use records::CheckpointRecord;
use rest::lenient::{read_json, whole_body};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};
use vocabulary::{CheckpointRef, Fault, ModelRef, Participant, Role, StepName, Timestamp};

use super::request_fields::RequestFields;
use super::{HandlerState, Side};

const NEEDED: [&str; 5] = [
    "role",
    "party_id",
    "model_id",
    "model_version",
    "component_name",
];
const LIST: &str = "/v1/checkpoint/list";
const GET: &str = "/v1/checkpoint/get";
const DOCUMENTS: &str = "/v1/fedflow/model/documents";

/// HTTP 400 with the text of the older checker.
fn checked(asked: &RequestFields) -> Result<(), Failure> {
    if asked.body.is_empty() {
        return Err(Failure::http(400, Some("no parameters")));
    }
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|key| asked.body.get(*key).is_none_or(Value::is_null))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::http(
        400,
        Some(&format!(
            "'required parameters are missing: {}; '",
            missing.join(",")
        )),
    ))
}

/// The model whose states are meant; none when a name can be no model's.
fn model(handler: &HandlerState, asked: &RequestFields, version: String) -> Option<ModelRef> {
    let step = StepName::new(asked.text("component_name")?).ok()?;
    let role: Role = asked.role()?;
    Some(ModelRef {
        version,
        step,
        owner: Participant::new(role, handler.agent_state.me.clone()),
    })
}

/// The version under which this party keeps what was deployed: the coordinator says it to the party's users, and sends it
/// along with the requests of outsiders.
async fn stored_version(handler: &HandlerState, asked: &RequestFields) -> Option<String> {
    if handler.side == Side::Outside {
        return asked.text("stored_version");
    }
    let of = ["model_id", "model_version", "role", "party_id"];
    let body = of
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), asked.body.get(key)?.clone())))
        .collect();
    let response = handler
        .ask_coordinator("POST", DOCUMENTS, &RequestFields::of(body))
        .await
        .ok()?;
    let reply = read_json(&whole_body(response.into_body()).await.ok()?);
    Some(reply.pointer("/data/stored_version")?.as_str()?.to_owned())
}

/// The model's states: kept under its own version, or under that of the training from which it was deployed.
async fn find(
    handler: &HandlerState,
    asked: &RequestFields,
) -> Result<(Option<ModelRef>, Vec<CheckpointRecord>), Failure> {
    let named = asked.text("model_version").unwrap_or_default();
    let Some(own) = model(handler, asked, named.clone()) else {
        return Ok((None, Vec::new()));
    };
    let found = handler
        .agent_state
        .records
        .checkpoints(&own)
        .await
        .map_err(Fault::from)?;
    if !found.is_empty() {
        return Ok((Some(own), found));
    }
    match stored_version(handler, asked)
        .await
        .filter(|stored| *stored != named)
    {
        Some(version) => {
            let stored = ModelRef { version, ..own };
            let found = handler
                .agent_state
                .records
                .checkpoints(&stored)
                .await
                .map_err(Fault::from)?;
            Ok((Some(stored), found))
        }
        None => Ok((Some(own), found)),
    }
}

pub(super) async fn list(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    checked(&asked)?;
    if handler.is_elsewhere(&asked) {
        return handler.ask_coordinator("POST", LIST, &asked).await;
    }
    handler
        .permit_models(what("list of checkpoints", &asked))
        .await?;
    let (_, found) = find(&handler, &asked).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|record| show(&handler, (&asked, record), described))
        .collect();
    Ok(Reply::data(Value::Array(shown)).into_response())
}

pub(super) async fn get(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    checked(&asked)?;
    let which = which(&asked)?;
    if handler.is_elsewhere(&asked) {
        return handler.ask_coordinator("POST", GET, &asked).await;
    }
    handler.permit_models(what("checkpoint", &asked)).await?;
    let missing = || Failure::http(404, Some("The checkpoint was not found."));
    let (model, _) = find(&handler, &asked).await?;
    let model = model.ok_or_else(missing)?;
    let found = handler
        .agent_state
        .records
        .checkpoint(&model, &which)
        .await
        .map_err(Fault::from)?;
    let encoded = |message: &StoredMessage| json!(STANDARD.encode(&message.bytes));
    Ok(Reply::data(show(
        &handler,
        (&asked, &found.ok_or_else(missing)?),
        encoded,
    ))
    .into_response())
}

fn what(what: &str, asked: &RequestFields) -> String {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    format!(
        "{what} of {} in model version {}",
        text("component_name"),
        text("model_version")
    )
}

/// Exactly one of the two names of a state; an index may be written as text.
fn which(asked: &RequestFields) -> Result<CheckpointRef, Failure> {
    let given = |key: &str| {
        asked
            .body
            .get(key)
            .filter(|value| !value.is_null())
            .is_some()
    };
    match (given("step_index"), given("step_name")) {
        (true, false) => {
            let index = asked
                .number("step_index")
                .and_then(|index| u32::try_from(index).ok());
            index
                .map(CheckpointRef::StepIndex)
                .ok_or_else(|| Failure::http(400, Some("Invalid 'step_index'")))
        }
        (false, true) => Ok(CheckpointRef::StepName(
            asked.text("step_name").unwrap_or_default(),
        )),
        _ => Err(Failure::http(
            400,
            Some("'step_index' or 'step_name' is required"),
        )),
    }
}

/// A state as the messages in which FATE keeps such a model. What has none there is one message in our own layout.
fn messages(
    handler: &HandlerState,
    asked: &RequestFields,
    record: &CheckpointRecord,
) -> Vec<StoredMessage> {
    let kept = &record.model;
    let (name, version) = (kept.component.clone(), kept.component_version);
    let known = handler
        .agent_state
        .component(&name, version)
        .zip(asked.role())
        .and_then(|(component, role)| {
            let model = SavedModel {
                component: name.clone(),
                component_version: version,
                role,
                bytes: kept.content.clone(),
            };
            Some(fate_models::messages(
                component.description().modules.first()?,
                &component.shown(&model)?,
            ))
        });
    known
        .filter(|messages| !messages.is_empty())
        .unwrap_or_else(|| {
            let class = format!("fedflow.{name}.{version}");
            vec![StoredMessage {
                name,
                class,
                bytes: kept.content.clone(),
                json: Value::Null,
            }]
        })
}

fn show(
    handler: &HandlerState,
    (asked, record): (&RequestFields, &CheckpointRecord),
    content: impl Fn(&StoredMessage) -> Value,
) -> Value {
    let messages = messages(handler, asked, record);
    let models: Map<String, Value> = messages
        .iter()
        .map(|message| (message.name.clone(), content(message)))
        .collect();
    json!({
        "create_time": iso(record.saved), "step_index": record.step_index, "step_name": record.step_name, "models": models,
    })
}

/// Which message it is, and its hash.
fn described(message: &StoredMessage) -> Value {
    let hash = vocabulary::hex(Sha1::digest(&message.bytes));
    json!({"buffer_name": message.class, "sha1": hash})
}

/// UTC, as ISO 8601 writes it.
fn iso(time: Timestamp) -> Value {
    let time = DateTime::from_timestamp_micros(time.0);
    time.map_or(Value::Null, |time| {
        json!(time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
    })
}
