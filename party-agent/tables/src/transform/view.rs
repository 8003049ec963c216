//! What was learned, in the words that FATE's clients know: model JSON (lowerCamelCase of its proto fields) and summary.

use serde_json::{Map, Value, json};

use crate::transform::settings::{Fill, Settings};
use crate::transform::{Filled, InstanceModel};

fn by_column<T: Into<Value> + Clone>(header: &[String], values: &[T]) -> Value {
    let pairs = header
        .iter()
        .cloned()
        .zip(values.iter().cloned().map(Into::into));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// The values that were learned; a column without one is left out.
fn learned_by_column(header: &[String], values: &[Option<String>]) -> Value {
    let pairs = header
        .iter()
        .zip(values)
        .filter_map(|(name, value)| Some((name.clone(), json!(value.as_ref()?))));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

fn strategy(fill: Option<&Fill>) -> &'static str {
    fill.map_or("", |fill| fill.method.word())
}

/// Meta and param of the model. `anonymous` are the anonymous names of the header; DataIO has none.
pub fn model_view(
    settings: &Settings,
    learned: &InstanceModel,
    anonymous: Option<&[String]>,
) -> (Value, Value) {
    let (fill, outliers) = settings.fills();
    let kinds = settings
        .exclusive
        .iter()
        .map(|(name, kind)| (name.clone(), json!(kind.word())));
    let markers = |fill: Option<&Fill>| fill.map(|fill| fill.markers.clone()).unwrap_or_default();
    let meta = json!({
        "inputFormat": settings.input.word(),
        "delimitor": settings.delimiter,
        "dataType": settings.data_type.word(),
        "tagWithValue": settings.tag_with_value,
        "tagValueDelimitor": settings.tag_value_delimiter,
        "withLabel": settings.label.is_some(),
        "labelName": settings.label.as_ref().map_or("", |label| label.name.as_str()),
        "labelType": settings.label.as_ref().map_or("", |label| label.kind.word()),
        "outputFormat": settings.output_format,
        "imputerMeta": {"isImputer": fill.is_some(), "strategy": strategy(fill), "missingValue": markers(fill)},
        "outlierMeta": {
            "isOutlier": outliers.is_some(), "strategy": strategy(outliers), "outlierValue": markers(outliers),
        },
        "needRun": true,
        "exclusiveDataType": Value::Object(kinds.collect()),
        "withMatchId": settings.match_id.is_some(),
    });
    let part = |filled: Option<&Filled>, value: &str, ratio: &str| {
        let filled = filled.cloned().unwrap_or_default();
        json!({
            (value): learned_by_column(&learned.header, &filled.values),
            (ratio): by_column(&learned.header, &filled.ratios),
        })
    };
    let mut param = json!({
        "header": learned.header,
        "sidName": learned.id_name,
        "labelName": learned.label_name.as_deref().unwrap_or_default(),
        "imputerParam": part(learned.missing.as_ref(), "missingReplaceValue", "missingValueRatio"),
        "outlierParam": part(learned.outliers.as_ref(), "outlierReplaceValue", "outlierValueRatio"),
    });
    if let (Some(anonymous), Some(param)) = (anonymous, param.as_object_mut()) {
        param.insert("anonymousHeader".into(), json!(anonymous));
    }
    (meta, param)
}

/// The summary: what was replaced, by column; nothing when nothing was to be replaced.
pub fn summary(settings: &Settings, learned: &InstanceModel) -> Option<Value> {
    let mut summary = Map::new();
    let (fill, outliers) = settings.fills();
    if let (Some(fill), Some(filled)) = (fill, &learned.missing) {
        let info = json!({
            "missing_value": fill.markers,
            "missing_impute_value": learned_by_column(&learned.header, &filled.values),
            "missing_impute_rate": by_column(&learned.header, &filled.ratios),
        });
        summary.insert("missing_fill_info".into(), info);
    }
    if let (Some(fill), Some(filled)) = (outliers, &learned.outliers) {
        let info = json!({
            "outlier_value": fill.markers,
            "outlier_replace_value": learned_by_column(&learned.header, &filled.values),
            "outlier_replace_rate": by_column(&learned.header, &filled.ratios),
        });
        summary.insert("outlier_replace_rate".into(), info);
    }
    (!summary.is_empty()).then_some(Value::Object(summary))
}
