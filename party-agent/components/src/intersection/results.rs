//! What both roles do with tables and what they report: the same at every party.

use component_kit::{ComponentError, Peer, Result, TaskContext};
use crypto::curve::CurveError;
use serde_json::json;
use tables::Table;
use vocabulary::{ErrorCode, Fault, Tells};

use super::params::Params;

/// What a party knows of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultKnowledge {
    /// These many of its rows are common, and it has them.
    Rows(usize),
    /// So many ids are common.
    Size(usize),
    /// Nothing.
    Untold,
}

/// The table to intersect, with a word on how it is done.
pub(super) async fn input(task: &TaskContext, params: &Params) -> Result<Table> {
    let table = task.need_input("data").await?;
    if let Some(column) = table.schema().match_id() {
        let text = format!(
            "the table has the match ids {:?}: rows are intersected by their own id only",
            column.name
        );
        let fault = Fault::new(ErrorCode::Unsupported, text).path("with_match_id");
        return Err(fault
            .next("set with_match_id to false in DataTransform, and use unique row ids")
            .into());
    }
    task.info(params.served_by());
    if params.run_preprocess {
        task.info("run_preprocess has no effect: ids are not sent ahead in a filter");
    }
    Ok(table)
}

/// Stores the common rows and reports them.
pub(super) async fn keep(
    task: &TaskContext,
    params: &Params,
    table: &Table,
    rows: &[usize],
) -> Result<()> {
    if rows.is_empty() {
        return Err(empty());
    }
    task.output(0, &shaped(params, table, rows)?).await?;
    report(
        task,
        params,
        table.rows(),
        ResultKnowledge::Rows(rows.len()),
    );
    task.info(format!(
        "{} of {} rows are common",
        rows.len(),
        table.rows()
    ));
    Ok(())
}

/// The output table of these rows.
pub(super) fn shaped(params: &Params, table: &Table, rows: &[usize]) -> Result<Table> {
    let table = if params.only_output_key {
        table.select(&[])?
    } else {
        table.clone()
    };
    Ok(table.rows_at(rows)?)
}

/// The fault of every party when nothing is common.
pub(super) fn empty() -> ComponentError {
    let fault = Fault::new(
        ErrorCode::IntersectionEmpty,
        "the parties have no id in common",
    );
    fault
        .next("compare the form of the ids on both sides: spaces, case, leading zeros, hashing")
        .into()
}

/// The fault for a point that is none.
pub(super) fn bad_point(peer: &Peer, error: &CurveError) -> ComponentError {
    ComponentError::protocol(format!("a blinded id from {}: {error}", peer.participant()))
}

/// Says how far a phase is; the exchange takes nine tenths of the time, the rest one.
pub(super) fn progress(task: &TaskContext, from: f64, part: f64, text: &str) {
    let length = if from == 0.0 { 0.9 } else { 0.1 };
    task.progress(from + part * length, text);
}

/// Metrics and summary in FATE's form.
pub(super) fn report(task: &TaskContext, params: &Params, own: usize, found: ResultKnowledge) {
    let rate = |count: usize| {
        if own == 0 {
            0.0
        } else {
            count as f64 / own as f64
        }
    };
    let value = |name: &str, value: f64| (name.to_owned(), value);
    let (number, share) = match found {
        ResultKnowledge::Rows(count) | ResultKnowledge::Size(count) => {
            (json!(count), json!(rate(count)))
        }
        // FATE's way to say that a party does not know.
        ResultKnowledge::Untold => (json!(-1), json!(-1)),
    };
    let values = match found {
        ResultKnowledge::Rows(count) => vec![
            value("intersect_count", count as f64),
            value("input_match_id_count", own as f64),
            value("intersect_rate", rate(count)),
            value("unmatched_count", own.saturating_sub(count) as f64),
            value("unmatched_rate", 1.0 - rate(count)),
        ],
        ResultKnowledge::Size(count) => vec![value("intersect_count", count as f64)],
        ResultKnowledge::Untold => vec![],
    };
    let meta = json!({
        "name": "intersection",
        "metric_type": "INTERSECTION",
        "intersect_method": "ecdh",
        "join_method": params.join_method.to_lowercase(),
    });
    let metrics = task.metrics(&[Tells::Joint]);
    metrics.values("train", "intersection", values, meta);
    metrics.summary(&json!({
        "intersect_num": number,
        "intersect_rate": share,
        "cardinality_only": params.cardinality_only,
        "unique_id_num": own,
    }));
}
