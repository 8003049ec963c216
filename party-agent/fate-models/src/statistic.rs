//! Statistics of features.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::kind::FateModel;

/// What `DataStatistics` stores.
pub struct DataStatistics;

impl FateModel for DataStatistics {
    type Meta = StatisticMeta;
    type Param = StatisticParam;
    const MODULE: &'static str = "DataStatistics";
    const STEM: &'static str = "Statistic";
    const CLASSES: [&'static str; 2] = ["StatisticMeta", "ModelParam"];
}

/// Which statistics were computed.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatisticMeta {
    /// Their names.
    #[prost(string, repeated, tag = "1")]
    pub statistics: Vec<String>,
    /// Of which columns.
    #[prost(string, repeated, tag = "2")]
    pub static_columns: Vec<String>,
    /// How far a quantile's rank may be off, as a share of the rows.
    #[prost(double, tag = "3")]
    pub quantile_error: f64,
    /// Whether there was anything to do.
    #[prost(bool, tag = "4")]
    pub need_run: bool,
}

/// The statistics (FATE's ModelParam).
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatisticParam {
    /// The party's own.
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_values: Option<OnePartyResult>,
    /// Those of hosts; empty, since nothing is sent.
    #[prost(btree_map = "string, message", tag = "2")]
    pub host_values: BTreeMap<String, OnePartyResult>,
    /// What FATE calls this kind of model.
    #[prost(string, tag = "3")]
    pub model_name: String,
}

/// The statistics of one party.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OnePartyResult {
    /// One for each statistic.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<SingleFeatureValue>,
}

/// One statistic of all columns.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SingleFeatureValue {
    /// Its value for each column.
    #[prost(double, repeated, tag = "1")]
    pub values: Vec<f64>,
    /// The columns.
    #[prost(string, repeated, tag = "2")]
    pub col_names: Vec<String>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub value_name: String,
}
