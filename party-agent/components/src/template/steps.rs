//! Local mathematics of the masked sum.

use component_kit::{ComponentError, Result};
use crypto::fixed_point::{FixedPoint, from_ring, to_ring};
use vocabulary::{ErrorCode, Fault};

fn out_of_range(message: impl ToString) -> ComponentError {
    let fault = Fault::new(ErrorCode::NumericRange, message.to_string());
    fault
        .next("lower fractional_bits, or scale the column")
        .into()
}

/// The number system that all parties share.
pub(super) fn scale(fractional_bits: u32) -> Result<FixedPoint> {
    FixedPoint::new(fractional_bits).map_err(out_of_range)
}

/// A host's own sum as a ring element, small enough that the sums of all hosts cannot overflow. Missing values add nothing.
pub(super) fn encoded_sum(values: &[f64], scale: FixedPoint, hosts: usize) -> Result<Vec<u64>> {
    let sum: f64 = values.iter().filter(|value| !value.is_nan()).sum();
    // the sum itself is private: the message does not say it
    let encoded = scale
        .encode(sum)
        .map_err(|_| out_of_range("the sum does not fit the number system"))?;
    // A sum that wrapped around would be a wrong total that looks like a right one.
    let bound = i64::MAX / i64::try_from(hosts.max(1)).unwrap_or(i64::MAX);
    if encoded.unsigned_abs() > bound.unsigned_abs() {
        return Err(out_of_range(
            "the sum does not fit the number system of this many hosts",
        ));
    }
    Ok(to_ring(&[encoded]))
}

/// The total, once all shares of it are together.
pub(super) fn decoded_total(combined: &[u64], scale: FixedPoint) -> Result<f64> {
    match from_ring(combined).as_slice() {
        [total] => Ok(scale.decode(*total)),
        other => Err(ComponentError::protocol(format!(
            "a share of the total has {} values, not one",
            other.len()
        ))),
    }
}

/// Each value's share of the total.
pub(super) fn shares_of(values: &[f64], total: f64) -> Result<Vec<f64>> {
    // A share of zero is no number, and a column of NaN would go on in silence.
    if total == 0.0 {
        return Err(ComponentError::new(
            ErrorCode::NumericRange,
            "the total over the hosts is zero",
        ));
    }
    Ok(values.iter().map(|value| value / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_ring_with_its_sign() {
        let scale = scale(20).unwrap();
        let sum = encoded_sum(&[-1.5, f64::NAN, 0.25], scale, 3).unwrap();
        assert_eq!(decoded_total(&sum, scale).unwrap(), -1.25);
    }

    #[test]
    fn refuses_sums_that_could_overflow_together() {
        let scale = scale(20).unwrap();
        let large = [(1u64 << 42) as f64];
        assert!(encoded_sum(&large, scale, 1).is_ok());
        assert!(encoded_sum(&large, scale, 3).is_err());
    }

    #[test]
    fn refuses_shares_of_nothing_and_shares_that_are_no_number() {
        assert!(shares_of(&[1.0], 0.0).is_err());
        assert!(decoded_total(&[1, 2], scale(1).unwrap()).is_err());
    }
}
