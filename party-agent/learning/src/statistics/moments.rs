//! Count, sum, extremes and the first four moments.

/// Where a mean counts as this in a coefficient of variation, as in FATE.
const SMALLEST_MEAN: f64 = 1e-8;

/// What is known of the values of a column, or of a part of it. Parts merge by the formulas of Chan, Golub and LeVeque (1983) and
/// Pébay (SAND2008-6212), which add no cancellation: a merged result differs from that of all values at once by some units in the
/// last place of the moment, whatever the parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    missing: u64,
    sum: f64,
    min: f64,
    max: f64,
    mean: f64,
    /// Sums of the second, third and fourth powers of the distances from the mean.
    powers: [f64; 3],
}

impl Default for Moments {
    /// Of no value.
    fn default() -> Self {
        Self {
            count: 0,
            missing: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            powers: [0.0; 3],
        }
    }
}

impl Moments {
    /// Of these values; they are walked over twice, so that large values that differ little keep their digits.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let mut of = Self::default();
        let mut sum = Sum::default();
        for value in values.clone() {
            if value.is_nan() {
                of.missing += 1;
                continue;
            }
            of.count += 1;
            sum.add(value);
            of.min = of.min.min(value);
            of.max = of.max.max(value);
        }
        if of.count == 0 {
            return of;
        }
        of.sum = sum.total();
        // A mean beyond the extremes by rounding would give a constant column a variance.
        of.mean = (of.sum / of.count as f64).clamp(of.min, of.max);
        // A second walk, with the mean known: the textbook formula in one walk loses all digits
        // where the mean is large.
        for value in values.filter(|value| !value.is_nan()) {
            let distance = value - of.mean;
            let square = distance * distance;
            let [second, third, fourth] = &mut of.powers;
            *second += square;
            *third += square * distance;
            *fourth += square * square;
        }
        of
    }

    /// Of the values of both.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let missing = self.missing + other.missing;
        let (one, other) = match (self.count, other.count) {
            (0, _) => return Self { missing, ..other },
            (_, 0) => return Self { missing, ..self },
            _ => (self, other),
        };
        let (a, b) = (one.count as f64, other.count as f64);
        let n = a + b;
        let apart = other.mean - one.mean;
        let [second_a, third_a, fourth_a] = one.powers;
        let [second_b, third_b, fourth_b] = other.powers;
        let second = second_a + second_b + apart * apart * a * b / n;
        let third = third_a
            + third_b
            + apart.powi(3) * a * b * (a - b) / (n * n)
            + 3.0 * apart * (a * second_b - b * second_a) / n;
        let fourth = fourth_a
            + fourth_b
            + apart.powi(4) * a * b * (a * a - a * b + b * b) / n.powi(3)
            + 6.0 * apart * apart * (a * a * second_b + b * b * second_a) / (n * n)
            + 4.0 * apart * (a * third_b - b * third_a) / n;
        let (min, max) = (one.min.min(other.min), one.max.max(other.max));
        Self {
            count: one.count + other.count,
            missing,
            sum: one.sum + other.sum,
            min,
            max,
            // Not the quotient of the sums, which may overflow where the mean does not.
            mean: (one.mean + apart * b / n).clamp(min, max),
            powers: [second, third, fourth],
        }
    }

    /// How many values are there.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many are missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The share of values that are missing; none of nothing.
    #[must_use]
    pub fn missing_ratio(&self) -> Option<f64> {
        let all = self.count + self.missing;
        (all > 0).then(|| self.missing as f64 / all as f64)
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// Their mean.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// A central moment: the mean of the distances' second, third or fourth powers. It is 0 for values that are all the same, and there is none of no value.
    fn central(&self, power: usize) -> Option<f64> {
        let sum = self.powers.get(power.checked_sub(2)?)?;
        // What rounding leaves of equal values is not a variance.
        let varied = if self.min < self.max { *sum } else { 0.0 };
        (self.count > 0).then_some(varied / self.count as f64)
    }

    /// The variance of the values as a population.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.central(2)
    }

    /// Its root.
    #[must_use]
    pub fn standard_deviation(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The standard deviation over the mean, without a sign; a mean below 1e-8 counts as 1e-8, as in FATE.
    #[must_use]
    pub fn coefficient_of_variation(&self) -> Option<f64> {
        let mean = self.mean()?.abs();
        let mean = if mean < SMALLEST_MEAN {
            SMALLEST_MEAN
        } else {
            mean
        };
        Some(self.standard_deviation()? / mean)
    }

    /// Fisher and Pearson's skewness, 0 of values that are all the same. Not `biased`, it is corrected where there are three values
    /// or more.
    #[must_use]
    pub fn skewness(&self, biased: bool) -> Option<f64> {
        let (second, third, n) = (self.central(2)?, self.central(3)?, self.count as f64);
        if second == 0.0 {
            return Some(0.0);
        }
        let skewness = third / second.powf(1.5);
        let correction = if biased || self.count < 3 {
            1.0
        } else {
            ((n - 1.0) * n).sqrt() / (n - 2.0)
        };
        Some(skewness * correction)
    }

    /// The excess kurtosis, -3 of values that are all the same, as in FATE. Not `biased`, it is corrected where there are four
    /// values or more.
    #[must_use]
    pub fn kurtosis(&self, biased: bool) -> Option<f64> {
        let (second, fourth, n) = (self.central(2)?, self.central(4)?, self.count as f64);
        if second == 0.0 {
            return Some(-3.0);
        }
        let kurtosis = fourth / (second * second);
        if biased || self.count < 4 {
            return Some(kurtosis - 3.0);
        }
        let (one, two, three) = (n - 1.0, n - 2.0, n - 3.0);
        Some(((n * n - 1.0) * kurtosis - 3.0 * one * one) / (two * three))
    }
}

/// A sum that keeps what rounding takes (Neumaier 1974).
#[derive(Debug, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        // The smaller of both loses digits: what it lost is computed from it.
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    /// A sum beyond all numbers stays infinite.
    fn total(&self) -> f64 {
        if self.sum.is_finite() {
            self.sum + self.lost
        } else {
            self.sum
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the definitions, in the order of the values.
    fn plainly(values: &[f64]) -> [f64; 6] {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let central = |power| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n;
        let second = central(2);
        [
            values.iter().sum(),
            mean,
            second,
            second.sqrt(),
            central(3) / second.powf(1.5),
            central(4) / second.powi(2) - 3.0,
        ]
    }

    fn figures(of: &Moments) -> [f64; 6] {
        [
            of.sum(),
            of.mean().unwrap(),
            of.variance().unwrap(),
            of.standard_deviation().unwrap(),
            of.skewness(true).unwrap(),
            of.kurtosis(true).unwrap(),
        ]
    }

    fn assert_close(found: &[f64], expected: &[f64], within: f64) {
        for (found, expected) in found.iter().zip(expected) {
            let scale = expected.abs().max(1.0);
            assert!(
                (found - expected).abs() <= within * scale,
                "{found} is not {expected}"
            );
        }
    }

    /// Of 1, 2, 4, 8, 16, reckoned from the definitions by another program.
    #[test]
    fn agrees_with_the_definitions() {
        let of = Moments::of([1.0, 2.0, 4.0, 8.0, 16.0].into_iter());
        assert_eq!((of.sum(), of.mean()), (31.0, Some(6.2)));
        assert_close(&[of.variance().unwrap()], &[29.76], 1e-14);
        let found = [
            of.skewness(true).unwrap(),
            of.skewness(false).unwrap(),
            of.kurtosis(true).unwrap(),
            of.kurtosis(false).unwrap(),
        ];
        let expected = [
            0.889_048_134_816_954_2,
            1.325_314_709_813_404_8,
            -0.674_059_139_784_947_4,
            1.303_763_440_860_21,
        ];
        assert_close(&found, &expected, 1e-9);
        assert_close(
            &[of.coefficient_of_variation().unwrap()],
            &[29.76_f64.sqrt() / 6.2],
            1e-12,
        );
    }

    #[test]
    fn missing_values_are_counted_and_left_out() {
        let of = Moments::of([f64::NAN, 1.0, f64::NAN, 3.0].into_iter());
        assert_eq!((of.count(), of.missing()), (2, 2));
        assert_eq!(of.missing_ratio(), Some(0.5));
        assert_eq!(
            (of.min(), of.max(), of.mean()),
            (Some(1.0), Some(3.0), Some(2.0))
        );
    }

    #[test]
    fn of_no_value_there_are_no_figures() {
        for of in [Moments::default(), Moments::of([f64::NAN].into_iter())] {
            assert_eq!((of.count(), of.sum()), (0, 0.0));
            let figures = [
                of.min(),
                of.max(),
                of.mean(),
                of.variance(),
                of.standard_deviation(),
                of.coefficient_of_variation(),
                of.skewness(true),
                of.kurtosis(false),
            ];
            assert_eq!(figures, [None; 8]);
        }
        assert_eq!(Moments::default().missing_ratio(), None);
    }

    #[test]
    fn a_constant_column_has_no_variance_however_its_mean_rounds() {
        let parts = [0.1; 3].into_iter();
        let of = Moments::of(parts.clone()).merged(Moments::of(parts));
        assert_eq!(of.mean(), Some(0.1));
        assert_eq!(
            (of.variance(), of.skewness(true), of.kurtosis(true)),
            (Some(0.0), Some(0.0), Some(-3.0))
        );
        let zero = Moments::of([0.0; 4].into_iter());
        assert_eq!(zero.coefficient_of_variation(), Some(0.0));
    }

    #[test]
    fn large_values_that_differ_little_keep_their_digits() {
        let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
        let of = Moments::of(values.into_iter());
        assert_close(&[of.variance().unwrap()], &[22.5], 1e-12);
        let (one, other) = values.split_at(1);
        let merged = Moments::of(one.iter().copied()).merged(Moments::of(other.iter().copied()));
        assert_close(&[merged.variance().unwrap()], &[22.5], 1e-12);
        let sums = Moments::of([1e16, 1.0, -1e16].into_iter());
        assert_eq!(sums.sum(), 1.0);
    }

    #[test]
    fn what_is_beyond_all_numbers_is_not_finite_and_no_panic() {
        let of = Moments::of([f64::MAX, f64::MAX].into_iter());
        assert!(!of.sum().is_finite());
        let spread = Moments::of([f64::MAX, -f64::MAX].into_iter());
        assert_eq!(spread.mean(), Some(0.0));
        assert!(!spread.variance().unwrap().is_finite());
    }

    #[test]
    fn few_values_have_no_correction() {
        let two = Moments::of([1.0, 5.0].into_iter());
        assert_eq!(two.skewness(true), two.skewness(false));
        let three = Moments::of([1.0, 5.0, 6.0].into_iter());
        assert_ne!(three.skewness(true), three.skewness(false));
        assert_eq!(three.kurtosis(true), three.kurtosis(false));
    }

    proptest! {
        #[test]
        fn parts_merge_to_the_whole(
            values in prop::collection::vec(-1e3..1e3_f64, 4..80),
            cuts in prop::collection::vec(0..80usize, 0..4),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(values.len())).collect();
            cuts.extend([0, values.len()]);
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|cut| Moments::of(values[cut[0]..cut[1]].iter().copied()));
            let merged = parts.fold(Moments::default(), Moments::merged);
            let expected = plainly(&values);
            prop_assume!(expected[2] > 1e-3);
            assert_close(&figures(&merged), &expected, 1e-8);
            assert_close(&figures(&Moments::of(values.iter().copied())), &expected, 1e-8);
            prop_assert_eq!(merged.count(), values.len() as u64);
        }
    }
}
