//! `tracking/component/output/data*`: names of output tables from here, their rows from the agent that owns them.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use domain::{Dialect, Job};
use rest::fate_reply::EXCEPTION;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::ServiceError;
use vocabulary::TaskId;

use super::FateFlow;
use super::job_view::{find_job, find_own_task, find_task};
use super::reply::{answer, fail};
use super::request::Call;
use super::rows;

pub(super) async fn tables(api: FateFlow, call: Call) -> Answer {
    // In the order in which FATE declares them for this endpoint.
    call.validated(&["job_id", "role", "party_id", "component_name"])?;
    if find_job(&api, &call).await?.is_none() {
        return Err(Failure::code(EXCEPTION, "No found job"));
    }
    let none = || {
        Failure::code(
            EXCEPTION,
            "No found table, please check if the parameters are correct",
        )
    };
    let (_, _, task) = find_own_task(&api, &call).await?.ok_or_else(none)?;
    let outputs = match api.coordinator().jobs().outputs(&task).await {
        Ok(outputs) if !outputs.is_empty() => outputs,
        Ok(_) | Err(ServiceError::NotFound(_)) => return Err(none()),
        Err(error) => return Err(fail(error)),
    };
    let rows: Value = outputs
        .iter()
        .enumerate()
        .map(|(index, output)| {
            json!({
                "table_name": output.table.name,
                "table_namespace": output.table.namespace,
                "data_name": output.data_name.clone().unwrap_or_else(|| index.to_string()),
            })
        })
        .collect();
    answer(Reply::data(rows))
}

pub(super) async fn preview(api: FateFlow, call: Call) -> Answer {
    let (job, task) = task_meant(&api, &call).await?;
    let mut body = named(&call, &task);
    // whoever writes documents of version 1 reads the flat form of its time
    if job.definition.dialect == Dialect::FateV1 && call.body.get("flat").is_none() {
        body["flat"] = json!(true);
    }
    rows::pass_on(
        &api,
        &call.caller,
        &task.party,
        "/v1/tracking/component/output/data",
        &body,
    )
    .await
}

pub(super) async fn download(api: FateFlow, call: Call) -> Answer {
    if call.text("limit").as_deref() == Some("0") {
        return Err(Failure::nothing("limit is 0"));
    }
    // clients unpack whatever comes with HTTP 200
    let (_, task) = task_meant(&api, &call)
        .await
        .map_err(|failure| failure.with_status(404))?;
    let body = named(&call, &task);
    let path = "/v1/tracking/component/output/data/download";
    let passed = rows::pass_on(&api, &call.caller, &task.party, path, &body).await;
    Ok(refuse_json(
        passed.map_err(|failure| failure.with_status(403))?,
    ))
}

/// An agent's envelope in place of a file must not bear HTTP 200: clients would unpack it.
pub(super) fn refuse_json(mut response: Response) -> Response {
    if response.status() == StatusCode::OK && is_json(&response) {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

/// Whether an agent answered an envelope where a file was asked for.
fn is_json(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

async fn task_meant(api: &FateFlow, call: &Call) -> Result<(Job, TaskId), Failure> {
    call.need("job_id")?;
    call.need("component_name")?;
    let found = find_task(api, call).await?;
    found.map(|(job, _, task)| (job, task)).ok_or_else(|| {
        let text = |key: &str| call.text(key).unwrap_or_default();
        let named = format!(
            "job_id: {}, component_name: {}, role: {}, party_id: {}",
            text("job_id"),
            text("component_name"),
            text("role"),
            text("party_id")
        );
        Failure::exception("ValueError", &format!("no found task, {named}"))
    })
}

/// The request with role and party spelled out as the agent knows them.
fn named(call: &Call, task: &TaskId) -> Value {
    let mut body = call.body.clone();
    body.insert("role".into(), json!(task.role));
    body.insert("party_id".into(), json!(task.party));
    Value::Object(body)
}
