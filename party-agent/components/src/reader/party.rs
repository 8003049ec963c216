//! What every party does: finds the table, hands it on, and says what it is like.

use component_kit::{ComponentError, Result, TaskContext};
use serde_json::{Map, Value, json};
use tables::Table;
use vocabulary::{ErrorCode, Fault, TableRef, Tells};

use super::params::{Params, Source};
use super::steps;

pub(super) async fn read(task: &TaskContext, params: Params) -> Result<()> {
    let (name, table) = find(task, &params.source()).await?;
    task.info(format!(
        "table {name} has {} rows in {} partitions",
        table.rows(),
        table.partitions()
    ));
    tell(task, &name, &table);
    task.output(0, &table).await
}

async fn find(task: &TaskContext, source: &Source) -> Result<(TableRef, Table)> {
    if let (Some(namespace), Some(name)) = (&source.namespace, &source.name) {
        let name = TableRef::new(namespace, name);
        let table = task
            .stored_table(&name)
            .await
            .map_err(|error| in_known_words(error, &name))?;
        return Ok((name, table));
    }
    let mut refusal = None;
    for name in steps::earlier_outputs(source, task.me())? {
        match task.stored_table(&name).await {
            Ok(table) => return Ok((name, table)),
            Err(error) if is_missing(&error) => {}
            // the job's offer names one attempt's table at most: the others are not the party's to read here
            Err(error) if is_refused(&error) => refusal = Some(error),
            Err(error) => return Err(error),
        }
    }
    let of = |part: &Option<String>| part.clone().unwrap_or_default();
    let text = format!(
        "step {} of job {} left no such output here",
        of(&source.component_name),
        of(&source.job_id)
    );
    Err(refusal.unwrap_or_else(|| {
        Fault::new(ErrorCode::TableMissing, text)
            .path("table")
            .into()
    }))
}

fn is_refused(error: &ComponentError) -> bool {
    matches!(error, ComponentError::Fault(fault) if fault.code == ErrorCode::OfferRefused)
}

fn is_missing(error: &ComponentError) -> bool {
    matches!(error, ComponentError::Fault(fault) if fault.code == ErrorCode::TableMissing)
}

/// FATE's words for a table that is not there, with the table store's proposal of another one.
fn in_known_words(error: ComponentError, name: &TableRef) -> ComponentError {
    if !is_missing(&error) {
        return error;
    }
    let message = format!(
        "can not found table name: {} namespace: {}",
        name.name, name.namespace
    );
    Fault {
        message,
        ..error.into_fault()
    }
    .path("table")
    .into()
}

/// Reports what FATE reports, but for its sample of each column: names only, where they may be known, and no value of a row.
fn tell(task: &TaskContext, name: &TableRef, table: &Table) {
    let schema = table.schema();
    let named = schema
        .columns
        .iter()
        .map(|column| (column.name.clone(), json!("")));
    let (tells, info): (&[Tells], Map<String, Value>) = match task.may_tell(Tells::Headers) {
        true => (&[Tells::Headers], named.collect()),
        // Without names it tells no more than sizes, which every output tells anyway.
        false => (&[Tells::Counts], Map::new()),
    };
    let meta = json!({
        "name": "reader",
        "metric_type": "data_info",
        "table_name": name.name,
        "namespace": name.namespace,
        "table_info": info,
        "anonymous_info": {},
        "attribute_info": {},
        "partitions": table.partitions(),
        "storage_engine": "LOCALFS",
        "count": table.rows(),
    });
    task.metrics(tells)
        .values("reader_namespace", "reader_name", vec![], meta);
}
