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

use super::connector::{resolved, without_secrets};
use super::request_fields::RequestFields;
use super::table::named;
use super::{HandlerState, Incoming, blocking};
use crate::task_host::{FileBinding, bind as bind_file, readable};

/// Partitions of a bound table unless the request says otherwise.
const PARTITIONS: u32 = 4;

pub(super) async fn bind(handler: HandlerState, request: Request) -> Answer {
    let fields = match handler.read(request).await? {
        Incoming::Here(fields) => fields,
        Incoming::Answered(response) => return Ok(response),
    };
    fields.validated(&["engine", "address", "namespace", "name"])?;
    let table = named_whole(&fields)?;
    let engine = fields.text("engine").unwrap_or_default();
    handler
        .permit_rows(format!("binding of table {table} to {engine}"))
        .await?;
    let partitions = partitions(&fields)?;
    is_free(&handler, &fields, &table).await?;
    let address = address_of(&fields);
    let binding = Binding {
        handler: &handler,
        fields: &fields,
        table: &table,
        partitions,
        to: BoundTo {
            engine: engine.to_ascii_uppercase(),
            address: without_secrets(&address),
        },
    };
    let address = resolved(&handler, address).await?;
    let mut answer = named(&table).as_object().cloned().unwrap_or_default();
    match binding.to.engine.as_str() {
        "PATH" | "LOCALFS" => {
            let receipt = binding.bind_file_at(&address).await?;
            answer.insert("receipt".to_owned(), json!(receipt));
        }
        "STANDALONE" => binding.bind_stored_at(&address).await?,
        _ => return Err(binding.unreachable()),
    }
    tracing::info!(%table, engine, "table bound");
    Ok(Reply::data(Value::Object(answer)).into_response())
}

/// The table to be bound, whose name and namespace say something.
fn named_whole(fields: &RequestFields) -> Result<TableRef, Failure> {
    fields
        .table()
        .filter(|table| !table.namespace.is_empty() && !table.name.is_empty())
        .ok_or_else(|| Failure::arguments_missing(&["namespace", "name"]))
}

/// Refuses names that are kept for tables of the agent, and one that a table has unless the request drops that table.
async fn is_free(
    handler: &HandlerState,
    fields: &RequestFields,
    table: &TableRef,
) -> Result<(), Failure> {
    if table.is_kept() {
        let fault = Fault::new(
            ErrorCode::RequestInvalid,
            "namespaces output_data_… and fedflow_inference are kept for tables that the agent makes",
        );
        return Err(fault.next("choose another namespace").into());
    }
    let (table_store, name) = (handler.agent_state.table_store.clone(), table.clone());
    let exists = blocking(move || Ok(table_store.exists(&name))).await?;
    if exists && fields.flag("drop") != Some(true) {
        return Err(Failure::code(EXCEPTION, TABLE_EXISTS));
    }
    Ok(())
}

fn address_of(fields: &RequestFields) -> Map<String, Value> {
    fields
        .body
        .get("address")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// A binding that the party permits.
struct Binding<'a> {
    handler: &'a HandlerState,
    fields: &'a RequestFields,
    table: &'a TableRef,
    partitions: u32,
    to: BoundTo,
}

impl Binding<'_> {
    /// Answers in FATE's words that nothing is found at the address.
    fn unreachable(&self) -> Failure {
        let engine = self.fields.text("engine").unwrap_or_default();
        let address = Value::Object(self.to.address.clone())
            .to_string()
            .replace('"', "'");
        Failure::code(
            EXCEPTION,
            format!("engine {engine} address {address} check failed"),
        )
    }

    /// Reads a file of this machine into the table.
    async fn bind_file_at(&self, address: &Map<String, Value>) -> Result<Receipt, Failure> {
        let path = address
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let agent_state = &self.handler.agent_state;
        let roots = agent_state.import_roots.clone();
        let found = blocking(move || Ok(readable(&roots, &path).ok())).await?;
        let path = found.ok_or_else(|| self.unreachable())?;
        let file = File::of(self.fields, self.table, self.partitions, self.to.clone())?;
        let table_store = agent_state.table_store.clone();
        let receipt = blocking(move || {
            file.bind(&table_store, &path)
                .map_err(ComponentError::into_fault)
        })
        .await?;
        agent_state
            .records
            .add_root(self.table, None, false)
            .await
            .map_err(Fault::from)?;
        Ok(receipt)
    }

    /// Copies another table of the party, which jobs may read, into the table.
    async fn bind_stored_at(&self, address: &Map<String, Value>) -> Result<(), Failure> {
        let agent_state = &self.handler.agent_state;
        let from = stored(address)
            .filter(|from| from != self.table)
            .ok_or_else(|| self.unreachable())?;
        let (table_store, name) = (agent_state.table_store.clone(), from.clone());
        let usable =
            blocking(move || Ok(table_store.info(&name).is_ok_and(|info| info.enabled))).await?;
        if !usable {
            return Err(self.unreachable());
        }
        let (table_store, source) = (agent_state.table_store.clone(), from.clone());
        let (target, partitions) = (self.table.clone(), self.partitions);
        let bound = (names(self.fields), self.to.clone());
        blocking(move || Ok(copy(&table_store, &source, &target, partitions, bound)?)).await?;
        agent_state
            .records
            .add_descent(self.table, &[from], None)
            .await
            .map_err(Fault::from)?;
        Ok(())
    }
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
