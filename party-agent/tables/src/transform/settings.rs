//! How raw rows are to be read: data_transform's parameters once they are checked, in types that leave no doubt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::instances::{Missing, USUAL};

/// How the values of a raw row are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputFormat {
    /// A value for each column of the header.
    Dense,
    /// `index:value` fields (svmlight).
    Sparse,
    /// Tags, or `tag:value` fields.
    Tag,
}

impl InputFormat {
    /// The format that a word means; `svmlight` is another word for sparse.
    pub fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "dense" => Some(Self::Dense),
            "sparse" | "svmlight" => Some(Self::Sparse),
            "tag" => Some(Self::Tag),
            _ => None,
        }
    }

    /// The usual word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::Tag => "tag",
        }
    }
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Any number.
    Float,
    /// Whole numbers.
    Integer,
    /// Text, kept as it is.
    Text,
}

impl ValueKind {
    /// The words that `of` knows.
    pub const WORDS: &'static [&'static str] =
        &["int", "int64", "long", "float", "float64", "double", "str"];

    /// The kind that a word means.
    pub fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "float" | "float64" | "double" => Some(Self::Float),
            "int" | "int64" | "long" => Some(Self::Integer),
            "str" => Some(Self::Text),
            _ => None,
        }
    }

    /// The usual word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Float => "float64",
            Self::Integer => "int",
            Self::Text => "str",
        }
    }
}

/// Which value takes the place of a replaced one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMethod {
    /// The column's smallest value.
    Min,
    /// The column's largest value.
    Max,
    /// The column's mean.
    Mean,
    /// A given value.
    Designated,
}

impl FillMethod {
    /// The method that a word means; no word means designated.
    pub fn of(word: Option<&str>) -> Option<Self> {
        match word.map(str::to_ascii_lowercase).as_deref() {
            None | Some("designated") => Some(Self::Designated),
            Some("min") => Some(Self::Min),
            Some("max") => Some(Self::Max),
            Some("mean") => Some(Self::Mean),
            Some(_) => None,
        }
    }

    /// The usual word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Designated => "designated",
        }
    }
}

/// A replacement of some values of every feature column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Where the new value comes from.
    pub method: FillMethod,
    /// The designated value: one for all columns, or one for each in header order.
    pub values: Vec<String>,
    /// Whether `values` has one for each column.
    pub by_column: bool,
    /// The texts to be replaced.
    pub markers: Vec<String>,
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // FATE's default fill value, which null stands for.
        Value::Null => "0".to_owned(),
        other => other.to_string(),
    }
}

/// A null in a list of markers means an empty cell.
fn marker_of(value: &Value) -> String {
    if value.is_null() {
        String::new()
    } else {
        text_of(value)
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl Fill {
    /// A replacement as documents write it: `value` is a scalar or a list with one for each column (null is 0), `markers`
    /// what is to be replaced, a list or a single value (null for whatever usually means "no value").
    pub fn new(method: FillMethod, value: &Value, markers: &Value) -> Self {
        let values = match value {
            Value::Array(values) => values.iter().map(text_of).collect(),
            value => vec![text_of(value)],
        };
        let markers = match markers {
            Value::Null => owned(USUAL),
            Value::Array(markers) => markers.iter().map(marker_of).collect(),
            single => vec![marker_of(single)],
        };
        Self {
            method,
            values,
            by_column: value.is_array(),
            markers,
        }
    }
}

/// The column to be learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its name, compared in lower case. Sparse and tag rows have it as their first field; there it is called `label`.
    pub name: String,
    /// What its values are.
    pub kind: ValueKind,
}

/// The id by which parties match rows, when it is not the row's own id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MatchId {
    /// The column's name; empty for the first one.
    pub name: String,
    /// Which one, where there are several and no name is given.
    pub index: usize,
    /// All columns that are such ids, when there are several (dense); the others are no features.
    pub names: Vec<String>,
    /// How many fields at the head of a row are such ids (sparse and tag); 0 counts as 1.
    pub fields: usize,
}

/// Everything that says how raw rows become instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How a row is laid out.
    pub input: InputFormat,
    /// What separates fields in sparse and tag rows; dense columns are separated when the file is read.
    pub delimiter: String,
    /// Whether tags carry values.
    pub tag_with_value: bool,
    /// What separates a tag from its value.
    pub tag_value_delimiter: String,
    /// What features are.
    pub data_type: ValueKind,
    /// Features that are something else, by lower-case name.
    pub exclusive: BTreeMap<String, ValueKind>,
    /// The label, if rows have one.
    pub label: Option<Label>,
    /// The match id, if rows have one.
    pub match_id: Option<MatchId>,
    /// Texts that mean "no value"; the usual ones when there is no list.
    pub missing: Option<Vec<String>>,
    /// What to do with missing values, if anything.
    pub fill: Option<Fill>,
    /// What to do with outliers, if anything.
    pub outliers: Option<Fill>,
    /// The word for the output format. Instances are kept in columns either way.
    pub output_format: String,
}

impl Default for Settings {
    /// FATE's defaults: dense floating-point columns, no label, nothing replaced.
    fn default() -> Self {
        Self {
            input: InputFormat::Dense,
            delimiter: ",".to_owned(),
            tag_with_value: false,
            tag_value_delimiter: ":".to_owned(),
            data_type: ValueKind::Float,
            exclusive: BTreeMap::new(),
            label: None,
            match_id: None,
            missing: None,
            fill: None,
            outliers: None,
            output_format: "dense".to_owned(),
        }
    }
}

impl Settings {
    /// The settings after what was said of the table when it was uploaded: that stands above the parameters, field by
    /// field. It stands under `meta` in the schema's meta, as the upload puts it, or there directly. Words that mean
    /// nothing are passed over.
    #[must_use]
    pub fn respecting(mut self, meta: &Map<String, Value>) -> Self {
        // An upload keeps what was said of its table one level deeper.
        let meta = meta.get("meta").and_then(Value::as_object).unwrap_or(meta);
        let text = |key: &str| meta.get(key).and_then(Value::as_str);
        // Truth values only: tables kept with other spellings were always read by the job's parameters, and stay so.
        let flag = |key: &str| meta.get(key).and_then(Value::as_bool);
        self.input = text("input_format")
            .and_then(InputFormat::of)
            .unwrap_or(self.input);
        self.delimiter = text("delimiter").map_or(self.delimiter, str::to_owned);
        self.tag_with_value = flag("tag_with_value").unwrap_or(self.tag_with_value);
        self.tag_value_delimiter =
            text("tag_value_delimiter").map_or(self.tag_value_delimiter, str::to_owned);
        self.data_type = text("data_type")
            .and_then(ValueKind::of)
            .unwrap_or(self.data_type);
        if let Some(Value::Object(kinds)) = meta.get("exclusive_data_type") {
            let kinds = kinds.iter().filter_map(|(name, kind)| {
                Some((name.to_lowercase(), ValueKind::of(kind.as_str()?)?))
            });
            self.exclusive = kinds.collect();
        }
        match flag("with_label") {
            Some(true) => {
                let known = self.label.take();
                let kind = text("label_type")
                    .and_then(ValueKind::of)
                    .or(known.as_ref().map(|label| label.kind));
                let name = text("label_name")
                    .map(str::to_owned)
                    .or(known.map(|label| label.name));
                let name = name.unwrap_or_else(|| "y".to_owned());
                self.label = Some(Label {
                    name,
                    kind: kind.unwrap_or(ValueKind::Integer),
                });
            }
            Some(false) => self.label = None,
            None => {}
        }
        match flag("with_match_id") {
            Some(true) => {
                let mut id = self.match_id.take().unwrap_or_default();
                if let Some(Value::Array(names)) = meta.get("id_list") {
                    id.names = names
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_lowercase)
                        .collect();
                }
                let fields = meta
                    .get("id_range")
                    .and_then(Value::as_u64)
                    .and_then(|fields| usize::try_from(fields).ok());
                id.fields = fields.unwrap_or(id.fields);
                self.match_id = Some(id);
            }
            Some(false) => self.match_id = None,
            None => {}
        }
        self
    }

    /// What a feature column holds.
    pub(crate) fn kind_of(&self, column: &str) -> ValueKind {
        self.exclusive
            .get(column)
            .copied()
            .unwrap_or(self.data_type)
    }

    /// Which texts of a feature mean "no value".
    pub(crate) fn missing_markers(&self) -> Missing {
        match (&self.missing, &self.fill) {
            (_, Some(fill)) => Missing::of(&fill.markers),
            (Some(markers), None) => Missing::of(markers),
            (None, None) => Missing::default(),
        }
    }

    /// The replacements that this format knows: all for dense rows, missing values for valued tags, none for others.
    pub(crate) fn fills(&self) -> (Option<&Fill>, Option<&Fill>) {
        match self.input {
            InputFormat::Dense => (self.fill.as_ref(), self.outliers.as_ref()),
            InputFormat::Tag if self.tag_with_value => (self.fill.as_ref(), None),
            InputFormat::Sparse | InputFormat::Tag => (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meta(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn lets_the_upload_stand_above_the_parameters() {
        let settings = Settings {
            label: Some(Label {
                name: "t".into(),
                kind: ValueKind::Float,
            }),
            ..Settings::default()
        };
        let respected = settings.clone().respecting(&meta(
            json!({"with_label": true, "label_type": "int", "delimiter": ";"}),
        ));
        assert_eq!(
            respected.label,
            Some(Label {
                name: "t".into(),
                kind: ValueKind::Integer
            })
        );
        assert_eq!(respected.delimiter, ";");
        assert_eq!(
            settings
                .clone()
                .respecting(&meta(json!({"with_label": false})))
                .label,
            None
        );
        assert_eq!(settings.clone().respecting(&Map::new()), settings);
        for other in [json!("false"), json!(""), json!(0), json!("true"), json!(1)] {
            let kept =
                meta(json!({"with_label": other, "with_match_id": other, "tag_with_value": other}));
            assert_eq!(settings.clone().respecting(&kept), settings, "{other}");
        }
        let nested = meta(
            json!({"meta": {"with_label": false, "input_format": "svmlight"}, "with_label": true}),
        );
        let respected = settings.respecting(&nested);
        assert_eq!(
            (respected.label, respected.input),
            (None, InputFormat::Sparse)
        );
    }

    #[test]
    fn reads_values_to_fill_with_as_documents_write_them() {
        let fill = Fill::new(
            FillMethod::Designated,
            &json!([1, "2.5", null]),
            &json!([-1, "x"]),
        );
        assert_eq!(fill.values, ["1", "2.5", "0"]);
        assert!(fill.by_column);
        assert_eq!(fill.markers, ["-1", "x"]);
        assert!(!Fill::new(FillMethod::Mean, &json!(0), &Value::Null).by_column);
        assert_eq!(
            Fill::new(FillMethod::Mean, &json!(0), &json!("-9999")).markers,
            ["-9999"]
        );
        assert_eq!(
            Fill::new(FillMethod::Mean, &json!(0), &json!(-9999)).markers,
            ["-9999"]
        );
    }
}
