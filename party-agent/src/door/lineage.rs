//! `table/tracking/*`: which tables a table came from, and which jobs had to do with it.

use axum::extract::Request;
use axum::response::IntoResponse;
use doors::fate_reply::EXCEPTION;
use doors::{Answer, Failure, Reply};
use serde_json::{Value, json};
use vocabulary::{Fault, TableRef};

use super::{Desk, Read, blocking};

pub(super) async fn source(desk: Desk, request: Request) -> Answer {
    let (desk, table) = match meant(desk, request, "descent").await? {
        Meant::Table(desk, table) => (desk, table),
        Meant::Answered(response) => return Ok(response),
    };
    let lines = desk
        .holdings
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

pub(super) async fn jobs(desk: Desk, request: Request) -> Answer {
    let (desk, table) = match meant(desk, request, "jobs").await? {
        Meant::Table(desk, table) => (desk, table),
        Meant::Answered(response) => return Ok(response),
    };
    let jobs = desk
        .holdings
        .records
        .jobs_of_table(&table)
        .await
        .map_err(Fault::from)?;
    Ok(Reply::data(json!({"count": jobs.len(), "job": jobs})).into_response())
}

enum Meant {
    Table(Desk, TableRef),
    Answered(axum::response::Response),
}

/// The table of a request that may see it; fails where nothing is known of it.
async fn meant(desk: Desk, request: Request, what: &str) -> Result<Meant, Failure> {
    let asked = match desk.read(request).await? {
        Read::Here(asked) => asked,
        Read::Answered(response) => return Ok(Meant::Answered(response)),
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
    desk.permit_rows(format!("{what} of table {table}")).await?;
    let (shelf, name) = (desk.holdings.shelf.clone(), table.clone());
    let stands = blocking(move || Ok(shelf.exists(&name))).await?;
    if !stands
        && desk
            .holdings
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
    Ok(Meant::Table(desk, table))
}
