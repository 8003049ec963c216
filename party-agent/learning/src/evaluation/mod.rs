//! Evaluation figures as FATE 1.11 reports them, from labels and scores alone. Figures are rounded to six digits and
//! non-finite ones become -9999999; what a component writes is exactly what these structs hold.

mod binary;
mod curves;
mod metric;
mod multi;
mod psi;
mod ranking;
mod regression;
mod roc;
pub mod shapes;
mod tables;
mod task_kind;

pub use binary::{BinaryReport, evaluate_binary, ks, single_values};
pub use curves::{Curve, CurveKind};
pub use metric::{Metric, MetricError, resolve_metrics, training_metrics};
pub use multi::{ClassFigures, MultiReport, evaluate_multi, one_vs_rest};
pub use psi::{Psi, population_stability};
pub use ranking::auc;
pub use regression::{evaluate_regression, regression_values};
pub use tables::{ConfusionTable, F1Table, QuantileTable};
pub use task_kind::EvalType;

/// Data that has no figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// There are no rows.
    #[error("there are no rows to evaluate")]
    NoRows,
    /// Labels and predictions differ in number.
    #[error("{labels} labels for {predictions} predictions")]
    Lengths {
        /// Labels given.
        labels: usize,
        /// Predictions given.
        predictions: usize,
    },
    /// A score or label is NaN or infinite.
    #[error("value of row {row} is not finite")]
    NotFinite {
        /// The row, counted from 0.
        row: usize,
    },
    /// Ranking needs rows of both classes.
    #[error("only one class among {rows} labels: auc and ks need both")]
    OneClass {
        /// Rows evaluated.
        rows: usize,
    },
    /// The class probabilities do not match the class list.
    #[error("{columns} probability columns for {classes} classes")]
    Classes {
        /// Columns given.
        columns: usize,
        /// Classes named.
        classes: usize,
    },
}

/// What FATE writes for a figure that is infinite.
const NOT_FINITE: f64 = -9_999_999.0;

/// Rounds to six digits, halves to even as numpy does; NaN and infinities become -9999999.
fn figure(value: f64) -> f64 {
    if value.is_finite() {
        // FATE's figures are compared with ours to the last digit, so halves go where numpy puts
        // them.
        (value * 1e6).round_ties_even() / 1e6
    } else {
        NOT_FINITE
    }
}

fn figures(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values.into_iter().map(figure).collect()
}

fn check_lengths(labels: usize, predictions: usize) -> Result<(), EvaluationError> {
    match (labels, predictions) {
        (0, 0) => Err(EvaluationError::NoRows),
        (labels, predictions) if labels != predictions => Err(EvaluationError::Lengths {
            labels,
            predictions,
        }),
        _ => Ok(()),
    }
}

fn check_finite(values: &[f64]) -> Result<(), EvaluationError> {
    values
        .iter()
        .position(|value| !value.is_finite())
        .map_or(Ok(()), |row| Err(EvaluationError::NotFinite { row }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_six_digits_and_no_infinities() {
        assert_eq!(
            figures([0.123_456_49, -0.123_456_51, 2.0]),
            vec![0.123456, -0.123457, 2.0]
        );
        assert_eq!(
            figures([f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
            vec![NOT_FINITE; 3]
        );
    }
}
