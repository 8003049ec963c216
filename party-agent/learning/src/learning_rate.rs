//! The learning-rate schedule of FATE's linear models: a start rate that decays with the epoch.

use serde::{Deserialize, Serialize};

/// A start rate and its decay; `at(t)` is `start / sqrt(1 + decay t)`, or without the root when `square_root` is false.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningRate {
    /// Rate of epoch 0 (`learning_rate` in a job).
    pub start: f64,
    /// How fast it falls; 0 keeps it constant.
    pub decay: f64,
    /// Whether the denominator is under a square root (`decay_sqrt` in a job).
    pub square_root: bool,
}

impl LearningRate {
    /// The rate of the given epoch, counted from 0. All batches of an epoch share it.
    #[must_use]
    pub fn at(&self, epoch: usize) -> f64 {
        let denominator = 1.0 + self.decay * epoch as f64;
        if self.square_root {
            self.start / denominator.sqrt()
        } else {
            self.start / denominator
        }
    }
}

impl Default for LearningRate {
    /// FATE's defaults for HeteroLR: 0.01, decay 1, square root.
    fn default() -> Self {
        Self {
            start: 0.01,
            decay: 1.0,
            square_root: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decays_with_the_root_of_the_epoch() {
        let rate = LearningRate {
            start: 0.15,
            decay: 1.0,
            square_root: true,
        };
        assert_eq!(rate.at(0), 0.15);
        assert_eq!(rate.at(3), 0.075);
    }

    #[test]
    fn decays_linearly_without_the_root() {
        let rate = LearningRate {
            start: 0.75,
            decay: 0.5,
            square_root: false,
        };
        assert_eq!(rate.at(4), 0.25);
    }

    #[test]
    fn stays_constant_without_decay() {
        let rate = LearningRate {
            start: 0.2,
            decay: 0.0,
            square_root: true,
        };
        assert_eq!(rate.at(99), 0.2);
    }
}
