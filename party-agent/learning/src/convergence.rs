//! When a linear model has converged, by the loss of the epochs or by the steps of one epoch, as FATE's hetero
//! arbiter decides it.

use crate::WordError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which rule ends the training before the last epoch; written in jobs by FATE's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EarlyStop {
    /// The loss changed by less than the tolerance.
    #[default]
    Diff,
    /// The loss is at most the tolerance.
    Abs,
    /// The sum of the epoch's steps is shorter than the tolerance.
    WeightDiff,
}

impl EarlyStop {
    /// FATE's name of the rule.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Abs => "abs",
            Self::WeightDiff => "weight_diff",
        }
    }

    /// Whether the rule looks at the loss (and so needs one).
    #[must_use]
    pub fn needs_loss(self) -> bool {
        matches!(self, Self::Diff | Self::Abs)
    }
}

impl FromStr for EarlyStop {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.to_ascii_lowercase().as_str() {
            "diff" => Ok(Self::Diff),
            "abs" => Ok(Self::Abs),
            "weight_diff" => Ok(Self::WeightDiff),
            _ => {
                let choices = "diff, abs, weight_diff";
                Err(WordError::Unknown {
                    kind: "early_stop",
                    word: word.to_owned(),
                    choices,
                })
            }
        }
    }
}

impl TryFrom<String> for EarlyStop {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        word.parse()
    }
}

impl From<EarlyStop> for String {
    fn from(kind: EarlyStop) -> Self {
        kind.as_str().to_owned()
    }
}

/// A rule with its tolerance and the loss it saw last. Callers report both the loss and the steps of each epoch where
/// they have them; only the report the rule looks at can answer true.
#[derive(Debug, Clone)]
pub struct Convergence {
    kind: EarlyStop,
    tolerance: f64,
    last_loss: Option<f64>,
}

impl Convergence {
    /// Creates a rule that has seen no epoch.
    #[must_use]
    pub fn new(kind: EarlyStop, tolerance: f64) -> Self {
        Self {
            kind,
            tolerance,
            last_loss: None,
        }
    }

    /// Reports the mean loss of an epoch; true when training has converged. With `diff` the first epoch never does.
    pub fn loss(&mut self, loss: f64) -> bool {
        let last = self.last_loss.replace(loss);
        match self.kind {
            EarlyStop::Diff => last.is_some_and(|last| (last - loss).abs() < self.tolerance),
            // Not less but at most, and without absolute value: FATE's comparison.
            EarlyStop::Abs => loss <= self.tolerance,
            EarlyStop::WeightDiff => false,
        }
    }

    /// Reports the sum of an epoch's steps over the weights of all parties; true when training has converged.
    #[must_use]
    pub fn weights(&self, step_sum: &[f64]) -> bool {
        let norm = step_sum.iter().map(|step| step * step).sum::<f64>().sqrt();
        self.kind == EarlyStop::WeightDiff && norm < self.tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diff_compares_with_the_epoch_before() {
        let mut diff = Convergence::new(EarlyStop::Diff, 0.125);
        assert!(!diff.loss(0.0));
        assert!(!diff.loss(0.5));
        assert!(
            !diff.loss(0.625),
            "a change equal to the tolerance is not below it"
        );
        assert!(diff.loss(0.5625));
        assert!(!diff.weights(&[0.0]));
    }

    #[test]
    fn abs_accepts_a_loss_at_the_tolerance() {
        let mut abs = Convergence::new(EarlyStop::Abs, 0.25);
        assert!(!abs.loss(0.26));
        assert!(abs.loss(0.25));
    }

    #[test]
    fn weight_diff_measures_the_steps_of_one_epoch() {
        let mut rule = Convergence::new(EarlyStop::WeightDiff, 5.0);
        assert!(!rule.weights(&[3.0, 4.0]));
        assert!(rule.weights(&[3.0, -3.9]), "the first epoch may converge");
        assert!(!rule.loss(0.0));
        assert!(!rule.loss(0.0));
    }

    #[test]
    fn names_are_those_of_fate() {
        for kind in [EarlyStop::Diff, EarlyStop::Abs, EarlyStop::WeightDiff] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("loss".parse::<EarlyStop>().is_err());
        assert_eq!(
            serde_json::from_str::<EarlyStop>("\"weight_diff\"").unwrap(),
            EarlyStop::WeightDiff
        );
    }
}
