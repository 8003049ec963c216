//! The model and the summary in FATE's form: LRModelMeta, LRModelParam.

use component_kit::TaskContext;
use learners::model::LinearModel;
use learners::view;
use serde_json::{Map, Value, json};

/// Reports model view and summary; `validation` is what validations measured, if there were any.
pub(super) fn report(task: &TaskContext, model: &LinearModel, validation: Option<Value>) {
    let is_one_vs_rest = model.is_one_vs_rest();
    let of = |trained| {
        let mut summary = view::summary_of(model, trained);
        summary.insert("one_vs_rest".to_owned(), json!(is_one_vs_rest));
        summary
    };
    let mut summary = Map::new();
    if is_one_vs_rest {
        for (class, trained) in model.classes.iter().zip(&model.trained) {
            summary.insert(class.to_string(), Value::Object(of(trained)));
        }
        summary.insert("one_vs_rest".to_owned(), json!(true));
    } else {
        model.trained.iter().for_each(|only| summary = of(only));
    }
    view::report(task, (model, &param(model)), summary, validation);
}

/// What a kept model holds, in FATE's form.
pub(super) fn shown(model: &LinearModel) -> Value {
    view::shown(model, param(model))
}

/// Adds to a model's meta what FATE's LRModelMeta has beside that of other linear models.
pub(super) fn add_meta(model: &mut LinearModel, one_vs_rest: bool) {
    let own = [
        ("partyWeight", json!(0.0)),
        ("reEncryptBatches", json!("0")),
        ("needOneVsRest", json!(one_vs_rest)),
        ("predictParam", json!({"threshold": model.threshold})),
        ("revealStrategy", json!("")),
    ];
    if let Some(Value::Object(meta)) = &mut model.meta {
        meta.extend(own.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// FATE's LRModelParam: a training, or one for each of several classes.
fn param(model: &LinearModel) -> Value {
    let mut view = Map::new();
    if model.is_one_vs_rest() {
        let models = model.trained.iter().map(|one| view::single(model, one));
        let classes: Vec<String> = model.classes.iter().map(i64::to_string).collect();
        view = view::single(model, &Default::default());
        view.insert(
            "oneVsRestResult".to_owned(),
            json!({"completedModels": models.collect::<Vec<_>>(), "oneVsRestClasses": classes}),
        );
    } else {
        let only = model.trained.iter();
        only.for_each(|only| view = view::single(model, only));
    }
    let several = json!(model.is_one_vs_rest());
    view.insert("needOneVsRest".to_owned(), several);
    Value::Object(view)
}
