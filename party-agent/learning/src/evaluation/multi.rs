//! The evaluation of a classifier of several classes: accuracy, and precision and recall per class with their mean.

use super::curves::ks;
use super::ranking::Ranking;
use super::{EvaluationError, Metric, check_lengths, figure, figures};
use ndarray::ArrayView2;
use std::collections::BTreeSet;

/// Class numbers up to which missing classes are filled in, so that classes and positions agree.
const FILLED_UP_TO: i64 = 1000;

/// What an evaluation of several classes reports.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiReport {
    /// Single figures by FATE's name, in the order asked for; precision and recall are means over the classes seen.
    pub scalars: Vec<(&'static str, f64)>,
    /// Classes 0 to the highest, those without rows included (only the classes seen where a number is negative or
    /// above 1000).
    pub classes: Vec<i64>,
    /// Share of the rows predicted as a class that are of it; 0 where none is.
    pub precision: Vec<f64>,
    /// Share of the rows of a class predicted as such; 0 where there are none.
    pub recall: Vec<f64>,
}

/// Evaluates predicted classes against labels, in the order of `metrics`.
///
/// # Errors
/// Needs rows and equal lengths.
pub fn evaluate_multi(
    labels: &[i64],
    predicted: &[i64],
    metrics: &[Metric],
) -> Result<MultiReport, EvaluationError> {
    let all = multi_values(labels, predicted, metrics)?;
    let classes = filled(&all.classes);
    let spread = |values: &[f64]| {
        // A class between two others that no row has is right of no row.
        let value = |class: &i64| match all.classes.binary_search(class) {
            Ok(at) => values[at],
            Err(_) => 0.0,
        };
        figures(classes.iter().map(value))
    };
    Ok(MultiReport {
        scalars: all
            .scalars
            .iter()
            .map(|(name, value)| (*name, figure(*value)))
            .collect(),
        precision: spread(&all.precision),
        recall: spread(&all.recall),
        classes,
    })
}

/// Unrounded and unfilled.
fn multi_values(
    labels: &[i64],
    predicted: &[i64],
    metrics: &[Metric],
) -> Result<MultiReport, EvaluationError> {
    check_lengths(labels.len(), predicted.len())?;
    // Predicted classes count as well: one that no row has must lower the mean precision.
    let seen: BTreeSet<i64> = labels.iter().chain(predicted).copied().collect();
    let classes: Vec<i64> = seen.into_iter().collect();
    let (mut hits, mut of_class, mut said) = (
        vec![0; classes.len()],
        vec![0; classes.len()],
        vec![0; classes.len()],
    );
    let add = |counts: &mut Vec<usize>, class: &i64| {
        let at = classes.binary_search(class).ok();
        if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    };
    for (label, guess) in labels.iter().zip(predicted) {
        add(&mut of_class, label);
        add(&mut said, guess);
        if label == guess {
            add(&mut hits, label);
        }
    }
    let share = |hits: &[usize], all: &[usize]| -> Vec<f64> {
        hits.iter()
            .zip(all)
            .map(|(hit, all)| {
                if *all == 0 {
                    0.0
                } else {
                    *hit as f64 / *all as f64
                }
            })
            .collect()
    };
    let (precision, recall) = (share(&hits, &said), share(&hits, &of_class));
    // Over the classes seen, before any are filled in: an invented class must not lower it.
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let scalar = |metric: &Metric| match metric {
        Metric::Accuracy => Some((
            "accuracy",
            hits.iter().sum::<usize>() as f64 / labels.len() as f64,
        )),
        Metric::Precision => Some(("precision", mean(&precision))),
        Metric::Recall => Some(("recall", mean(&recall))),
        _ => None,
    };
    let scalars = metrics.iter().filter_map(scalar).collect();
    Ok(MultiReport {
        scalars,
        classes,
        precision,
        recall,
    })
}

fn filled(classes: &[i64]) -> Vec<i64> {
    match (classes.first(), classes.last()) {
        (Some(first), Some(last)) if *first >= 0 && *last <= FILLED_UP_TO => (0..=*last).collect(),
        _ => classes.to_vec(),
    }
}

/// One class against all others.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFigures {
    /// The class.
    pub class: i64,
    /// Area under the ROC curve; 0 where the class has no rows or all.
    pub auc: f64,
    /// FATE's KS; 0 where the class has no rows or all.
    pub ks: f64,
}

/// Ranks the rows by the probability of each class in turn (`unfold_multi_result` in a job); column k of
/// `probabilities` belongs to `classes[k]`.
///
/// # Errors
/// Needs rows, a column per class, finite probabilities and equal lengths.
pub fn one_vs_rest(
    labels: &[i64],
    classes: &[i64],
    probabilities: ArrayView2<'_, f64>,
) -> Result<Vec<ClassFigures>, EvaluationError> {
    check_lengths(labels.len(), probabilities.nrows())?;
    if classes.len() != probabilities.ncols() {
        return Err(EvaluationError::Classes {
            columns: probabilities.ncols(),
            classes: classes.len(),
        });
    }
    let figures_of = |(class, scores): (&i64, ndarray::ArrayView1<'_, f64>)| {
        let positive: Vec<bool> = labels.iter().map(|label| label == class).collect();
        match Ranking::new(&positive, &scores.to_vec()) {
            Ok(ranking) => Ok(ClassFigures {
                class: *class,
                auc: figure(ranking.auc()),
                ks: figure(ks(&ranking).0),
            }),
            // A class without rows on both sides has no ranking, and must not take the others'
            // figures away.
            Err(EvaluationError::OneClass { .. }) => Ok(ClassFigures {
                class: *class,
                auc: 0.0,
                ks: 0.0,
            }),
            Err(error) => Err(error),
        }
    };
    classes
        .iter()
        .zip(probabilities.columns())
        .map(figures_of)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::EvalType;
    use ndarray::array;

    #[test]
    fn figures_are_means_over_the_classes_seen() {
        let labels = [0, 1, 2, 0, 1, 2];
        let report =
            evaluate_multi(&labels, &[0, 2, 1, 0, 0, 1], EvalType::Multi.metrics()).unwrap();
        let expected = [
            ("accuracy", 0.333333),
            ("precision", 0.222222),
            ("recall", 0.333333),
        ];
        assert_eq!(report.scalars, expected);
        assert_eq!(report.precision, vec![0.666667, 0.0, 0.0]);
        assert_eq!(report.recall, vec![1.0, 0.0, 0.0]);
    }

    #[test]
    fn missing_classes_are_filled_in_but_not_averaged() {
        let report = evaluate_multi(&[1, 3], &[1, 3], EvalType::Multi.metrics()).unwrap();
        assert_eq!(report.classes, vec![0, 1, 2, 3]);
        assert_eq!(report.precision, vec![0.0, 1.0, 0.0, 1.0]);
        assert_eq!(report.scalars[1], ("precision", 1.0));
        let far = evaluate_multi(&[7, i64::MAX], &[7, 7], &[Metric::Recall]).unwrap();
        assert_eq!(
            (far.classes, far.scalars),
            (vec![7, i64::MAX], vec![("recall", 0.5)])
        );
    }

    #[test]
    fn each_class_is_ranked_against_the_rest() {
        let probabilities = array![[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.4, 0.5, 0.1]];
        let all = one_vs_rest(&[0, 1, 0], &[0, 1, 2], probabilities.view()).unwrap();
        assert_eq!(
            (all[0].auc, all[1].auc, all[2].auc, all[2].ks),
            (1.0, 1.0, 0.0, 0.0)
        );
        assert_eq!(all[0].ks, 1.0);
    }

    #[test]
    fn refuses_columns_without_a_class() {
        let error = one_vs_rest(&[0], &[0], array![[0.5, 0.5]].view()).unwrap_err();
        assert_eq!(
            error,
            EvaluationError::Classes {
                columns: 2,
                classes: 1
            }
        );
        assert_eq!(evaluate_multi(&[], &[], &[]), Err(EvaluationError::NoRows));
    }
}
