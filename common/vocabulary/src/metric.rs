//! What a step measures: bounded in size, so that it cannot carry a table, and of finite numbers alone.

use serde::{Deserialize, Serialize};

use crate::finite::Finite;

/// Most points of one metric report; longer curves are refused, not cut.
pub const MOST_POINTS: usize = 10_000;
/// Most bytes of a metric's texts: its names, the names of its values, and its `meta` as JSON.
pub const MOST_TEXT: usize = 1 << 20;

/// One named measurement of a task: key and value pairs, with what a reader needs to draw it.
///
/// The shape is FATE's: `namespace` (`train`), `name` (`loss`), pairs, and a small object that says what kind it is.
/// A `Metric<f64>` is as it was computed; [`Metric::finite`] makes of it one that can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric<N = Finite> {
    /// The group, such as `train` or `validate`.
    pub namespace: String,
    /// The metric's name, such as `loss` or `hetero_lr_0_roc`.
    pub name: String,
    /// The pairs. Reports of the same metric add up; a key seen again replaces its value.
    pub data: MetricData<N>,
    /// `metric_type`, `curve_name`, `unit_name` and so on.
    pub meta: serde_json::Map<String, serde_json::Value>,
}

impl<N> Metric<N> {
    /// Whether it is small enough to be told: it cannot carry a table, neither in its pairs nor in its texts.
    pub fn fits(&self) -> bool {
        let names = match &self.data {
            MetricData::Points(_) => 0,
            MetricData::Values(values) => values.iter().map(|(name, _)| name.len()).sum(),
        };
        let meta = serde_json::to_string(&self.meta).map_or(usize::MAX, |text| text.len());
        let text = meta
            .saturating_add(names)
            .saturating_add(self.namespace.len())
            .saturating_add(self.name.len());
        self.data.len() <= MOST_POINTS && text <= MOST_TEXT
    }
}

impl Metric<f64> {
    /// The metric with the pairs that are finite, and the keys of those that are not.
    pub fn finite(self) -> (Metric, Vec<String>) {
        let Self {
            namespace,
            name,
            data,
            meta,
        } = self;
        let (data, left_out) = data.finite();
        (
            Metric {
                namespace,
                name,
                data,
                meta,
            },
            left_out,
        )
    }
}

/// The pairs of a metric: numbers by number (curves) or numbers by name (scalars).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricData<N = Finite> {
    /// Points of a curve.
    Points(Vec<(N, N)>),
    /// Named values.
    Values(Vec<(String, N)>),
}

impl<N> MetricData<N> {
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

impl MetricData<f64> {
    /// The pairs that are finite, and the keys of those that are not.
    pub fn finite(self) -> (MetricData, Vec<String>) {
        let mut left_out = Vec::new();
        let data = match self {
            MetricData::Points(points) => {
                let finite = |(key, value): (f64, f64)| {
                    let pair = (Finite::new(key), Finite::new(value));
                    if let (Ok(key), Ok(value)) = pair {
                        return Some((key, value));
                    }
                    left_out.push(key.to_string());
                    None
                };
                MetricData::Points(points.into_iter().filter_map(finite).collect())
            }
            MetricData::Values(values) => {
                let finite = |(name, value): (String, f64)| match Finite::new(value) {
                    Ok(value) => Some((name, value)),
                    Err(_) => {
                        left_out.push(name);
                        None
                    }
                };
                MetricData::Values(values.into_iter().filter_map(finite).collect())
            }
        };
        (data, left_out)
    }
}

impl MetricData {
    /// The pairs as plain numbers, for those who compute with them.
    pub fn plain(&self) -> MetricData<f64> {
        match self {
            MetricData::Points(points) => MetricData::Points(
                points
                    .iter()
                    .map(|(key, value)| (key.get(), value.get()))
                    .collect(),
            ),
            MetricData::Values(values) => MetricData::Values(
                values
                    .iter()
                    .map(|(name, value)| (name.clone(), value.get()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(data: MetricData<f64>) -> Metric {
        Metric {
            namespace: "train".to_owned(),
            name: "loss".to_owned(),
            data,
            meta: serde_json::Map::new(),
        }
        .finite()
        .0
    }

    #[test]
    fn keeps_tables_out_of_pairs_and_texts() {
        assert!(metric(MetricData::Points(vec![(0.0, 0.5); MOST_POINTS])).fits());
        assert!(!metric(MetricData::Points(vec![(0.0, 0.5); MOST_POINTS + 1])).fits());
        assert!(!metric(MetricData::Values(vec![("x".repeat(MOST_TEXT), 0.5)])).fits());
        let mut large = metric(MetricData::Points(vec![]));
        large.meta.insert(
            "rows".to_owned(),
            vec![serde_json::Value::Null; MOST_TEXT / 5].into(),
        );
        assert!(!large.fits());
        large
            .meta
            .insert("rows".to_owned(), serde_json::Value::Null);
        assert!(large.fits());
    }

    #[test]
    fn pairs_that_are_not_finite_are_left_out_and_named() {
        let points = MetricData::Points(vec![(0.0, 0.5), (1.0, f64::NAN), (f64::INFINITY, 2.0)]);
        let (kept, left_out) = points.finite();
        assert_eq!(
            (kept.plain(), left_out.as_slice()),
            (
                MetricData::Points(vec![(0.0, 0.5)]),
                &["1", "inf"].map(str::to_owned)[..]
            )
        );
        let (kept, left_out) =
            MetricData::Values(vec![("r2".into(), f64::NEG_INFINITY), ("mse".into(), 0.1)])
                .finite();
        assert_eq!(
            (kept.plain(), left_out.as_slice()),
            (
                MetricData::Values(vec![("mse".into(), 0.1)]),
                &["r2".to_owned()][..]
            )
        );
        let spoiled = serde_json::json!({"points": [[0.0, null]]});
        assert!(serde_json::from_value::<MetricData>(spoiled.clone()).is_err());
        assert!(serde_json::from_value::<MetricData<f64>>(spoiled).is_err());
    }
}
