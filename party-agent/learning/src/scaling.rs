//! Scaling of a column: values are brought between two bounds, then to mean 0 and deviation 1, or to 0 to 1.

/// Deviations and ranges below it count as 1: what hardly varies is not blown up.
const SMALLEST: f64 = 1e-6;

/// The figures by which a column is scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
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
        [self.lower, self.upper, self.shift, self.divisor]
            .iter()
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
}
