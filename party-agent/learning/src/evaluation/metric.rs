//! Metric names of evaluation jobs: FATE's names and aliases, checked against the kind of task.

use super::EvalType;

macro_rules! metrics {
    ($($variant:ident $name:literal,)*) => {
        /// One figure, curve or table of an evaluation; the variants are FATE's names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Metric { $($variant,)* }

        impl Metric {
            /// FATE's name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

metrics! {
    Auc "auc",
    Ks "ks",
    Lift "lift",
    Gain "gain",
    Accuracy "accuracy",
    Precision "precision",
    Recall "recall",
    Roc "roc",
    ConfusionMat "confusion_mat",
    Psi "psi",
    F1Score "f1_score",
    QuantilePr "quantile_pr",
    ExplainedVariance "explained_variance",
    MeanAbsoluteError "mean_absolute_error",
    MeanSquaredError "mean_squared_error",
    MedianAbsoluteError "median_absolute_error",
    R2Score "r2_score",
    RootMeanSquaredError "root_mean_squared_error",
}

impl Metric {
    fn from_alias(alias: &str) -> Option<Self> {
        match alias {
            "l1" | "mae" | "regression_l1" => Some(Self::MeanAbsoluteError),
            "l2" | "mse" | "regression_l2" | "regression" => Some(Self::MeanSquaredError),
            "l2_root" | "rmse" => Some(Self::RootMeanSquaredError),
            "r2" => Some(Self::R2Score),
            "acc" => Some(Self::Accuracy),
            _ => None,
        }
    }
}

/// A metric name that a job may not ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No metric has this name or alias.
    #[error("metric `{name}` is not supported")]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// The metric belongs to another kind of task.
    #[error("metric `{name}` is not used for {eval_type} tasks", eval_type = eval_type.as_str())]
    OtherTask {
        /// The name as given.
        name: String,
        /// The kind of task it was asked for.
        eval_type: EvalType,
    },
}

// Names FATE knows but offers for no task kind served here.
const FOREIGN: [&str; 9] = [
    "mean_squared_log_error",
    "msle",
    "jaccard_similarity_score",
    "jaccard",
    "fowlkes_mallows_score",
    "adjusted_rand_score",
    "davies_bouldin_index",
    "distance_measure",
    "contingency_matrix",
];

/// Turns the names of a job into metrics: any case, aliases allowed, repetitions dropped. None at all means all of the
/// task kind; precision brings recall along and the other way round.
///
/// # Errors
/// Refuses names nobody knows and metrics of another kind of task.
pub fn resolve_metrics<S: AsRef<str>>(
    eval_type: EvalType,
    names: &[S],
) -> Result<Vec<Metric>, MetricError> {
    if names.is_empty() {
        return Ok(eval_type.metrics().to_vec());
    }
    let mut metrics = Vec::new();
    for name in names {
        let metric = resolve(eval_type, name.as_ref())?;
        if !metrics.contains(&metric) {
            metrics.push(metric);
        }
    }
    for (one, other) in [
        (Metric::Recall, Metric::Precision),
        (Metric::Precision, Metric::Recall),
    ] {
        if metrics.contains(&one) && !metrics.contains(&other) {
            metrics.push(other);
        }
    }
    Ok(metrics)
}

impl EvalType {
    /// All metrics of this kind, in FATE's order; what an evaluation reports when the job names none.
    #[must_use]
    pub fn metrics(self) -> &'static [Metric] {
        use Metric::*;
        match self {
            Self::Binary => &[
                Auc,
                Ks,
                Lift,
                Gain,
                Accuracy,
                Precision,
                Recall,
                Roc,
                ConfusionMat,
                Psi,
                F1Score,
                QuantilePr,
            ],
            Self::Multi => &[Accuracy, Precision, Recall],
            Self::Regression => &[
                ExplainedVariance,
                MeanAbsoluteError,
                MeanSquaredError,
                MedianAbsoluteError,
                R2Score,
                RootMeanSquaredError,
            ],
        }
    }
}

fn resolve(eval_type: EvalType, name: &str) -> Result<Metric, MetricError> {
    let lower = name.to_ascii_lowercase();
    let name = name.to_owned();
    match Metric::from_name(&lower).or_else(|| Metric::from_alias(&lower)) {
        Some(metric) if eval_type.metrics().contains(&metric) => Ok(metric),
        Some(_) => Err(MetricError::OtherTask { name, eval_type }),
        None if FOREIGN.contains(&lower.as_str()) => {
            Err(MetricError::OtherTask { name, eval_type })
        }
        None => Err(MetricError::Unknown { name }),
    }
}

/// The metrics of validations during a training: as [`resolve_metrics`] without psi, f1_score, confusion_mat and
/// quantile_pr; none at all means auc and ks, rmse and mae, or accuracy, precision and recall.
///
/// # Errors
/// As [`resolve_metrics`].
pub fn training_metrics<S: AsRef<str>>(
    eval_type: EvalType,
    names: &[S],
) -> Result<Vec<Metric>, MetricError> {
    use Metric::*;
    let mut metrics = if names.is_empty() {
        Vec::new()
    } else {
        resolve_metrics(eval_type, names)?
    };
    metrics.retain(|metric| !matches!(metric, Psi | F1Score | ConfusionMat | QuantilePr));
    if !metrics.is_empty() {
        return Ok(metrics);
    }
    Ok(match eval_type {
        EvalType::Binary => vec![Auc, Ks],
        EvalType::Multi => vec![Accuracy, Precision, Recall],
        EvalType::Regression => vec![RootMeanSquaredError, MeanAbsoluteError],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn no_names_mean_all_metrics_of_the_task() {
        let all = resolve_metrics(EvalType::Binary, &NONE).unwrap();
        assert_eq!(
            (all.len(), all[0], all[11]),
            (12, Metric::Auc, Metric::QuantilePr)
        );
        assert_eq!(
            resolve_metrics(EvalType::Regression, &NONE).unwrap().len(),
            6
        );
    }

    #[test]
    fn aliases_any_case_and_repetitions_are_understood() {
        let metrics = resolve_metrics(EvalType::Regression, &["RMSE", "l2", "mse", "r2"]).unwrap();
        assert_eq!(
            metrics,
            vec![
                Metric::RootMeanSquaredError,
                Metric::MeanSquaredError,
                Metric::R2Score
            ]
        );
    }

    #[test]
    fn precision_and_recall_come_together() {
        let metrics = resolve_metrics(EvalType::Multi, &["recall"]).unwrap();
        assert_eq!(metrics, vec![Metric::Recall, Metric::Precision]);
    }

    #[test]
    fn refuses_unknown_and_foreign_metrics() {
        let error = |kind, name: &str| resolve_metrics(kind, &[name]).unwrap_err().to_string();
        assert_eq!(
            error(EvalType::Binary, "logloss"),
            "metric `logloss` is not supported"
        );
        assert_eq!(
            error(EvalType::Multi, "auc"),
            "metric `auc` is not used for multi tasks"
        );
        assert_eq!(
            error(EvalType::Regression, "msle"),
            "metric `msle` is not used for regression tasks"
        );
    }

    #[test]
    fn trainings_leave_tables_out_and_have_short_defaults() {
        assert_eq!(
            training_metrics(EvalType::Binary, &NONE).unwrap(),
            vec![Metric::Auc, Metric::Ks]
        );
        assert_eq!(
            training_metrics(EvalType::Binary, &["psi", "ks"]).unwrap(),
            vec![Metric::Ks]
        );
        assert_eq!(
            training_metrics(EvalType::Regression, &NONE).unwrap()[0],
            Metric::RootMeanSquaredError
        );
    }
}
