//! FATE's gradient optimizers. All work element by element, so running one on each party's part of a gradient
//! gives the same steps as running it on the whole vector.

use crate::WordError;
use crate::learning_rate::LearningRate;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const NAMES: &str = "sgd, rmsprop, adam, adagrad, nesterov_momentum_sgd";

/// Which rule turns a gradient into a step; written in jobs by FATE's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OptimizerKind {
    /// `rate g`.
    Sgd,
    /// `v = .99 v + .01 g^2`, step `rate g / sqrt(v + 1e-6)`.
    #[default]
    Rmsprop,
    /// Moments with factors .9 and .999, corrected for their start at zero, step `rate m / (sqrt(v) + 1e-8)`.
    Adam,
    /// `v = v + g^2`, step `rate g / (sqrt(v) + 1e-7)`.
    Adagrad,
    /// `v' = .9 v - rate g`, step `.9 v - 1.9 v'`.
    NesterovMomentumSgd,
}

impl OptimizerKind {
    /// FATE's name of the rule.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Rmsprop => "rmsprop",
            Self::Adam => "adam",
            Self::Adagrad => "adagrad",
            Self::NesterovMomentumSgd => "nesterov_momentum_sgd",
        }
    }
}

impl FromStr for OptimizerKind {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let (kind, choices) = ("optimizer", NAMES);
        match word.to_ascii_lowercase().as_str() {
            "sgd" => Ok(Self::Sgd),
            "rmsprop" => Ok(Self::Rmsprop),
            "adam" => Ok(Self::Adam),
            "adagrad" => Ok(Self::Adagrad),
            "nesterov_momentum_sgd" => Ok(Self::NesterovMomentumSgd),
            "sqn" => Err(WordError::NotBuilt {
                kind,
                word: word.to_owned(),
                choices,
            }),
            _ => Err(WordError::Unknown {
                kind,
                word: word.to_owned(),
                choices,
            }),
        }
    }
}

impl TryFrom<String> for OptimizerKind {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        word.parse()
    }
}

impl From<OptimizerKind> for String {
    fn from(kind: OptimizerKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// An optimizer and what it remembers between batches; serves one gradient vector for a whole training.
#[derive(Debug, Clone)]
pub struct Optimizer {
    kind: OptimizerKind,
    rate: LearningRate,
    first: Vec<f64>,
    second: Vec<f64>,
    // Adam's .9^k and .999^k after k steps; counts batches, not epochs.
    first_decay: f64,
    second_decay: f64,
}

impl Optimizer {
    /// Creates an optimizer that has seen no gradient.
    #[must_use]
    pub fn new(kind: OptimizerKind, rate: LearningRate) -> Self {
        Self {
            kind,
            rate,
            first: Vec::new(),
            second: Vec::new(),
            first_decay: 1.0,
            second_decay: 1.0,
        }
    }

    /// Returns the step to subtract from the weights.
    ///
    /// `gradient` keeps its length over the training (new entries would start from an empty memory); `epoch` counts
    /// from 0 and only sets the learning rate, so all batches of an epoch pass the same value.
    pub fn step(&mut self, gradient: &[f64], epoch: usize) -> Vec<f64> {
        let rate = self.rate.at(epoch);
        self.first.resize(gradient.len(), 0.0);
        self.second.resize(gradient.len(), 0.0);
        match self.kind {
            OptimizerKind::Sgd => gradient.iter().map(|g| rate * g).collect(),
            OptimizerKind::Rmsprop => self.remember(gradient, |v, g| {
                // `1.0 - 0.99` and not 0.01: they differ in the last digit, and FATE computes it
                // so.
                *v = 0.99 * *v + (1.0 - 0.99) * g * g;
                // Under the root here, outside of it in the rules below: each as FATE has it.
                rate * g / (*v + 1e-6).sqrt()
            }),
            OptimizerKind::Adagrad => self.remember(gradient, |v, g| {
                *v += g * g;
                rate * g / (v.sqrt() + 1e-7)
            }),
            OptimizerKind::NesterovMomentumSgd => self.remember(gradient, |v, g| {
                let before = *v;
                *v = 0.9 * before - rate * g;
                0.9 * before - 1.9 * *v
            }),
            OptimizerKind::Adam => self.adam(gradient, rate),
        }
    }

    fn remember(&mut self, gradient: &[f64], rule: impl Fn(&mut f64, f64) -> f64) -> Vec<f64> {
        self.first
            .iter_mut()
            .zip(gradient)
            .map(|(v, g)| rule(v, *g))
            .collect()
    }

    fn adam(&mut self, gradient: &[f64], rate: f64) -> Vec<f64> {
        const BETA1: f64 = 0.9;
        const BETA2: f64 = 0.999;
        self.first_decay *= BETA1;
        self.second_decay *= BETA2;
        let (first_gap, second_gap) = (1.0 - self.first_decay, 1.0 - self.second_decay);
        let moments = self.first.iter_mut().zip(self.second.iter_mut());
        moments
            .zip(gradient)
            .map(|((m, v), g)| {
                *m = BETA1 * *m + (1.0 - BETA1) * g;
                *v = BETA2 * *v + (1.0 - BETA2) * g * g;
                rate * (*m / first_gap) / ((*v / second_gap).sqrt() + 1e-8)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [OptimizerKind; 5] = [
        OptimizerKind::Sgd,
        OptimizerKind::Rmsprop,
        OptimizerKind::Adam,
        OptimizerKind::Adagrad,
        OptimizerKind::NesterovMomentumSgd,
    ];

    fn flat(start: f64) -> LearningRate {
        LearningRate {
            start,
            decay: 0.0,
            square_root: true,
        }
    }

    fn two_steps(kind: OptimizerKind, first: f64, second: f64) -> (f64, f64) {
        let mut optimizer = Optimizer::new(kind, flat(0.1));
        (
            optimizer.step(&[first], 0)[0],
            optimizer.step(&[second], 0)[0],
        )
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} differs from {b}");
    }

    #[test]
    fn sgd_scales_the_gradient() {
        assert_eq!(two_steps(OptimizerKind::Sgd, 2.0, -4.0), (0.2, -0.4));
    }

    #[test]
    fn rmsprop_divides_by_the_running_square() {
        let (one, two) = two_steps(OptimizerKind::Rmsprop, 2.0, 1.0);
        // v1 = .01 * 4, v2 = .99 * .04 + .01
        close(one, 0.2 / 0.040_001_f64.sqrt());
        close(two, 0.1 / 0.049_601_f64.sqrt());
    }

    #[test]
    fn adagrad_divides_by_the_total_square() {
        let (one, two) = two_steps(OptimizerKind::Adagrad, 3.0, 4.0);
        close(one, 0.3 / (3.0 + 1e-7));
        close(two, 0.4 / (5.0 + 1e-7));
    }

    #[test]
    fn nesterov_looks_ahead_along_its_velocity() {
        let (one, two) = two_steps(OptimizerKind::NesterovMomentumSgd, 1.0, 1.0);
        // v1 = -.1, step1 = 1.9 * .1; v2 = -.09 - .1, step2 = -.09 + 1.9 * .19
        close(one, 0.19);
        close(two, 0.271);
    }

    #[test]
    fn adam_corrects_both_moments_by_the_number_of_steps() {
        let (one, two) = two_steps(OptimizerKind::Adam, 2.0, 1.0);
        close(one, 0.1 * 2.0 / (2.0 + 1e-8));
        let (m, v) = (
            (0.9 * 0.2 + 0.1) / 0.19,
            (0.999 * 0.004 + 0.001) / (1.0 - 0.999 * 0.999),
        );
        close(two, 0.1 * m / (f64::sqrt(v) + 1e-8));
    }

    #[test]
    fn the_epoch_only_sets_the_rate() {
        let mut optimizer = Optimizer::new(
            OptimizerKind::Sgd,
            LearningRate {
                start: 0.1,
                ..Default::default()
            },
        );
        assert_eq!(optimizer.step(&[1.0], 3), vec![0.05]);
    }

    #[test]
    fn names_are_those_of_fate() {
        for kind in ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<OptimizerKind>(&json).unwrap(), kind);
        }
    }

    #[test]
    fn refuses_optimizers_it_does_not_have() {
        let sqn = "sqn".parse::<OptimizerKind>().unwrap_err();
        assert!(
            sqn.to_string()
                .starts_with("optimizer `sqn` is not built yet")
        );
        assert!(matches!(
            "momentum_sgd".parse::<OptimizerKind>(),
            Err(WordError::Unknown { .. })
        ));
        assert!(serde_json::from_str::<OptimizerKind>("\"sqn\"").is_err());
    }

    proptest! {
        #[test]
        fn separate_parts_step_as_the_whole(
            gradients in proptest::collection::vec(proptest::array::uniform4(-5.0f64..5.0), 1..12),
            cut in 0usize..=4,
        ) {
            for kind in ALL {
                let rate = LearningRate { start: 0.15, ..LearningRate::default() };
                let mut whole = Optimizer::new(kind, rate);
                let (mut left, mut right) = (whole.clone(), whole.clone());
                for (epoch, gradient) in gradients.iter().enumerate() {
                    let (a, b) = gradient.split_at(cut);
                    let parts = [left.step(a, epoch), right.step(b, epoch)].concat();
                    prop_assert_eq!(whole.step(gradient, epoch), parts);
                }
            }
        }
    }
}
