//! What was learned, in the words that FATE's clients know: the model's messages and the summary.

use std::collections::BTreeMap;

use fate_models::{
    DataTransformMeta, DataTransformParam, ImputerMeta, ImputerParam, OutlierMeta, OutlierParam,
};
use serde_json::{Map, Value, json};

use crate::transform::settings::{Fill, Settings};
use crate::transform::{Filled, InstanceModel};

/// The values that were learned; a column without one is left out.
fn values_of(header: &[String], filled: &Filled) -> BTreeMap<String, String> {
    let pairs = header.iter().zip(&filled.values);
    let known = pairs.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    known.collect()
}

fn ratios_of(header: &[String], filled: &Filled) -> BTreeMap<String, f64> {
    let pairs = header.iter().cloned().zip(&filled.ratios);
    pairs.map(|(name, ratio)| (name, *ratio)).collect()
}

fn strategy(fill: Option<&Fill>) -> String {
    fill.map_or("", |fill| fill.method.word()).to_owned()
}

/// Meta and param of the model. `anonymous` are the anonymous names of the header; DataIO has none.
pub fn model_view(
    settings: &Settings,
    learned: &InstanceModel,
    anonymous: Option<&[String]>,
) -> (Value, Value) {
    let param = param(learned, anonymous.unwrap_or_default());
    (json!(meta(settings)), json!(param))
}

fn meta(settings: &Settings) -> DataTransformMeta {
    let (fill, outliers) = settings.fills();
    let markers = |fill: Option<&Fill>| fill.map(|fill| fill.markers.clone()).unwrap_or_default();
    let (label_name, label_type) = match &settings.label {
        Some(label) => (label.name.clone(), label.kind.word()),
        None => (String::new(), ""),
    };
    let kinds = settings.exclusive.iter();
    let kinds = kinds.map(|(name, kind)| (name.clone(), kind.word().to_owned()));
    DataTransformMeta {
        input_format: settings.input.word().to_owned(),
        delimitor: settings.delimiter.clone(),
        data_type: settings.data_type.word().to_owned(),
        tag_with_value: settings.tag_with_value,
        tag_value_delimitor: settings.tag_value_delimiter.clone(),
        with_label: settings.label.is_some(),
        label_name,
        label_type: label_type.to_owned(),
        output_format: settings.output_format.clone(),
        imputer_meta: Some(ImputerMeta {
            is_imputer: fill.is_some(),
            strategy: strategy(fill),
            missing_value: markers(fill),
        }),
        outlier_meta: Some(OutlierMeta {
            is_outlier: outliers.is_some(),
            strategy: strategy(outliers),
            outlier_value: markers(outliers),
        }),
        need_run: true,
        exclusive_data_type: kinds.collect(),
        with_match_id: settings.match_id.is_some(),
    }
}

fn param(learned: &InstanceModel, anonymous: &[String]) -> DataTransformParam {
    let (header, nothing) = (&learned.header, Filled::default());
    let missing = learned.missing.as_ref().unwrap_or(&nothing);
    let outliers = learned.outliers.as_ref().unwrap_or(&nothing);
    DataTransformParam {
        header: header.clone(),
        sid_name: learned.id_name.clone(),
        label_name: learned.label_name.clone().unwrap_or_default(),
        imputer_param: Some(ImputerParam {
            missing_replace_value: values_of(header, missing),
            missing_value_ratio: ratios_of(header, missing),
        }),
        outlier_param: Some(OutlierParam {
            outlier_replace_value: values_of(header, outliers),
            outlier_value_ratio: ratios_of(header, outliers),
        }),
        anonymous_header: anonymous.to_vec(),
    }
}

/// The summary: what was replaced, by column; nothing when nothing was to be replaced.
pub fn summary(settings: &Settings, learned: &InstanceModel) -> Option<Value> {
    let mut summary = Map::new();
    let (fill, outliers) = settings.fills();
    if let (Some(fill), Some(filled)) = (fill, &learned.missing) {
        let info = json!({
            "missing_value": fill.markers,
            "missing_impute_value": values_of(&learned.header, filled),
            "missing_impute_rate": ratios_of(&learned.header, filled),
        });
        summary.insert("missing_fill_info".into(), info);
    }
    if let (Some(fill), Some(filled)) = (outliers, &learned.outliers) {
        let info = json!({
            "outlier_value": fill.markers,
            "outlier_replace_value": values_of(&learned.header, filled),
            "outlier_replace_rate": ratios_of(&learned.header, filled),
        });
        summary.insert("outlier_replace_rate".into(), info);
    }
    (!summary.is_empty()).then_some(Value::Object(summary))
}
