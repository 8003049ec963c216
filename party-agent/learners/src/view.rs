//! Linear models and their summaries in FATE's form.

use std::collections::BTreeMap;

use component_kit::TaskContext;
use fate_models::{LinRModelParam, SingleModel};
use serde_json::{Map, Value, json};
use vocabulary::Tells;

use crate::model::{LinearModel, Trained};

/// Reports model view and summary; `validation` is what validations measured, if there were any.
pub fn report(
    task: &TaskContext,
    (model, param): (&LinearModel, &Value),
    mut summary: Map<String, Value>,
    validation: Option<Value>,
) {
    // Weights stand under the names of their columns; what validations measured is of the guest's labels.
    let tells: &[Tells] = match validation {
        None => &[Tells::Joint, Tells::Headers],
        Some(_) => &[Tells::Joint, Tells::Figures, Tells::Headers],
    };
    let meta = model.meta.clone().unwrap_or_default();
    task.metrics(&[Tells::Joint, Tells::Headers])
        .model_view(&meta, param);
    if let Some(validation) = validation {
        summary.insert("validation_metrics".to_owned(), validation);
    }
    task.metrics(tells).summary(&Value::Object(summary));
}

/// The epoch whose weights a model has; FATE says -1 where it is the last one.
fn best(trained: &Trained) -> i32 {
    let epoch = trained.best_epoch.map(i32::try_from);
    epoch.map_or(-1, |epoch| epoch.unwrap_or(i32::MAX))
}

fn weights(model: &LinearModel, trained: &Trained) -> BTreeMap<String, f64> {
    let pairs = model.columns.iter().cloned().zip(&trained.weights);
    pairs.map(|(name, weight)| (name, *weight)).collect()
}

/// Reports a model of one training.
pub fn report_single(task: &TaskContext, model: &LinearModel, validation: Option<Value>) {
    let param = single_param(model);
    let summary = model.trained.first();
    let summary = summary.map_or_else(Map::new, |only| summary_of(model, only));
    report(task, (model, &param), summary, validation);
}

/// What a model of one training holds: FATE's LinRModelParam.
pub fn single_param(model: &LinearModel) -> Value {
    let only = model.trained.first();
    only.map_or(Value::Null, |only| {
        json!(LinRModelParam::from(single(model, only)))
    })
}

/// The summary of one training.
pub fn summary_of(model: &LinearModel, trained: &Trained) -> Map<String, Value> {
    let pairs = [
        ("coef", json!(weights(model, trained))),
        ("intercept", json!(trained.intercept)),
        ("is_converged", json!(trained.is_converged)),
        ("best_iteration", json!(best(trained))),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What a kept model holds, in FATE's form.
pub fn shown(model: &LinearModel, param: Value) -> Value {
    let mut shown = Map::new();
    shown.insert("param".to_owned(), param);
    shown.extend(model.meta.clone().map(|meta| ("meta".to_owned(), meta)));
    Value::Object(shown)
}

/// One training as FATE's messages of linear models have it; the loss history stays with the arbiter.
pub fn single(model: &LinearModel, trained: &Trained) -> SingleModel {
    SingleModel {
        iters: i32::try_from(trained.iters).unwrap_or(i32::MAX),
        is_converged: trained.is_converged,
        weight: weights(model, trained),
        intercept: trained.intercept,
        header: model.columns.clone(),
        best_iteration: best(trained),
        ..SingleModel::default()
    }
}
