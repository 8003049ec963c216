//! `table/bind` (also `table/add`): a table of rows that lie somewhere already.
//!
//! Files are read when they are bound: what jobs see later is what was bound, whatever becomes of the file.

use axum::extract::Request;
use axum::response::IntoResponse;
use component_kit::{ComponentError, ImportRequest};
use rest::fate_reply::EXCEPTION;
use rest::upload::TABLE_EXISTS;
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use tables::{BoundTo, Table, TableStore};
use vocabulary::{ErrorCode, Fault, Receipt, TableRef};

use super::asked::RequestFields;
use super::connector::{resolved, without_secrets};
use super::table::named;
use super::{HandlerState, Incoming, blocking};
use crate::task_host::{FileBinding, bind as bind_file, readable};

/// Partitions of a bound table unless the request says otherwise.
const PARTITIONS: u32 = 4;

pub(super) async fn bind(handler: HandlerState, request: Request) -> Answer {
    let asked = match handler.read(request).await? {
        Incoming::Here(asked) => asked,
        Incoming::Answered(response) => return Ok(response),
    };
    asked.validated(&["engine", "address", "namespace", "name"])?;
    let meant = asked
        .table()
        .filter(|table| !table.namespace.is_empty() && !table.name.is_empty());
    let table = meant.ok_or_else(|| Failure::arguments_missing(&["namespace", "name"]))?;
    let engine = asked.text("engine").unwrap_or_default();
    handler
        .permit_rows(format!("binding of table {table} to {engine}"))
        .await?;
    let partitions = partitions(&asked)?;
    if table.is_output() {
        let fault = Fault::new(
            ErrorCode::RequestInvalid,
            "namespaces output_data_… are kept for outputs of jobs",
        );
        return Err(fault.next("choose another namespace").into());
    }
    let table_store = handler.agent_state.table_store.clone();
    let name = table.clone();
    let exists = blocking(move || Ok(table_store.exists(&name))).await?;
    if exists && asked.flag("drop") != Some(true) {
        return Err(Failure::code(EXCEPTION, TABLE_EXISTS));
    }
    let address = asked
        .body
        .get("address")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let to = BoundTo {
        engine: engine.to_ascii_uppercase(),
        address: without_secrets(&address),
    };
    let unreachable = || {
        let address = Value::Object(to.address.clone())
            .to_string()
            .replace('"', "'");
        Failure::code(
            EXCEPTION,
            format!("engine {engine} address {address} check failed"),
        )
    };
    let address = resolved(&handler, address).await?;
    let mut answer = named(&table).as_object().cloned().unwrap_or_default();
    match to.engine.as_str() {
        "PATH" | "LOCALFS" => {
            let path = address
                .get("path")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let roots = handler.agent_state.import_roots.clone();
            let found = blocking(move || Ok(readable(&roots, &path).ok())).await?;
            let path = found.ok_or_else(unreachable)?;
            let (table_store, work) = (
                handler.agent_state.table_store.clone(),
                File::of(&asked, &table, partitions, to.clone())?,
            );
            let receipt = blocking(move || {
                work.bind(&table_store, &path)
                    .map_err(ComponentError::into_fault)
            })
            .await?;
            answer.insert("receipt".to_owned(), json!(receipt));
            handler
                .agent_state
                .records
                .add_root(&table, None, false)
                .await
                .map_err(Fault::from)?;
        }
        "STANDALONE" => {
            let from = stored(&address)
                .filter(|from| *from != table)
                .ok_or_else(unreachable)?;
            let (table_store, name) = (handler.agent_state.table_store.clone(), from.clone());
            let usable =
                blocking(move || Ok(table_store.info(&name).is_ok_and(|info| info.enabled)))
                    .await?;
            if !usable {
                return Err(unreachable());
            }
            let names = names(&asked);
            let (table_store, source, target, to) = (
                handler.agent_state.table_store.clone(),
                from.clone(),
                table.clone(),
                to.clone(),
            );
            blocking(move || {
                Ok(copy(
                    &table_store,
                    &source,
                    &target,
                    partitions,
                    (names, to),
                )?)
            })
            .await?;
            handler
                .agent_state
                .records
                .add_descent(&table, &[from], None)
                .await
                .map_err(Fault::from)?;
        }
        _ => return Err(unreachable()),
    }
    tracing::info!(%table, engine, "table bound");
    Ok(Reply::data(Value::Object(answer)).into_response())
}

fn partitions(asked: &RequestFields) -> Result<u32, Failure> {
    if asked.text("partitions").is_none() {
        return Ok(PARTITIONS);
    }
    let number = asked
        .number("partitions")
        .and_then(|number| u32::try_from(number).ok());
    let fitting = number.filter(|number| (1..=1023).contains(number));
    fitting.ok_or_else(|| Failure::exception("ValueError", "partitions must be 1 to 1023"))
}

/// The table that a standalone engine's address names.
fn stored(address: &Map<String, Value>) -> Option<TableRef> {
    let text = |key: &str| address.get(key).and_then(Value::as_str);
    Some(TableRef::new(
        text("namespace")?,
        text("name").or_else(|| text("table_name"))?,
    ))
}

fn id_column(asked: &RequestFields) -> Option<String> {
    asked
        .text("id_column")
        .or_else(|| asked.text("id_name"))
        .filter(|name| !name.is_empty())
}

fn feature_column(asked: &RequestFields) -> Option<Value> {
    let given = asked
        .body
        .get("feature_column")
        .or_else(|| asked.body.get("feature_name"));
    given
        .filter(|names| names.is_array() || names.as_str().is_some_and(|names| !names.is_empty()))
        .cloned()
}

/// What the request says of the schema, in FATE's words.
fn names(asked: &RequestFields) -> Map<String, Value> {
    let mut names = asked
        .body
        .get("schema")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    names.extend(feature_column(asked).map(|columns| ("header".to_owned(), columns)));
    names.extend(id_column(asked).map(|id| ("sid".to_owned(), json!(id))));
    names
}

fn copy(
    table_store: &TableStore,
    from: &TableRef,
    to: &TableRef,
    partitions: u32,
    (names, bound): (Map<String, Value>, BoundTo),
) -> Result<(), tables::TableError> {
    let rows: Table = table_store.read(from)?;
    let rows = rows.with_schema(rows.schema().merged(&names)?)?;
    table_store.write_bound(to, &rows, partitions, bound)?;
    Ok(())
}

/// A file that is to be bound, as the request describes it.
struct File {
    request: ImportRequest,
    id_column: Option<String>,
    feature_columns: Option<Vec<String>>,
    to: BoundTo,
}

impl File {
    fn of(
        asked: &RequestFields,
        table: &TableRef,
        partitions: u32,
        to: BoundTo,
    ) -> Result<Self, Fault> {
        let delimiter = asked
            .text("id_delimiter")
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| ",".to_owned());
        let columns = feature_column(asked).map(|columns| match columns {
            Value::Array(names) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            other => other
                .as_str()
                .unwrap_or_default()
                .split(&delimiter)
                .map(|name| name.trim().to_owned())
                .collect(),
        });
        let fields = Value::Object(asked.body.clone());
        let request = ImportRequest::read("", table.clone(), &fields).map_err(|fault| *fault)?;
        Ok(Self {
            request: request.replacing(true).partitions(partitions),
            id_column: id_column(asked),
            feature_columns: columns,
            to,
        })
    }

    fn bind(
        self,
        table_store: &TableStore,
        path: &std::path::Path,
    ) -> component_kit::Result<Receipt> {
        let Self {
            request,
            id_column,
            feature_columns,
            to,
        } = self;
        bind_file(
            table_store,
            FileBinding {
                path,
                request,
                id_column,
                feature_columns,
                to,
            },
        )
    }
}
