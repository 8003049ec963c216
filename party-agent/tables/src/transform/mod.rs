//! From raw rows to instances: finds label and features, reads numbers, replaces missing values and outliers, and keeps
//! what has to be the same when the model is applied. Needs no other party; data_transform and data_io are made of it.

mod error;
mod fill;
#[cfg(test)]
mod gaps_tests;
mod label;
mod layout;
#[cfg(test)]
mod marker_tests;
mod remark;
mod settings;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::instances::Missing;
use crate::schema::{Column, ColumnKind, Part, Schema, TableKind};
use crate::table::{Table, Values};
use fill::{Outcome, Pass, With};
use layout::Layout;
use vocabulary::Stop;

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
pub struct Learned {
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
pub struct Made {
    /// The instances.
    pub table: Table,
    /// What a fit learned; after an apply the same, with the ratios of the table at hand.
    pub learned: Learned,
    /// What people should know of the rows.
    pub remarks: Vec<Remark>,
}

/// Makes instances and learns from them. `owner` begins the anonymous names: `guest_9999`.
pub fn fit(table: &Table, settings: &Settings, owner: &str) -> Result<Made> {
    make(table, settings, None, owner)
}

/// Makes instances as the training made them: same columns in the same order, same values for what is missing. A label
/// that is not in the table is no error.
pub fn apply(table: &Table, settings: &Settings, learned: &Learned, owner: &str) -> Result<Made> {
    make(table, settings, Some(learned), owner)
}

/// The anonymous names of features: the owner and their position.
pub fn anonymous_header(owner: &str, features: usize) -> Vec<String> {
    (0..features).map(|at| format!("{owner}_x{at}")).collect()
}

fn make(
    table: &Table,
    settings: &Settings,
    earlier: Option<&Learned>,
    owner: &str,
) -> Result<Made> {
    if table.is_empty() {
        return Err(TransformError::Empty);
    }
    let layout = Layout::of(
        table,
        settings,
        earlier.map(|learned| learned.header.as_slice()),
    )?;
    let header = layout.features.names();
    let mut columns = Vec::with_capacity(header.len() + 2);
    let mut values = Vec::with_capacity(header.len() + 2);
    if let Some((name, ids)) = layout.match_id {
        columns.push(Column::new(name, ColumnKind::Text, Part::MatchId));
        values.push(Values::Text(ids));
    }
    let label_name = layout.label.as_ref().map(|(name, _)| name.clone());
    let mut reading = Reading::new(settings, &header, earlier, table.stop())?;
    reading
        .remarks
        .extend(without_effect(table.schema(), settings, &header));
    if let (Some(label), Some(wanted)) = (layout.label, &settings.label) {
        match label::read(&label, wanted.kind, earlier.is_some())? {
            label::Read::LeftOut(remark) => reading.remarks.push(remark),
            label::Read::Labels(read, remark) => {
                reading.remarks.extend(remark);
                columns.push(Column::new(label.0, read.kind(), Part::Label));
                values.push(read);
            }
        }
    }
    for (at, name) in header.iter().enumerate() {
        let read = reading.column(at, name, layout.features.texts(at)?)?;
        columns.push(Column::new(name.clone(), read.kind(), Part::Feature));
        values.push(read);
    }
    let (missing, outliers, remarks) = (reading.missing.1, reading.outliers.1, reading.remarks);
    let schema = schema_of(table.schema(), columns, owner);
    let id_name = schema.id_name.clone();
    let label_name = label_name.or_else(|| earlier.and_then(|learned| learned.label_name.clone()));
    let made = Table::from_columns(schema, table.ids()?, values)?;
    let learned = Learned {
        header,
        id_name,
        label_name,
        missing,
        outliers,
    };
    Ok(Made {
        table: made,
        learned,
        remarks,
    })
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

/// A replacement's plan for every column, and what came of it.
type Replacement<'a> = (Option<Plan<'a>>, Option<Filled>);

/// A replacement with its markers ready, and the values that were learned earlier.
struct Plan<'a> {
    fill: &'a Fill,
    markers: Missing,
    what: &'static str,
    known: Option<&'a Filled>,
}

impl Plan<'_> {
    fn with(&self, at: usize) -> With<'_> {
        match self.known {
            Some(known) => With::Known(known.values.get(at).and_then(|value| value.as_deref())),
            None => {
                let at = if self.fill.by_column { at } else { 0 };
                With::Learned(
                    self.fill.method,
                    self.fill
                        .values
                        .get(at)
                        .map(String::as_str)
                        .unwrap_or_default(),
                )
            }
        }
    }
}

/// Reads feature columns, one after another.
struct Reading<'a> {
    settings: &'a Settings,
    markers: Missing,
    stop: &'a Stop,
    remarks: Vec<Remark>,
    missing: Replacement<'a>,
    outliers: Replacement<'a>,
}

impl<'a> Reading<'a> {
    fn new(
        settings: &'a Settings,
        header: &[String],
        earlier: Option<&'a Learned>,
        stop: &'a Stop,
    ) -> Result<Self> {
        let (fill, outliers) = settings.fills();
        let plan =
            |fill: Option<&'a Fill>, what, known: Option<&'a Filled>| -> Result<Replacement<'a>> {
                let Some(fill) = fill else {
                    return Ok((None, None));
                };
                if fill.by_column && fill.values.len() != header.len() {
                    return Err(TransformError::FillCount {
                        given: fill.values.len(),
                        columns: header.len(),
                    });
                }
                let markers = Missing::of(&fill.markers);
                Ok((
                    Some(Plan {
                        fill,
                        markers,
                        what,
                        known,
                    }),
                    Some(Filled::default()),
                ))
            };
        Ok(Self {
            settings,
            markers: settings.missing_markers(),
            stop,
            remarks: Vec::new(),
            missing: plan(
                fill,
                "a value for what is missing",
                earlier.and_then(|learned| learned.missing.as_ref()),
            )?,
            outliers: plan(
                outliers,
                "a value for outliers",
                earlier.and_then(|learned| learned.outliers.as_ref()),
            )?,
        })
    }

    fn column(&mut self, at: usize, name: &str, texts: Vec<Option<String>>) -> Result<Values> {
        let plans = [(&self.missing.0, true), (&self.outliers.0, false)];
        let plans = plans
            .iter()
            .filter_map(|(plan, fills)| Some((plan.as_ref()?, *fills)));
        let passes: Vec<Pass<'_>> = plans
            .map(|(plan, fills)| {
                let takes_gaps = fills || plan.markers.is_usual();
                Pass {
                    markers: &plan.markers,
                    takes_gaps,
                    with: plan.with(at),
                }
            })
            .collect();
        let kind = self.settings.kind_of(name);
        let (values, outcomes) = match kind {
            ValueKind::Text => {
                let (texts, outcomes) = fill::texts(name, texts, &passes)?;
                (Values::Text(texts), outcomes)
            }
            ValueKind::Float | ValueKind::Integer => {
                let whole = kind == ValueKind::Integer;
                let reading = fill::Reading {
                    column: name,
                    whole,
                    missing: &self.markers,
                    stop: self.stop,
                };
                let filled = reading.numbers(&texts, &passes)?;
                self.remarks.extend(Remark::infinite(name, filled.infinite));
                (Values::Float(filled.cells), filled.outcomes)
            }
        };
        self.note(name, outcomes);
        Ok(values)
    }

    /// Outcomes come in the order of the passes; a replacement that is not wanted has none.
    fn note(&mut self, name: &str, outcomes: Vec<Outcome>) {
        let wanted = [&mut self.missing, &mut self.outliers].into_iter();
        let wanted =
            wanted.filter_map(|(plan, filled)| Some((plan.as_ref()?.what, filled.as_mut()?)));
        for ((what, filled), (value, ratio)) in wanted.zip(outcomes) {
            if value.is_none() && ratio > 0.0 {
                self.remarks.push(Remark::NothingToLearnFrom {
                    column: name.to_owned(),
                    what,
                });
            }
            filled.values.push(value);
            filled.ratios.push(ratio);
        }
    }
}
