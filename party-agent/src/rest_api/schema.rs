//! `table/schema/*`: other names for a table's columns, and other owners in its anonymous ones.

use axum::extract::Request;
use axum::response::IntoResponse;
use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use tables::{Schema, TableError};
use vocabulary::{Fault, TableRef};

use super::request_fields::RequestFields;
use super::{HandlerState, Incoming, blocking};

pub(super) async fn update(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    let table = named(&asked, "schema")?;
    let Some(fresh) = asked.body.get("schema").and_then(Value::as_object).cloned() else {
        return Err(Failure::exception("ValueError", "schema must be an object"));
    };
    handler
        .permit_rows(format!("another schema for table {table}"))
        .await?;
    change(handler, table, move |schema| schema.merged(&fresh)).await
}

/// Anonymous names begin with role and party; `migrate_mapping` says, for each role, which party became which.
pub(super) async fn migrate_anonymous(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    let table = named(&asked, "migrate_mapping")?;
    let Some(mapping) = asked
        .body
        .get("migrate_mapping")
        .and_then(Value::as_object)
        .cloned()
    else {
        return Err(Failure::exception(
            "ValueError",
            "migrate_mapping must be an object of roles",
        ));
    };
    handler
        .permit_rows(format!(
            "other owners in the anonymous columns of table {table}"
        ))
        .await?;
    let owners = owners(&mapping);
    change(handler, table, move |schema| {
        Ok(with_owners(schema, &owners))
    })
    .await
}

fn named(asked: &RequestFields, and: &'static str) -> Result<TableRef, Failure> {
    let given = |key: &str| asked.body.get(key).is_some_and(|value| !value.is_null());
    let mut missing: Vec<&str> = Vec::new();
    if !given("name") && !given("table_name") {
        missing.push("name");
    }
    missing.extend(["namespace", and].into_iter().filter(|key| !given(key)));
    match asked.table() {
        Some(table) if missing.is_empty() => Ok(table),
        _ => Err(Failure::arguments_missing(&missing)),
    }
}

async fn change(
    handler: HandlerState,
    table: TableRef,
    change: impl FnOnce(&Schema) -> Result<Schema, TableError> + Send + 'static,
) -> Answer {
    let (table_store, name) = (handler.agent_state.table_store.clone(), table);
    let changed = blocking(move || -> Result<Option<Schema>, Fault> {
        let info = match table_store.info(&name) {
            Ok(info) => info,
            Err(TableError::TableMissing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(
            table_store.set_schema(&name, change(&info.schema)?)?.schema,
        ))
    });
    let schema = changed
        .await?
        .ok_or_else(|| Failure::code(ARGUMENT, "no found meta"))?;
    Ok(Reply::data(Value::Object(schema.to_fate())).into_response())
}

/// Beginnings of anonymous names, before and after.
fn owners(mapping: &Map<String, Value>) -> Vec<(String, String)> {
    let of_role = |(role, parties): (&String, &Value)| {
        let parties = parties.as_object().cloned().unwrap_or_default();
        let pair = |(from, to): (String, Value)| {
            let to = to.as_str().map_or_else(|| to.to_string(), str::to_owned);
            (format!("{role}_{from}_"), format!("{role}_{to}_"))
        };
        parties.into_iter().map(pair).collect::<Vec<_>>()
    };
    mapping.iter().flat_map(of_role).collect()
}

fn with_owners(schema: &Schema, owners: &[(String, String)]) -> Schema {
    let renamed = |name: &str| {
        let found = owners
            .iter()
            .find_map(|(from, to)| Some((to, name.strip_prefix(from.as_str())?)));
        json!(found.map_or_else(|| name.to_owned(), |(to, rest)| format!("{to}{rest}")))
    };
    let mut schema = schema.clone();
    for key in ["anonymous_header", "anonymous_label"] {
        let Some(value) = schema.meta.get_mut(key) else {
            continue;
        };
        match value {
            Value::Array(names) => names
                .iter_mut()
                .for_each(|name| *name = renamed(name.as_str().unwrap_or_default())),
            Value::String(name) => *value = renamed(name),
            _ => {}
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use tables::TableKind;

    #[test]
    fn gives_anonymous_columns_other_owners() {
        let mut schema = Schema::new(TableKind::Raw, "id", vec![]);
        schema.meta.insert(
            "anonymous_header".into(),
            json!(["guest_1_x0", "guest_10_x0", "host_1_x0", "x1"]),
        );
        schema
            .meta
            .insert("anonymous_label".into(), json!("guest_1_y"));
        let owners = owners(
            json!({"guest": {"1": 7}, "host": {"1": "8"}})
                .as_object()
                .unwrap(),
        );
        let after = with_owners(&schema, &owners);
        assert_eq!(
            after.meta["anonymous_header"],
            json!(["guest_7_x0", "guest_10_x0", "host_8_x0", "x1"])
        );
        assert_eq!(after.meta["anonymous_label"], "guest_7_y");
    }
}
