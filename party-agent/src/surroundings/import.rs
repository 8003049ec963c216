//! From a staged file, or one in an import root, to a table on the shelf.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use component_kit::{ComponentError, ImportRequest, Result};
use serde_json::{Map, Value};
use tables::{ImportOptions, Origin, Shelf, Table};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, Receipt};

use super::{blocking, paths};
use crate::holdings::Holdings;

/// A file that ends with an error once the attempt is stopped.
struct Stoppable<R> {
    file: R,
    cancel: CancellationToken,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("stopped"));
        }
        self.file.read(to)
    }
}

/// Reads the file and puts the table on the shelf; the staged file is gone afterwards.
pub(super) async fn import(
    holdings: &Arc<Holdings>,
    mut request: ImportRequest,
    progress: Box<dyn Fn(u64) + Send + Sync>,
    cancel: CancellationToken,
) -> Result<Receipt> {
    request.replace &= holdings.staging.may_replace(&request.file);
    let options = options_of(&request)?;
    let staged = holdings.staging.find(&request.file);
    let path = match &staged {
        Some(path) => path.clone(),
        None => paths::readable(&holdings.import_roots, &request.file)?,
    };
    let shelf = holdings.shelf.clone();
    let name = request.file.clone();
    let receipt = blocking(move || store(&shelf, &path, &request, &options, &progress, cancel)).await;
    // A failed import keeps the file, so that a rerun finds it; the daily sweep takes it otherwise.
    if staged.is_some() && receipt.is_ok() {
        holdings.staging.remove(&name);
    }
    receipt
}

fn store(
    shelf: &Shelf,
    path: &Path,
    request: &ImportRequest,
    options: &ImportOptions,
    progress: &dyn Fn(u64),
    cancel: CancellationToken,
) -> Result<Receipt> {
    let append = flag(request.options.get("append"));
    let exists = shelf.exists(&request.table);
    if exists && !request.replace && !append {
        let fault = Fault::new(ErrorCode::Conflict, format!("table {} exists already", request.table));
        return Err(fault.next("upload it with --drop to replace it").into());
    }
    let file = File::open(path)
        .map_err(|error| Fault::new(ErrorCode::FileUnreadable, format!("the file cannot be read: {error}")))?;
    let reader = Stoppable { file: BufReader::with_capacity(1 << 20, file), cancel: cancel.clone() };
    let imported = tables::import(reader, options, &mut |rows| progress(rows));
    if cancel.is_cancelled() {
        return Err(ComponentError::Canceled);
    }
    let (table, receipt) = imported?;
    let table = if append && exists { Table::union(&[table, shelf.read(&request.table)?])? } else { table };
    shelf.write_from(&request.table, &table, options.partitions, Origin::Upload)?;
    Ok(receipt)
}

/// Reads a file onto the shelf without a daemon; see [`crate::import_table`].
pub(crate) fn directly(shelf: &Shelf, path: &Path, request: &ImportRequest) -> Result<Receipt> {
    let options = options_of(request)?;
    store(shelf, path, request, &options, &|_| (), CancellationToken::new())
}

/// FATE's upload fields as the shelf's options.
fn options_of(request: &ImportRequest) -> Result<ImportOptions> {
    let field = |name: &str| request.options.get(name);
    let invalid =
        |path: &str, message: String| ComponentError::from(Fault::new(ErrorCode::ParameterInvalid, message).path(path));
    let head = match field("head") {
        None | Some(Value::Null) => true,
        Some(value) => match number(value) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(invalid("head", format!("head is {value}, but only 0 and 1 mean something"))),
        },
    };
    let delimiter = match field("id_delimiter").and_then(Value::as_str).unwrap_or(",") {
        "" => ',',
        "\\t" => '\t',
        text => match text.chars().collect::<Vec<char>>()[..] {
            [one] => one,
            _ => return Err(invalid("id_delimiter", format!("{text:?} is not one character"))),
        },
    };
    Ok(ImportOptions {
        delimiter,
        head,
        extend_sid: flag(field("extend_sid")),
        auto_increasing_sid: flag(field("auto_increasing_sid")),
        partitions: request.partitions,
        meta: schema_extras(&request.options),
        ..ImportOptions::default()
    })
}

/// What the upload adds to the schema: how to read the columns, and fields of its own.
fn schema_extras(options: &Value) -> Map<String, Value> {
    let object = |name: &str| options.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut extras = Map::new();
    let meta = if flag(options.get("with_meta")) { object("meta") } else { Map::new() };
    extras.insert("meta".to_owned(), Value::Object(meta));
    let own = object("schema").into_iter().filter(|(name, _)| !matches!(name.as_str(), "header" | "sid"));
    extras.extend(own);
    extras
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn flag(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(value) => number(value).is_some_and(|number| number != 0),
        None => false,
    }
}

/// What became of the rows, for the log: reasons and counts, no values.
pub(super) fn describe(receipt: &Receipt) -> String {
    let Receipt { rows_in, stored, replaced, rejected, reasons } = receipt;
    let mut text =
        format!("{rows_in} rows read, {stored} stored, {replaced} replaced by a later row, {rejected} refused");
    for reason in reasons {
        text += &format!("; {}: {} rows, first in line {}", reason.reason, reason.rows, reason.first_line);
    }
    text
}
