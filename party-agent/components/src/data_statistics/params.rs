//! The parameters of data_statistics, as FATE has them.

use component_kit::lenient::Flag;
use component_kit::{ColumnIndexes, params};
use learning::statistics::Statistics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that is left out, as documents write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Abnormal {
    /// The value.
    Number(f64),
    /// The value as text; a text that is no number is no value of a feature.
    Text(String),
}

impl Abnormal {
    /// The value, if it is one.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

params! {
    /// Parameters of `data_statistics`.
    pub struct Params {
        /// What is computed beside the basic set, which is `summary`: one name or a list of count, sum, mean, stddev, median, min,
        /// max, variance, coefficient_of_variance, missing_count, missing_ratio, skewness, kurtosis, and quantiles as `95%`.
        /// Default summary.
        #[schemars(with = "Value")]
        statistics: Statistics;
        /// More features, by name; without effect where column_indexes is -1. Default null.
        column_names: Option<Vec<String>> = None;
        /// The features, by position from 0; -1 for all. Default -1.
        column_indexes: ColumnIndexes;
        /// Whether there is anything to do; without it nothing is computed. Default true.
        need_run: Flag<true> = true;
        /// Values that are left out, beside those that are missing. Default null.
        abnormal_list: Option<Vec<Abnormal>> = None;
        /// How far the rank of a quantile may be off, as a share of the rows; it is exact here. Default 0.0001.
        quantile_error: f64 = 1e-4, in 0.0..=1.0;
        /// Whether skewness and kurtosis are those of the rows (biased), or corrected as those of a sample. Default true.
        bias: Flag<true> = true;
    }
}
