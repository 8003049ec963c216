//! How features were scaled, and by what.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::FateModel;

/// What `FeatureScale` stores.
pub struct FeatureScale;

impl FateModel for FeatureScale {
    type Meta = ScaleMeta;
    type Param = ScaleParam;
    const MODULE: &'static str = "FeatureScale";
    const STEM: &'static str = "Scale";
    const CLASSES: [&'static str; 2] = ["ScaleMeta", "ScaleParam"];
}

/// How features were scaled.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScaleMeta {
    /// standard_scale or min_max_scale.
    #[prost(string, tag = "1")]
    pub method: String,
    /// normal or cap.
    #[prost(string, tag = "2")]
    pub mode: String,
    /// No longer used; FATE writes `null`.
    #[prost(string, tag = "3")]
    pub area: String,
    /// The columns that were scaled.
    #[prost(string, repeated, tag = "4")]
    pub scale_column: Vec<String>,
    /// The upper bound of each feature as text, `None` where there is none.
    #[prost(string, repeated, tag = "5")]
    pub feat_upper: Vec<String>,
    /// The lower bound of each feature as text, `None` where there is none.
    #[prost(string, repeated, tag = "6")]
    pub feat_lower: Vec<String>,
    /// Whether the mean was subtracted.
    #[prost(bool, tag = "7")]
    pub with_mean: bool,
    /// Whether it was divided by the standard deviation.
    #[prost(bool, tag = "8")]
    pub with_std: bool,
    /// Whether there was anything to do.
    #[prost(bool, tag = "9")]
    pub need_run: bool,
}

impl ScaleMeta {
    /// Bounds as FATE writes them, as Python shows a number: `1.0`, and `None` where there is none.
    pub fn bounds(of: &[Option<f64>]) -> Vec<String> {
        let text =
            // `Debug` writes a whole number as 1.0, as Python does; `Display` would write 1.
            |bound: &Option<f64>| bound.map_or("None".to_owned(), |bound| format!("{bound:?}"));
        of.iter().map(text).collect()
    }
}

/// By what features were scaled.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScaleParam {
    /// The figures of each scaled column.
    #[prost(btree_map = "string, message", tag = "1")]
    pub col_scale_param: BTreeMap<String, ColumnScale>,
    /// All features in their order.
    #[prost(string, repeated, tag = "2")]
    pub header: Vec<String>,
}

impl ScaleParam {
    /// The summary of the step: the figures by column.
    pub fn summary(&self) -> Value {
        let figures = |(name, of): (&String, &ColumnScale)| {
            let figures = json!({
                "column_upper": of.column_upper, "column_lower": of.column_lower, "mean": of.mean, "std": of.std,
            });
            (name.clone(), figures)
        };
        let figures: Map<String, Value> = self.col_scale_param.iter().map(figures).collect();
        figures.into()
    }
}

/// The figures by which a column is scaled (FATE's ColumnScaleParam).
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ColumnScale {
    /// Values above it count as it.
    // Numbers begin at 3, as in FATE's own message: its readers go by them.
    #[prost(double, tag = "3")]
    pub column_upper: f64,
    /// Values below it count as it.
    #[prost(double, tag = "4")]
    pub column_lower: f64,
    /// What is subtracted by standard_scale.
    #[prost(double, tag = "5")]
    pub mean: f64,
    /// What standard_scale divides by.
    #[prost(double, tag = "6")]
    pub std: f64,
}
