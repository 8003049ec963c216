//! Real numbers as 64-bit integers: how many fractional bits fit, so that no sum of an encrypted product can leave
//! the range. Scales depend on public bounds or on a party's own columns, never on another party's values.

use component_kit::ComponentError;
use ndarray::ArrayView2;
use vocabulary::{ErrorCode, Fault};

/// Fractional bits of a residual.
pub const RESIDUAL_BITS: i32 = 26;

/// Largest magnitude of a residual, over all parties together.
pub const RESIDUAL_LIMIT: f64 = 64.0;

/// Most fractional bits of a feature.
pub const FEATURE_BITS: i32 = 22;

/// Base-2 logarithm of the magnitude that no sum may reach.
const SUM_BITS: i32 = 62;

/// A number outside the range its encoding has room for.
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
}

impl From<RangeError> for ComponentError {
    fn from(error: RangeError) -> Self {
        let hint = "scale the features (FeatureScale) or lower the learning rate";
        Fault::new(ErrorCode::NumericRange, error.to_string()).next(hint).into()
    }
}

/// `2^bits`.
fn power(bits: i32) -> f64 {
    f64::from(bits).exp2()
}

/// Encodes values of magnitude at most `limit` with `bits` fractional bits.
pub fn encode(what: &'static str, values: &[f64], bits: i32, limit: f64) -> Result<Vec<i64>, RangeError> {
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
    (value as i64) as f64 * power(-bits)
}

/// Fractional bits of each column of a party's matrix: up to [`FEATURE_BITS`], fewer (even negative) where the
/// column's values are large or many, so that the sum over all rows of entry times residual stays below 2^62.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnScales(Vec<i32>);

impl ColumnScales {
    /// Chooses the scales; holds for every subset of the rows.
    pub fn fit(matrix: ArrayView2<'_, f64>) -> Result<Self, RangeError> {
        let rows = matrix.nrows();
        // Rounding adds up to half a unit per row.
        let room = power(SUM_BITS - RESIDUAL_BITS) / RESIDUAL_LIMIT - rows as f64;
        let bits = |(column, values): (usize, ndarray::ArrayView1<'_, f64>)| {
            let total: f64 = values.iter().map(|value| value.abs()).sum();
            if !total.is_finite() || room < 1.0 {
                return Err(RangeError::Column { column, rows });
            }
            let fitting = if total > 0.0 { (room / total).log2().floor() } else { f64::from(FEATURE_BITS) };
            Ok((fitting as i32).min(FEATURE_BITS))
        };
        matrix.columns().into_iter().enumerate().map(bits).collect::<Result<_, _>>().map(Self)
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The factors by which entries are multiplied before rounding, column by column.
    pub fn factors(&self) -> Vec<f64> {
        self.0.iter().map(|bits| power(*bits)).collect()
    }

    /// Sums of entry times residual as real numbers.
    pub fn decode_sums(&self, sums: &[u64]) -> Vec<f64> {
        self.0.iter().zip(sums).map(|(bits, sum)| decode(*sum, RESIDUAL_BITS + bits)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

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
            assert_eq!(error, RangeError::Value { what: "score", row: 1, limit: 32.0 });
        }
    }

    #[test]
    fn small_columns_get_all_bits_and_large_ones_fewer() {
        let matrix = array![[1.0, 1e6, 0.0, 1e12], [-1.0, 2e6, 0.0, 1e12]];
        let scales = ColumnScales::fit(matrix.view()).unwrap();
        assert_eq!((scales.0[0], scales.0[2]), (22, 22));
        assert!(scales.0[1] < 10 && scales.0[3] < 0, "{scales:?}");
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
}
