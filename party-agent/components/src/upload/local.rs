//! The party alone: asks for the import, and says what became of the rows.

use component_kit::{ImportRequest, Result, TaskContext};
use serde_json::{Map, Value, json};
use vocabulary::{TableRef, Tells};

use super::params::Params;

#[allow(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub(super) async fn upload(task: &TaskContext, params: Params) -> Result<()> {
    params.usable()?;
    let table = TableRef::new(&params.namespace, &params.name);
    task.info(format!("reading {} into table {table}", params.source()));
    let receipt = task.import(request(&params, table.clone())?).await?;
    let counts = (
        receipt.rows_in,
        receipt.stored,
        receipt.replaced,
        receipt.rejected,
    );
    task.info(format!(
        "of {} rows {} are stored, {} replaced, {} refused",
        counts.0, counts.1, counts.2, counts.3
    ));
    for note in &receipt.notes {
        task.warn(note.clone());
    }
    for reason in &receipt.reasons {
        task.warn(format!(
            "{} rows refused, the first in line {}: {}",
            reason.rows, reason.first_line, reason.reason
        ));
    }
    let meta = json!({"name": "upload", "metric_type": "UPLOAD"});
    let metrics = task.metrics(&[Tells::Counts]);
    metrics.values(
        "upload",
        "data_access",
        vec![("count".to_owned(), receipt.stored as f64)],
        meta,
    );
    // Counts and lines, no names and no values: everybody who may ask for the upload's figures sees what became of its rows.
    // By name and not in lists, which leave no party that keeps its rows to itself.
    let reasons = receipt.reasons.iter();
    let reasons: Map<String, Value> = reasons
        .map(|found| {
            (
                found.reason.clone(),
                json!({"rows": found.rows, "first_line": found.first_line}),
            )
        })
        .collect();
    let notes: Map<String, Value> = receipt
        .notes
        .iter()
        .zip(1..)
        .map(|(note, number)| (i32::to_string(&number), json!(note)))
        .collect();
    let meta = json!({"name": "receipt", "metric_type": "UPLOAD_RECEIPT", "reasons": reasons, "notes": notes});
    let figures = [
        ("rows_in", receipt.rows_in),
        ("stored", receipt.stored),
        ("replaced", receipt.replaced),
        ("rejected", receipt.rejected),
    ];
    let figures = figures
        .map(|(name, rows)| (name.to_owned(), rows as f64))
        .to_vec();
    metrics.values("upload", "receipt", figures, meta);
    let told = serde_json::to_value(&receipt).unwrap_or(Value::Null);
    metrics
        .summary(&json!({"table_name": table.name, "namespace": table.namespace, "receipt": told}));
    let refused = if receipt.is_whole() {
        String::new()
    } else {
        format!(", {} REFUSED", receipt.rejected)
    };
    task.progress(1.0, format!("{} rows stored{refused}", receipt.stored));
    Ok(())
}

/// The request, with FATE's fields in their plain types.
fn request(params: &Params, table: TableRef) -> Result<ImportRequest> {
    let fields = json!({
        "head": params.head.is_set(),
        "id_delimiter": params.id_delimiter,
        "append": params.append.is_set(),
        "extend_sid": params.extend_sid.is_set(),
        "auto_increasing_sid": params.auto_increasing_sid.is_set(),
        "with_meta": params.with_meta.is_set(),
        "meta": params.meta,
        "schema": params.schema,
    });
    let request = ImportRequest::read(params.source(), table, &fields).map_err(|fault| *fault)?;
    Ok(request
        .replacing(params.destroy.is_set())
        .partitions(params.partitions()))
}
