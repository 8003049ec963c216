//! The evaluation of a binary classifier: all figures, curves and tables a job asks for.

use super::curves::{self, Curve};
use super::ranking::Ranking;
use super::tables::{self, ConfusionTable, F1Table, QuantileTable};
use super::{EvaluationError, Metric, figure};

/// What a binary evaluation reports; only what was asked for is filled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BinaryReport {
    /// Single figures by FATE's name, in the order asked for.
    pub scalars: Vec<(&'static str, f64)>,
    /// Curves, in the order asked for.
    pub curves: Vec<Curve>,
    /// Confusion counts.
    pub confusion: Option<ConfusionTable>,
    /// F1 scores.
    pub f1: Option<F1Table>,
    /// Precision and recall at quantiles.
    pub quantile_pr: Option<QuantileTable>,
}

/// Evaluates scores against labels, in the order of `metrics`.
///
/// Psi compares two data sets and is computed by [`super::population_stability`]; here it is passed over, as are metrics
/// of other tasks.
///
/// # Errors
/// Needs rows of both classes, finite scores and equal lengths.
pub fn evaluate_binary(
    positive: &[bool],
    scores: &[f64],
    metrics: &[Metric],
) -> Result<BinaryReport, EvaluationError> {
    let ranking = Ranking::new(positive, scores)?;
    let mut report = BinaryReport::default();
    let mut has_precision_recall = false;
    for metric in metrics {
        match metric {
            Metric::Auc => report.scalars.push(("auc", figure(ranking.auc()))),
            Metric::Ks => {
                let (best, pair) = curves::ks(&ranking);
                report.scalars.push(("ks", figure(best)));
                report.curves.extend(pair);
            }
            Metric::Roc => report.curves.push(super::roc::roc(&ranking)),
            Metric::Lift => report.curves.push(curves::lift(&ranking)),
            Metric::Gain => report.curves.push(curves::gain(&ranking)),
            Metric::Accuracy => report.curves.push(curves::accuracy(&ranking)),
            // Both curves are thinned together, so they come together; asked for twice they come
            // once.
            Metric::Precision | Metric::Recall if has_precision_recall => {}
            Metric::Precision | Metric::Recall => {
                has_precision_recall = true;
                report.curves.extend(curves::precision_recall(&ranking));
            }
            Metric::ConfusionMat => report.confusion = Some(tables::confusion(&ranking)),
            Metric::F1Score => report.f1 = Some(tables::f1(&ranking)),
            Metric::QuantilePr => report.quantile_pr = Some(tables::quantile_pr(&ranking)),
            _ => {}
        }
    }
    Ok(report)
}

/// The single figures among `metrics` (auc, ks), not rounded: what early stopping compares.
///
/// # Errors
/// As [`evaluate_binary`].
pub fn single_values(
    positive: &[bool],
    scores: &[f64],
    metrics: &[Metric],
) -> Result<Vec<(&'static str, f64)>, EvaluationError> {
    let ranking = Ranking::new(positive, scores)?;
    let value = |metric: &Metric| match metric {
        Metric::Auc => Some(("auc", ranking.auc())),
        Metric::Ks => Some(("ks", curves::ks(&ranking).0)),
        _ => None,
    };
    Ok(metrics.iter().filter_map(value).collect())
}

/// FATE's Kolmogorov-Smirnov figure: the greatest excess of the true over the false positive rate at a hundred cut
/// points, with strict thresholds; never above the exact statistic.
///
/// # Errors
/// As [`evaluate_binary`].
pub fn ks(positive: &[bool], scores: &[f64]) -> Result<f64, EvaluationError> {
    Ok(curves::ks(&Ranking::new(positive, scores)?).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{CurveKind, EvalType};
    use proptest::prelude::*;

    const POSITIVE: [bool; 4] = [true, false, true, false];
    const SCORES: [f64; 4] = [0.9, 0.7, 0.4, 0.2];

    #[test]
    fn all_metrics_give_two_figures_eight_curves_and_three_tables() {
        let report = evaluate_binary(&POSITIVE, &SCORES, EvalType::Binary.metrics()).unwrap();
        assert_eq!(report.scalars, vec![("auc", 0.75), ("ks", 0.5)]);
        use CurveKind::*;
        let kinds: Vec<CurveKind> = report.curves.iter().map(|curve| curve.kind).collect();
        assert_eq!(
            kinds,
            vec![KsFpr, KsTpr, Lift, Gain, Accuracy, Precision, Recall, Roc]
        );
        assert!(report.confusion.is_some() && report.f1.is_some() && report.quantile_pr.is_some());
    }

    #[test]
    fn only_what_is_asked_for_is_reported_in_that_order() {
        let report = evaluate_binary(&POSITIVE, &SCORES, &[Metric::Ks, Metric::Auc]).unwrap();
        assert_eq!(report.scalars, vec![("ks", 0.5), ("auc", 0.75)]);
        assert_eq!((report.curves.len(), report.confusion), (2, None));
    }

    #[test]
    fn single_values_are_not_rounded() {
        let positive = [true, false, true, true];
        let values = single_values(&positive, &SCORES, &[Metric::Auc, Metric::Lift]).unwrap();
        assert_eq!(values, vec![("auc", 1.0 / 3.0)]);
    }

    proptest! {
        #[test]
        fn ks_is_between_zero_and_the_exact_statistic(
            rows in proptest::collection::vec((any::<bool>(), 0.0f64..1.0), 2..300),
        ) {
            let positive: Vec<bool> = rows.iter().map(|row| row.0).collect();
            let scores: Vec<f64> = rows.iter().map(|row| row.1).collect();
            prop_assume!(positive.contains(&true) && positive.contains(&false));
            let share = |class: bool, threshold: f64| {
                let of_class = rows.iter().filter(|row| row.0 == class);
                of_class.clone().filter(|row| row.1 > threshold).count() as f64 / of_class.count() as f64
            };
            let exact = scores.iter().map(|at| share(true, *at) - share(false, *at)).fold(0.0, f64::max);
            let found = ks(&positive, &scores).unwrap();
            prop_assert!((0.0..=exact + 1e-12).contains(&found));
        }

        #[test]
        fn curves_are_sorted_and_paired(rows in proptest::collection::vec((any::<bool>(), 0u8..40), 2..120)) {
            let positive: Vec<bool> = rows.iter().map(|row| row.0).collect();
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.1) / 40.0).collect();
            prop_assume!(positive.contains(&true) && positive.contains(&false));
            for curve in evaluate_binary(&positive, &scores, EvalType::Binary.metrics()).unwrap().curves {
                prop_assert_eq!(curve.x.len(), curve.y.len());
                prop_assert!(curve.x.is_sorted() && !curve.thresholds.is_empty());
                prop_assert!(curve.y.iter().all(|y| *y >= 0.0));
            }
        }
    }
}
