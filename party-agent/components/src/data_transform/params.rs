//! The parameters of data_transform, as FATE has them.

use std::collections::BTreeMap;

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tables::transform::{Fill, FillMethod, InputFormat, Label, MatchId, Settings, ValueKind};

/// Parameters of `data_transform`. What was said of a table when it was uploaded (`meta`) stands above them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How rows are laid out: dense, sparse (`index:value`, svmlight) or tag. Default dense.
    pub input_format: String,
    /// What separates fields in sparse and tag rows. Default `,`.
    pub delimitor: String,
    /// What features are: int, int64, long, float, float64, str. Default float64.
    pub data_type: String,
    /// Columns that are something else than data_type, by name. Default null.
    pub exclusive_data_type: Option<BTreeMap<String, String>>,
    /// Whether tags carry values. Default false.
    #[serde(deserialize_with = "component_kit::lenient::flag")]
    #[schemars(with = "Value")]
    pub tag_with_value: bool,
    /// What separates a tag from its value. Default `:`.
    pub tag_value_delimitor: String,
    /// Whether missing values are replaced. Default false.
    pub missing_fill: bool,
    /// What replaces them by method designated: one value, or a list with one for each column. Default 0.
    pub default_value: Value,
    /// How they are replaced: min, max, mean, designated, or null for designated. Default null.
    pub missing_fill_method: Option<String>,
    /// What counts as missing, a list or one value; null for what usually does (empty, none, null and NA, however they are
    /// written). Not-a-number and infinite values count as missing beside every list. Default null.
    pub missing_impute: Value,
    /// Whether outliers are replaced. Default false.
    #[serde(deserialize_with = "component_kit::lenient::flag")]
    #[schemars(with = "Value")]
    pub outlier_replace: bool,
    /// How they are replaced: min, max, mean, designated, or null for designated. Default null.
    pub outlier_replace_method: Option<String>,
    /// What counts as an outlier, a list or one value; null for what usually counts as missing, as in FATE. Default null.
    pub outlier_impute: Value,
    /// What replaces them by method designated: one value, or a list with one for each column. Default 0.
    pub outlier_replace_value: Value,
    /// Whether rows have a label. Default false.
    pub with_label: bool,
    /// The label's column, compared in lower case. Default `y`.
    #[serde(deserialize_with = "component_kit::lenient::text")]
    #[schemars(with = "Option<String>")]
    pub label_name: String,
    /// What labels are: int, int64, long, float, float64, str. Default int.
    #[serde(deserialize_with = "component_kit::lenient::text")]
    #[schemars(with = "Option<String>")]
    pub label_type: String,
    /// dense or sparse; instances are stored in columns either way. Default dense.
    pub output_format: String,
    /// Whether there is anything to do; without it the table is passed on as it is. Default true.
    #[serde(deserialize_with = "component_kit::lenient::flag_or_true")]
    #[schemars(with = "Value")]
    pub need_run: bool,
    /// Whether rows have an id for matching besides their own. Default false.
    pub with_match_id: bool,
    /// Its column; empty for the first one. Default empty.
    #[serde(deserialize_with = "component_kit::lenient::text")]
    #[schemars(with = "Option<String>")]
    pub match_id_name: String,
    /// Which one, when rows have several. Default 0.
    pub match_id_index: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            input_format: "dense".to_owned(),
            delimitor: ",".to_owned(),
            data_type: "float64".to_owned(),
            exclusive_data_type: None,
            tag_with_value: false,
            tag_value_delimitor: ":".to_owned(),
            missing_fill: false,
            default_value: json!(0),
            missing_fill_method: None,
            missing_impute: Value::Null,
            outlier_replace: false,
            outlier_replace_method: None,
            outlier_impute: Value::Null,
            outlier_replace_value: json!(0),
            with_label: false,
            label_name: "y".to_owned(),
            label_type: "int".to_owned(),
            output_format: "dense".to_owned(),
            need_run: true,
            with_match_id: false,
            match_id_name: String::new(),
            match_id_index: 0,
        }
    }
}

impl Params {
    /// The same in types. Words were checked before.
    pub(super) fn settings(&self) -> Settings {
        let kind = |word: &str| ValueKind::of(word).unwrap_or(ValueKind::Float);
        let exclusive = self.exclusive_data_type.iter().flatten();
        let label = Label {
            name: self.label_name.clone(),
            kind: kind(&self.label_type),
        };
        let match_id = MatchId {
            name: self.match_id_name.clone(),
            index: self.match_id_index,
            ..MatchId::default()
        };
        let fill = |method: &Option<String>, value: &Value, markers: &Value| {
            let method = FillMethod::of(method.as_deref()).unwrap_or(FillMethod::Designated);
            Fill::new(method, value, markers)
        };
        // A list without a word would leave nothing to be missing, which nobody means: it says as much as null.
        let nothing = self.missing_impute.is_null()
            || self.missing_impute.as_array().is_some_and(Vec::is_empty);
        let listed = if nothing {
            &Value::Null
        } else {
            &self.missing_impute
        };
        let missing = fill(&self.missing_fill_method, &self.default_value, listed);
        let outliers = fill(
            &self.outlier_replace_method,
            &self.outlier_replace_value,
            &self.outlier_impute,
        );
        Settings {
            input: InputFormat::of(&self.input_format).unwrap_or(InputFormat::Dense),
            delimiter: self.delimitor.clone(),
            tag_with_value: self.tag_with_value,
            tag_value_delimiter: self.tag_value_delimitor.clone(),
            data_type: kind(&self.data_type),
            exclusive: exclusive
                .map(|(name, word)| (name.to_lowercase(), kind(word)))
                .collect(),
            label: self.with_label.then_some(label),
            match_id: self.with_match_id.then_some(match_id),
            missing: (!nothing).then(|| missing.markers.clone()),
            fill: self.missing_fill.then_some(missing),
            outliers: self.outlier_replace.then_some(outliers),
            output_format: self.output_format.to_lowercase(),
        }
    }
}

const METHODS: &[&str] = &["min", "max", "mean", "designated"];

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.one_of(
            "input_format",
            &self.input_format,
            &["dense", "sparse", "tag"],
        );
        problems.one_of("output_format", &self.output_format, &["dense", "sparse"]);
        problems.one_of("data_type", &self.data_type, ValueKind::WORDS);
        for (column, word) in self.exclusive_data_type.iter().flatten() {
            problems.one_of(
                &format!("exclusive_data_type.{column}"),
                word,
                ValueKind::WORDS,
            );
        }
        for (path, method) in [
            ("missing_fill_method", &self.missing_fill_method),
            ("outlier_replace_method", &self.outlier_replace_method),
        ] {
            method
                .iter()
                .for_each(|word| problems.one_of(path, word, METHODS));
        }
        for (path, value) in [
            ("default_value", &self.default_value),
            ("outlier_replace_value", &self.outlier_replace_value),
        ] {
            problems.expect(!value.is_object(), path, || {
                "it must be one value, or a list of values".to_owned()
            });
        }
        for (path, value) in [
            ("missing_impute", &self.missing_impute),
            ("outlier_impute", &self.outlier_impute),
        ] {
            problems.expect(!value.is_object(), path, || {
                "it must be a list of values, or one value".to_owned()
            });
        }
        if self.with_label {
            problems.expect(!self.label_name.trim().is_empty(), "label_name", || {
                "the label has no name".to_owned()
            });
            problems.one_of("label_type", &self.label_type, ValueKind::WORDS);
        }
        for (path, text) in [
            ("delimitor", &self.delimitor),
            ("tag_value_delimitor", &self.tag_value_delimitor),
        ] {
            problems.expect(!text.is_empty(), path, || {
                "nothing cannot separate anything".to_owned()
            });
        }
    }
}
