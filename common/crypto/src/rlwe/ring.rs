//! The ring Z_q\[X\]/(X^N + 1) in residue form, one limb per prime: negacyclic number-theoretic transforms,
//! exact scaling of plaintexts mod 2^64 up to q and back down. Tables are computed once per process.

use std::sync::LazyLock;

use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::prime::{Factor, Prime};

/// Coefficients of a ring element, N: also the number of values one ciphertext holds.
// With a ternary secret the standard allows a q of 218 bits for 128 bits of security; ours has
// 200.
pub const DEGREE: usize = 8192;

/// Primes in q.
pub const LIMBS: usize = 4;

/// The largest primes below 2^50 that are 1 mod 2N, each with a primitive 2N-th root of unity.
// Constants, not searched for: all parties need the same q, and the root fixes the order of the
// transformed values that travel.
const PRIMES: [(u64, u64); LIMBS] = [
    (1_125_899_906_826_241, 971_709_613_313_032),
    (1_125_899_906_629_633, 1_096_684_567_043_902),
    (1_125_899_905_744_897, 340_368_873_960_073),
    (1_125_899_905_351_681, 684_195_787_594_020),
];

/// The one ring of this crate.
pub(super) static RING: LazyLock<Ring> = LazyLock::new(Ring::new);

/// All limbs, and the part of q that scaling needs.
pub(super) struct Ring {
    pub(super) limbs: [Limb; LIMBS],
    /// q mod 2^64.
    q_low: u64,
}

/// One prime and its tables.
pub(super) struct Limb {
    pub(super) prime: Prime,
    /// Powers of the 2N-th root in bit-reversed order, and their inverses.
    forward: Vec<Factor>,
    inverse: Vec<Factor>,
    /// 1/N.
    degree_inverse: Factor,
    /// -1/2^64.
    minus_inverse64: Factor,
    /// (q/q_i)^-1 mod q_i, of the Chinese remainder theorem.
    cofactor_inverse: Factor,
    /// floor(2^128 / q_i).
    reciprocal: u128,
    /// 2^64, 2^128 and 2^134, for wide integers.
    two64: Factor,
    two128: Factor,
    two134: u64,
}

/// A ring element in transformed form: limb after limb, N reduced values each.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Evaluations(pub(super) Vec<u64>);

/// A transformed element with its values in Montgomery form, ready to be multiplied by.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub(super) struct Multiplier(pub(super) Vec<u64>);

impl Ring {
    fn new() -> Self {
        let q_low = PRIMES
            .iter()
            .fold(1u64, |product, (q, _)| product.wrapping_mul(*q));
        Self {
            limbs: std::array::from_fn(Limb::new),
            q_low,
        }
    }

    /// What is left of q * message after the multiple of 2^64 nearest to it, as an unsigned number.
    #[inline(always)]
    fn remainder(&self, message: u64) -> u64 {
        self.q_low.wrapping_mul(message)
    }

    /// round(q * message / 2^64) in one limb. With r the centred remainder of q * message mod 2^64 this is
    /// (q * message - r) / 2^64, hence -r / 2^64 modulo each prime: exact without wide numbers.
    #[inline(always)]
    pub(super) fn scale_up(&self, limb: &Limb, message: u64) -> u64 {
        let remainder = self.remainder(message);
        limb.prime.add(
            limb.prime.times(remainder, limb.minus_inverse64),
            // A top bit means that the centred remainder is this minus 2^64: one more after
            // division.
            remainder >> 63,
        )
    }

    /// round(2^64 * x / q) mod 2^64 for x given by its residues. By the Chinese remainder theorem x/q is
    /// the sum of y_i/q_i mod 1; each term is taken to 128 binary places and is low by less than 2^-78, the
    /// sum by less than 2^-12 of a step: exact while the noise is below (1/2 - 2^-12) of a step.
    #[inline(always)]
    pub(super) fn scale_down(&self, residues: [u64; LIMBS]) -> u64 {
        (self.fraction(residues).wrapping_add(1 << 63) >> 64) as u64
    }

    /// Sum of two coefficients given by their residues.
    #[inline(always)]
    pub(super) fn add(&self, x: &[u64; LIMBS], y: &[u64; LIMBS]) -> [u64; LIMBS] {
        std::array::from_fn(|index| self.limbs[index].prime.add(x[index], y[index]))
    }

    /// x/q mod 1 to 128 binary places: the plaintext above, the noise below.
    #[inline(always)]
    pub(super) fn fraction(&self, residues: [u64; LIMBS]) -> u128 {
        self.limbs
            .iter()
            .zip(residues)
            .fold(0, |sum, (limb, residue)| {
                let y = limb.prime.times(residue, limb.cofactor_inverse);
                sum.wrapping_add(u128::from(y).wrapping_mul(limb.reciprocal))
            })
    }
}

impl Limb {
    fn new(index: usize) -> Self {
        let (q, root) = PRIMES[index];
        let prime = Prime::new(q);
        let others = PRIMES.iter().filter(|(other, _)| *other != q);
        let cofactor = others.fold(1, |product, (other, _)| {
            prime.times(product, prime.factor(*other))
        });
        let two64 = prime.power(2, 64);
        Self {
            forward: bit_reversed_powers(&prime, root),
            inverse: bit_reversed_powers(&prime, prime.invert(root)),
            degree_inverse: prime.factor(prime.invert(DEGREE as u64)),
            minus_inverse64: prime.factor(q - prime.invert(two64)),
            cofactor_inverse: prime.factor(prime.invert(cofactor)),
            // No prime divides 2^128, so this is floor(2^128 / q) as well.
            reciprocal: u128::MAX / u128::from(q),
            two64: prime.factor(two64),
            two128: prime.factor(prime.power(2, 128)),
            two134: prime.power(2, 134),
            prime,
        }
    }

    /// Transforms N numbers below 2^63 in place; leaves reduced values (Cooley-Tukey, negacyclic).
    /// Values grow by 2q a stage and there are 13 stages, so nothing overflows before the end.
    pub(super) fn transform(&self, values: &mut [u64]) {
        let (prime, twice) = (&self.prime, 2 * self.prime.q);
        let (mut half, mut blocks) = (DEGREE / 2, 1);
        while half > 0 {
            for (block, root) in values
                .chunks_exact_mut(2 * half)
                .zip(&self.forward[blocks..])
            {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let turned = prime.times_lazy(*y, *root);
                    // `turned` is below 2q, so that the difference stays positive.
                    *y = *x + twice - turned;
                    *x += turned;
                }
            }
            half /= 2;
            blocks *= 2;
        }
        values
            .iter_mut()
            // Reduced once here instead of in each of the 13 stages.
            .for_each(|value| *value = prime.reduce(*value));
    }

    /// Undoes `transform` on reduced values; leaves reduced coefficients (Gentleman-Sande).
    /// The bound doubles each stage and ends at 2^13 q < 2^63.
    pub(super) fn transform_back(&self, values: &mut [u64]) {
        let prime = &self.prime;
        let (mut half, mut blocks, mut bound) = (1, DEGREE / 2, prime.q);
        while blocks > 0 {
            for (block, root) in values
                .chunks_exact_mut(2 * half)
                .zip(&self.inverse[blocks..])
            {
                let (low, high) = block.split_at_mut(half);
                for (x, y) in low.iter_mut().zip(high) {
                    let difference = *x + bound - *y;
                    *x += *y;
                    *y = prime.times_lazy(difference, *root);
                }
            }
            half *= 2;
            blocks /= 2;
            bound *= 2;
        }
        values
            .iter_mut()
            .for_each(|value| *value = prime.times(*value, self.degree_inverse));
    }

    /// Writes the residues of small signed coefficients.
    pub(super) fn write_small(&self, coefficients: &[i64], values: &mut [u64]) {
        for (value, coefficient) in values.iter_mut().zip(coefficients) {
            *value = self.prime.reduce_signed(*coefficient);
        }
    }

    /// Small secret coefficients, transformed; erased on drop.
    pub(super) fn transformed(&self, coefficients: &[i64]) -> Zeroizing<Vec<u64>> {
        let mut values = Zeroizing::new(vec![0; DEGREE]);
        self.write_small(coefficients, &mut values);
        self.transform(&mut values);
        values
    }

    /// Residue of low + middle 2^64 + high 2^128 - 2^134.
    pub(super) fn reduce_wide(&self, [low, middle, high]: [u64; 3]) -> u64 {
        let prime = &self.prime;
        let upper = prime.add(
            prime.times(middle, self.two64),
            prime.times(high, self.two128),
        );
        prime.sub(prime.add(prime.reduce(low), upper), self.two134)
    }
}

impl Multiplier {
    /// The values out of Montgomery form.
    pub(super) fn to_evaluations(&self) -> Evaluations {
        let mut element = Evaluations(self.0.clone());
        element.update(&[], |prime, value, _| {
            prime.montgomery_reduce(u128::from(value))
        });
        element
    }
}

impl Evaluations {
    /// The zero element.
    pub(super) fn zero() -> Self {
        Self(vec![0; LIMBS * DEGREE])
    }

    /// Builds an element limb by limb from coefficients below 2^63 that `fill` writes over zeros.
    pub(super) fn from_coefficients(fill: impl Fn(&Limb, &mut [u64]) + Sync) -> Self {
        let mut element = Self::zero();
        element
            .0
            .par_chunks_exact_mut(DEGREE)
            .zip(&RING.limbs)
            .for_each(|(values, limb)| {
                fill(limb, values);
                limb.transform(values);
            });
        element
    }

    /// The element with these small signed coefficients.
    pub(super) fn from_small(coefficients: &[i64]) -> Self {
        Self::from_coefficients(|limb, values| limb.write_small(coefficients, values))
    }

    /// Residues of the coefficients, limb after limb.
    pub(super) fn into_coefficients(mut self) -> Vec<u64> {
        self.0
            .par_chunks_exact_mut(DEGREE)
            .zip(&RING.limbs)
            .for_each(|(values, limb)| limb.transform_back(values));
        self.0
    }

    /// The same element, ready to be multiplied by.
    pub(super) fn into_multiplier(mut self) -> Multiplier {
        self.update(&[], |prime, value, _| prime.to_montgomery(value));
        Multiplier(self.0)
    }

    /// Adds `other` to this element.
    pub(super) fn add(&mut self, other: &Self) {
        self.update(&other.0, |prime, x, y| prime.add(x, y));
    }

    /// Subtracts `other` from this element.
    pub(super) fn sub(&mut self, other: &Self) {
        self.update(&other.0, |prime, x, y| prime.sub(x, y));
    }

    /// Multiplies this element by `other`.
    pub(super) fn mul(&mut self, other: &Multiplier) {
        self.update(&other.0, |prime, x, y| prime.mul(x, y));
    }

    /// Multiplies this element by an integer.
    pub(super) fn scale(&mut self, integer: i64) {
        for (values, limb) in self.0.chunks_exact_mut(DEGREE).zip(&RING.limbs) {
            let factor = limb.prime.factor(limb.prime.reduce_signed(integer));
            values
                .iter_mut()
                .for_each(|value| *value = limb.prime.times(*value, factor));
        }
    }

    /// Replaces each value by `operation` of it and of the value of `other` (zero where that is empty).
    fn update(&mut self, other: &[u64], operation: impl Fn(&Prime, u64, u64) -> u64) {
        for (index, (values, limb)) in self.0.chunks_exact_mut(DEGREE).zip(&RING.limbs).enumerate()
        {
            match other.get(index * DEGREE..(index + 1) * DEGREE) {
                Some(others) => {
                    values
                        .iter_mut()
                        .zip(others)
                        .for_each(|(x, y)| *x = operation(&limb.prime, *x, *y));
                }
                None => values
                    .iter_mut()
                    .for_each(|x| *x = operation(&limb.prime, *x, 0)),
            }
        }
    }
}

/// Powers 0..N of `root` as factors, power i at the index whose 13 bits are those of i reversed.
fn bit_reversed_powers(prime: &Prime, root: u64) -> Vec<Factor> {
    let step = prime.factor(root);
    let mut powers = vec![prime.factor(1); DEGREE];
    let mut power = 1;
    for index in 0..DEGREE {
        powers[index.reverse_bits() >> (usize::BITS - DEGREE.ilog2())] = prime.factor(power);
        power = prime.times(power, step);
    }
    powers
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
