//! Noise: how large it may be, and how it is drowned before a ciphertext goes to the key holder.
//!
//! A plaintext step is q/2^64 = 2^136; decryption is exact while the noise stays below almost 2^135. The flood
//! is uniform in [-2^134, 2^134) whatever the operands were (so its size tells nothing of them), and only
//! ciphertexts with noise below 2^94 are flooded: 40 bits less, a statistical distance of at most 2^-41 a value.

use zeroize::Zeroizing;

use super::RlweError;
use super::ring::Evaluations;
use crate::random::Random;

/// Bits of noise that still can be flooded with 40 bits to spare.
const LIMIT_BITS: u32 = 94;

/// Bits by which the flood is larger than the noise that it hides.
const SPARE_BITS: u32 = 40;

/// Base-2 logarithm of a bound on how far everything that a key holder sees in a training is from what it would see of other
/// plain matrices with the same sums: `opened` values are flooded one by one, each within 2^-(40 + 1) of a distribution that
/// depends on nothing, and statistical distances add up. A bound of 0 or more says nothing.
pub fn flooding_distance(opened: u64) -> f64 {
    (opened.max(1) as f64).log2() - f64::from(SPARE_BITS + 1)
}

/// An upper bound on a ciphertext's noise, in bits: every coefficient is below 2^bits in magnitude.
///
/// A received ciphertext does not carry one; the receiver states what the protocol promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoiseBound(u32);

impl NoiseBound {
    /// A fresh public-key encryption: |e0 + e1 s - e u| <= 21 (1 + 2 * 8192) < 2^19.
    pub const FRESH: Self = Self(19);

    /// A ciphertext after flooding: good for decryption by the key holder, for no further computation.
    // Above `LIMIT_BITS` on purpose, so that every operation on it is refused.
    pub const FLOODED: Self = Self(135);

    /// The sum of `count` ciphertexts within this bound.
    pub fn sum_of(self, count: usize) -> Self {
        Self(
            self.0
                .saturating_add(usize::BITS - count.saturating_sub(1).leading_zeros()),
        )
    }

    /// Bits of the bound.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The bound of a sum of two ciphertexts (a plaintext's rounding counts as one).
    pub(super) fn add(self, other: Self) -> Result<Self, RlweError> {
        // A sum is at most twice the larger. Saturating, since `checked` refuses the top anyway.
        Self(self.0.max(other.0).saturating_add(1)).checked()
    }

    /// The bound of a product with a plaintext whose coefficients' magnitudes sum to `norm`.
    pub(super) fn times(self, norm: u128) -> Result<Self, RlweError> {
        Self(self.0.saturating_add(u128::BITS - norm.leading_zeros())).checked()
    }

    /// Refuses a bound past which a ciphertext could no longer be flooded.
    pub(super) fn checked(self) -> Result<Self, RlweError> {
        if self.0 > LIMIT_BITS {
            return Err(RlweError::NoiseBudget {
                bits: self.0,
                limit: LIMIT_BITS,
            });
        }
        Ok(self)
    }
}

/// One uniform integer of [-2^134, 2^134), shifted up by 2^134 and cut into words, low first.
pub(super) type Flood = [u64; 3];

/// Draws `count` flooding terms, erased on drop: who knows them sees the noise below.
pub(super) fn draw(count: usize, random: &mut Random) -> Zeroizing<Vec<Flood>> {
    Zeroizing::new(
        (0..count)
            // 64 + 64 + 7 bits: exactly the 2^135 numbers of the interval, so no draw is refused.
            .map(|_| [random.u64(), random.u64(), random.u64() >> 57])
            .collect(),
    )
}

/// The ring element whose coefficients are these terms.
pub(super) fn element(floods: &[Flood]) -> Evaluations {
    Evaluations::from_coefficients(|limb, values| {
        for (value, flood) in values.iter_mut().zip(floods) {
            *value = limb.reduce_wide(*flood);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_with_what_is_added_and_multiplied() {
        let fresh = NoiseBound::FRESH;
        assert_eq!(fresh.sum_of(1).bits(), 19);
        assert_eq!(fresh.sum_of(2).bits(), 20);
        assert_eq!(fresh.sum_of(5).bits(), 22);
        assert_eq!(fresh.add(fresh.sum_of(8)).unwrap().bits(), 23);
        assert_eq!(fresh.times(1 << 40).unwrap().bits(), 60);
        assert_eq!(fresh.times(0).unwrap().bits(), 19);
    }

    #[test]
    fn distances_of_all_values_add_up() {
        assert_eq!(flooding_distance(0), -41.0);
        assert_eq!(flooding_distance(1), -41.0);
        assert_eq!(flooding_distance(1 << 20), -21.0);
        assert!(flooding_distance(u64::MAX) > 22.0, "says nothing any more");
    }

    #[test]
    fn refuses_what_could_not_be_flooded_any_more() {
        assert!(NoiseBound::FRESH.times((1 << 75) - 1).is_ok());
        assert_eq!(
            NoiseBound::FRESH.times(1 << 75),
            Err(RlweError::NoiseBudget {
                bits: 95,
                limit: 94
            })
        );
        assert!(NoiseBound::FLOODED.add(NoiseBound::FRESH).is_err());
    }
}
