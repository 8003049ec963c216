//! Linear models by full-batch gradient descent: no intercept, a start at zero, a step that shrinks with the square root
//! of the turn, an end when the weights move little.

use learning::initial::Seeded;

use crate::error::{LearnError, Result, Watch};
use crate::points::Points;

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Half the squared error.
    Squares,
    /// The logistic loss of labels 0 and 1.
    Logistic,
}

/// How it is minimised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Descent {
    pub(crate) loss: Loss,
    pub(crate) turns: usize,
    pub(crate) step: f64,
    /// The part of the rows that a turn looks at.
    pub(crate) fraction: f64,
    pub(crate) tolerance: f64,
    /// The weight of the squared penalty.
    pub(crate) penalty: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// The chance of label 1.
fn chance(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// The class that logistic weights give.
pub(crate) fn class(weights: &[f64], row: &[f64]) -> i64 {
    i64::from(chance(dot(weights, row)) > 0.5)
}

/// The number that linear weights give.
pub(crate) fn score(weights: &[f64], row: &[f64]) -> f64 {
    dot(weights, row)
}

pub(crate) fn learn(points: &Points, how: Descent, watch: Watch<'_>) -> Result<Vec<f64>> {
    if how.loss == Loss::Logistic
        && points
            .labels
            .iter()
            .any(|label| *label != 0.0 && *label != 1.0)
    {
        return Err(LearnError::Data("labels must be 0 and 1".to_owned()));
    }
    let mut weights = vec![0.0; points.width];
    for turn in 1..=how.turns {
        watch.go_on()?;
        let Some(gradient) = gradient(points, &weights, how, turn, watch)? else {
            continue;
        };
        let step = how.step / (turn as f64).sqrt();
        let shrink = 1.0 - step * how.penalty;
        let next: Vec<f64> = weights
            .iter()
            .zip(&gradient)
            .map(|(weight, g)| weight * shrink - step * g)
            .collect();
        if next.iter().any(|weight| !weight.is_finite()) {
            let reason =
                format!("the weights grow beyond all bounds in turn {turn}: take a smaller step");
            return Err(LearnError::parameter("step", reason));
        }
        let moved: Vec<f64> = next
            .iter()
            .zip(&weights)
            .map(|(next, weight)| next - weight)
            .collect();
        weights = next;
        // the first turn is compared with nothing
        if turn > 1 && norm(&moved) < how.tolerance * norm(&weights).max(1.0) {
            break;
        }
    }
    Ok(weights)
}

/// The mean gradient over the rows of a turn; none if chance gave none.
fn gradient(
    points: &Points,
    weights: &[f64],
    how: Descent,
    turn: usize,
    watch: Watch<'_>,
) -> Result<Option<Vec<f64>>> {
    let mut seeded = Seeded::new(42 + turn as u64);
    let (mut sum, mut count) = (vec![0.0; points.width], 0usize);
    for (at, (row, label)) in points.rows().zip(&points.labels).enumerate() {
        watch.now_and_then(at)?;
        if how.fraction < 1.0 && seeded.uniform() >= how.fraction {
            continue;
        }
        let margin = dot(weights, row);
        let error = match how.loss {
            Loss::Squares => margin - label,
            Loss::Logistic => chance(margin) - label,
        };
        count += 1;
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, cell)| *sum += error * cell);
    }
    Ok((count > 0).then(|| sum.into_iter().map(|sum| sum / count as f64).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(points: &Points, how: Descent) -> Result<Vec<f64>> {
        super::learn(points, how, Watch(&|| false))
    }

    const PLAIN: Descent = Descent {
        loss: Loss::Squares,
        turns: 1,
        step: 0.1,
        fraction: 1.0,
        tolerance: 0.0,
        penalty: 0.0,
    };

    fn points() -> Points {
        Points {
            width: 2,
            labels: vec![1.0, 2.0],
            cells: vec![1.0, 0.0, 1.0, 2.0],
        }
    }

    #[test]
    fn takes_the_steps_that_paper_gives() {
        // turn 1: errors -1, -2; gradient (-1.5, -2); weights (0.15, 0.2)
        let weights = learn(&points(), PLAIN).unwrap();
        assert!((weights[0] - 0.15).abs() < 1e-15 && (weights[1] - 0.2).abs() < 1e-15);
        // turn 2: errors -0.85, -1.45; gradient (-1.15, -1.45); the step is 0.1 / sqrt 2
        let weights = learn(&points(), Descent { turns: 2, ..PLAIN }).unwrap();
        let step = 0.1 / 2f64.sqrt();
        assert!(
            (weights[0] - (0.15 + step * 1.15)).abs() < 1e-15
                && (weights[1] - (0.2 + step * 1.45)).abs() < 1e-15
        );
        // with a penalty the weights shrink first
        let weights = learn(
            &points(),
            Descent {
                turns: 2,
                penalty: 0.5,
                ..PLAIN
            },
        )
        .unwrap();
        assert!((weights[0] - (0.15 * (1.0 - step * 0.5) + step * 1.15)).abs() < 1e-15);
    }

    #[test]
    fn comes_to_the_solution_and_stops_there() {
        let many = Descent {
            turns: 100_000,
            step: 0.5,
            tolerance: 1e-12,
            ..PLAIN
        };
        let weights = learn(&points(), many).unwrap();
        assert!(
            (weights[0] - 1.0).abs() < 1e-6 && (weights[1] - 0.5).abs() < 1e-6,
            "{weights:?}"
        );
        // a wide tolerance ends after the second turn
        let wide = Descent {
            turns: 50,
            tolerance: 10.0,
            ..PLAIN
        };
        assert_eq!(
            learn(&points(), wide),
            learn(&points(), Descent { turns: 2, ..PLAIN })
        );
    }

    #[test]
    fn looks_at_a_part_of_the_rows_in_each_turn() {
        let some = Descent {
            turns: 2_000,
            step: 0.5,
            fraction: 0.5,
            ..PLAIN
        };
        let weights = learn(&points(), some).unwrap();
        assert!(
            (score(&weights, &[1.0, 2.0]) - 2.0).abs() < 0.2,
            "{weights:?}"
        );
    }

    #[test]
    fn separates_classes_and_refuses_others() {
        let points = Points {
            width: 1,
            labels: vec![0.0, 1.0],
            cells: vec![-1.0, 1.0],
        };
        let how = Descent {
            loss: Loss::Logistic,
            turns: 10,
            step: 1.0,
            penalty: 0.01,
            ..PLAIN
        };
        let weights = learn(&points, how).unwrap();
        assert_eq!((class(&weights, &[-3.0]), class(&weights, &[3.0])), (0, 1));
        let wrong = Points {
            labels: vec![0.0, 2.0],
            ..points
        };
        assert!(learn(&wrong, how).is_err());
    }

    #[test]
    fn ends_when_it_is_stopped() {
        assert_eq!(
            super::learn(&points(), PLAIN, Watch(&|| true)),
            Err(LearnError::Stopped)
        );
    }

    #[test]
    fn says_that_a_step_is_too_large() {
        let how = Descent {
            turns: 1_000,
            step: 1e200,
            ..PLAIN
        };
        assert!(
            learn(&points(), how)
                .unwrap_err()
                .to_string()
                .contains("smaller step")
        );
    }
}
