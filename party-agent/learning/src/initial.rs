//! Initial weights by FATE's methods, and a small seeded generator for runs that must be repeatable. The generator is
//! for reference runs and tests only: it is predictable and hides nothing.

use crate::WordError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How weights start; written in jobs by FATE's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum InitMethod {
    /// Uniform in [0, 1).
    #[default]
    RandomUniform,
    /// Standard normal.
    RandomNormal,
    /// All 1.
    Ones,
    /// All 0.
    Zeros,
    /// All `init_const`.
    Const,
}

impl InitMethod {
    /// FATE's name of the method.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RandomUniform => "random_uniform",
            Self::RandomNormal => "random_normal",
            Self::Ones => "ones",
            Self::Zeros => "zeros",
            Self::Const => "const",
        }
    }

    /// Draws `length` weights, the intercept included where there is one; `uniform` yields numbers in [0, 1).
    pub fn draw(self, length: usize, constant: f64, uniform: &mut dyn FnMut() -> f64) -> Vec<f64> {
        match self {
            Self::RandomUniform => (0..length).map(|_| uniform()).collect(),
            Self::RandomNormal => (0..length).map(|_| normal(uniform)).collect(),
            Self::Ones => vec![1.0; length],
            Self::Zeros => vec![0.0; length],
            Self::Const => vec![constant; length],
        }
    }
}

/// Box and Muller's transform of two uniform numbers; `1 - u` keeps the logarithm finite.
fn normal(uniform: &mut dyn FnMut() -> f64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform()).cos()
}

impl FromStr for InitMethod {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word.to_ascii_lowercase().as_str() {
            "random_uniform" => Ok(Self::RandomUniform),
            "random_normal" => Ok(Self::RandomNormal),
            "ones" => Ok(Self::Ones),
            "zeros" => Ok(Self::Zeros),
            "const" => Ok(Self::Const),
            _ => {
                let choices = "random_uniform, random_normal, ones, zeros, const";
                Err(WordError::Unknown {
                    kind: "init_method",
                    word: word.to_owned(),
                    choices,
                })
            }
        }
    }
}

impl TryFrom<String> for InitMethod {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        word.parse()
    }
}

impl From<InitMethod> for String {
    fn from(method: InitMethod) -> Self {
        method.as_str().to_owned()
    }
}

/// A repeatable stream of numbers from a seed (the SplitMix64 recurrence); never for secrets.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// Starts the stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number in [0, 1), on a grid of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        // 53 bits are what a double holds exactly; with more the cast could round up to 1.
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Puts the items in a pseudo-random order (Fisher and Yates).
    pub fn shuffle(&mut self, items: &mut [usize]) {
        for last in (1..items.len()).rev() {
            let pick = (self.uniform() * (last + 1) as f64) as usize;
            // The product may round up to `last + 1`.
            items.swap(last, pick.min(last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_methods_fill_the_vector() {
        let mut never = || panic!("no randomness is needed");
        assert_eq!(InitMethod::Zeros.draw(2, 7.0, &mut never), vec![0.0, 0.0]);
        assert_eq!(InitMethod::Ones.draw(2, 7.0, &mut never), vec![1.0, 1.0]);
        assert_eq!(InitMethod::Const.draw(2, 7.0, &mut never), vec![7.0, 7.0]);
    }

    #[test]
    fn random_methods_have_the_right_moments() {
        let mut seeded = Seeded::new(3);
        let uniform = InitMethod::RandomUniform.draw(20_000, 0.0, &mut || seeded.uniform());
        assert!(uniform.iter().all(|v| (0.0..1.0).contains(v)));
        assert!((mean(&uniform) - 0.5).abs() < 0.01);
        let normal = InitMethod::RandomNormal.draw(20_000, 0.0, &mut || seeded.uniform());
        let squares: Vec<f64> = normal.iter().map(|v| v * v).collect();
        assert!(mean(&normal).abs() < 0.03 && (mean(&squares) - 1.0).abs() < 0.05);
    }

    #[test]
    fn shuffles_keep_every_item_and_repeat_by_seed() {
        let order = |seed| {
            let mut items: Vec<usize> = (0..100).collect();
            Seeded::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut sorted = order(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_those_of_fate() {
        assert_eq!("random_normal".parse(), Ok(InitMethod::RandomNormal));
        assert_eq!(
            serde_json::to_string(&InitMethod::Const).unwrap(),
            "\"const\""
        );
        assert!("xavier".parse::<InitMethod>().is_err());
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }
}
