//! What a step measures: bounded in size, so that it cannot carry a table.

use serde::{Deserialize, Serialize};

/// Most points of one metric report; longer curves are refused, not cut.
pub const MOST_POINTS: usize = 10_000;

/// One named measurement of a task: key and value pairs, with what a reader needs to draw it.
///
/// The shape is FATE's: `namespace` (`train`), `name` (`loss`), pairs, and a small object that says what kind it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The group, such as `train` or `validate`.
    pub namespace: String,
    /// The metric's name, such as `loss` or `hetero_lr_0_roc`.
    pub name: String,
    /// The pairs. Reports of the same metric add up; a key seen again replaces its value.
    pub data: MetricData,
    /// `metric_type`, `curve_name`, `unit_name` and so on.
    pub meta: serde_json::Map<String, serde_json::Value>,
}

/// The pairs of a metric: numbers by number (curves) or numbers by name (scalars).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricData {
    /// Points of a curve.
    Points(Vec<(f64, f64)>),
    /// Named values.
    Values(Vec<(String, f64)>),
}

impl MetricData {
    /// How many pairs.
    pub fn len(&self) -> usize {
        match self {
            MetricData::Points(points) => points.len(),
            MetricData::Values(values) => values.len(),
        }
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
