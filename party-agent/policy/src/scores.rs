//! Metrics as they leave where rows do not: with the shape of a curve, and without the scores of single rows.

use serde_json::{Map, Value};
use vocabulary::{Finite, Metric, MetricData};

/// Most points of a curve.
const MOST: u64 = 100;

type Point = (Finite, Finite);

/// The metric with at most 100 points, and where `rows` are known at most one for each `fewest` rows, so that what lies
/// between two of them is of as many. Its `meta` keeps no list: thresholds and bounds of intervals are scores of single rows,
/// and what is counted at each of them is of the few rows in between.
pub(crate) fn without_scores(metric: Metric, rows: Option<u64>, fewest: u64) -> Metric {
    // Two at least, since a curve has its ends.
    let most = rows.map_or(MOST, |rows| (rows / fewest.max(1)).clamp(2, MOST));
    // The steps of this one go upwards as well.
    let goes_up = metric.meta.get("metric_type").and_then(Value::as_str) == Some("ROC_EVALUATION");
    let data = match metric.data {
        MetricData::Points(points) => MetricData::Points(thinned(points, most, goes_up)),
        values @ MetricData::Values(_) => values,
    };
    Metric {
        data,
        meta: without_lists(metric.meta),
        ..metric
    }
}

/// The first point, the last one, and in between those that are far enough from the one before.
fn thinned(points: Vec<Point>, most: u64, goes_up: bool) -> Vec<Point> {
    // Points have six digits.
    let least = 1.0 / most as f64 - 1e-6;
    let far = |from: Point, to: Point| {
        let up = if goes_up {
            (to.1.get() - from.1.get()).abs()
        } else {
            0.0
        };
        (to.0.get() - from.0.get()).abs() + up >= least
    };
    let Some((last, inner)) = points.split_last() else {
        return points;
    };
    let mut kept: Vec<Point> = Vec::new();
    for point in inner {
        if kept.last().is_none_or(|before| far(*before, *point)) {
            kept.push(*point);
        }
    }
    // The end stays whatever is near it.
    if kept.len() > 1 && kept.last().is_some_and(|before| !far(*before, *last)) {
        kept.pop();
    }
    kept.push(*last);
    evenly(kept, usize::try_from(most).unwrap_or(usize::MAX))
}

/// Entries at even distances, the first and the last among them.
fn evenly<T: Copy>(entries: Vec<T>, most: usize) -> Vec<T> {
    let count = entries.len();
    if count <= most || most < 2 {
        return entries;
    }
    (0..most)
        .filter_map(|at| entries.get(at * (count - 1) / (most - 1)).copied())
        .collect()
}

fn without_lists(meta: Map<String, Value>) -> Map<String, Value> {
    let kept = |(name, value): (String, Value)| match value {
        Value::Array(_) => None,
        Value::Object(inner) => Some((name, Value::Object(without_lists(inner)))),
        other => Some((name, other)),
    };
    meta.into_iter().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metric(points: Vec<(f64, f64)>, meta: Value) -> Metric {
        let meta = meta.as_object().cloned().unwrap_or_default();
        let data = MetricData::Points(points);
        Metric {
            namespace: "train".to_owned(),
            name: "roc".to_owned(),
            data,
            meta,
        }
        .finite()
        .0
    }

    /// The abscissas that are left of so many even steps from 0 to 1.
    fn left(steps: u32, rows: Option<u64>, fewest: u64) -> Vec<f64> {
        let points = (0..=steps)
            .map(|at| (f64::from(at) / f64::from(steps), 0.5))
            .collect();
        let MetricData::Points(points) =
            without_scores(metric(points, json!({})), rows, fewest).data
        else {
            panic!("points")
        };
        points.into_iter().map(|point| point.0.get()).collect()
    }

    #[test]
    fn a_curve_keeps_its_ends_and_as_many_points_as_there_are_groups_of_rows() {
        for (rows, fewest, most) in [
            (None, 20, 100),
            (Some(1_000_000), 20, 100),
            (Some(300), 20, 15),
            (Some(20), 20, 2),
        ] {
            let left = left(1_000, rows, fewest);
            assert!(
                left.len() <= most && left.len() * 10 >= most * 9,
                "{rows:?}: {}",
                left.len()
            );
            assert_eq!((left.first(), left.last()), (Some(&0.0), Some(&1.0)));
            let apart = left
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= 1.0 / most as f64 - 1e-5);
            assert!(apart, "{rows:?}: {left:?}");
        }
        // What has few points, and the one point of an epoch, stays.
        assert_eq!(left(4, Some(1_000), 20), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(
            without_scores(metric(vec![(3.0, 0.5)], json!({})), Some(20), 20)
                .data
                .len(),
            1
        );
        assert_eq!(
            without_scores(metric(vec![], json!({})), None, 20)
                .data
                .len(),
            0
        );
    }

    #[test]
    fn a_curve_that_goes_up_keeps_what_is_above_each_other() {
        let points: Vec<(f64, f64)> = (0..=100)
            .map(|at| (0.0, f64::from(at) / 100.0))
            .chain([(1.0, 1.0)])
            .collect();
        let left = |kind: &str| {
            without_scores(
                metric(points.clone(), json!({"metric_type": kind})),
                Some(200),
                20,
            )
            .data
            .len()
        };
        assert!(left("ROC_EVALUATION") >= 9, "{}", left("ROC_EVALUATION"));
        assert_eq!(left("KS_EVALUATION"), 2);
    }

    #[test]
    fn no_list_stays() {
        let meta = json!({
            "name": "hetero_lr_0_psi", "unit_name": "fpr", "thresholds": [0.25, 0.5], "intervals": ["[0.1, 0.2)"],
            "tp": [1, 2], "1": {"auc": 0.5, "thresholds": [0.25]}, "total_psi": 0.25,
        });
        let left = Value::Object(without_scores(metric(vec![], meta), None, 20).meta);
        let expected = json!({"name": "hetero_lr_0_psi", "unit_name": "fpr", "1": {"auc": 0.5}, "total_psi": 0.25});
        assert_eq!(left, expected);
    }
}
