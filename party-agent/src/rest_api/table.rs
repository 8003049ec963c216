//! `table/*`: the party's stored tables.

use axum::extract::Request;
use axum::response::IntoResponse;
use rest::fate_reply::ARGUMENT;
use rest::table_reply::absent_table;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use tables::{Origin, TableError, TableInfo};
use vocabulary::{Fault, Role, TableRef};

use super::request_fields::RequestFields;
use super::{HandlerState, Incoming, blocking};

/// The most rows of a preview.
const MOST_ROWS: usize = 100;

pub(super) async fn info(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    if handler.is_elsewhere(&asked) {
        return handler
            .ask_coordinator("POST", "/v1/table/table_info", &asked)
            .await;
    }
    let (name, namespace) = (
        asked.text("table_name").or_else(|| asked.text("name")),
        asked.text("namespace"),
    );
    if asked.flag("create") == Some(true) {
        let named =
            json!({"table_name": name, "namespace": namespace, "count": 0, "partition": null});
        return Ok(Reply::data(named).into_response());
    }
    // FATE knows no table without a name, and says so in these words.
    let named = asked
        .table()
        .filter(|table| !table.name.is_empty() && !table.namespace.is_empty());
    let Some(table) = named else {
        return Ok(
            Reply::data(absent_table(name.as_deref(), namespace.as_deref())).into_response(),
        );
    };
    handler
        .permit_rows(format!("what is known of table {table}"))
        .await?;
    let (table_store, name) = (handler.agent_state.table_store.clone(), table.clone());
    let found = blocking(move || match table_store.info(&name) {
        Ok(info) => Ok(Some(info)),
        Err(TableError::TableMissing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    })
    .await?;
    Ok(Reply::data(view(&table, found.as_ref())).into_response())
}

fn view(table: &TableRef, info: Option<&TableInfo>) -> Value {
    let Some(info) = info else {
        return absent_table(Some(&table.name), Some(&table.namespace));
    };
    json!({
        "table_name": table.name,
        "namespace": table.namespace,
        "exist": 1,
        "count": info.rows,
        "partition": info.partitions,
        "schema": info.schema.to_fate(),
        "enable": info.enabled,
        "origin": origin(info.origin),
        "extend_sid": info.schema.id_name == "extend_sid",
        "address": match &info.bound_to {
            Some(to) => Value::Object(to.address.clone()),
            None => json!({"name": table.name, "namespace": table.namespace}),
        },
    })
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Upload => "upload",
        Origin::Reader => "reader",
        Origin::Output => "output",
        Origin::TableBind => "table_bind",
    }
}

pub(super) async fn delete(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    let Some(table) = asked.table() else {
        return delete_outputs(&handler, &asked).await;
    };
    handler
        .permit_rows(format!("deletion of table {table}"))
        .await?;
    if !remove(&handler, &table).await? {
        return Err(not_found());
    }
    Ok(Reply::data(named(&table)).into_response())
}

/// FATE 1.4 deletes a component's output tables by job, role and component.
async fn delete_outputs(handler: &HandlerState, asked: &RequestFields) -> Answer {
    let (job, step) = asked.job().zip(asked.step()).ok_or_else(not_found)?;
    handler
        .permit_rows(format!("deletion of the outputs of {job}/{step}"))
        .await?;
    let role: Option<Role> = asked.role();
    let attempts = handler
        .agent_state
        .records
        .attempts_of(&job)
        .await
        .map_err(Fault::from)?;
    let meant = attempts.into_iter().filter(|record| {
        record.assignment.task.step == step
            && role.is_none_or(|role| role == record.assignment.task.role)
    });
    let mut deleted = Vec::new();
    for (_, output) in meant.flat_map(|record| record.outputs) {
        if remove(handler, &output.table).await? {
            deleted.push(named(&output.table));
        }
    }
    if deleted.is_empty() {
        Err(not_found())
    } else {
        Ok(Reply::data(Value::Array(deleted)).into_response())
    }
}

/// Takes a table off the table store, with what is known of its descent; tells whether there was one.
pub(super) async fn remove(handler: &HandlerState, table: &TableRef) -> Result<bool, Failure> {
    let (table_store, name) = (handler.agent_state.table_store.clone(), table.clone());
    // A table that no job had to do with is unknown outside, and stays so.
    let is_known = !handler
        .agent_state
        .records
        .jobs_of_table(table)
        .await
        .map_err(Fault::from)?
        .is_empty();
    let deleted = blocking(move || table_store.delete(&name).map_err(Fault::from)).await?;
    if deleted {
        handler
            .agent_state
            .records
            .forget_descent(table)
            .await
            .map_err(Fault::from)?;
        tracing::info!(%table, "table deleted");
        if is_known {
            handler.model_archive.tell_removed(table).await;
        }
    }
    Ok(deleted)
}

/// FATE's word for a table that is not there.
pub(super) fn not_found() -> Failure {
    Failure::code(ARGUMENT, "no find table")
}

/// A table as replies name it.
pub(super) fn named(table: &TableRef) -> Value {
    json!({"table_name": table.name, "namespace": table.namespace})
}

pub(super) async fn preview(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    if handler.is_elsewhere(&asked) {
        return handler
            .ask_coordinator("POST", "/v1/table/preview", &asked)
            .await;
    }
    let Some(table) = asked.table() else {
        return Err(Failure::arguments_missing(&["name", "namespace"]));
    };
    handler
        .permit_rows(format!("first rows of table {table}"))
        .await?;
    let limit = asked
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MOST_ROWS)
        .min(MOST_ROWS);
    let (table_store, name) = (handler.agent_state.table_store.clone(), table.clone());
    let found = blocking(move || match table_store.read(&name) {
        Ok(table) => Ok(Some((
            table.schema().display_header(),
            table.preview(limit)?,
        ))),
        Err(TableError::TableMissing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    });
    let missing = || {
        Failure::nothing(&format!(
            "no found table:{}, {}",
            table.namespace, table.name
        ))
    };
    let (header, rows) = found.await?.ok_or_else(missing)?;
    Ok(Reply::data(json!({"header": header, "data": rows})).into_response())
}

/// Input and output tables of a job's steps at this party.
pub(super) async fn list(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(&["job_id", "role", "party_id"])?;
    if handler.is_elsewhere(&asked) {
        return handler
            .ask_coordinator("POST", "/v1/table/list", &asked)
            .await;
    }
    let missing = || Failure::code(ARGUMENT, "no find job");
    let (job, role) = asked.job().zip(asked.role()).ok_or_else(missing)?;
    handler
        .permit_rows(format!("names of tables of job {job}"))
        .await?;
    let attempts = handler
        .agent_state
        .records
        .attempts_of(&job)
        .await
        .map_err(Fault::from)?;
    let mut steps = Map::new();
    for record in attempts
        .into_iter()
        .filter(|record| record.assignment.task.role == role)
    {
        let named = |table: &TableRef| json!({"name": table.name, "namespace": table.namespace});
        let mut inputs: Map<String, Value> = Map::new();
        for input in &record.assignment.inputs {
            let port = inputs
                .entry(input.port.clone())
                .or_insert_with(|| json!({}));
            if let Some(port) = port.as_object_mut() {
                port.insert(input.from_step.to_string(), named(&input.table));
            }
        }
        let outputs: Map<String, Value> = (record.outputs.iter())
            .map(|(index, output)| {
                (
                    output
                        .data_name
                        .clone()
                        .unwrap_or_else(|| index.to_string()),
                    named(&output.table),
                )
            })
            .collect();
        steps.insert(
            record.assignment.task.step.to_string(),
            json!({"input": inputs, "output": outputs}),
        );
    }
    if steps.is_empty() {
        Err(missing())
    } else {
        Ok(Reply::data(Value::Object(steps)).into_response())
    }
}
