//! From raw rows to instances: finds label and features, reads numbers, replaces missing values and outliers, and keeps
//! what has to be the same when the model is applied. Needs no other party; data_transform and data_io are made of it.

mod error;
mod fields;
mod fill;
#[cfg(test)]
mod gaps_tests;
mod label;
mod layout;
#[cfg(test)]
mod marker_tests;
mod plans;
mod remark;
mod settings;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::error::TableError;
use crate::frame::{Cells, ColumnData, Frame};
use crate::gathered::Gathered;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::table::Table;
use layout::Layout;
use plans::{Feature, Plans};
use vocabulary::{Stop, Stopped};

pub use error::TransformError;
pub use remark::Remark;
pub use settings::{Fill, FillMethod, InputFormat, Label, MatchId, Settings, ValueKind};
pub use view::{model_view, summary};

type Result<T> = std::result::Result<T, TransformError>;

/// What a replacement came to, in header order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Filled {
    /// The value that stands where one was replaced; none where a column had nothing to learn it from.
    pub values: Vec<Option<String>>,
    /// The share of rows that have it, or would (0 to 1).
    pub ratios: Vec<f64>,
}

/// What a fit learned of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceModel {
    /// The features, in order.
    pub header: Vec<String>,
    /// The id's name.
    pub id_name: String,
    /// The label's name, if there is a label.
    pub label_name: Option<String>,
    /// What became of missing values, when they were to be replaced.
    pub missing: Option<Filled>,
    /// What became of outliers, when they were to be replaced.
    pub outliers: Option<Filled>,
}

/// Instances, and what was learned or met on the way.
#[derive(Debug, Clone)]
pub struct MadeInstances {
    /// The instances.
    pub table: Table,
    /// What a fit learned; after an apply the same, with the ratios of the table at hand.
    pub learned: InstanceModel,
    /// What people should know of the rows.
    pub remarks: Vec<Remark>,
}

/// Makes instances and learns from them. `owner` begins the anonymous names: `guest_9999`.
pub fn fit(table: &Table, settings: &Settings, owner: &str) -> Result<MadeInstances> {
    make(table, settings, None, owner)
}

/// Makes instances as the training made them: same columns in the same order, same values for what is missing. A label
/// that is not in the table is no error.
pub fn apply(
    table: &Table,
    settings: &Settings,
    learned: &InstanceModel,
    owner: &str,
) -> Result<MadeInstances> {
    make(table, settings, Some(learned), owner)
}

/// The anonymous names of features: the owner and their position.
pub fn anonymous_header(owner: &str, features: usize) -> Vec<String> {
    (0..features).map(|at| format!("{owner}_x{at}")).collect()
}

fn make(
    table: &Table,
    settings: &Settings,
    earlier: Option<&InstanceModel>,
    owner: &str,
) -> Result<MadeInstances> {
    if table.is_empty() {
        return Err(TransformError::Empty);
    }
    let layout = Layout::of(
        table,
        settings,
        earlier.map(|learned| learned.header.as_slice()),
    )?;
    let mut remarks = without_effect(table.schema(), settings, &layout.header);
    let label = label_of(&layout, settings, earlier.is_some(), &mut remarks)?;
    let plans = Plans::new(settings, &layout.header, earlier)?;
    let mut features = plans.features(&layout.header, table.stop())?;
    learn(&layout, &mut features)?;
    // A walk of its own after the one that learns: a fill value is known only when all rows were
    // seen.
    let rows = instances(&layout, label.as_ref(), &mut features)?;

    let mut columns = Vec::with_capacity(layout.header.len() + 2);
    let match_id = layout.match_id.iter();
    columns.extend(match_id.map(|name| Column::new(name, ColumnKind::Text, Part::MatchId)));
    if let (Some(name), Some(label)) = (&layout.label, &label) {
        columns.push(Column::new(name, label.column_kind(), Part::Label));
    }
    let kinds = features.iter().map(Feature::column_kind);
    let named = layout.header.iter().zip(kinds);
    columns.extend(named.map(|(name, kind)| Column::new(name, kind, Part::Feature)));
    let (missing, outliers) = plans.came_to(&layout.header, &features, table.rows(), &mut remarks);
    let schema = schema_of(table.schema(), columns, owner);
    let learned = InstanceModel {
        id_name: schema.id_name.clone(),
        label_name: layout
            .label
            .clone()
            .or_else(|| earlier.and_then(|learned| learned.label_name.clone())),
        missing,
        outliers,
        header: layout.header,
    };
    Ok(MadeInstances {
        table: rows.finish(schema, Some(table.partitions()))?,
        learned,
        remarks,
    })
}

/// The label, looked at as a whole, if instances have one.
fn label_of<'a>(
    layout: &'a Layout<'_>,
    settings: &Settings,
    applies: bool,
    remarks: &mut Vec<Remark>,
) -> Result<Option<label::Label<'a>>> {
    let (Some(name), Some(of)) = (&layout.label, &settings.label) else {
        return Ok(None);
    };
    let mut label = label::Label::new(name, of.kind);
    for cut in &layout.cuts {
        label.look(&layout.labels(*cut)?.cells(0)?);
    }
    let (is_there, remark) = label.judge(applies)?;
    remarks.extend(remark);
    Ok(is_there.then_some(label))
}

/// Does something with each feature's cells of some rows, on all threads; of what goes wrong the first feature's counts.
fn with_each<'a, T: Send>(
    features: &mut [Feature<'a>],
    (rows, front): (&Frame, usize),
    stop: &Stop,
    work: impl Fn(&mut Feature<'a>, usize, &Cells<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let stopped = AtomicBool::new(false);
    let one = |(at, feature): (usize, &mut Feature<'a>)| {
        // One question that is answered with a stop is enough for all features.
        if stopped.load(Ordering::Relaxed) {
            return Err(TableError::from(Stopped).into());
        }
        let go_on = stop.go_on();
        go_on
            .inspect_err(|_| stopped.store(true, Ordering::Relaxed))
            .map_err(TableError::from)?;
        work(feature, front + at, &rows.cells(front + at)?)
    };
    // Collected first, so that of several errors the one of the first column is told.
    let done: Vec<Result<T>> = features.par_iter_mut().enumerate().map(one).collect();
    done.into_iter().collect()
}

/// Looks at all rows for each statistic that has to be known before anything can be filled.
fn learn(layout: &Layout<'_>, features: &mut [Feature<'_>]) -> Result<()> {
    // Once more for each value that depends on one learned before (outliers after what is
    // missing).
    while features.iter().any(Feature::has_to_look) {
        for cut in &layout.cuts {
            let rows = layout.rows(*cut)?;
            let cells = (&rows, layout.front());
            with_each(features, cells, layout.stop(), |feature, _, cells| {
                feature.look(cells, cut.before)
            })?;
        }
        features.iter_mut().for_each(Feature::learn);
    }
    Ok(())
}

/// All rows as instances.
fn instances(
    layout: &Layout<'_>,
    label: Option<&label::Label<'_>>,
    features: &mut [Feature<'_>],
) -> Result<Gathered> {
    let mut gathered = layout.gathered();
    for cut in &layout.cuts {
        let rows = layout.rows(*cut)?;
        let before_label = 1 + usize::from(layout.match_id.is_some());
        let mut columns: Vec<ColumnData> =
            rows.columns().iter().take(before_label).cloned().collect();
        if let Some(label) = label {
            let labels = label.read(&rows.cells(before_label)?, cut.before)?;
            columns.push(ColumnData::of(labels));
        }
        let cells = (&rows, layout.front());
        let filled = with_each(features, cells, layout.stop(), |feature, at, cells| {
            let filled = feature.fill(cells, cut.before)?;
            let as_it_is = || rows.columns().get(at).cloned();
            let column = filled.map(ColumnData::of).or_else(as_it_is);
            Ok(column.ok_or_else(|| TableError::ColumnMissing {
                column: format!("number {at}"),
            })?)
        });
        columns.extend(filled?);
        gathered.push(&Frame::from_data(rows.rows(), columns)?)?;
    }
    Ok(gathered)
}

/// Names in the settings that are no columns, which nothing else would tell of.
fn without_effect(raw: &Schema, settings: &Settings, header: &[String]) -> Vec<Remark> {
    let dense = settings.input == InputFormat::Dense;
    let ids = settings
        .match_id
        .iter()
        .filter(|_| dense)
        .flat_map(|id| &id.names);
    if settings.exclusive.is_empty() && ids.clone().next().is_none() {
        return Vec::new();
    }
    let label = settings.label.iter().map(|label| label.name.as_str());
    let own = raw
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|_| dense);
    let said = own
        .chain(label)
        .chain([raw.id_name.as_str()])
        .map(|name| name.trim().to_lowercase());
    let columns: HashSet<String> = said.chain(header.iter().cloned()).collect();
    let mut remarks =
        Remark::no_such_columns("exclusive_data_type", settings.exclusive.keys(), &columns);
    remarks.extend(Remark::no_such_columns("id_list", ids, &columns));
    remarks
}

/// The schema of instances, with FATE's words in its meta.
fn schema_of(raw: &Schema, columns: Vec<Column>, owner: &str) -> Schema {
    let id_name = if raw.id_name.is_empty() {
        "sid".to_owned()
    } else {
        raw.id_name.trim().to_owned()
    };
    let mut schema = Schema {
        delimiter: ',',
        ..Schema::new(TableKind::Instances, id_name, columns)
    };
    let mut meta = Map::new();
    meta.insert(
        "anonymous_header".into(),
        json!(anonymous_header(owner, schema.features().len())),
    );
    if let Some(label) = schema.label() {
        meta.insert("label_name".into(), json!(label.name));
        meta.insert("anonymous_label".into(), json!(format!("{owner}_y")));
    }
    if let Some(id) = schema.match_id() {
        meta.insert("match_id_name".into(), json!(id.name));
    }
    schema.meta = meta;
    schema
}
