//! `model/load` and `model/bind`: deployed models kept ready at their parties, and the ids under which they answer.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use rest::fate_reply::{ARGUMENT, EXCEPTION, SUCCESS};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::{ModelKey, Principal};
use vocabulary::{Participant, PartyId, Role, ServingPlan, TableRef};

use super::FateFlow;
use super::reply::{answer, fail};
use super::request::{Call, text_of};
use super::rows;

const NOT_DEPLOYED: &str = "Only deployed models could be used to execute process of loading. Please deploy model before loading.";
const LOAD: &str = "/v1/fedflow/serving/load";
const BIND: &str = "/v1/fedflow/serving/bind";

/// What of a request says which model is meant: FATE takes a job id, or documents.
struct ServingQuery {
    key: ModelKey,
    /// Parties by role, as they are to be answered.
    roles: Vec<(String, Vec<String>)>,
}

fn key_error(key: &str) -> Failure {
    Failure::exception("KeyError", key)
}

async fn by_job(api: &FateFlow, job: &str) -> Result<ServingQuery, Failure> {
    let found = api
        .coordinator()
        .serving()
        .versions_named(job)
        .await
        .map_err(fail)?;
    let Some(version) = found.into_iter().next() else {
        let text = format!(
            "Model with version {job} can not be found in database. Please check if the model version is valid."
        );
        return Err(Failure::code(ARGUMENT, text));
    };
    let parties = |role: Role| {
        version
            .cast
            .of(role)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let roles = [Role::Guest, Role::Host]
        .into_iter()
        .map(|role| (role.word().to_owned(), parties(role)));
    Ok(ServingQuery {
        key: version.key.clone(),
        roles: roles.collect(),
    })
}

fn by_documents(call: &Call) -> Result<ServingQuery, Failure> {
    let member = |key: &str| {
        call.body
            .get(key)
            .filter(|value| !value.is_null())
            .ok_or_else(|| key_error(key))
    };
    let initiator = member("initiator")?;
    for key in ["party_id", "role"] {
        initiator.get(key).ok_or_else(|| key_error(key))?;
    }
    let (role, parameters) = (member("role")?, member("job_parameters")?);
    let text = |key: &str| {
        parameters
            .get(key)
            .and_then(text_of)
            .ok_or_else(|| key_error(key))
    };
    let key = ModelKey::new(text("model_id")?, text("model_version")?);
    let parties = |ids: &Value| match ids {
        Value::Array(ids) => ids.iter().filter_map(text_of).collect(),
        id => text_of(id).into_iter().collect(),
    };
    let roles = role.as_object().into_iter().flatten();
    // An arbiter keeps no model.
    let roles = roles
        .filter(|(role, _)| *role != "arbiter")
        .map(|(role, ids)| (role.clone(), parties(ids)));
    Ok(ServingQuery {
        key,
        roles: roles.collect(),
    })
}

/// The plan, with the tables that the request names in place of the training's.
async fn plan_of(
    api: &FateFlow,
    call: &Call,
    key: &ModelKey,
) -> Result<Option<ServingPlan>, Failure> {
    let plan = api
        .coordinator()
        .serving()
        .plan(&call.principal, key)
        .await
        .map_err(fail)?;
    Ok(plan.map(|mut plan| {
        let named = call.body.get("tables").unwrap_or(&Value::Null);
        for part in &mut plan.parts {
            let own = named
                .get(part.owner.role.word())
                .and_then(|parties| parties.get(part.owner.party.as_str()));
            let text = |key: &str| own?.get(key)?.as_str();
            if let (Some(namespace), Some(name)) = (
                text("namespace"),
                text("name").or_else(|| text("table_name")),
            ) {
                let table = TableRef::new(namespace, name);
                part.tables = plan
                    .readers
                    .iter()
                    .map(|reader| (reader.clone(), table.clone()))
                    .collect::<BTreeMap<_, _>>();
            }
        }
        plan
    }))
}

pub(super) async fn load(api: FateFlow, call: Call) -> Answer {
    let wanted = match call.text("job_id") {
        Some(job) => by_job(&api, &job).await?,
        None => by_documents(&call)?,
    };
    let job = api.coordinator().jobs().fresh_id()?;
    let plan = plan_of(&api, &call, &wanted.key).await?;
    let asked: Vec<(String, String)> = wanted
        .roles
        .iter()
        .flat_map(|(role, parties)| {
            parties
                .iter()
                .map(move |party| (role.clone(), party.clone()))
        })
        .collect();
    let told = join_all(
        asked
            .iter()
            .map(|(role, party)| load_at(&api, &call, plan.as_ref(), role, party)),
    )
    .await;
    let (mut data, mut detail, mut whole) = (Map::new(), Map::new(), true);
    for (role, _) in &wanted.roles {
        data.insert(role.clone(), json!({}));
        detail.insert(role.clone(), json!({}));
    }
    for ((role, party), told) in asked.iter().zip(told) {
        let code = told.as_ref().map_or(EXCEPTION, |(code, _)| *code);
        whole &= code == SUCCESS;
        put(&mut data, role, party, json!(code));
        if let Some((code, text)) = told {
            put(
                &mut detail,
                role,
                party,
                json!({"retcode": code, "retmsg": text}),
            );
        }
    }
    data.insert("detail".to_owned(), Value::Object(detail));
    let reply = if whole {
        Reply::success()
    } else {
        Reply::code(ARGUMENT, "failed")
    };
    answer(reply.with_data(Value::Object(data)).with_job(job.as_str()))
}

fn put(into: &mut Map<String, Value>, role: &str, party: &str, value: Value) {
    if let Some(Value::Object(parties)) = into.get_mut(role) {
        parties.insert(party.to_owned(), value);
    }
}

/// Code and text of one party; nothing when it cannot be reached.
async fn load_at(
    api: &FateFlow,
    call: &Call,
    plan: Option<&ServingPlan>,
    role: &str,
    party: &str,
) -> Option<(i64, String)> {
    let not_deployed = || Some((EXCEPTION, NOT_DEPLOYED.to_owned()));
    let (Some(plan), Ok(role), Ok(party)) = (plan, role.parse::<Role>(), PartyId::new(party))
    else {
        return not_deployed();
    };
    let owner = Participant::new(role, party);
    if plan.part_of(&owner).is_none() {
        return not_deployed();
    }
    let mut own = plan.clone();
    if owner != plan.initiator {
        // What the others' tables are called does not concern a host; the initiator asks for them later.
        own.parts.retain(|part| part.owner == owner);
    }
    let reply = rows::ask_openly(
        api,
        &call.caller,
        &owner.party,
        LOAD,
        &json!({"role": role, "plan": own}),
    )
    .await;
    let reply = reply.ok()?;
    let code = reply.get("retcode").and_then(Value::as_i64)?;
    if code != SUCCESS {
        let text = reply
            .get("retmsg")
            .and_then(Value::as_str)
            .unwrap_or("failed");
        return Some((EXCEPTION, text.to_owned()));
    }
    let key = ModelKey::new(plan.model_id.clone(), plan.model_version.clone());
    match api
        .coordinator()
        .models()
        .loaded(&Principal::operator(), &key, &owner)
        .await
    {
        Ok(()) => Some((SUCCESS, "success".to_owned())),
        Err(error) => Some((EXCEPTION, error.fault().to_string())),
    }
}

/// What a binding is about: the service id and the plan.
async fn binding(api: &FateFlow, call: &Call) -> Result<(String, ServingPlan), Failure> {
    let by_id = match call.text("job_id") {
        Some(job) => Some(by_job(api, &job).await?),
        None => None,
    };
    let service = call.text("service_id").filter(|id| !id.is_empty());
    let service = service.ok_or_else(|| Failure::code(ARGUMENT, "no service id"))?;
    let wanted = match by_id {
        Some(wanted) => wanted,
        None => {
            call.checked(&["initiator", "role", "job_parameters"])?;
            by_documents(call)?
        }
    };
    let plan = plan_of(api, call, &wanted.key).await?;
    Ok((
        service,
        plan.ok_or_else(|| Failure::code(EXCEPTION, NOT_DEPLOYED))?,
    ))
}

/// Has the initiator's agent give a service id its model, where its policy lets the coordinator's REST endpoint do that.
pub(super) async fn bind(api: FateFlow, call: Call) -> Answer {
    let (service, plan) = binding(&api, &call).await?;
    let (party, body) = (
        plan.initiator.party.clone(),
        json!({"service_id": service, "plan": plan}),
    );
    let reply = rows::ask_openly(&api, &call.caller, &party, BIND, &body).await?;
    answer(super::table::as_reply(reply))
}

/// The same up to the plan, for an agent whose own user binds.
pub(super) async fn plan(api: FateFlow, call: Call) -> Answer {
    let (service, plan) = binding(&api, &call).await?;
    answer(Reply::data(json!({"service_id": service, "plan": plan})))
}
