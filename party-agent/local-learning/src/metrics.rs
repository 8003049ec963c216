//! Figures of an evaluation, printed as a dict of Python.

use crate::points::{class_of, classes_of};
use crate::python::Literal;

fn dict(pairs: Vec<(&str, Literal)>) -> Literal {
    Literal::Dict(
        pairs
            .into_iter()
            .map(|(name, value)| (Literal::Text(name.to_owned()), value))
            .collect(),
    )
}

/// Figures of predicted numbers against observed ones: MAE, MSE, RMSE, R-squared.
pub fn regression(predicted: &[f64], observed: &[f64]) -> Literal {
    let count = predicted.len().min(observed.len()) as f64;
    let errors = || {
        predicted
            .iter()
            .zip(observed)
            .map(|(predicted, observed)| observed - predicted)
    };
    let squares: f64 = errors().map(|error| error * error).sum();
    let mean = observed.iter().sum::<f64>() / count;
    let spread: f64 = observed
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    dict(vec![
        (
            "MAE",
            Literal::Float(errors().map(f64::abs).sum::<f64>() / count),
        ),
        ("MSE", Literal::Float(squares / count)),
        ("RMSE", Literal::Float((squares / count).sqrt())),
        ("R-squared", Literal::Float(1.0 - squares / spread)),
    ])
}

/// Figures of predicted classes against observed ones: the matrix (a row for each observed class), and the part that is
/// right under three names.
pub fn classification(predicted: &[f64], observed: &[f64]) -> Literal {
    let classes = classes_of(predicted.iter().chain(observed).copied());
    let at = |class: &f64| class_of(&classes, *class);
    let mut matrix = vec![vec![0.0; classes.len()]; classes.len()];
    let mut right = 0usize;
    for (predicted, observed) in predicted.iter().zip(observed) {
        matrix[at(observed)][at(predicted)] += 1.0;
        right += usize::from(predicted == observed);
    }
    let row = |cells: Vec<f64>| Literal::List(cells.into_iter().map(Literal::Float).collect());
    let accuracy = right as f64 / predicted.len().min(observed.len()) as f64;
    dict(vec![
        (
            "Matrix",
            Literal::List(matrix.into_iter().map(row).collect()),
        ),
        ("Precision", Literal::Float(accuracy)),
        ("Recall", Literal::Float(accuracy)),
        ("F1 Score", Literal::Float(accuracy)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_below_nothing_is_the_class_of_zero() {
        let shown = repr(&classification(&[-1.0, 0.0, -0.0], &[-1.0, -0.0, 0.0]));
        assert!(shown.contains("[[1.0, 0.0], [0.0, 2.0]]"), "{shown}");
    }
    use crate::python::repr;

    #[test]
    fn prints_figures() {
        assert_eq!(
            repr(&regression(&[1.0, 2.0, 5.0], &[1.0, 3.0, 2.0])),
            "{'MAE': 1.3333333333333333, 'MSE': 3.3333333333333335, 'RMSE': 1.8257418583505538, 'R-squared': -4.0}"
        );
        assert_eq!(
            repr(&classification(
                &[0.0, 1.0, 1.0, 0.0],
                &[0.0, 1.0, 0.0, 0.0]
            )),
            "{'Matrix': [[2.0, 1.0], [0.0, 1.0]], 'Precision': 0.75, 'Recall': 0.75, 'F1 Score': 0.75}"
        );
    }
}
