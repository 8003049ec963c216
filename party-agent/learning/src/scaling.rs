//! Scaling of a column: values are brought between two bounds, then to mean 0 and deviation 1, or to 0 to 1.

use serde::{Deserialize, Serialize};

use crate::WordError;
use crate::statistics::{Moments, quantile};

/// Deviations and ranges below it count as 1: what hardly varies is not blown up.
const SMALLEST: f64 = 1e-6;

/// The figures by which a column is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Values below it count as it.
    pub lower: f64,
    /// Values above it count as it.
    pub upper: f64,
    /// What is subtracted.
    pub shift: f64,
    /// What it is divided by.
    pub divisor: f64,
}

impl Scaling {
    /// `(x - mean) / deviation`.
    #[must_use]
    pub fn standard((lower, upper): (f64, f64), mean: f64, deviation: f64) -> Self {
        let (shift, divisor) = (mean, at_least_smallest(deviation));
        Self {
            lower,
            upper,
            shift,
            divisor,
        }
    }

    /// `(x - lower) / (upper - lower)`.
    #[must_use]
    pub fn min_max((lower, upper): (f64, f64)) -> Self {
        let (shift, divisor) = (lower, at_least_smallest(upper - lower));
        Self {
            lower,
            upper,
            shift,
            divisor,
        }
    }

    /// Mean and standard deviation by which it is scaled; `min_max_scale` has neither, and FATE writes 0.
    #[must_use]
    pub fn mean_and_deviation(&self, method: Method) -> (f64, f64) {
        match method {
            Method::Standard => (self.shift, self.divisor),
            Method::MinMax => (0.0, 0.0),
        }
    }

    /// The value between the bounds; NaN, which is missing, stays so.
    #[must_use]
    pub fn bounded(&self, value: f64) -> f64 {
        bounded((self.lower, self.upper), value)
    }

    /// The value scaled; NaN, which is missing, stays so.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        (self.bounded(value) - self.shift) / self.divisor
    }

    /// Whether every value scaled by it is a number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        // Scaling is monotone between the bounds: if both ends are numbers, so is all between
        // them.
        let ends = [self.lower, self.upper].map(|end| self.apply(end));
        [self.lower, self.upper, self.shift, self.divisor]
            .iter()
            .chain(&ends)
            .all(|figure| figure.is_finite())
    }
}

/// The value between two bounds, of which the upper one counts where they cross; NaN stays NaN.
#[must_use]
pub fn bounded((lower, upper): (f64, f64), value: f64) -> f64 {
    if value > upper {
        upper
    } else if value < lower {
        lower
    } else {
        value
    }
}

fn at_least_smallest(divisor: f64) -> f64 {
    if divisor.abs() < SMALLEST {
        1.0
    } else {
        divisor
    }
}

/// How a column is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Method {
    /// To mean 0 and deviation 1.
    #[default]
    Standard,
    /// To the span 0 to 1.
    MinMax,
}

/// What the limits are between which values are brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Mode {
    /// Values.
    #[default]
    Normal,
    /// Shares of the rows: 0.99 is the value that 99 % of them do not exceed.
    Cap,
}

impl Method {
    /// FATE's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard_scale",
            Self::MinMax => "min_max_scale",
        }
    }
}

impl Mode {
    /// FATE's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Cap => "cap",
        }
    }
}

/// The choice whose word it is, in any case.
fn chosen<T: Copy>(
    (kind, choices): (&'static str, &'static str),
    words: [(&str, T); 2],
    word: &str,
) -> Result<T, WordError> {
    let known = words
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    known
        .map(|(_, choice)| *choice)
        .ok_or_else(|| WordError::Unknown {
            kind,
            word: word.to_owned(),
            choices,
        })
}

impl TryFrom<String> for Method {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        let words = [Self::Standard, Self::MinMax].map(|method| (method.as_str(), method));
        chosen(("method", "standard_scale, min_max_scale"), words, &word)
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.as_str().to_owned()
    }
}

impl TryFrom<String> for Mode {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        let words = [Self::Normal, Self::Cap].map(|mode| (mode.as_str(), mode));
        chosen(("mode", "normal, cap"), words, &word)
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.as_str().to_owned()
    }
}

/// Learns how columns are scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaler {
    /// How.
    pub method: Method,
    /// What the limits are.
    pub mode: Mode,
    /// Whether `standard_scale` subtracts the mean.
    pub with_mean: bool,
    /// Whether `standard_scale` divides by the standard deviation.
    pub with_std: bool,
}

impl Scaler {
    /// From a column's values, NaN being missing, and its lower and upper limit, open where there is none. None where every value is
    /// missing, and where a figure is beyond all numbers.
    #[must_use]
    pub fn learn(&self, mut values: Vec<f64>, limits: [Option<f64>; 2]) -> Option<Scaling> {
        // Before the quantiles, which have no place for a NaN.
        values.retain(|value| !value.is_nan());
        let [lower, upper] = limits;
        let range = match self.mode {
            Mode::Normal => (
                lower.unwrap_or(f64::NEG_INFINITY),
                upper.unwrap_or(f64::INFINITY),
            ),
            Mode::Cap => (
                quantile(&mut values, lower.unwrap_or(0.0))?,
                quantile(&mut values, upper.unwrap_or(1.0))?,
            ),
        };
        let of = Moments::of(values.iter().map(|value| bounded(range, *value)));
        let range = (of.min()?, of.max()?);
        let mean = if self.with_mean { of.mean()? } else { 0.0 };
        let deviation = if self.with_std {
            of.standard_deviation()?
        } else {
            1.0
        };
        let scaling = match self.method {
            Method::Standard => Scaling::standard(range, mean, deviation),
            Method::MinMax => Scaling::min_max(range),
        };
        scaling.is_finite().then_some(scaling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_and_min_max() {
        let standard = Scaling::standard((-1.0, 3.0), 1.0, 2.0);
        assert_eq!(
            [-5.0, -1.0, 1.0, 3.0, 9.0].map(|x| standard.apply(x)),
            [-1.0, -1.0, 0.0, 1.0, 1.0]
        );
        let min_max = Scaling::min_max((-1.0, 3.0));
        assert_eq!(
            [-5.0, -1.0, 1.0, 3.0, 9.0].map(|x| min_max.apply(x)),
            [0.0, 0.0, 0.5, 1.0, 1.0]
        );
        assert!(standard.apply(f64::NAN).is_nan() && min_max.apply(f64::NAN).is_nan());
    }

    #[test]
    fn what_hardly_varies_is_only_shifted() {
        assert_eq!(Scaling::standard((0.1, 0.1), 0.1, 1e-7).apply(0.1), 0.0);
        assert_eq!(Scaling::min_max((2.0, 2.0 + 1e-7)).divisor, 1.0);
        assert_eq!(Scaling::standard((0.0, 1.0), 0.0, 1e-6).divisor, 1e-6);
    }

    #[test]
    fn figures_beyond_all_numbers_are_known() {
        assert!(!Scaling::min_max((-f64::MAX, f64::MAX)).is_finite());
        assert!(!Scaling::standard((0.0, 1.0), 0.5, f64::INFINITY).is_finite());
        assert!(Scaling::min_max((0.0, 1.0)).is_finite());
    }

    const STANDARD: Scaler = Scaler {
        method: Method::Standard,
        mode: Mode::Normal,
        with_mean: true,
        with_std: true,
    };

    #[test]
    fn figures_are_of_the_values_between_the_limits() {
        let values = || vec![4.0, f64::NAN, 1.0, 3.0, 2.0, 10.0];
        let figures = |mode, limits| {
            let of = Scaler { mode, ..STANDARD }.learn(values(), limits).unwrap();
            (of.lower, of.upper, of.shift, of.divisor)
        };
        let whole = (1.0, 10.0, 4.0, 10.0_f64.sqrt());
        assert_eq!(figures(Mode::Normal, [None, None]), whole);
        assert_eq!(figures(Mode::Cap, [None, None]), whole);
        let two = [Some(2.0), Some(4.0)];
        let (lower, upper, mean, deviation) = figures(Mode::Normal, two);
        assert_eq!((lower, upper, mean), (2.0, 4.0, 3.0));
        assert!((deviation - 0.8_f64.sqrt()).abs() < 1e-14);
        let (lower, upper, mean, deviation) = figures(Mode::Cap, [Some(0.2), Some(0.8)]);
        assert_eq!((lower, upper, mean), (1.0, 4.0, 2.8));
        assert!((deviation - 1.36_f64.sqrt()).abs() < 1e-14);
        let above = figures(Mode::Normal, [Some(20.0), None]);
        assert_eq!(
            above,
            (20.0, 20.0, 20.0, 1.0),
            "all values are below the limit"
        );
    }

    #[test]
    fn nothing_is_learned_of_nothing_and_of_what_no_number_holds() {
        for mode in [Mode::Normal, Mode::Cap] {
            let scaler = Scaler { mode, ..STANDARD };
            assert_eq!(scaler.learn(vec![f64::NAN; 3], [None, None]), None);
            assert_eq!(scaler.learn(vec![f64::MAX, -f64::MAX], [None, None]), None);
        }
        let min_max = Scaler {
            method: Method::MinMax,
            ..STANDARD
        };
        assert_eq!(min_max.learn(vec![f64::MAX, -f64::MAX], [None, None]), None);
        assert!(
            min_max
                .learn(vec![f64::MAX, -f64::MAX], [Some(-f64::MAX), None])
                .is_none()
        );
        assert!(
            min_max
                .learn(vec![f64::MAX, -f64::MAX], [Some(0.0), Some(1.0)])
                .is_some()
        );
    }

    #[test]
    fn choices_have_fates_words() {
        let read =
            |word: &str| serde_json::from_value::<(Method, Mode)>(serde_json::json!([word, "CAP"]));
        assert_eq!(read("Min_Max_Scale").unwrap(), (Method::MinMax, Mode::Cap));
        let refused = read("log_scale").unwrap_err().to_string();
        assert!(
            refused.contains("`log_scale`") && refused.contains("min_max_scale"),
            "{refused}"
        );
        assert_eq!(
            serde_json::to_value((Method::Standard, Mode::Normal)).unwrap(),
            serde_json::json!(["standard_scale", "normal"])
        );
    }
}
