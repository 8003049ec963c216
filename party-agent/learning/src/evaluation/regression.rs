//! The evaluation of predicted numbers: six figures by scikit-learn's definitions.

use super::{EvaluationError, Metric, check_finite, check_lengths, figure};

/// Evaluates predictions against labels; figures come by FATE's name in the order of `metrics`, rounded.
///
/// # Errors
/// Needs rows, finite numbers and equal lengths.
pub fn evaluate_regression(
    labels: &[f64],
    predictions: &[f64],
    metrics: &[Metric],
) -> Result<Vec<(&'static str, f64)>, EvaluationError> {
    let values = regression_values(labels, predictions, metrics)?;
    Ok(values
        .into_iter()
        .map(|(name, value)| (name, figure(value)))
        .collect())
}

/// The same figures, not rounded: what early stopping compares.
///
/// # Errors
/// As [`evaluate_regression`].
pub fn regression_values(
    labels: &[f64],
    predictions: &[f64],
    metrics: &[Metric],
) -> Result<Vec<(&'static str, f64)>, EvaluationError> {
    check_lengths(labels.len(), predictions.len())?;
    check_finite(labels)?;
    check_finite(predictions)?;
    let errors: Vec<f64> = labels.iter().zip(predictions).map(|(y, p)| y - p).collect();
    let absolute: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    // Computed once: three of the figures are made of it.
    let squared = mean(errors.iter().map(|error| error * error));
    let value = |metric: &Metric| match metric {
        Metric::ExplainedVariance => Some(explained(variance(&errors), variance(labels))),
        Metric::MeanAbsoluteError => Some(mean(absolute.iter().copied())),
        Metric::MeanSquaredError => Some(squared),
        Metric::MedianAbsoluteError => Some(median(absolute.clone())),
        Metric::R2Score => Some(explained(squared, variance(labels))),
        Metric::RootMeanSquaredError => Some(squared.sqrt()),
        _ => None,
    };
    Ok(metrics
        .iter()
        .filter_map(|metric| value(metric).map(|value| (metric.as_str(), value)))
        .collect())
}

/// One minus the unexplained share; for constant labels 1 when nothing is left to explain and 0 otherwise.
fn explained(unexplained: f64, total: f64) -> f64 {
    match (unexplained == 0.0, total == 0.0) {
        (true, true) => 1.0,
        (false, true) => 0.0,
        (_, false) => 1.0 - unexplained / total,
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Zero for equal values, whatever rounding makes of their mean: a share of next to nothing would be no figure.
fn variance(values: &[f64]) -> f64 {
    if values
        .iter()
        .zip(values.iter().skip(1))
        .all(|(one, next)| one == next)
    {
        return 0.0;
    }
    let centre = mean(values.iter().copied());
    mean(
        values
            .iter()
            .map(|value| (value - centre) * (value - centre)),
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    // A total order: `partial_cmp` has none for NaN, though the check above lets none through.
    values.sort_by(f64::total_cmp);
    let (below, above) = values.split_at(values.len() / 2);
    match (below.last(), above.first()) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(middle)) => *middle,
        // Lengths were checked before: there is a row.
        (_, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::EvalType;
    use proptest::prelude::*;

    fn all(labels: &[f64], predictions: &[f64]) -> Vec<f64> {
        let pairs =
            evaluate_regression(labels, predictions, EvalType::Regression.metrics()).unwrap();
        pairs.into_iter().map(|pair| pair.1).collect()
    }

    #[test]
    fn six_figures_of_a_small_table() {
        let found = evaluate_regression(
            &[3.0, -0.5, 2.0, 7.0],
            &[2.5, 0.0, 2.0, 8.0],
            EvalType::Regression.metrics(),
        );
        let expected = vec![
            ("explained_variance", 0.957173),
            ("mean_absolute_error", 0.5),
            ("mean_squared_error", 0.375),
            ("median_absolute_error", 0.5),
            ("r2_score", 0.948608),
            ("root_mean_squared_error", 0.612372),
        ];
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn values_for_early_stopping_are_not_rounded() {
        let metrics = EvalType::Regression.metrics();
        let values = regression_values(&[1.0, 2.0, 4.0], &[1.0, 2.0, 4.001], metrics).unwrap();
        assert!((values[2].1 - 1e-6 / 3.0).abs() < 1e-12, "{values:?}");
        let rounded = evaluate_regression(&[1.0, 2.0, 4.0], &[1.0, 2.0, 4.001], metrics).unwrap();
        assert_eq!(rounded[2].1, 0.0);
    }

    #[test]
    fn constant_labels_are_explained_or_not() {
        assert_eq!(
            all(&[2.0, 2.0], &[2.0, 2.0]),
            vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        );
        assert_eq!(all(&[2.0, 2.0], &[1.0, 3.0])[4], 0.0);
        assert_eq!(
            all(&[0.1; 3], &[0.1, 0.2, 0.3])[4],
            0.0,
            "the mean of three tenths is not one exactly"
        );
    }

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one() {
        assert_eq!(all(&[0.0, 0.0, 0.0], &[1.0, 9.0, 2.0])[3], 2.0);
    }

    #[test]
    fn figures_too_large_for_a_number_are_marked() {
        assert_eq!(all(&[1e200, 0.0], &[0.0, 0.0])[2], -9_999_999.0);
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        assert_eq!(
            evaluate_regression(&[1.0], &[f64::NAN], &[]),
            Err(EvaluationError::NotFinite { row: 0 })
        );
        assert_eq!(
            evaluate_regression(&[], &[], &[]),
            Err(EvaluationError::NoRows)
        );
    }

    proptest! {
        #[test]
        fn a_constant_error_leaves_all_variance_explained(
            labels in proptest::collection::vec(-100.0f64..100.0, 2..50), shift in 1.0f64..10.0,
        ) {
            prop_assume!(variance(&labels) > 1e-3);
            let predictions: Vec<f64> = labels.iter().map(|y| y + shift).collect();
            let found = all(&labels, &predictions);
            prop_assert!((found[0] - 1.0).abs() < 1e-6, "explained variance");
            prop_assert!((found[1] - shift).abs() < 1e-5 && (found[5] - shift).abs() < 1e-5);
            prop_assert!(found[4] < 1.0);
        }
    }
}
