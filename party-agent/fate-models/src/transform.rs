//! How raw rows became instances, and what was learned of them.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::model::FateModel;

/// What `DataTransform` stores.
pub struct DataTransform;

impl FateModel for DataTransform {
    type Meta = DataTransformMeta;
    type Param = DataTransformParam;
    const MODULE: &'static str = "DataTransform";
    const STEM: &'static str = "DataTransform";
    const CLASSES: [&'static str; 2] = ["DataTransformMeta", "DataTransformParam"];
}

/// What `DataIO` stores: the same under older names, without match ids and anonymous names.
pub struct DataIo;

impl FateModel for DataIo {
    type Meta = DataTransformMeta;
    type Param = DataTransformParam;
    const MODULE: &'static str = "DataIO";
    const STEM: &'static str = "DataIO";
    const CLASSES: [&'static str; 2] = ["DataIOMeta", "DataIOParam"];
}

/// How rows are read.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataTransformMeta {
    /// dense, sparse or tag.
    #[prost(string, tag = "1")]
    pub input_format: String,
    /// What separates fields; spelled as FATE spells it.
    // To spell it right would change its name in the JSON.
    #[prost(string, tag = "2")]
    pub delimitor: String,
    /// What features are.
    #[prost(string, tag = "3")]
    pub data_type: String,
    /// Whether tags carry values.
    #[prost(bool, tag = "4")]
    pub tag_with_value: bool,
    /// What separates a tag from its value.
    #[prost(string, tag = "5")]
    pub tag_value_delimitor: String,
    /// Whether rows have a label.
    #[prost(bool, tag = "6")]
    pub with_label: bool,
    /// The label's column.
    #[prost(string, tag = "7")]
    pub label_name: String,
    /// What labels are.
    #[prost(string, tag = "8")]
    pub label_type: String,
    /// dense or sparse.
    #[prost(string, tag = "9")]
    pub output_format: String,
    /// What becomes of missing values.
    #[prost(message, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imputer_meta: Option<ImputerMeta>,
    /// What becomes of outliers.
    #[prost(message, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_meta: Option<OutlierMeta>,
    /// Whether there was anything to do.
    #[prost(bool, tag = "12")]
    pub need_run: bool,
    /// Columns that are something else than the others.
    #[prost(btree_map = "string, string", tag = "13")]
    pub exclusive_data_type: BTreeMap<String, String>,
    /// Whether rows have an id for matching besides their own.
    #[prost(bool, tag = "14")]
    pub with_match_id: bool,
}

/// What becomes of missing values.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImputerMeta {
    /// Whether they are replaced.
    #[prost(bool, tag = "1")]
    pub is_imputer: bool,
    /// By what.
    #[prost(string, tag = "2")]
    pub strategy: String,
    /// What counts as missing.
    #[prost(string, repeated, tag = "3")]
    pub missing_value: Vec<String>,
}

/// What becomes of outliers.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierMeta {
    /// Whether they are replaced.
    #[prost(bool, tag = "1")]
    pub is_outlier: bool,
    /// By what.
    #[prost(string, tag = "2")]
    pub strategy: String,
    /// What counts as an outlier.
    #[prost(string, repeated, tag = "3")]
    pub outlier_value: Vec<String>,
}

/// What was learned of rows.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataTransformParam {
    /// The features in their order.
    #[prost(string, repeated, tag = "1")]
    pub header: Vec<String>,
    /// The name of the id.
    #[prost(string, tag = "2")]
    pub sid_name: String,
    /// The label's column.
    #[prost(string, tag = "3")]
    pub label_name: String,
    /// What replaced missing values.
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imputer_param: Option<ImputerParam>,
    /// What replaced outliers.
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_param: Option<OutlierParam>,
    /// Names of the features for other parties; `DataIO` has none.
    // `DataIO` knows no such field, and the two share the message.
    #[prost(string, repeated, tag = "6")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anonymous_header: Vec<String>,
}

/// What replaced missing values, by column.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImputerParam {
    /// The value that stands there; a column without one is left out.
    #[prost(btree_map = "string, string", tag = "1")]
    pub missing_replace_value: BTreeMap<String, String>,
    /// The share of rows that have it.
    #[prost(btree_map = "string, double", tag = "2")]
    pub missing_value_ratio: BTreeMap<String, f64>,
}

/// What replaced outliers, by column.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierParam {
    /// The value that stands there; a column without one is left out.
    #[prost(btree_map = "string, string", tag = "1")]
    pub outlier_replace_value: BTreeMap<String, String>,
    /// The share of rows that have it.
    #[prost(btree_map = "string, double", tag = "2")]
    pub outlier_value_ratio: BTreeMap<String, f64>,
}
