//! The population stability index: how far validation scores have moved from training scores, over the training
//! scores' own twenty quantile intervals.

use serde::Serialize;

use super::tables::quantiles;
use super::{EvaluationError, check_finite, check_lengths, figure, figures};

/// The index and its table; every list has one entry per interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Psi {
    /// Contribution of each interval.
    pub psi_scores: Vec<f64>,
    /// Their sum.
    pub total_psi: f64,
    /// Training rows.
    pub expected_interval: Vec<usize>,
    /// Share of the training rows.
    pub expected_percentage: Vec<f64>,
    /// Validation rows; those outside the training range are in none.
    pub actual_interval: Vec<usize>,
    /// Share of the validation rows.
    pub actual_percentage: Vec<f64>,
    /// Bounds in words, such as `[0.1, 0.2)`; only the last interval is closed on the right.
    pub intervals: Vec<String>,
    /// Share of positives among the training rows; 0 for an empty interval.
    pub train_pos_perc: Vec<f64>,
    /// Share of positives among the validation rows; 0 for an empty interval.
    pub validate_pos_perc: Vec<f64>,
}

/// Compares two sets of scores, each with its labels.
///
/// # Errors
/// Needs rows on both sides, finite scores and equal lengths.
pub fn population_stability(
    (train_positive, train_scores): (&[bool], &[f64]),
    (validate_positive, validate_scores): (&[bool], &[f64]),
) -> Result<Psi, EvaluationError> {
    for (positive, scores) in [
        (train_positive, train_scores),
        (validate_positive, validate_scores),
    ] {
        check_lengths(positive.len(), scores.len())?;
        check_finite(scores)?;
    }
    let edges = edges(train_scores);
    let train = Histogram::count(&edges, train_positive, train_scores);
    let validate = Histogram::count(&edges, validate_positive, validate_scores);
    let (expected, actual) = (
        train.shares(train_scores.len()),
        validate.shares(validate_scores.len()),
    );
    let parts: Vec<f64> = expected
        .iter()
        .zip(&actual)
        .map(|(e, a)| (a - e) * (a / e).ln())
        .collect();
    Ok(Psi {
        total_psi: figure(parts.iter().sum()),
        psi_scores: figures(parts),
        expected_percentage: figures(expected),
        actual_percentage: figures(actual),
        intervals: interval_names(&edges),
        train_pos_perc: train.positive_shares(),
        validate_pos_perc: validate.positive_shares(),
        expected_interval: train.rows,
        actual_interval: validate.rows,
    })
}

/// Distinct quantiles of the training scores; two equal edges if all scores are one value.
fn edges(scores: &[f64]) -> Vec<f64> {
    // Adding zero turns -0 into 0: the order of sorting tells them apart, comparison does not.
    let mut ascending: Vec<f64> = scores.iter().map(|score| score + 0.0).collect();
    ascending.sort_by(f64::total_cmp);
    let mut edges = quantiles(&ascending);
    // Many equal scores give equal quantiles; an interval between them could hold nothing.
    edges.dedup();
    if let [only] = edges[..] {
        edges.push(only);
    }
    edges
}

fn interval_names(edges: &[f64]) -> Vec<String> {
    let last = edges.len().saturating_sub(2);
    let bounds = edges.iter().zip(edges.iter().skip(1)).enumerate();
    bounds
        .map(|(at, (left, right))| {
            let close = if at == last { ']' } else { ')' };
            // `Debug` writes 1.0 as Python does; `Display` would write 1.
            format!("[{:?}, {:?}{close}", figure(*left), figure(*right))
        })
        .collect()
}

struct Histogram {
    rows: Vec<usize>,
    positives: Vec<usize>,
}

impl Histogram {
    fn count(edges: &[f64], positive: &[bool], scores: &[f64]) -> Self {
        let intervals = edges.len().saturating_sub(1);
        let mut histogram = Self {
            rows: vec![0; intervals],
            positives: vec![0; intervals],
        };
        for (score, is_positive) in scores.iter().zip(positive) {
            // Only the training's scores decide on the range: what lies outside is in no interval.
            let Some(at) = interval_of(edges, *score) else {
                continue;
            };
            if let (Some(rows), Some(positives)) =
                (histogram.rows.get_mut(at), histogram.positives.get_mut(at))
            {
                *rows += 1;
                *positives += usize::from(*is_positive);
            }
        }
        histogram
    }

    /// Share of `total` per interval, an empty one counting a millionth of a row so that its logarithm exists.
    fn shares(&self, total: usize) -> Vec<f64> {
        let rows = self
            .rows
            .iter()
            .map(|rows| if *rows == 0 { 1e-6 } else { *rows as f64 });
        rows.map(|rows| rows / total as f64).collect()
    }

    fn positive_shares(&self) -> Vec<f64> {
        let pairs = self.positives.iter().zip(&self.rows);
        figures(pairs.map(|(yes, rows)| {
            if *rows == 0 {
                0.0
            } else {
                *yes as f64 / *rows as f64
            }
        }))
    }
}

/// The interval of a score: closed on the left, the last one on both sides; none outside.
fn interval_of(edges: &[f64], score: f64) -> Option<usize> {
    let (first, last) = (edges.first()?, edges.last()?);
    if score < *first || score > *last {
        return None;
    }
    let at_or_left = edges.partition_point(|edge| *edge <= score);
    Some(
        at_or_left
            .saturating_sub(1)
            .min(edges.len().saturating_sub(2)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_populations_have_no_distance() {
        let scores: Vec<f64> = (0..41).map(f64::from).collect();
        let labels: Vec<bool> = (0..41).map(|row| row >= 20).collect();
        let psi = population_stability((&labels, &scores), (&labels, &scores)).unwrap();
        assert_eq!((psi.total_psi, psi.intervals.len()), (0.0, 20));
        // Edges 0, 2 .. 40: two rows each, three in the closed last interval.
        assert_eq!(
            (psi.expected_interval[0], psi.expected_interval[19]),
            (2, 3)
        );
        assert_eq!((psi.train_pos_perc[0], psi.train_pos_perc[19]), (0.0, 1.0));
        assert_eq!(
            (psi.intervals[0].as_str(), psi.intervals[19].as_str()),
            ("[0.0, 2.0)", "[38.0, 40.0]")
        );
    }

    #[test]
    fn a_moved_population_has_the_formulas_distance() {
        // Edges are 0 and 1; all training rows at 0 or 1 fall in the one closed interval.
        let labels = [true, false, true, false];
        let psi = population_stability(
            (&labels, &[0.0, 0.0, 1.0, 1.0]),
            (&labels, &[0.5, 2.0, 2.0, 2.0]),
        )
        .unwrap();
        assert_eq!(
            (psi.expected_interval, psi.actual_interval),
            (vec![4], vec![1])
        );
        assert_eq!(psi.total_psi, figure(-0.75 * 0.25f64.ln()));
        assert_eq!(
            (psi.train_pos_perc, psi.validate_pos_perc),
            (vec![0.5], vec![1.0])
        );
    }

    #[test]
    fn one_single_score_makes_one_interval() {
        let psi = population_stability((&[true], &[0.5]), (&[true, false], &[0.5, 0.4])).unwrap();
        assert_eq!(
            (psi.intervals, psi.actual_percentage),
            (vec!["[0.5, 0.5]".to_owned()], vec![0.5])
        );
    }

    #[test]
    fn an_empty_interval_counts_a_millionth_of_a_row() {
        let labels = [false; 3];
        let psi =
            population_stability((&labels, &[0.0, 1.0, 2.0]), (&labels, &[0.0, 0.0, 0.5])).unwrap();
        assert_eq!(psi.actual_interval, vec![3, 0]);
        let (e, a) = (2.0 / 3.0, 1e-6 / 3.0);
        assert_eq!(psi.psi_scores[1], figure((a - e) * f64::ln(a / e)));
    }

    #[test]
    fn refuses_an_empty_side() {
        assert_eq!(
            population_stability((&[], &[]), (&[true], &[0.5])),
            Err(EvaluationError::NoRows)
        );
    }

    proptest! {
        #[test]
        fn the_index_is_never_negative_and_training_rows_are_all_counted(
            train in proptest::collection::vec(0.0f64..1.0, 1..80),
            validate in proptest::collection::vec(0.0f64..1.0, 1..80),
        ) {
            let (a, b) = (vec![false; train.len()], vec![true; validate.len()]);
            let psi = population_stability((&a, &train), (&b, &validate)).unwrap();
            prop_assert!(psi.total_psi >= 0.0);
            prop_assert_eq!(psi.expected_interval.iter().sum::<usize>(), train.len());
            prop_assert!(psi.actual_interval.iter().sum::<usize>() <= validate.len());
        }
    }
}
