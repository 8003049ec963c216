//! `table/enable`, `table/disable`, `table/disable/delete`: which tables jobs may read.

use axum::extract::Request;
use axum::response::IntoResponse;
use rest::{Answer, Reply};
use serde_json::Value;
use tables::TableError;
use vocabulary::{Fault, TableRef};

use super::request_fields::RequestFields;
use super::table::{named, not_found, remove};
use super::{HandlerState, Incoming, blocking};

pub(super) async fn enable(handler: HandlerState, request: Request) -> Answer {
    set_enabled(handler, request, true).await
}

pub(super) async fn disable(handler: HandlerState, request: Request) -> Answer {
    set_enabled(handler, request, false).await
}

async fn set_enabled(handler: HandlerState, request: Request, enabled: bool) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    let wanted = TableSelection::of(&asked).ok_or_else(not_found)?;
    handler
        .permit_rows(format!(
            "{} {wanted}",
            if enabled { "enabling" } else { "disabling" }
        ))
        .await?;
    let table_store = handler.agent_state.table_store.clone();
    let changed = blocking(move || {
        let mut changed = Vec::new();
        for table in wanted.find(table_store.list()?) {
            match table_store.set_enabled(&table, enabled) {
                Ok(_) => changed.push(named(&table)),
                // Deleted meanwhile.
                Err(TableError::TableMissing { .. }) => {}
                Err(error) => return Err(Fault::from(error)),
            }
        }
        Ok(changed)
    })
    .await?;
    if changed.is_empty() {
        Err(not_found())
    } else {
        Ok(Reply::data(Value::Array(changed)).into_response())
    }
}

/// Removes every table that is disabled.
pub(super) async fn delete_disabled(handler: HandlerState, request: Request) -> Answer {
    if let Incoming::Answered(response) = handler.read(request).await? {
        return Ok(response);
    }
    handler
        .permit_rows("deletion of all disabled tables".to_owned())
        .await?;
    let table_store = handler.agent_state.table_store.clone();
    let disabled = blocking(move || -> Result<Vec<TableRef>, Fault> {
        let all = table_store.list()?.into_iter();
        Ok(all
            .filter(|table| table_store.info(table).is_ok_and(|info| !info.enabled))
            .collect())
    });
    let mut deleted = Vec::new();
    for table in disabled.await? {
        if remove(&handler, &table).await? {
            deleted.push(named(&table));
        }
    }
    if deleted.is_empty() {
        Err(not_found())
    } else {
        Ok(Reply::data(Value::Array(deleted)).into_response())
    }
}

/// Which tables are meant: a name, a namespace, or both.
struct TableSelection {
    name: Option<String>,
    namespace: Option<String>,
}

impl TableSelection {
    /// None when nothing is named: that would mean every table.
    fn of(asked: &RequestFields) -> Option<Self> {
        let name = asked.text("table_name").or_else(|| asked.text("name"));
        let namespace = asked.text("namespace");
        (name.is_some() || namespace.is_some()).then_some(Self { name, namespace })
    }

    fn find(self, tables: Vec<TableRef>) -> impl Iterator<Item = TableRef> {
        tables.into_iter().filter(move |table| {
            self.name.as_ref().is_none_or(|name| *name == table.name)
                && self
                    .namespace
                    .as_ref()
                    .is_none_or(|namespace| *namespace == table.namespace)
        })
    }
}

impl std::fmt::Display for TableSelection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "*".to_owned());
        write!(f, "table {}.{}", part(&self.namespace), part(&self.name))
    }
}
