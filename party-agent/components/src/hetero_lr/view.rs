//! The model and the summary in FATE's form.

use component_kit::TaskContext;
use serde_json::{Map, Value, json};
use vocabulary::Tells;

use super::model::{Model, Trained};
use super::params::Params;

/// Reports model view and summary; `validation` is what validations measured, if there were any.
pub(super) fn report(
    task: &TaskContext,
    params: &Params,
    model: &Model,
    validation: Option<Value>,
) {
    // Weights stand under the names of their columns; what validations measured is of the guest's labels.
    let tells: &[Tells] = match validation {
        None => &[Tells::Joint, Tells::Headers],
        Some(_) => &[Tells::Joint, Tells::Figures, Tells::Headers],
    };
    task.metrics(&[Tells::Joint, Tells::Headers])
        .model_view(&meta(params, model, model.is_one_vs_rest()), &param(model));
    let mut summary = Map::new();
    if model.is_one_vs_rest() {
        for (class, trained) in model.classes.iter().zip(&model.trained) {
            summary.insert(class.to_string(), Value::Object(summary_of(model, trained)));
        }
        summary.insert("one_vs_rest".to_owned(), json!(true));
    } else if let Some(trained) = model.trained.first() {
        summary = summary_of(model, trained);
    }
    if let Some(validation) = validation {
        summary.insert("validation_metrics".to_owned(), validation);
    }
    task.metrics(tells).summary(&Value::Object(summary));
}

fn best(trained: &Trained) -> i64 {
    trained
        .best_epoch
        .and_then(|epoch| i64::try_from(epoch).ok())
        .unwrap_or(-1)
}

fn weights(model: &Model, trained: &Trained) -> Value {
    model
        .columns
        .iter()
        .zip(&trained.weights)
        .map(|(name, weight)| (name.clone(), json!(weight)))
        .collect::<Map<_, _>>()
        .into()
}

fn summary_of(model: &Model, trained: &Trained) -> Map<String, Value> {
    let pairs = [
        ("coef", weights(model, trained)),
        ("intercept", json!(trained.intercept)),
        ("is_converged", json!(trained.is_converged)),
        ("one_vs_rest", json!(model.is_one_vs_rest())),
        ("best_iteration", json!(best(trained))),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What a kept model holds, in FATE's form.
pub(super) fn shown(model: &Model) -> Value {
    let mut shown = Map::new();
    shown.insert("param".to_owned(), param(model));
    shown.extend(model.meta.clone().map(|meta| ("meta".to_owned(), meta)));
    Value::Object(shown)
}

/// FATE's LRModelMeta.
pub(super) fn meta(params: &Params, model: &Model, one_vs_rest: bool) -> Value {
    json!({
        "penalty": params.penalty.as_deref().unwrap_or("NONE").to_uppercase(),
        "tol": params.tol,
        "alpha": params.alpha,
        "optimizer": params.optimizer,
        "partyWeight": 0.0,
        "batchSize": params.batch_size.to_string(),
        "learningRate": params.learning_rate,
        "maxIter": params.max_iter.to_string(),
        "earlyStop": params.early_stop,
        "reEncryptBatches": "0",
        "fitIntercept": model.has_intercept,
        "needOneVsRest": one_vs_rest,
        "predictParam": {"threshold": model.threshold},
        "revealStrategy": "",
        "module": "HeteroLR",
    })
}

/// FATE's LRModelParam.
fn param(model: &Model) -> Value {
    let empty = Trained {
        weights: vec![],
        intercept: 0.0,
        iters: 0,
        is_converged: false,
        best_epoch: None,
    };
    let first = if model.is_one_vs_rest() {
        &empty
    } else {
        model.trained.first().unwrap_or(&empty)
    };
    let mut view = single(model, first);
    if let Some(view) = view.as_object_mut() {
        view.insert("needOneVsRest".to_owned(), json!(model.is_one_vs_rest()));
        if model.is_one_vs_rest() {
            let models: Vec<Value> = model
                .trained
                .iter()
                .map(|trained| single(model, trained))
                .collect();
            let classes: Vec<String> = model.classes.iter().map(i64::to_string).collect();
            view.insert(
                "oneVsRestResult".to_owned(),
                json!({"completedModels": models, "oneVsRestClasses": classes}),
            );
        }
    }
    view
}

/// FATE's SingleModel; the loss history stays with the arbiter.
fn single(model: &Model, trained: &Trained) -> Value {
    json!({
        "iters": trained.iters,
        "lossHistory": [],
        "isConverged": trained.is_converged,
        "weight": weights(model, trained),
        "intercept": trained.intercept,
        "header": model.columns,
        "bestIteration": best(trained),
        "encryptedWeight": {},
    })
}
