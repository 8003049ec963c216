//! `model/bind` and the party's part of `model/load`: which deployed models this party keeps ready, and under which ids.

use axum::extract::Request;
use axum::response::IntoResponse;
use rest::fate_reply::{EXCEPTION, SUCCESS};
use rest::lenient::{read_json, whole_body};
use rest::{Answer, Failure, Reply};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, Participant, Role, ServingPart, ServingPlan};

use super::request_fields::RequestFields;
use super::{HandlerState, Side, blocking};

/// FATE's text where no serving is set up.
const NO_SERVING: &str = "Please configure servings address";
const BIND: &str = "/v1/model/bind";
const PLAN: &str = "/v1/fedflow/serving/plan";
/// The longest service id, in characters.
const LONGEST_ID: usize = 256;

fn need_serving(handler: &HandlerState) -> Result<(), Failure> {
    if handler.serving.settings.enabled {
        return Ok(());
    }
    let fault = Fault::new(
        ErrorCode::Unsupported,
        "this party answers no predictions online",
    )
    .at(&handler.agent_state.me);
    let fault = fault.next("set serving.enabled in the agent's settings");
    Err(Failure::code(EXCEPTION, NO_SERVING).with_fault(fault))
}

fn plan_in(asked: &RequestFields) -> Result<ServingPlan, Failure> {
    let plan = asked.body.get("plan").cloned().unwrap_or_default();
    let malformed = |error: serde_json::Error| {
        Fault::new(
            ErrorCode::RequestInvalid,
            format!("no serving plan: {error}"),
        )
    };
    Ok(serde_json::from_value(plan).map_err(malformed)?)
}

/// Loads a model at this party in a role: sees that its models and tables are here, and remembers it. What is here is said to
/// those whom the policy lets at models.
pub(super) async fn load(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    need_serving(&handler)?;
    let mut plan = plan_in(&asked)?;
    handler
        .permit_models(format!(
            "loading of model {} {}",
            plan.model_id, plan.model_version
        ))
        .await?;
    let role = asked.role().unwrap_or(plan.initiator.role);
    let me = Participant::new(role, handler.agent_state.me.clone());
    let Some(part) = plan.part_of(&me) else {
        let message = format!(
            "{me} has no part in model {} {}",
            plan.model_id, plan.model_version
        );
        return Err(Fault::new(ErrorCode::RequestInvalid, message).into());
    };
    check(&handler, part).await?;
    if handler.side == Side::Outside {
        // Which tables answer is for the party's own users to name.
        plan.parts.iter_mut().for_each(|part| part.tables.clear());
        take_loaded_tables(&handler, &mut plan).await?;
    }
    handler
        .agent_state
        .records
        .load_for_serving(role, &plan, handler.agent_state.now())
        .await
        .map_err(Fault::from)?;
    tracing::info!(model = plan.model_id, version = plan.model_version, %role, "model loaded for serving");
    Ok(Reply::success().into_response())
}

/// Whether everything that a part names is here.
async fn check(handler: &HandlerState, part: &ServingPart) -> Result<(), Failure> {
    let (agent_state, me) = (&handler.agent_state, &handler.agent_state.me);
    for input in &part.models {
        let there = match &input.checkpoint {
            None => agent_state
                .records
                .model(&input.model)
                .await
                .map_err(Fault::from)?
                .is_some(),
            Some(which) => agent_state
                .records
                .checkpoint(&input.model, which)
                .await
                .map_err(Fault::from)?
                .is_some(),
        };
        if !there {
            let message = format!(
                "the model of step {} in version {} is not here",
                input.model.step, input.model.version
            );
            return Err(Fault::new(ErrorCode::ModelMissing, message)
                .at(me)
                .next("import it, or train again")
                .into());
        }
    }
    let (table_store, tables) = (
        agent_state.table_store.clone(),
        part.tables.values().cloned().collect::<Vec<_>>(),
    );
    blocking(move || {
        tables
            .iter()
            .try_for_each(|table| table_store.info(table).map(|_| ()).map_err(Fault::from))
    })
    .await
    .map_err(|failure| match failure.0.fault.clone() {
        // An outsider is not told what other tables there are.
        Some(fault) if handler.side == Side::Outside => fault
            .at(me)
            .next("check namespace and name of the table")
            .into(),
        Some(fault) => fault.at(me).into(),
        None => failure,
    })
}

/// Gives a service id its model. The party's user is answered here; others where the policy lets them at models.
pub(super) async fn bind(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    if handler.side == Side::Outside {
        return Err(Failure::unknown_route());
    }
    // The coordinator has the documents and says what is wrong with the request in FATE's words.
    let response = handler.ask_coordinator("POST", PLAN, &asked).await?;
    let reply = read_json(&whole_body(response.into_body()).await?);
    if reply.get("retcode").and_then(Value::as_i64) != Some(SUCCESS) {
        return Ok(axum::Json(reply).into_response());
    }
    let planned = RequestFields::of(
        reply
            .get("data")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    );
    let plan = plan_in(&planned)?;
    if plan.initiator.party != handler.agent_state.me {
        return handler.ask_coordinator("POST", BIND, &asked).await;
    }
    keep(&handler, planned.text("service_id"), plan).await
}

/// The same from the coordinator's REST endpoint, with the plan in the body.
pub(super) async fn bind_from_outside(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    need_serving(&handler)?;
    let plan = plan_in(&asked)?;
    let service = asked.text("service_id");
    handler
        .permit_models(format!(
            "binding of service {}",
            service.clone().unwrap_or_default()
        ))
        .await?;
    keep(&handler, service, plan).await
}

async fn keep(handler: &HandlerState, service: Option<String>, mut plan: ServingPlan) -> Answer {
    need_serving(handler)?;
    let me = Participant::new(Role::Guest, handler.agent_state.me.clone());
    let service =
        service.filter(|service| !service.is_empty() && service.chars().count() <= LONGEST_ID);
    let Some(service) = service else {
        let message = format!("a service id has 1 to {LONGEST_ID} characters");
        return Err(Fault::new(ErrorCode::RequestInvalid, message)
            .path("service_id")
            .into());
    };
    if plan.initiator != me {
        let message = format!(
            "{} asked for the training: it answers for the model, not {me}",
            plan.initiator
        );
        return Err(Fault::new(ErrorCode::RequestInvalid, message).into());
    }
    take_loaded_tables(handler, &mut plan).await?;
    if let Some((owner, reader)) = plan.without_table() {
        let message = format!("no table is known for {reader} at {owner}");
        let next = "name it: \"tables\": {ROLE: {PARTY: {\"name\": …, \"namespace\": …}}} in model/load or model/bind";
        return Err(Fault::new(ErrorCode::TableMissing, message)
            .path("tables")
            .next(next)
            .into());
    }
    let Some(part) = plan.part_of(&me) else {
        return Err(Fault::new(
            ErrorCode::RequestInvalid,
            format!("{me} has no part in the model"),
        )
        .into());
    };
    check(handler, part).await?;
    handler
        .agent_state
        .records
        .bind_service(&service, &plan, handler.agent_state.now())
        .await
        .map_err(Fault::from)?;
    tracing::info!(
        service,
        model = plan.model_id,
        version = plan.model_version,
        "service bound"
    );
    Ok(Reply::success()
        .saying(format!("service id is {service}"))
        .into_response())
}

/// Fills in the tables that the party's own users named when they loaded the model, where the request names none.
async fn take_loaded_tables(handler: &HandlerState, plan: &mut ServingPlan) -> Result<(), Failure> {
    let loads = handler
        .agent_state
        .records
        .loaded_for_serving()
        .await
        .map_err(Fault::from)?;
    let loaded = loads.into_iter().rev().map(|load| load.plan);
    let loaded = loaded.into_iter().find(|loaded| {
        loaded.model_id == plan.model_id && loaded.model_version == plan.model_version
    });
    let Some(loaded) = loaded else { return Ok(()) };
    for part in &mut plan.parts {
        let Some(own) = loaded.part_of(&part.owner) else {
            continue;
        };
        for (reader, table) in &own.tables {
            part.tables
                .entry(reader.clone())
                .or_insert_with(|| table.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "../rest_api_serving_tests.rs"]
mod tests;
