//! Additive secret sharing mod 2^64: any n - 1 shares of a vector are uniform and independent of it; all n
//! sum to it. Perfectly hiding; gives no protection against a holder who changes its share.

use crate::random::Random;

/// What can go wrong when vectors are shared or combined.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum SharingError {
    /// A secret needs at least one share.
    #[error("no shares")]
    NoShares,
    /// Shares of one vector must have one length.
    #[error("share {index} has length {actual}, the first has {expected}")]
    LengthMismatch {
        /// Which share.
        index: usize,
        /// Length of the first share.
        expected: usize,
        /// Length of this share.
        actual: usize,
    },
}

/// Splits `values` into `count` shares of the same length; their sum mod 2^64 is `values`.
pub fn share(
    values: &[u64],
    count: usize,
    random: &mut Random,
) -> Result<Vec<Vec<u64>>, SharingError> {
    if count == 0 {
        return Err(SharingError::NoShares);
    }
    // The last share is what the uniform ones leave over; it is uniform too as long as one is
    // missing.
    let mut last = values.to_vec();
    let mut shares = Vec::with_capacity(count);
    for _ in 1..count {
        let uniform: Vec<u64> = values.iter().map(|_| random.u64()).collect();
        for (rest, part) in last.iter_mut().zip(&uniform) {
            // The ring is Z_2^64: to wrap around is its arithmetic, not an overflow.
            *rest = rest.wrapping_sub(*part);
        }
        shares.push(uniform);
    }
    shares.push(last);
    Ok(shares)
}

/// The element-wise sum mod 2^64 of all shares.
pub fn combine<S: AsRef<[u64]>>(shares: &[S]) -> Result<Vec<u64>, SharingError> {
    let (first, others) = shares.split_first().ok_or(SharingError::NoShares)?;
    let mut sum = first.as_ref().to_vec();
    for (index, other) in others.iter().enumerate() {
        let other = other.as_ref();
        if other.len() != sum.len() {
            return Err(SharingError::LengthMismatch {
                index: index + 1,
                expected: sum.len(),
                actual: other.len(),
            });
        }
        for (total, part) in sum.iter_mut().zip(other) {
            *total = total.wrapping_add(*part);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_shares_together_give_the_values() {
        let mut random = Random::seeded(1);
        let values: Vec<u64> = (0..100)
            .map(|_| random.u64())
            .chain([0, u64::MAX])
            .collect();
        for count in 1..6 {
            let shares = share(&values, count, &mut random).unwrap();
            assert_eq!(shares.len(), count);
            assert_eq!(combine(&shares).unwrap(), values);
        }
    }

    #[test]
    fn a_single_share_is_not_the_value() {
        let shares = share(&[0; 64], 2, &mut Random::seeded(2)).unwrap();
        assert!(
            shares
                .iter()
                .all(|share| share.iter().filter(|&&part| part == 0).count() == 0)
        );
    }

    #[test]
    fn refuses_no_shares_and_uneven_shares() {
        assert_eq!(
            share(&[1], 0, &mut Random::seeded(3)),
            Err(SharingError::NoShares)
        );
        assert_eq!(combine::<Vec<u64>>(&[]), Err(SharingError::NoShares));
        let uneven = [vec![1, 2], vec![3]];
        assert_eq!(
            combine(&uneven),
            Err(SharingError::LengthMismatch {
                index: 1,
                expected: 2,
                actual: 1
            })
        );
    }
}
