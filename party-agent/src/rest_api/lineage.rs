//! `table/tracking/*`: which tables a table came from, and which jobs had to do with it.

use axum::extract::Request;
use axum::response::IntoResponse;
use rest::fate_reply::EXCEPTION;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::{Fault, TableRef};

use super::{HandlerState, Incoming, blocking};

pub(super) async fn source(handler: HandlerState, request: Request) -> Answer {
    let (handler, table) = match meant(handler, request, "descent").await? {
        TableLookup::Table(handler, table) => (handler, table),
        TableLookup::Answered(response) => return Ok(response),
    };
    let lines = handler
        .agent_state
        .records
        .descent_of(&table)
        .await
        .map_err(Fault::from)?
        .unwrap_or_default();
    let shown = lines.iter().map(|line| {
        json!({
            "parent_table_name": line.parent.name,
            "parent_table_namespace": line.parent.namespace,
            "source_table_name": line.source.name,
            "source_table_namespace": line.source.namespace,
        })
    });
    Ok(Reply::data(shown.collect::<Value>()).into_response())
}

pub(super) async fn jobs(handler: HandlerState, request: Request) -> Answer {
    let (handler, table) = match meant(handler, request, "jobs").await? {
        TableLookup::Table(handler, table) => (handler, table),
        TableLookup::Answered(response) => return Ok(response),
    };
    let jobs = handler
        .agent_state
        .records
        .jobs_of_table(&table)
        .await
        .map_err(Fault::from)?;
    Ok(Reply::data(json!({"count": jobs.len(), "job": jobs})).into_response())
}

enum TableLookup {
    Table(HandlerState, TableRef),
    Answered(axum::response::Response),
}

/// The table of a request that may see it; fails where nothing is known of it.
async fn meant(
    handler: HandlerState,
    request: Request,
    what: &str,
) -> Result<TableLookup, Failure> {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(TableLookup::Answered(response)),
    };
    let Some(table) = asked.table() else {
        let named = asked.text("table_name").or_else(|| asked.text("name"));
        let missing = [
            ("table_name", named),
            ("namespace", asked.text("namespace")),
        ];
        let missing: Vec<&str> = missing
            .iter()
            .filter(|(_, text)| text.is_none())
            .map(|(key, _)| *key)
            .collect();
        return Err(Failure::arguments_missing(&missing));
    };
    handler
        .permit_rows(format!("{what} of table {table}"))
        .await?;
    let (table_store, name) = (handler.agent_state.table_store.clone(), table.clone());
    let stands = blocking(move || Ok(table_store.exists(&name))).await?;
    if !stands
        && handler
            .agent_state
            .records
            .descent_of(&table)
            .await
            .map_err(Fault::from)?
            .is_none()
    {
        let text = format!(
            "no found table: table name {}, namespace {}",
            table.name, table.namespace
        );
        return Err(Failure::code(EXCEPTION, text));
    }
    Ok(TableLookup::Table(handler, table))
}
