//! The tables of a binary evaluation: confusion counts and f1 at fixed thresholds, precision and recall at quantiles.

use serde::Serialize;

use super::figures;
use super::ranking::{Counts, Ranking};

/// Confusion counts at the thresholds 0, .01 .. .99, a row being positive strictly above.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfusionTable {
    /// True positives.
    pub tp: Vec<usize>,
    /// True negatives.
    pub tn: Vec<usize>,
    /// False positives.
    pub fp: Vec<usize>,
    /// False negatives.
    #[serde(rename = "fn")]
    pub fn_: Vec<usize>,
    /// The thresholds.
    pub thresholds: Vec<f64>,
}

/// F1 at the thresholds 0, .01 .. .99.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct F1Table {
    /// One score per threshold.
    pub f1_scores: Vec<f64>,
    /// The thresholds.
    pub thresholds: Vec<f64>,
}

/// Precision and recall at the quantiles 0, .05 .. 1 of the scores, lowest first. FATE writes each value as a pair
/// whose first element is always 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuantileTable {
    /// Pairs `[0, precision]`.
    pub p_scores: Vec<[f64; 2]>,
    /// Pairs `[0, recall]`.
    pub r_scores: Vec<[f64; 2]>,
    /// The quantiles.
    pub thresholds: Vec<f64>,
}

fn fixed_thresholds() -> Vec<f64> {
    // Multiplied, not divided by 100: the last digit differs, and thresholds are compared with
    // FATE's.
    (0..100u8).map(|k| f64::from(k) * 0.01).collect()
}

fn fixed_counts(ranking: &Ranking) -> Vec<Counts> {
    fixed_thresholds()
        .iter()
        .map(|threshold| ranking.above(*threshold))
        .collect()
}

pub(super) fn confusion(ranking: &Ranking) -> ConfusionTable {
    let counts = fixed_counts(ranking);
    ConfusionTable {
        tp: counts.iter().map(|at| at.tp).collect(),
        tn: counts.iter().map(|at| at.tn).collect(),
        fp: counts.iter().map(|at| at.fp).collect(),
        fn_: counts.iter().map(|at| at.fn_).collect(),
        thresholds: figures(fixed_thresholds()),
    }
}

pub(super) fn f1(ranking: &Ranking) -> F1Table {
    let score = |at: Counts| {
        let (precision, recall) = (at.precision(), at.recall());
        let sum = precision + recall;
        // The numerator is 0 then, so any divisor gives 0; it must only not be 0 itself.
        2.0 * precision * recall / if sum == 0.0 { 1e-6 } else { sum }
    };
    F1Table {
        f1_scores: figures(fixed_counts(ranking).into_iter().map(score)),
        thresholds: figures(fixed_thresholds()),
    }
}

pub(super) fn quantile_pr(ranking: &Ranking) -> QuantileTable {
    let ascending: Vec<f64> = ranking.scores().iter().rev().copied().collect();
    let thresholds = quantiles(&ascending);
    let pairs = |value: fn(&Counts) -> f64| {
        let values = thresholds
            .iter()
            .map(|threshold| value(&ranking.above(*threshold)));
        figures(values)
            .into_iter()
            .map(|value| [0.0, value])
            .collect()
    };
    QuantileTable {
        p_scores: pairs(Counts::precision),
        r_scores: pairs(Counts::recall),
        thresholds: figures(thresholds.iter().copied()),
    }
}

/// The 21 quantiles 0, .05 .. 1 of ascending values, each the value at the nearest position (halves to even).
pub(super) fn quantiles(ascending: &[f64]) -> Vec<f64> {
    if ascending.is_empty() {
        return Vec::new();
    }
    let last = (ascending.len() - 1) as f64;
    // Nearest position, halves to even: numpy's rule, so that tables agree with FATE's.
    let position = |k: u8| (last * (f64::from(k) * 5.0 / 100.0)).round_ties_even() as usize;
    (0..=20).map(|k| ascending[position(k)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Ranking {
        Ranking::new(&[true, false, true, false], &[0.9, 0.7, 0.4, 0.2]).unwrap()
    }

    #[test]
    fn confusion_is_counted_at_fixed_thresholds() {
        let table = confusion(&four());
        let at = |k: usize| (table.tp[k], table.fp[k], table.fn_[k], table.tn[k]);
        assert_eq!(
            (at(0), at(50), at(95)),
            ((2, 2, 0, 0), (1, 1, 1, 1), (0, 0, 2, 2))
        );
        assert_eq!((table.thresholds.len(), table.thresholds[99]), (100, 0.99));
    }

    #[test]
    fn f1_is_the_harmonic_mean() {
        let table = f1(&four());
        // At 0 precision is .5 and recall 1; at .25 they are 2/3 and 1; at .95 recall is 0.
        assert_eq!(
            (table.f1_scores[0], table.f1_scores[25], table.f1_scores[95]),
            (0.666667, 0.8, 0.0)
        );
    }

    #[test]
    fn quantiles_take_the_nearest_value() {
        let values: Vec<f64> = (0..11).map(f64::from).collect();
        let cuts = quantiles(&values);
        assert_eq!(
            (cuts.len(), cuts[0], cuts[10], cuts[20]),
            (21, 0.0, 5.0, 10.0)
        );
        // .05 * 10 = .5 and .15 * 10 = 1.5 go to the even neighbours 0 and 2.
        assert_eq!((cuts[1], cuts[3]), (0.0, 2.0));
    }

    #[test]
    fn quantile_table_pairs_values_with_zero_lowest_threshold_first() {
        let table = quantile_pr(&four());
        assert_eq!((table.thresholds[0], table.thresholds[20]), (0.2, 0.9));
        assert_eq!(
            (table.p_scores[0], table.r_scores[0]),
            ([0.0, 0.666667], [0.0, 1.0])
        );
        assert_eq!(
            (table.p_scores[20], table.r_scores[20]),
            ([0.0, 1.0], [0.0, 0.0])
        );
    }
}
