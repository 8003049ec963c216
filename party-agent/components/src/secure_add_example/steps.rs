//! Local mathematics of the toy: values to shares, and shares to a sum.

use component_kit::{ComponentError, Result};
use crypto::fixed_point::{FixedPoint, from_ring, to_ring};
use crypto::random::Random;
use crypto::sharing;
use vocabulary::{ErrorCode, Fault};

use super::params::Params;

/// Binary digits after the point.
const FRACTIONAL_BITS: u32 = 16;

fn scale() -> Result<FixedPoint> {
    FixedPoint::new(FRACTIONAL_BITS)
        .map_err(|error| ComponentError::new(ErrorCode::NumericRange, error.to_string()))
}

/// How many values each piece has; the pieces differ by one at most.
pub(super) fn pieces(params: &Params) -> Vec<usize> {
    let (values, pieces) = (params.data_num as usize, params.partition as usize);
    (0..pieces)
        // Differences of rounded bounds: they add up to all values, whatever the number of pieces.
        .map(|piece| values * (piece + 1) / pieces - values * piece / pieces)
        .collect()
}

/// Two shares of that many ones: the party's own, and the other's.
pub(super) fn shared_ones(count: usize, random: &mut Random) -> Result<(Vec<u64>, Vec<u64>)> {
    let encode = |error: &dyn std::fmt::Display| {
        ComponentError::new(ErrorCode::NumericRange, error.to_string())
    };
    let ones = scale()?
        .encode_all(&vec![1.0; count])
        .map_err(|error| encode(&error))?;
    let shares = sharing::share(&to_ring(&ones), 2, random).map_err(|error| encode(&error))?;
    <[Vec<u64>; 2]>::try_from(shares)
        .map(|[own, other]| (own, other))
        .map_err(|_| ComponentError::new(ErrorCode::Internal, "a value was not split in two"))
}

/// The sum of all values of both shares, which must be as many as was agreed.
pub(super) fn sum(own: &[u64], received: &[u64]) -> Result<u64> {
    if own.len() != received.len() {
        let text = format!(
            "{} values came where this party has {}",
            received.len(),
            own.len()
        );
        let fault = Fault::new(ErrorCode::DataMismatch, text);
        return Err(fault
            .next("give all parties the same data_num and partition")
            .into());
    }
    Ok(own
        .iter()
        .chain(received)
        .fold(0, |sum, value| sum.wrapping_add(*value)))
}

/// The number that two shares of it stand for.
pub(super) fn opened(own: u64, other: &[u64]) -> Result<f64> {
    match other {
        [other] => Ok(scale()?
            .decode_all(&from_ring(&[own.wrapping_add(*other)]))
            .into_iter()
            .sum()),
        other => Err(ComponentError::protocol(format!(
            "the host's sum has {} values, not one",
            other.len()
        ))),
    }
}
