//! From a staged file, or one in an import root, to a table on the table store; uploaded by a job, or bound at the REST endpoint.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use component_kit::{ComponentError, ImportRequest, Reading, Result};
use serde_json::{Map, Value, json};
use tables::{BoundTo, ImportOptions, Origin, Table, TableStore};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, Receipt, Stop};

use super::{blocking, paths};
use crate::agent_state::AgentState;
use crate::files::Place;

/// A file that ends with an error once the attempt is stopped, and counts what was read of it.
struct Stoppable<R> {
    file: R,
    cancel: CancellationToken,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("stopped"));
        }
        let bytes = self.file.read(to)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// Reads the file and puts the table on the table store; the staged file is gone afterwards.
pub(super) async fn import(
    agent_state: &Arc<AgentState>,
    mut request: ImportRequest,
    progress: Box<dyn Fn(Reading) + Send + Sync>,
    cancel: CancellationToken,
) -> Result<Receipt> {
    // What the sender said at this agent counts, whatever the job that came back says.
    request.replace &= agent_state.staging.may_replace(&request.file);
    let staged = agent_state.staging.find(&request.file);
    let is_staged = staged.is_some();
    let (holding, name) = (agent_state.clone(), request.file.clone());
    let receipt = blocking(move || {
        let file = source(&holding, &request.file, staged)?;
        store(&holding.table_store, file, &request, &progress, cancel)
    })
    .await;
    // A failed import keeps the file, so that a rerun finds it; the daily sweep takes it otherwise.
    if is_staged && receipt.is_ok() {
        agent_state.staging.remove(&name);
    }
    receipt
}

/// The file that a job names: one that was put aside for it, one that this party keeps, or one in an import root.
pub(super) fn source(
    agent_state: &AgentState,
    name: &str,
    staged: Option<PathBuf>,
) -> Result<File> {
    if let Some(place) = Place::of(name) {
        let missing = || {
            Fault::new(
                ErrorCode::FileUnreadable,
                format!("this party keeps no file {name}"),
            )
        };
        let (file, _) = agent_state.files.find(&place)?.ok_or_else(missing)?;
        return Ok(file);
    }
    match staged {
        Some(path) => open(&path),
        None => open(&paths::readable(&agent_state.import_roots, name)?),
    }
}

fn store(
    table_store: &TableStore,
    file: File,
    request: &ImportRequest,
    progress: &dyn Fn(Reading),
    cancel: CancellationToken,
) -> Result<Receipt> {
    let append = request.append;
    let exists = table_store.exists(&request.table);
    if exists && !request.replace && !append {
        let fault = Fault::new(
            ErrorCode::Conflict,
            format!("table {} exists already", request.table),
        );
        return Err(fault.next("upload it with --drop to replace it").into());
    }
    let token = cancel.clone();
    let (table, receipt) = rows_of(
        table_store,
        file,
        (request, &request.options),
        progress,
        cancel,
    )?;
    let table = if append && exists {
        Table::union(&[table, table_store.read(&request.table)?])?
    } else {
        table
    };
    // Writing may take as long as reading, and a stopped attempt must not go on with it.
    let table = table.watched(Stop::when(move || token.is_cancelled()));
    table_store.write_from(
        &request.table,
        &table,
        request.options.partitions,
        Origin::Upload,
    )?;
    Ok(receipt)
}

/// The rows of a file, under the schema that was asked for.
fn rows_of(
    table_store: &TableStore,
    file: File,
    (request, options): (&ImportRequest, &ImportOptions),
    progress: &dyn Fn(Reading),
    cancel: CancellationToken,
) -> Result<(Table, Receipt)> {
    let size = file
        .metadata()
        .map(|facts| facts.len())
        .unwrap_or_default()
        .max(1);
    let read = Arc::new(AtomicU64::new(0));
    let file = BufReader::with_capacity(1 << 20, file);
    let reader = Stoppable {
        file,
        cancel: cancel.clone(),
        read: read.clone(),
    };
    #[allow(clippy::cast_precision_loss, reason = "a part of a whole")]
    let imported = table_store.import(reader, options, &mut |rows| {
        progress(Reading {
            fraction: read.load(Ordering::Relaxed) as f64 / size as f64,
            rows,
        });
    });
    if cancel.is_cancelled() {
        return Err(ComponentError::Canceled);
    }
    let (table, receipt) = imported?;
    let anonymous = anonymous(&table, request);
    if anonymous.is_empty() {
        return Ok((table, receipt));
    }
    Ok((
        table.with_schema(table.schema().merged(&anonymous)?)?,
        receipt,
    ))
}

fn open(path: &Path) -> Result<File> {
    Ok(File::open(path).map_err(|error| {
        Fault::new(
            ErrorCode::FileUnreadable,
            format!("the file cannot be read: {error}"),
        )
    })?)
}

/// Names for the columns of a table with a description that give nothing away: features by number, and the label.
fn anonymous(table: &Table, request: &ImportRequest) -> Map<String, Value> {
    let mut names = Map::new();
    let schema = table.schema();
    if request.description.is_none() || !schema.header {
        return names;
    }
    let (label, ids) = (request.label(), request.match_ids());
    let features = schema.columns.iter().map(|column| column.name.as_str());
    let features = features
        .filter(|name| Some(*name) != label && !ids.contains(name))
        .count();
    let header: Vec<String> = (0..features).map(|at| format!("x{at}")).collect();
    names.insert("anonymous_header".to_owned(), json!(header));
    if label.is_some_and(|label| schema.column(label).is_some()) {
        names.insert("anonymous_label".to_owned(), json!("y"));
    }
    names
}

/// A file in place that is to become a table.
pub(crate) struct FileBinding<'a> {
    /// The file; inside an import root.
    pub(crate) path: &'a Path,
    /// The name of the table, and how to read the file.
    pub(crate) request: ImportRequest,
    /// The column with the id, where not the first.
    pub(crate) id_column: Option<String>,
    /// The columns to keep, where not all; names for them where the file has no header.
    pub(crate) feature_columns: Option<Vec<String>>,
    /// What is remembered of the place.
    pub(crate) to: BoundTo,
}

/// Reads a file in place onto the table store, so that what is bound stays as it was when it was bound. Gives what became of its rows.
pub(crate) fn bind(table_store: &TableStore, bound: FileBinding<'_>) -> Result<Receipt> {
    let FileBinding {
        path,
        request,
        id_column,
        feature_columns,
        to,
    } = bound;
    let mut options = request.options.clone();
    let wanted: Vec<&String> = id_column
        .iter()
        .chain(feature_columns.iter().flatten())
        .collect();
    if !wanted.is_empty() {
        let first = tables::read_header(open(path)?, &options)?;
        let named = wanted.iter().all(|name| first.contains(name));
        // Without a word on it, a first line that names the columns is the header.
        options.head = if request.says_head {
            options.head
        } else {
            named
        };
        if options.head {
            let at = id_column
                .as_ref()
                .and_then(|id| first.iter().position(|name| name == id));
            if id_column.is_some() && at.is_none() || !named {
                let text = format!(
                    "the file has no column {:?}",
                    wanted.iter().find(|name| !first.contains(name))
                );
                return Err(Fault::new(ErrorCode::TableInvalid, text)
                    .path("id_column")
                    .into());
            }
            options.id_column = at.unwrap_or(0);
            options.column_names = None;
        } else {
            options.id_name = id_column;
            options.column_names.clone_from(&feature_columns);
        }
    }
    let (mut table, receipt) = rows_of(
        table_store,
        open(path)?,
        (&request, &options),
        &|_| (),
        CancellationToken::new(),
    )?;
    if let Some(kept) = feature_columns.filter(|_| options.head) {
        table = table.select(&kept.iter().map(String::as_str).collect::<Vec<&str>>())?;
    }
    table_store.write_bound(&request.table, &table, options.partitions, to)?;
    Ok(receipt)
}

/// Reads a file onto the table store without a daemon; see [`crate::import_table`].
pub(crate) fn directly(
    table_store: &TableStore,
    path: &Path,
    request: &ImportRequest,
) -> Result<Receipt> {
    store(
        table_store,
        open(path)?,
        request,
        &|_| (),
        CancellationToken::new(),
    )
}

/// What became of the rows, for the log: reasons and counts, no values.
pub(super) fn describe(receipt: &Receipt) -> String {
    let Receipt {
        rows_in,
        stored,
        replaced,
        rejected,
        reasons,
        notes,
    } = receipt;
    let mut text = format!(
        "{rows_in} rows read, {stored} stored, {replaced} replaced by a later row, {rejected} refused"
    );
    for reason in reasons {
        text += &format!(
            "; {}: {} rows, first in line {}",
            reason.reason, reason.rows, reason.first_line
        );
    }
    for note in notes {
        text += &format!("; {note}");
    }
    text
}
