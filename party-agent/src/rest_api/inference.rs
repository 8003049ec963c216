//! `fedflow/inference`: predictions that somebody waits for, for the party's own users only.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::response::IntoResponse;
use http::Uri;
use records::ServiceRecord;
use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, Timestamp};

use super::request_fields::RequestFields;
use super::{HandlerState, Side};

fn own_users_only(handler: &HandlerState) -> Result<(), Failure> {
    if handler.side == Side::Own {
        return Ok(());
    }
    let fault = Fault::new(
        ErrorCode::PermissionDenied,
        "predictions online are for the party's own users",
    );
    Err(fault
        .at(&handler.agent_state.me)
        .next(format!("ask at {}", handler.rest))
        .into())
}

/// The service that the path names.
async fn service(handler: &HandlerState, uri: &Uri) -> Result<ServiceRecord, Failure> {
    let path = uri.path().trim_end_matches('/');
    let segment = path.rsplit('/').next().unwrap_or_default();
    let name = rest::lenient::segment_text(segment);
    let unknown = || {
        let message = format!("service id {name:?} is not bound");
        let fault = Fault::new(ErrorCode::NotFound, message.clone()).at(&handler.agent_state.me);
        Failure::code(ARGUMENT, message)
            .with_fault(fault.next("bind a deployed model to it: model/bind"))
    };
    handler
        .agent_state
        .records
        .service(&name)
        .await
        .map_err(Fault::from)?
        .ok_or_else(unknown)
}

/// Scores of the rows with the given ids.
pub(super) async fn ask(handler: HandlerState, request: Request) -> Answer {
    own_users_only(&handler)?;
    let began = tokio::time::Instant::now();
    let service = service(&handler, &request.uri().clone()).await?;
    let asked = RequestFields::read(request).await?;
    let ids = ids_in(&asked, handler.serving.settings.most_ids)?;
    if !handler.serving.settings.enabled {
        return Err(Failure::code(
            rest::fate_reply::EXCEPTION,
            "Please configure servings address",
        ));
    }
    handler
        .permit(
            format!("scores of {} ids by service {}", ids.len(), service.service),
            |_| policy::Verdict::Allowed,
        )
        .await?;
    let batch = handler.serving.predict(&service, ids.clone()).await?;
    let (mut scores, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match batch.scores.get(&id) {
            Some(row) => scores.push(row.clone()),
            None => missing.push(id),
        }
    }
    let data = json!({
        "service_id": service.service,
        "model_id": service.plan.model_id,
        "model_version": service.plan.model_version,
        "scores": scores,
        "not_found": missing,
        "latency_ms": began.elapsed().as_secs_f64() * 1_000.0,
    });
    let reply = Reply::data(data);
    Ok(match &batch.job {
        Some(job) => reply.with_job(job.as_str()).into_response(),
        None => reply.into_response(),
    })
}

/// The ids as texts, each once, in the order given.
fn ids_in(asked: &RequestFields, most: usize) -> Result<Vec<String>, Failure> {
    let wrong = |message: String| {
        Failure::from(
            Fault::new(ErrorCode::RequestInvalid, message)
                .path("ids")
                .next("send {\"ids\": [\"1\", \"2\"]}"),
        )
    };
    let Some(list) = asked.body.get("ids").and_then(Value::as_array) else {
        return Err(wrong("ids is not a list".to_owned()));
    };
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for id in list {
        let id = match id {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(wrong(format!("{other} is not an id"))),
        };
        if seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    if ids.is_empty() || ids.len() > most {
        return Err(wrong(format!(
            "{} ids are not between 1 and {most}",
            ids.len()
        )));
    }
    Ok(ids)
}

fn shown(handler: &HandlerState, service: &ServiceRecord) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("service_id".to_owned(), json!(service.service));
    shown.insert("model_id".to_owned(), json!(service.plan.model_id));
    shown.insert(
        "model_version".to_owned(),
        json!(service.plan.model_version),
    );
    shown.insert("bound_time".to_owned(), json!(service.bound.millis()));
    if let Value::Object(figures) = handler.serving.figures(&service.service).to_json() {
        shown.extend(figures);
    }
    shown
}

/// What a service did since the agent started.
pub(super) async fn figures(handler: HandlerState, request: Request) -> Answer {
    own_users_only(&handler)?;
    let service = service(&handler, &request.uri().clone()).await?;
    Ok(Reply::data(Value::Object(shown(&handler, &service))).into_response())
}

/// Every service and every loaded model.
pub(super) async fn list(handler: HandlerState, _: Request) -> Answer {
    own_users_only(&handler)?;
    let records = &handler.agent_state.records;
    let services = records.services().await.map_err(Fault::from)?;
    let services: Vec<Value> = services
        .iter()
        .map(|service| Value::Object(shown(&handler, service)))
        .collect();
    let loaded = records.loaded_for_serving().await.map_err(Fault::from)?;
    let time = |time: Timestamp| time.millis();
    let loaded: Vec<Value> = loaded
        .iter()
        .map(|load| {
            json!({
                "role": load.role, "model_id": load.plan.model_id, "model_version": load.plan.model_version,
                "loaded_time": time(load.loaded),
            })
        })
        .collect();
    let data = json!({"enabled": handler.serving.settings.enabled, "services": services, "loaded": loaded});
    Ok(Reply::data(data).into_response())
}
