//! Statistics of features.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::FateModel;

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

impl StatisticParam {
    /// A party's own statistics: `figures` has a row for each column with a figure for each statistic. A figure that there is not is
    /// left out with its column's name.
    pub fn of(columns: &[&str], statistics: &[String], figures: &[Vec<Option<f64>>]) -> Self {
        let result = |(at, name): (usize, &String)| {
            let figure = |(column, of): (&&str, &Vec<Option<f64>>)| {
                Some(((*column).to_owned(), of.get(at).copied()??))
            };
            let (col_names, values) = columns.iter().zip(figures).filter_map(figure).unzip();
            SingleFeatureValue {
                values,
                col_names,
                value_name: name.clone(),
            }
        };
        let results = statistics.iter().enumerate().map(result).collect();
        Self {
            self_values: Some(OnePartyResult { results }),
            host_values: BTreeMap::new(),
            // A constant of FATE's, by which its readers tell the model.
            model_name: "statistic_model".to_owned(),
        }
    }

    /// The summary of the step: the statistics by column.
    pub fn summary(&self) -> Value {
        let mut columns: Map<String, Value> = Map::new();
        for of in self.self_values.iter().flat_map(|own| &own.results) {
            for (column, figure) in of.col_names.iter().zip(&of.values) {
                let figures = columns
                    .entry(column.clone())
                    .or_insert_with(|| Map::new().into());
                if let Some(figures) = figures.as_object_mut() {
                    figures.insert(of.value_name.clone(), (*figure).into());
                }
            }
        }
        columns.into()
    }
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
