//! What a step measures: bounded in size, so that it cannot carry a table.

use serde::{Deserialize, Serialize};

/// Most points of one metric report; longer curves are refused, not cut.
pub const MOST_POINTS: usize = 10_000;
/// Most bytes of a metric's texts: its names, the names of its values, and its `meta` as JSON.
pub const MOST_TEXT: usize = 1 << 20;

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

impl Metric {
    /// Whether it is small enough to be told: it cannot carry a table, neither in its pairs nor in its texts.
    pub fn fits(&self) -> bool {
        let names = match &self.data {
            MetricData::Points(_) => 0,
            MetricData::Values(values) => values.iter().map(|(name, _)| name.len()).sum(),
        };
        let meta = serde_json::to_string(&self.meta).map_or(usize::MAX, |text| text.len());
        let text = meta.saturating_add(names).saturating_add(self.namespace.len()).saturating_add(self.name.len());
        self.data.len() <= MOST_POINTS && text <= MOST_TEXT
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(data: MetricData) -> Metric {
        Metric { namespace: "train".to_owned(), name: "loss".to_owned(), data, meta: serde_json::Map::new() }
    }

    #[test]
    fn keeps_tables_out_of_pairs_and_texts() {
        assert!(metric(MetricData::Points(vec![(0.0, 0.5); MOST_POINTS])).fits());
        assert!(!metric(MetricData::Points(vec![(0.0, 0.5); MOST_POINTS + 1])).fits());
        assert!(!metric(MetricData::Values(vec![("x".repeat(MOST_TEXT), 0.5)])).fits());
        let mut large = metric(MetricData::Points(vec![]));
        large.meta.insert("rows".to_owned(), vec![serde_json::Value::Null; MOST_TEXT / 5].into());
        assert!(!large.fits());
        large.meta.insert("rows".to_owned(), serde_json::Value::Null);
        assert!(large.fits());
    }
}
