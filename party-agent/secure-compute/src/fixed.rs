//! Real numbers as 64-bit integers: how many fractional bits fit, so that no sum of an encrypted product can leave
//! the range. Scales of columns depend on a party's own columns only; the scale of residuals is agreed on, and moves the
//! point without making the integers larger.

use component_kit::ComponentError;
use ndarray::ArrayView2;
use vocabulary::{ErrorCode, Fault};

/// Fractional bits of a residual at the finest scale.
pub const RESIDUAL_BITS: i32 = 26;

/// Largest magnitude of a residual at the finest scale, over all parties together.
pub const RESIDUAL_LIMIT: f64 = 64.0;

/// Most fractional bits of a feature.
pub const FEATURE_BITS: i32 = 22;

/// Base-2 logarithm of the magnitude that no sum may reach.
const SUM_BITS: i32 = 62;

/// A number outside the range its encoding has space for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RangeError {
    /// A value is too large, or not finite.
    #[error("{what} in row {row} is beyond {limit}")]
    Value {
        /// What the values are.
        what: &'static str,
        /// The row, counted from 0 within the batch.
        row: usize,
        /// Largest magnitude allowed.
        limit: f64,
    },
    /// A column's magnitudes do not add up to a finite number, or there are too many rows.
    #[error("column {column} of {rows} rows cannot be summed exactly")]
    Column {
        /// The column, counted from 0.
        column: usize,
        /// Its rows.
        rows: usize,
    },
    /// Values that no scale holds.
    #[error("{what} is beyond {limit:e} or no number: the weights grow without bound")]
    Growth {
        /// What the values are.
        what: &'static str,
        /// Largest magnitude at the coarsest scale.
        limit: f64,
    },
    /// A sum that values within their bounds cannot have.
    #[error(
        "{what} is larger than the agreed scale allows: a party's encrypted values left their bounds"
    )]
    Sum {
        /// What was summed.
        what: String,
    },
}

impl From<RangeError> for ComponentError {
    fn from(error: RangeError) -> Self {
        let hint = match error {
            RangeError::Sum { .. } => {
                "a party that follows the protocol sends no such values: see who took part"
            }
            RangeError::Value { .. } | RangeError::Column { .. } | RangeError::Growth { .. } => {
                "lower learning_rate, raise alpha (penalty L2), or scale the columns before the upload (mean 0, variance 1)"
            }
        };
        Fault::new(ErrorCode::NumericRange, error.to_string())
            .next(hint)
            .into()
    }
}

/// By how many powers of two residuals are made smaller before they are encoded. What grows with the scale is the largest
/// residual; what shrinks is its number of fractional bits. The integers keep their bounds, and with them every sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Scale(u16);

impl Scale {
    /// All fractional bits.
    pub const FINEST: Self = Self(0);

    /// The last one; squares of what it holds, added up over all rows, are still floating-point numbers.
    pub const COARSEST: Self = Self(200);

    /// The scale of this power of two, unless it is beyond the coarsest.
    pub fn new(power: u16) -> Option<Self> {
        Some(Self(power)).filter(|scale| *scale <= Self::COARSEST)
    }

    /// The power of two.
    pub const fn power(self) -> u16 {
        self.0
    }

    /// The finest scale at which no magnitude is beyond the limit, which is `limit` at the finest scale.
    pub fn holding(
        what: &'static str,
        values: impl Iterator<Item = f64>,
        limit: f64,
    ) -> Result<Self, RangeError> {
        // Once it is no number it stays so.
        let more = |most: f64, value: f64| {
            if value > most || value.is_nan() {
                value
            } else {
                most
            }
        };
        let largest = values.map(f64::abs).fold(0.0, more);
        let holds = |scale: &Self| largest <= scale.widen(limit);
        let growth = || RangeError::Growth {
            what,
            limit: Self::COARSEST.widen(limit),
        };
        (0..=Self::COARSEST.0)
            .map(Self)
            .find(holds)
            .ok_or_else(growth)
    }

    /// So many powers of two coarser; none is coarser than the coarsest.
    pub fn coarser(self, by: u16) -> Self {
        Self(self.0.saturating_add(by)).min(Self::COARSEST)
    }

    /// Fractional bits of a residual; negative for very large ones.
    pub fn residual_bits(self) -> i32 {
        RESIDUAL_BITS - i32::from(self.0)
    }

    /// What a limit of the finest scale is at this one.
    pub fn widen(self, limit: f64) -> f64 {
        limit * power(i32::from(self.0))
    }
}

/// `2^bits`.
fn power(bits: i32) -> f64 {
    f64::from(bits).exp2()
}

/// Powers of two beyond which no unit goes; squares of labels so large are still floating-point numbers.
pub const MOST_UNIT: i16 = 200;

/// The power of two by which residuals are divided before they are encoded, so that a bound of `limit` is eight times the
/// largest label: labels of every size keep as many digits. None where no unit is so large.
pub fn unit_of(labels: &[f64], limit: f64) -> Option<i16> {
    let largest = labels
        .iter()
        .fold(0.0, |most: f64, label| most.max(label.abs()));
    // No logarithm of zero. Labels that are all zero fit at any unit.
    if largest == 0.0 {
        return Some(0);
    }
    let most = f64::from(MOST_UNIT);
    // A whole power of two: to divide by it and multiply again changes no digit.
    let power = (8.0 * largest / limit).log2().ceil().max(-most);
    (power <= most).then_some(power as i16)
}

/// Encodes values of magnitude at most `limit` with `bits` fractional bits.
pub fn encode(
    what: &'static str,
    values: &[f64],
    bits: i32,
    limit: f64,
) -> Result<Vec<i64>, RangeError> {
    let factor = power(bits);
    let value = |(row, value): (usize, &f64)| {
        // A NaN fails this comparison too.
        if value.abs() <= limit {
            Ok((value * factor).round() as i64)
        } else {
            Err(RangeError::Value { what, row, limit })
        }
    };
    values.iter().enumerate().map(value).collect()
}

/// The real number behind an integer mod 2^64 with `bits` fractional bits.
pub fn decode(value: u64, bits: i32) -> f64 {
    // Signed first: the upper half of the ring stands for negative numbers.
    (value as i64) as f64 * power(-bits)
}

/// Fractional bits of each column of a party's matrix: up to [`FEATURE_BITS`], fewer (even negative) where the
/// column's values are large or many, so that the sum over all rows of entry times residual stays below 2^62, whatever the
/// residual's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnScales {
    bits: Vec<i32>,
    /// Largest magnitude that each sum can have.
    bounds: Vec<f64>,
}

impl ColumnScales {
    /// Chooses the scales; holds for every subset of the rows.
    pub fn fit(matrix: ArrayView2<'_, f64>) -> Result<Self, RangeError> {
        let rows = matrix.nrows();
        // The integers have this bound at every scale, so that the fit need not know the scale.
        let largest = RESIDUAL_LIMIT * power(RESIDUAL_BITS);
        // Rounding adds up to half a unit per row.
        let space = power(SUM_BITS) / largest - rows as f64;
        let column = |(column, values): (usize, ndarray::ArrayView1<'_, f64>)| {
            let total: f64 = values.iter().map(|value| value.abs()).sum();
            // NaN and infinity end here: as bits they would become some integer or other.
            if !total.is_finite() || space < 1.0 {
                return Err(RangeError::Column { column, rows });
            }
            let fitting = if total > 0.0 {
                (space / total).log2().floor()
            } else {
                f64::from(FEATURE_BITS)
            };
            let bits = (fitting as i32).min(FEATURE_BITS);
            Ok((bits, (total * power(bits) + rows as f64) * largest))
        };
        let columns = matrix
            .columns()
            .into_iter()
            .enumerate()
            .map(column)
            .collect::<Result<Vec<_>, _>>()?;
        let (bits, bounds) = columns.into_iter().unzip();
        Ok(Self { bits, bounds })
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// The factors by which entries are multiplied before rounding, column by column.
    pub fn factors(&self) -> Vec<f64> {
        self.bits.iter().map(|bits| power(*bits)).collect()
    }

    /// Sums of entry times residual, which was encoded with so many fractional bits, as real numbers. Refuses a sum that no
    /// residual within its bounds makes.
    pub fn decode_sums(&self, sums: &[u64], residual_bits: i32) -> Result<Vec<f64>, RangeError> {
        assert_eq!(sums.len(), self.len(), "one sum for each column");
        let columns = self.bits.iter().zip(&self.bounds).zip(sums).enumerate();
        let real = |(column, ((bits, bound), sum)): (usize, ((&i32, &f64), &u64))| {
            // Not so for NaN either.
            if ((*sum as i64) as f64).abs() <= *bound {
                Ok(decode(*sum, residual_bits + bits))
            } else {
                Err(RangeError::Sum {
                    what: format!("the gradient's sum over column {column}"),
                })
            }
        };
        columns.map(real).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    #[test]
    fn numbers_come_back_within_half_a_unit() {
        let values = [0.0, -1.5, 31.999_999, 1e-9];
        let encoded = encode("test", &values, RESIDUAL_BITS, 32.0).unwrap();
        for (value, code) in values.iter().zip(encoded) {
            assert!((decode(code as u64, RESIDUAL_BITS) - value).abs() <= power(-27));
        }
    }

    #[test]
    fn refuses_what_is_too_large_or_no_number() {
        for bad in [32.1, -33.0, f64::NAN, f64::INFINITY] {
            let error = encode("score", &[0.0, bad], 26, 32.0).unwrap_err();
            assert_eq!(
                error,
                RangeError::Value {
                    what: "score",
                    row: 1,
                    limit: 32.0
                }
            );
        }
    }

    #[test]
    fn small_columns_get_all_bits_and_large_ones_fewer() {
        let matrix = array![[1.0, 1e6, 0.0, 1e12], [-1.0, 2e6, 0.0, 1e12]];
        let scales = ColumnScales::fit(matrix.view()).unwrap();
        assert_eq!((scales.bits[0], scales.bits[2]), (22, 22));
        assert!(scales.bits[1] < 10 && scales.bits[3] < 0, "{scales:?}");
    }

    #[test]
    fn the_worst_sum_stays_in_range() {
        for magnitude in [1e-3, 1.0, 700.0, 1e9] {
            let matrix = Array2::from_elem((1000, 1), magnitude);
            let scales = ColumnScales::fit(matrix.view()).unwrap();
            let entry = (magnitude * scales.factors()[0]).round();
            assert!(entry * 1000.0 * RESIDUAL_LIMIT * power(RESIDUAL_BITS) < power(SUM_BITS));
            assert!(entry > 500.0, "{magnitude} keeps no digits");
        }
    }

    #[test]
    fn refuses_a_column_that_is_not_finite() {
        let error = ColumnScales::fit(array![[1.0, f64::NAN]].view()).unwrap_err();
        assert_eq!(error, RangeError::Column { column: 1, rows: 1 });
    }

    #[test]
    fn a_scale_is_as_fine_as_its_values_allow() {
        let scale =
            |values: &[f64]| Scale::holding("test", values.iter().copied(), 32.0).map(Scale::power);
        for (value, power) in [
            (0.0, 0),
            (32.0, 0),
            (-32.000_001, 1),
            (64.0, 1),
            (1e6, 15),
            (32.0 * 200f64.exp2(), 200),
        ] {
            assert_eq!(scale(&[0.0, value]), Ok(power), "{value}");
        }
        for value in [32.0 * 201f64.exp2(), f64::INFINITY, f64::NAN] {
            assert!(
                matches!(scale(&[value, 1.0]), Err(RangeError::Growth { .. })),
                "{value}"
            );
        }
        assert_eq!(
            (Scale::new(200), Scale::new(201)),
            (Some(Scale::COARSEST), None)
        );
        assert_eq!(Scale::COARSEST.coarser(u16::MAX), Scale::COARSEST);
    }

    #[test]
    fn a_unit_follows_the_largest_label() {
        for (largest, unit) in [
            (0.0, 0),
            (4.0, 0),
            (4.1, 1),
            (1e6, 18),
            (1e-6, -21),
            (1e-300, -200),
        ] {
            assert_eq!(unit_of(&[0.0, -largest], 32.0), Some(unit), "{largest}");
        }
        assert_eq!(unit_of(&[1e70], 32.0), None);
    }

    #[test]
    fn advice_names_what_is_there() {
        let fault = |error: RangeError| ComponentError::from(error).into_fault();
        let growth = Scale::holding("test", std::iter::once(f64::NAN), 1.0).unwrap_err();
        let advice = fault(growth).next.unwrap();
        assert!(
            advice.contains("learning_rate")
                && advice.contains("alpha")
                && !advice.contains("FeatureScale")
        );
        let sum = fault(RangeError::Sum {
            what: "a sum".to_owned(),
        });
        assert!(
            sum.code == ErrorCode::NumericRange && sum.message.contains("left their bounds"),
            "{sum}"
        );
    }

    /// Entries, the parts of two parties of each residual, and the scale they need.
    fn products() -> impl Strategy<Value = (Vec<f64>, Vec<[f64; 2]>, Scale)> {
        let rows = prop::collection::vec((-1.0..1.0f64, -1.0..1.0f64, -1.0..1.0f64), 1..40);
        (rows, -20i32..60, -20i32..150).prop_map(|(rows, column, residual)| {
            let entries = rows.iter().map(|row| row.0 * power(column)).collect();
            let parts: Vec<[f64; 2]> = rows
                .iter()
                .map(|row| [row.1 * power(residual), row.2 * power(residual)])
                .collect();
            let all = parts.iter().flatten().copied();
            let scale = Scale::holding("part", all, RESIDUAL_LIMIT / 2.0).unwrap();
            (entries, parts, scale)
        })
    }

    proptest! {
        #[test]
        fn no_sum_leaves_its_range_and_all_come_back((entries, parts, scale) in products()) {
            let matrix = Array2::from_shape_vec((entries.len(), 1), entries.clone()).unwrap();
            let columns = ColumnScales::fit(matrix.view()).unwrap();
            let factor = columns.factors()[0];
            let (mut sum, mut worst, mut real, mut size) = (0i128, 0i128, 0.0, 0.0);
            for (entry, parts) in entries.iter().zip(&parts) {
                let codes = encode("part", parts, scale.residual_bits(), scale.widen(RESIDUAL_LIMIT / 2.0)).unwrap();
                let (code, residual) = ((entry * factor).round() as i128, codes.iter().map(|code| i128::from(*code)).sum::<i128>());
                prop_assert!(code.unsigned_abs() <= 1 << 32, "an entry of a matrix");
                sum += code * residual;
                worst += (code * residual).abs();
                real += entry * parts.iter().sum::<f64>();
                size += entry.abs() * parts.iter().map(|part| part.abs()).fold(0.0, f64::max);
            }
            prop_assert!(worst < 1 << 62, "{worst}");
            let back = columns.decode_sums(&[sum as u64], scale.residual_bits()).unwrap()[0];
            let largest = scale.widen(RESIDUAL_LIMIT);
            let rounding = entries.len() as f64 * (largest / factor + entries.iter().fold(0.0, |most: f64, entry| most.max(entry.abs())) * power(-scale.residual_bits()));
            prop_assert!((back - real).abs() <= rounding + 1e-12 * size, "{back} is not {real}");
        }

        #[test]
        fn a_wrapped_sum_is_seen_unless_it_looks_small(sum in any::<u64>()) {
            let columns = ColumnScales::fit(array![[1.0], [1.0]].view()).unwrap();
            // Two rows of 22 bits with residuals of 32.
            let is_small = (sum as i64).unsigned_abs() <= (2 * (1 << 22) + 2) << 32;
            prop_assert_eq!(columns.decode_sums(&[sum], RESIDUAL_BITS).is_ok(), is_small);
        }
    }
}
