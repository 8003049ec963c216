//! Regularisation as FATE's linear models apply it: L2 enters the gradient, L1 acts by shrinking after the step.
//! The intercept is never regularised here; callers keep it apart and subtract its step plainly.

use crate::WordError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which norm of the weights is penalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Option<String>", into = "Option<String>")]
pub enum Penalty {
    /// No penalty; `null` or `none` in a job.
    None,
    /// Sum of absolute weights.
    L1,
    /// Half the sum of squared weights.
    #[default]
    L2,
}

impl FromStr for Penalty {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.to_ascii_lowercase().as_str() {
            "l1" => Ok(Self::L1),
            "l2" => Ok(Self::L2),
            "none" => Ok(Self::None),
            _ => Err(WordError::Unknown {
                kind: "penalty",
                word: word.to_owned(),
                choices: "L1, L2, none",
            }),
        }
    }
}

impl TryFrom<Option<String>> for Penalty {
    type Error = WordError;

    fn try_from(word: Option<String>) -> Result<Self, WordError> {
        word.map_or(Ok(Self::None), |word| word.parse())
    }
}

impl From<Penalty> for Option<String> {
    fn from(penalty: Penalty) -> Self {
        match penalty {
            Penalty::None => None,
            Penalty::L1 => Some("L1".to_owned()),
            Penalty::L2 => Some("L2".to_owned()),
        }
    }
}

/// A penalty with its strength, over the weights of one party without the intercept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regularisation {
    /// Which norm.
    pub penalty: Penalty,
    /// Strength.
    pub alpha: f64,
    /// Undecayed learning rate, which sets the width of the L1 shrinkage.
    pub start_rate: f64,
}

impl Regularisation {
    /// Adds `alpha w` to the gradient for L2 and nothing otherwise; extra entries of `gradient` stay as they are.
    pub fn add_to_gradient(&self, weights: &[f64], gradient: &mut [f64]) {
        if self.penalty == Penalty::L2 {
            gradient
                .iter_mut()
                .zip(weights)
                .for_each(|(g, w)| *g += self.alpha * w);
        }
    }

    /// The term this party adds to the loss: `alpha/2 |w|^2` for L2, `alpha |w|_1` for L1, else 0.
    #[must_use]
    pub fn loss(&self, weights: &[f64]) -> f64 {
        match self.penalty {
            Penalty::None => 0.0,
            Penalty::L1 => self.alpha * weights.iter().map(|w| w.abs()).sum::<f64>(),
            Penalty::L2 => 0.5 * self.alpha * weights.iter().map(|w| w * w).sum::<f64>(),
        }
    }

    /// Subtracts the optimizer's step from the weights; L1 then pulls each weight towards zero by
    /// `alpha start_rate / sqrt(epoch)`.
    ///
    /// In epoch 0 that width is infinite and L1 leaves all weights at zero, as FATE does.
    pub fn apply(&self, weights: &mut [f64], step: &[f64], epoch: usize) {
        let width = match self.penalty {
            // A strength of zero must not become 0 * infinity.
            Penalty::L1 if self.alpha > 0.0 => self.alpha * self.start_rate / (epoch as f64).sqrt(),
            Penalty::L1 | Penalty::L2 | Penalty::None => 0.0,
        };
        for (weight, step) in weights.iter_mut().zip(step) {
            let moved = *weight - step;
            *weight = if width > 0.0 {
                // Soft threshold: a step across zero stops at zero, which is what makes weights
                // sparse.
                moved.signum() * (moved.abs() - width).max(0.0)
            } else {
                moved
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(penalty: Penalty, alpha: f64) -> Regularisation {
        Regularisation {
            penalty,
            alpha,
            start_rate: 0.2,
        }
    }

    #[test]
    fn l2_enters_gradient_and_loss_but_not_the_intercept() {
        let l2 = with(Penalty::L2, 0.1);
        let mut gradient = [1.0, 1.0, 1.0];
        l2.add_to_gradient(&[2.0, -4.0], &mut gradient);
        assert_eq!(gradient, [1.2, 0.6, 1.0]);
        assert!((l2.loss(&[2.0, -4.0]) - 1.0).abs() < 1e-15);
        let mut weights = [2.0, -4.0];
        l2.apply(&mut weights, &[0.5, 0.5], 0);
        assert_eq!(weights, [1.5, -4.5]);
    }

    #[test]
    fn l1_shrinks_towards_zero_after_the_step() {
        let l1 = with(Penalty::L1, 1.0);
        let mut gradient = [1.0, 1.0];
        l1.add_to_gradient(&[2.0, -4.0], &mut gradient);
        assert_eq!(gradient, [1.0, 1.0]);
        assert_eq!(l1.loss(&[2.0, -4.0]), 6.0);
        let mut weights = [1.0, -1.0, 0.05];
        l1.apply(&mut weights, &[0.5, -0.5, 0.0], 4);
        // width = .2 / sqrt 4
        assert_eq!(weights, [0.4, -0.4, 0.0]);
    }

    #[test]
    fn l1_clears_the_weights_in_epoch_zero() {
        let mut weights = [3.0, -3.0];
        with(Penalty::L1, 0.01).apply(&mut weights, &[0.1, 0.1], 0);
        assert_eq!(weights.map(f64::abs), [0.0, 0.0]);
        let mut free = [3.0];
        with(Penalty::L1, 0.0).apply(&mut free, &[0.5], 0);
        assert_eq!(free, [2.5]);
    }

    #[test]
    fn no_penalty_only_steps() {
        let none = with(Penalty::None, 5.0);
        let mut weights = [1.0];
        none.apply(&mut weights, &[0.25], 3);
        assert_eq!((weights, none.loss(&weights)), ([0.75], 0.0));
    }

    #[test]
    fn reads_the_words_of_a_job() {
        assert_eq!(
            serde_json::from_str::<Penalty>("null").unwrap(),
            Penalty::None
        );
        assert_eq!(
            serde_json::from_str::<Penalty>("\"L2\"").unwrap(),
            Penalty::L2
        );
        assert_eq!(
            serde_json::from_str::<Penalty>("\"l1\"").unwrap(),
            Penalty::L1
        );
        assert!(serde_json::from_str::<Penalty>("\"l3\"").is_err());
        assert_eq!(serde_json::to_string(&Penalty::L2).unwrap(), "\"L2\"");
        assert_eq!(serde_json::to_string(&Penalty::None).unwrap(), "null");
    }
}
