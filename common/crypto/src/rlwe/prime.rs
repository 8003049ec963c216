//! Arithmetic modulo one prime below 2^50: Shoup products with a known factor, Montgomery products of two
//! unknowns, additions. Branch-free, so that running time does not depend on secrets.

/// A number below the prime with its precomputed quotient floor(value * 2^64 / q) (Shoup).
#[derive(Clone, Copy)]
pub(super) struct Factor {
    value: u64,
    quotient: u64,
}

/// One prime modulus q < 2^50 and what its reductions need.
pub(super) struct Prime {
    /// The modulus.
    pub(super) q: u64,
    /// -1/q mod 2^64, for Montgomery.
    negative_inverse: u64,
    one: Factor,
    /// 2^64 mod q.
    two64: Factor,
}

impl Prime {
    /// Prepares the reductions modulo an odd `q` below 2^50.
    pub(super) fn new(q: u64) -> Self {
        // Newton's iteration doubles the correct bits; q * q = 1 mod 8 starts it with three.
        let inverse = (0..5).fold(q, |x, _| {
            x.wrapping_mul(2u64.wrapping_sub(q.wrapping_mul(x)))
        });
        let two64 = ((1u128 << 64) % u128::from(q)) as u64;
        Self {
            q,
            negative_inverse: inverse.wrapping_neg(),
            one: shoup(1, q),
            two64: shoup(two64, q),
        }
    }

    /// Prepares `value` (any number) as a factor.
    pub(super) fn factor(&self, value: u64) -> Factor {
        shoup(value % self.q, self.q)
    }

    /// `x * factor` in 0..2q, for any x.
    #[inline(always)]
    pub(super) fn times_lazy(&self, x: u64, factor: Factor) -> u64 {
        let estimate = ((u128::from(x) * u128::from(factor.quotient)) >> 64) as u64;
        // Both products mod 2^64: their difference is below 2q, so the low word is all of it.
        x.wrapping_mul(factor.value)
            .wrapping_sub(estimate.wrapping_mul(self.q))
    }

    /// `x * factor` in 0..q, for any x.
    #[inline(always)]
    pub(super) fn times(&self, x: u64, factor: Factor) -> u64 {
        self.settle(self.times_lazy(x, factor))
    }

    /// Any 64-bit number into 0..q.
    #[inline(always)]
    pub(super) fn reduce(&self, x: u64) -> u64 {
        self.times(x, self.one)
    }

    /// A signed number into 0..q.
    #[inline(always)]
    pub(super) fn reduce_signed(&self, x: i64) -> u64 {
        // As u64 a negative x is 2^64 too large; the sign as a mask takes that off without a
        // branch.
        self.sub(self.reduce(x as u64), self.two64.value & (x >> 63) as u64)
    }

    /// 0..2q into 0..q: the subtraction wraps to a huge number exactly when it was not wanted.
    #[inline(always)]
    pub(super) fn settle(&self, x: u64) -> u64 {
        x.min(x.wrapping_sub(self.q))
    }

    /// Sum of two reduced numbers.
    #[inline(always)]
    pub(super) fn add(&self, x: u64, y: u64) -> u64 {
        self.settle(x + y)
    }

    /// Difference of two reduced numbers.
    #[inline(always)]
    pub(super) fn sub(&self, x: u64, y: u64) -> u64 {
        // q comes first: the intermediate value then never goes below zero.
        self.settle(x + self.q - y)
    }

    /// `x * 2^64 mod q`: the form in which one operand of a Montgomery product must be.
    #[inline(always)]
    pub(super) fn to_montgomery(&self, x: u64) -> u64 {
        self.times(x, self.two64)
    }

    /// `x / 2^64 mod q` in 0..q, for x below q * 2^64 (such as a sum of 2^14 products of reduced numbers).
    #[inline(always)]
    pub(super) fn montgomery_reduce(&self, x: u128) -> u64 {
        // x + multiple * q is a multiple of 2^64, so the shift is exact; both are below 2^114.
        let multiple = (x as u64).wrapping_mul(self.negative_inverse);
        self.settle(((x + u128::from(multiple) * u128::from(self.q)) >> 64) as u64)
    }

    /// Product of a reduced number and one in Montgomery form.
    #[inline(always)]
    pub(super) fn mul(&self, x: u64, montgomery: u64) -> u64 {
        self.montgomery_reduce(u128::from(x) * u128::from(montgomery))
    }

    /// `base^exponent mod q`; for tables, not for secrets.
    pub(super) fn power(&self, base: u64, mut exponent: u64) -> u64 {
        let (mut square, mut result) = (base % self.q, 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.times(result, self.factor(square));
            }
            square = self.times(square, self.factor(square));
            exponent >>= 1;
        }
        result
    }

    /// `1/x mod q` by Fermat; for tables, not for secrets.
    pub(super) fn invert(&self, x: u64) -> u64 {
        self.power(x, self.q - 2)
    }
}

fn shoup(value: u64, q: u64) -> Factor {
    Factor {
        value,
        quotient: ((u128::from(value) << 64) / u128::from(q)) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const Q: u64 = 1_125_899_906_826_241;

    proptest! {
        #[test]
        fn agrees_with_wide_arithmetic(x in any::<u64>(), y in 0..Q, z in 0..Q) {
            let prime = Prime::new(Q);
            let wide = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(Q)) as u64;
            prop_assert_eq!(prime.times(x, prime.factor(y)), wide(x, y));
            prop_assert_eq!(prime.mul(y, prime.to_montgomery(z)), wide(y, z));
            prop_assert_eq!(prime.reduce(x), x % Q);
            prop_assert_eq!(i128::from(prime.reduce_signed(x as i64)), i128::from(x as i64).rem_euclid(i128::from(Q)));
            prop_assert_eq!(prime.add(y, z), (y + z) % Q);
            prop_assert_eq!(prime.sub(y, z), (Q + y - z) % Q);
        }
    }

    #[test]
    fn montgomery_reduction_holds_at_its_limit() {
        let prime = Prime::new(Q);
        let largest = u128::from(Q) * (1u128 << 64) - 1;
        let back = prime.to_montgomery(prime.montgomery_reduce(largest));
        assert_eq!(u128::from(back), largest % u128::from(Q));
    }

    #[test]
    fn inverses_invert() {
        let prime = Prime::new(Q);
        for x in [1, 2, 3, 123_456_789, Q - 1] {
            assert_eq!(prime.times(prime.invert(x), prime.factor(x)), 1);
        }
    }
}
