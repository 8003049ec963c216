//! The model and the summary in FATE's form: LRModelMeta, LRModelParam.

use component_kit::TaskContext;
use fate_models::{LinRModelMeta, LrModelMeta, LrModelParam, OneVsRestResult, PredictParam};
use learners::model::{LinearModel, Trained};
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
    view::report(task, (model, &json!(param(model))), summary, validation);
}

/// What a kept model holds, in FATE's form.
pub(super) fn shown(model: &LinearModel) -> Value {
    view::shown(model, json!(param(model)))
}

/// Makes a model's meta FATE's LRModelMeta, which says more than that of other linear models.
pub(super) fn add_meta(model: &mut LinearModel, one_vs_rest: bool) {
    let predict_param = Some(PredictParam {
        threshold: model.threshold,
    });
    let common = model
        .meta
        .take()
        .map(serde_json::from_value::<LinRModelMeta>);
    let meta = common.and_then(Result::ok).map(|common| LrModelMeta {
        need_one_vs_rest: one_vs_rest,
        predict_param,
        ..common.into()
    });
    model.meta = meta.map(|meta| json!(meta));
}

/// A training, or one for each of several classes.
fn param(model: &LinearModel) -> LrModelParam {
    let single = |trained: &Trained| view::single(model, trained);
    if !model.is_one_vs_rest() {
        let only = model.trained.first().map(single);
        return only.map(LrModelParam::from).unwrap_or_default();
    }
    let result = OneVsRestResult {
        completed_models: model.trained.iter().map(single).collect(),
        one_vs_rest_classes: model.classes.iter().map(i64::to_string).collect(),
    };
    LrModelParam {
        one_vs_rest_result: Some(result),
        need_one_vs_rest: true,
        ..single(&Trained::default()).into()
    }
}
