//! Reals to the ring Z_2^64 and back: a real x becomes round(x * 2^bits) as a two's complement number.
//! Sums keep the scale; a product of two encodings has the scale of `product`.

/// What can go wrong between reals and ring elements.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq)]
pub enum FixedPointError {
    /// The scale would leave no space for an integer part.
    #[error("a scale of {bits} fractional bits is not between 0 and {max}")]
    Scale {
        /// Fractional bits asked for.
        bits: u32,
        /// Most fractional bits allowed.
        max: u32,
    },
    /// The value is not a number or is infinite.
    #[error("value {value} at index {index} is not finite")]
    NotFinite {
        /// Position in the vector, 0 for a single value.
        index: usize,
        /// The value refused.
        value: f64,
    },
    /// The scaled value does not fit in 64 bits with a sign.
    #[error("value {value} at index {index} does not fit with {bits} fractional bits")]
    Overflow {
        /// Position in the vector, 0 for a single value.
        index: usize,
        /// The value refused.
        value: f64,
        /// Fractional bits of the scale.
        bits: u32,
    },
}

/// A scale of 2^bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPoint {
    bits: u32,
}

impl FixedPoint {
    /// Most fractional bits: one bit stays for the integer part, one for the sign.
    pub const MAX_BITS: u32 = 62;

    /// A scale with this many fractional bits, at most [`Self::MAX_BITS`].
    pub fn new(bits: u32) -> Result<Self, FixedPointError> {
        if bits > Self::MAX_BITS {
            return Err(FixedPointError::Scale {
                bits,
                max: Self::MAX_BITS,
            });
        }
        Ok(Self { bits })
    }

    /// Fractional bits.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The scale of a product of a value at this scale and one at `other`.
    pub fn product(self, other: Self) -> Result<Self, FixedPointError> {
        // Both are at most 62: the sum cannot overflow before it is checked.
        Self::new(self.bits + other.bits)
    }

    /// The nearest multiple of 2^-bits, halves away from zero; refuses what is not finite or does not fit.
    pub fn encode(self, value: f64) -> Result<i64, FixedPointError> {
        self.encode_at(0, value)
    }

    /// Encodes a vector; an error names the first index refused.
    pub fn encode_all(self, values: &[f64]) -> Result<Vec<i64>, FixedPointError> {
        values
            .iter()
            .enumerate()
            .map(|(index, &value)| self.encode_at(index, value))
            .collect()
    }

    /// The real a ring element stands for, to the precision of f64.
    pub fn decode(self, value: i64) -> f64 {
        // A power of two only moves the exponent: the cast is the one place that rounds.
        value as f64 / self.scale()
    }

    /// Decodes a vector.
    pub fn decode_all(self, values: &[i64]) -> Vec<f64> {
        values.iter().map(|&value| self.decode(value)).collect()
    }

    /// Decodes ring elements given without a sign, such as recombined shares.
    pub fn decode_ring(self, values: &[u64]) -> Vec<f64> {
        values
            .iter()
            .map(|&value| self.decode(value as i64))
            .collect()
    }

    fn encode_at(self, index: usize, value: f64) -> Result<i64, FixedPointError> {
        if !value.is_finite() {
            return Err(FixedPointError::NotFinite { index, value });
        }
        // Nearest, not cut off: cutting would pull every value of a sum towards zero.
        let scaled = (value * self.scale()).round();
        // -2^63 and 2^63 are exact doubles; the upper one is already out of range.
        let limit = (1u64 << 63) as f64;
        if scaled < -limit || scaled >= limit {
            return Err(FixedPointError::Overflow {
                index,
                value,
                bits: self.bits,
            });
        }
        Ok(scaled as i64)
    }

    fn scale(self) -> f64 {
        (1u64 << self.bits) as f64
    }
}

/// Signed numbers as ring elements.
pub fn to_ring(values: &[i64]) -> Vec<u64> {
    values.iter().map(|&value| value as u64).collect()
}

/// Ring elements as signed numbers, the representatives in -2^63..2^63.
pub fn from_ring(values: &[u64]) -> Vec<i64> {
    values.iter().map(|&value| value as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_round_trip_is_off_by_half_a_step_at_most(value in -1.0e6..1.0e6f64, bits in 0u32..=32) {
            let scale = FixedPoint::new(bits).unwrap();
            let back = scale.decode(scale.encode(value).unwrap());
            prop_assert!((back - value).abs() <= 0.5 / (1u64 << bits) as f64);
        }

        #[test]
        fn ring_products_decode_at_the_product_scale(a in -1000.0..1000.0f64, b in -1000.0..1000.0f64) {
            let (left, right) = (FixedPoint::new(16).unwrap(), FixedPoint::new(20).unwrap());
            let ring = left.encode(a).unwrap().wrapping_mul(right.encode(b).unwrap());
            let back = left.product(right).unwrap().decode(ring);
            prop_assert!((back - a * b).abs() < 0.02);
        }
    }

    #[test]
    fn refuses_what_is_not_finite_or_does_not_fit() {
        let scale = FixedPoint::new(20).unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(
                scale.encode(value),
                Err(FixedPointError::NotFinite { .. })
            ));
        }
        let limit = (1u64 << 43) as f64;
        assert!(matches!(
            scale.encode(limit),
            Err(FixedPointError::Overflow { .. })
        ));
        assert_eq!(scale.encode(-limit), Ok(i64::MIN));
        assert_eq!(
            scale.encode_all(&[0.0, 1.0, 1e300]),
            Err(FixedPointError::Overflow {
                index: 2,
                value: 1e300,
                bits: 20
            })
        );
    }

    #[test]
    fn refuses_a_scale_without_an_integer_part() {
        let wide = FixedPoint::new(40).unwrap();
        assert!(FixedPoint::new(63).is_err());
        assert_eq!(
            wide.product(wide),
            Err(FixedPointError::Scale { bits: 80, max: 62 })
        );
    }

    #[test]
    fn negative_numbers_survive_the_ring() {
        let scale = FixedPoint::new(10).unwrap();
        let ring = to_ring(&scale.encode_all(&[-1.5, 2.25]).unwrap());
        assert_eq!(from_ring(&ring), vec![-1536, 2304]);
        assert_eq!(scale.decode_ring(&ring), vec![-1.5, 2.25]);
    }
}
