//! Naive Bayes of counts (multinomial), with additive smoothing.

use serde::{Deserialize, Serialize};

use crate::error::{LearnError, Result, Watch};
use crate::points::{Points, class_of, classes_of};

/// Logarithms of the chances of classes, and of columns in classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bayes {
    classes: Vec<f64>,
    priors: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

impl Bayes {
    pub(crate) fn learn(points: &Points, smoothing: f64, watch: Watch<'_>) -> Result<Self> {
        if let Some(index) = points
            .rows()
            .position(|row| row.iter().any(|cell| *cell < 0.0))
        {
            return Err(LearnError::row(
                index + 1,
                "naive Bayes counts, and a value is below 0",
            ));
        }
        let classes = classes_of(points.labels.iter().copied());
        let mut rows = vec![0.0; classes.len()];
        let mut sums = vec![vec![0.0; points.width]; classes.len()];
        for (at, (row, label)) in points.rows().zip(&points.labels).enumerate() {
            watch.now_and_then(at)?;
            let class = class_of(&classes, *label);
            rows[class] += 1.0;
            sums[class]
                .iter_mut()
                .zip(row)
                .for_each(|(sum, cell)| *sum += cell);
        }
        let all = points.len() as f64 + classes.len() as f64 * smoothing;
        let priors = rows
            .iter()
            .map(|rows| (rows + smoothing).ln() - all.ln())
            .collect();
        let column = |sums: Vec<f64>| {
            // a class without anything in it is as likely to have one thing as another
            let whole = (sums.iter().sum::<f64>() + points.width as f64 * smoothing)
                .max(f64::MIN_POSITIVE)
                .ln();
            sums.into_iter()
                .map(|sum| (sum + smoothing).ln() - whole)
                .collect()
        };
        Ok(Self {
            classes,
            priors,
            columns: sums.into_iter().map(column).collect(),
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// The likeliest class.
    pub(crate) fn class(&self, row: &[f64]) -> f64 {
        // a column that a class never had is worth nothing where the row has nothing there either
        let part = |(cell, log): (&f64, &f64)| if *cell == 0.0 { 0.0 } else { cell * log };
        let score = |(prior, columns): (&f64, &Vec<f64>)| {
            prior + row.iter().zip(columns).map(part).sum::<f64>()
        };
        let scores = self.priors.iter().zip(&self.columns).map(score);
        // the first of equals
        let best = scores
            .zip(&self.classes)
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map_or(f64::NAN, |(_, class)| *class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_ON: Watch<'static> = Watch(&|| false);

    #[test]
    fn agrees_with_counting() {
        let points = Points {
            width: 2,
            labels: vec![0.0, 0.0, 5.0],
            cells: vec![2.0, 0.0, 1.0, 1.0, 0.0, 3.0],
        };
        let bayes = Bayes::learn(&points, 1.0, GO_ON).unwrap();
        // class 0: (3 + 1) / (4 + 2) and (1 + 1) / 6; prior (2 + 1) / (3 + 2)
        assert!((bayes.columns[0][0].exp() - 4.0 / 6.0).abs() < 1e-12);
        assert!((bayes.priors[0].exp() - 3.0 / 5.0).abs() < 1e-12);
        assert_eq!(
            [bayes.class(&[1.0, 0.0]), bayes.class(&[0.0, 2.0])],
            [0.0, 5.0]
        );
        let even = Points {
            width: 1,
            labels: vec![0.0, 1.0],
            cells: vec![1.0, 1.0],
        };
        assert_eq!(
            Bayes::learn(&even, 1.0, GO_ON).unwrap().class(&[0.0]),
            0.0,
            "the first of equals"
        );
        let empty = Points {
            width: 1,
            labels: vec![0.0, 1.0],
            cells: vec![0.0, 1.0],
        };
        assert_eq!(Bayes::learn(&empty, 0.0, GO_ON).unwrap().class(&[3.0]), 1.0);
        let wrong = Points {
            cells: vec![2.0, 0.0, 1.0, -1.0, 0.0, 3.0],
            ..points
        };
        assert_eq!(
            Bayes::learn(&wrong, 1.0, GO_ON).unwrap_err().to_string(),
            "row 2: naive Bayes counts, and a value is below 0"
        );
    }
}
