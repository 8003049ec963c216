//! `model/{export,import,transfer,store,restore}`: models as archives. They are their owners': requests go to the party's
//! agent, whose policy says whether this REST endpoint may have them.

use axum::extract::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rest::form::SentForm;
use rest::lenient::{drain, read_json, segment_text, whole_body};
use rest::proxy::BodyStream;
use rest::{Answer, Failure, LocalJob, Reply};
use serde_json::{Map, Value, json};
use service::jobs::submit::Submitted;
use vocabulary::{Fault, PartyId};
use wire::agent_link::Caller;

use super::FateFlow;
use super::data::start_local;
use super::model_exchange::OF_PART;
use super::reply::{answer, submission};
use super::request::{Call, text_of};
use super::rows;

/// The party of the part that a request means, when it could be one.
fn party_of(body: &Map<String, Value>) -> Option<PartyId> {
    PartyId::new(body.get("party_id").and_then(text_of)?).ok()
}

fn party_model_id(body: &Map<String, Value>) -> String {
    let text = |key: &str| body.get(key).and_then(text_of).unwrap_or_default();
    format!("{}#{}#{}", text("role"), text("party_id"), text("model_id"))
}

fn does_not_exist(body: &Map<String, Value>) -> Failure {
    let version = body
        .get("model_version")
        .and_then(text_of)
        .unwrap_or_default();
    Failure::http(
        404,
        Some(&format!(
            "Model {} {version} does not exist.",
            party_model_id(body)
        )),
    )
}

pub(super) async fn export(api: FateFlow, call: Call) -> Answer {
    call.validated(OF_PART)?;
    let party = party_of(&call.body)
        .filter(|party| is_known(&api, party))
        .ok_or_else(|| does_not_exist(&call.body))?;
    rows::pass_on_openly(
        &api,
        &call.caller,
        &party,
        "/v1/model/export",
        &Value::Object(call.body),
    )
    .await
}

fn is_known(api: &FateFlow, party: &PartyId) -> bool {
    api.coordinator().presence().agents.contains_key(party)
}

/// The form's texts go into the query and the file streams on as the body; nothing of it stays here.
pub(super) async fn import(api: FateFlow, request: Request, caller: Caller) -> Answer {
    let SentForm { fields, file } = SentForm::read(request, OF_PART).await?;
    let party = match checked(&api, &fields, file.is_some()) {
        Ok(party) => party,
        Err(failure) => {
            if let Some(file) = file {
                drain(file).await;
            }
            return Err(failure);
        }
    };
    let Some(content) = file else {
        return Err(Failure::http(400, Some("`file` is required.")));
    };
    send_file(&api, &caller, &party, fields, content).await
}

fn checked(
    api: &FateFlow,
    fields: &Map<String, Value>,
    has_file: bool,
) -> Result<PartyId, Failure> {
    let missing: Vec<&str> = OF_PART
        .iter()
        .copied()
        .filter(|key| fields.get(*key).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        return Err(Failure::arguments_missing(&missing));
    }
    if !has_file {
        return Err(Failure::http(400, Some("`file` is required.")));
    }
    party_of(fields).filter(|party| is_known(api, party)).ok_or_else(|| {
        let text = |key: &str| fields.get(key).and_then(text_of).unwrap_or_default();
        let (party, role) = (text("party_id"), text("role"));
        let told =
            format!("Party id \"{party}\" is not in role \"{role}\", please check if the party id and role is valid.");
        Failure::http(400, Some(&told))
    })
}

async fn send_file(
    api: &FateFlow,
    caller: &Caller,
    party: &PartyId,
    mut fields: Map<String, Value>,
    content: BodyStream,
) -> Answer {
    // Only what is known goes on: fields that a stranger invents are not for the agent to judge.
    fields.retain(|name, _| {
        OF_PART.contains(&name.as_str()) || matches!(name.as_str(), "force_update" | "hash")
    });
    let config = Value::Object(fields).to_string();
    let target = format!(
        "/v1/fedflow/model/import?{}",
        utf8_percent_encode(&config, NON_ALPHANUMERIC)
    );
    Ok(rows::send_openly(api, caller, party, ("PUT", &target), content).await?)
}

/// Named in the body, or in the path with `~` for `#`.
pub(super) async fn transfer(api: FateFlow, request: Request, caller: Caller) -> Answer {
    let path = request
        .uri()
        .path()
        .strip_prefix("/v1/model/transfer")
        .unwrap_or_default()
        .to_owned();
    let mut body = match read_json(&whole_body(request.into_body()).await?) {
        Value::Object(body) => body,
        _ => Map::new(),
    };
    if let Some((model, version)) = path.trim_start_matches('/').split_once('/') {
        body.insert("namespace".to_owned(), json!(segment_text(model)));
        body.insert("name".to_owned(), json!(segment_text(version)));
    }
    let given = |key: &str| {
        body.get(key)
            .and_then(text_of)
            .filter(|text| !text.is_empty())
    };
    let Some((namespace, name)) = given("namespace").zip(given("name")) else {
        return Err(Failure::http(400, Some("namespace and name are required")));
    };
    let not_found = || Failure::http(404, Some("model not found"));
    let party = namespace
        .split(['#', '~'])
        .nth(1)
        .and_then(|party| PartyId::new(party).ok());
    let party = party
        .filter(|party| is_known(&api, party))
        .ok_or_else(not_found)?;
    let body = json!({"namespace": namespace, "name": name});
    rows::pass_on_openly(&api, &caller, &party, "/v1/model/transfer", &body).await
}

/// Starts the local job that copies a model to its party's model store.
pub(super) async fn store(api: FateFlow, call: Call) -> Answer {
    copy(&api, &call, "/v1/model/store").await
}

/// The same, back from there.
pub(super) async fn restore(api: FateFlow, call: Call) -> Answer {
    copy(&api, &call, "/v1/model/restore").await
}

async fn copy(api: &FateFlow, call: &Call, path: &str) -> Answer {
    call.validated(OF_PART)?;
    let unknown = || does_not_exist(&call.body);
    let party = party_of(&call.body)
        .filter(|party| is_known(api, party))
        .ok_or_else(unknown)?;
    let job = LocalJob::asked(path, &call.body).ok_or_else(Failure::unknown_route)??;
    rows::not_anothers(&call.caller, &party)?;
    // Asked before a job is made: its own users may, and for all others the party's policy answers.
    if call.caller != Caller::PartyUser(party.clone()) {
        let (part, version) = (party_model_id(&call.body), call.need("model_version")?);
        let what = json!({"what": format!("{} of model {part} version {version}", job.module)});
        let told = rows::ask_openly(
            api,
            &call.caller,
            &party,
            "/v1/fedflow/model/permitted",
            &what,
        )
        .await?;
        refused(&told).map_or(Ok(()), Err)?;
    }
    let Submitted { job, .. } = start_local(api, &call.principal, &job, &[party]).await?;
    let data = submission(api, &job, "success");
    answer(Reply::data(Value::Object(data)).with_job(job.id.as_str()))
}

/// An agent's refusal in its own words; none when it agreed.
pub(super) fn refused(reply: &Value) -> Option<Failure> {
    let code = reply
        .get("retcode")
        .and_then(Value::as_i64)
        .unwrap_or(rest::fate_reply::EXCEPTION);
    if code == rest::fate_reply::SUCCESS {
        return None;
    }
    let told = reply
        .get("fault")
        .and_then(|fault| serde_json::from_value::<Fault>(fault.clone()).ok());
    let text = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("the agent gave no reason");
    let failure = Failure::code(code, text);
    Some(match told {
        Some(fault) => failure.with_fault(fault),
        None => failure,
    })
}
