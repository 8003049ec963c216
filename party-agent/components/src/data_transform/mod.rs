//! Makes instances out of raw rows: label, features, numbers, missing values, outliers. Jobs of FATE's older format call it
//! data_io, and know no match ids.

mod params;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use component_kit::{Description, Fitted, LocalOutput, LocalTask, LocalTransform, PassOn, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tables::transform::{self, InstanceModel, MadeInstances, Settings};
use tables::{Table, TableKind};
use vocabulary::{ErrorCode, Fault};

use params::{OlderParams, Params, Reading};

/// Remarks on rows that are written into the log.
const MOST_REMARKS: usize = 100;

/// From raw rows to what learners read; what it is called, and its parameters, are `E`'s.
pub struct Transform<E>(PhantomData<fn() -> E>);

/// From raw rows to what learners read.
pub type DataTransform = Transform<Newer>;

/// From raw rows to what learners read, in jobs of the older format.
pub type DataIo = Transform<Older>;

/// One of the names under which jobs ask for it.
pub trait Edition: 'static {
    /// Its parameters.
    type Params: Reading;
    /// Its name, and what FATE calls it.
    const NAMES: (&'static str, &'static [&'static str]);
    /// What it does.
    const SUMMARY: &'static str;
    /// Whether the view of its model has an anonymous header.
    const HAS_ANONYMOUS_HEADER: bool;
}

/// The present format.
pub struct Newer;

/// FATE's format of version 1.
pub struct Older;

impl Edition for Newer {
    type Params = Params;

    const NAMES: (&'static str, &'static [&'static str]) = ("data_transform", &["DataTransform"]);
    const SUMMARY: &'static str =
        "makes instances out of raw rows: label, features, missing values, outliers";
    const HAS_ANONYMOUS_HEADER: bool = true;
}

impl Edition for Older {
    type Params = OlderParams;

    const NAMES: (&'static str, &'static [&'static str]) = ("data_io", &["DataIO"]);
    const SUMMARY: &'static str = "makes instances out of raw rows, for jobs of the older format";
    const HAS_ANONYMOUS_HEADER: bool = false;
}

/// The model of one party: how rows were read, and what was learned of them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// How rows are read.
    settings: Settings,
    /// What was learned; nothing when the input was passed on as it was.
    learned: Option<InstanceModel>,
}

impl<E: Edition> LocalTransform for Transform<E> {
    type Params = E::Params;
    type Model = Model;

    const DESCRIPTION: Description =
        Description::transform(E::NAMES.0, E::SUMMARY).modules(E::NAMES.1);

    fn pass_on(input: &Table, params: &E::Params) -> Option<PassOn<Model>> {
        let is_raw = input.schema().kind == TableKind::Raw;
        let reason = match params.need_run() {
            false => "need_run is false",
            true if !is_raw => "its rows are no longer raw rows",
            true => return None,
        };
        let model = Model {
            settings: params.settings().respecting(&input.schema().meta),
            learned: None,
        };
        Some(PassOn {
            reason,
            model: Some(model),
        })
    }

    fn fit(input: &Table, params: &E::Params, task: &LocalTask) -> Result<Fitted<Model>> {
        let settings = params.settings().respecting(&input.schema().meta);
        let made = transform::fit(input, &settings, &task.owner()).map_err(Fault::from)?;
        let anonymous = E::HAS_ANONYMOUS_HEADER
            .then(|| transform::anonymous_header(&task.owner(), made.learned.header.len()));
        let (meta, param) = transform::model_view(&settings, &made.learned, anonymous.as_deref());
        let model = Model {
            settings: settings.clone(),
            learned: Some(made.learned.clone()),
        };
        Ok(Fitted::new(model)
            .view(json!({"meta": meta, "param": param}))
            .output(output(&settings, made, task)))
    }

    fn apply(input: &Table, model: &Model, task: &LocalTask) -> Result<LocalOutput> {
        let unlearned = || {
            let message = "the model was made of instances, and the table has raw rows";
            Fault::new(ErrorCode::DataMismatch, message)
                .next("train with raw rows, or give instances")
        };
        let learned = model.learned.as_ref().ok_or_else(unlearned)?;
        let settings = model.settings.clone().respecting(&input.schema().meta);
        let made = transform::apply(input, &settings, learned, &task.owner());
        Ok(output(&settings, made.map_err(Fault::from)?, task))
    }
}

/// Instances, with what is to be said of them.
fn output(settings: &Settings, made: MadeInstances, task: &LocalTask) -> LocalOutput {
    let remarks = made.remarks.iter().take(MOST_REMARKS);
    remarks.for_each(|remark| task.warn(remark.to_string()));
    if made.remarks.len() > MOST_REMARKS {
        let more = made.remarks.len() - MOST_REMARKS;
        task.warn(format!("{more} remarks more like these"));
    }
    let schema = made.table.schema();
    let label = schema.label().map_or("no label".to_owned(), |label| {
        format!("label {}", label.name)
    });
    let (rows, features) = (made.table.rows(), schema.features().len());
    task.info(format!(
        "{rows} instances with {features} features, {label}"
    ));
    let summary = transform::summary(settings, &made.learned);
    LocalOutput::from(made.table).summary(summary)
}
