//! What opened values tell of the secret key, and how much of its strength they leave.
//!
//! Whoever chooses what the key holder opens chooses c1, and gets round(2^64 (c0 + <c1, s>) / q) mod 2^64: 64 bits of any linear
//! function of the secret s. The most that is known to be made of them is to read 64 / log2(3) = 40.4 of its ternary
//! coefficients ([`crate::rlwe::extraction`] does 40). In the words of Dachman-Soled, Ducas, Gong and Rossi (*LWE with Side
//! Information*, CRYPTO 2020, ePrint 2020/292) these are perfect hints: each takes one dimension off the lattice. Approximate hints, which
//! leave the dimension and narrow the secret, add at most 64 bits to the logarithm of a volume of 1.6 million bits, which is far less.
//! So v values leave an LWE problem of dimension n(v) = N - ceil(64 v / log2(3)) with the same q, error and samples.
//!
//! Its strength is estimated as the Homomorphic Encryption Standard (2018) does, by the primal attack (Alkim, Ducas,
//! Pöppelmann, Schwabe, USENIX Security 2016): the smallest block size b with
//! sqrt(b) sigma <= delta(b)^(2b - d - 1) Vol^(1/d) for d = n + m + 1 and the best number of samples m, and a cost of
//! 2^(0.292 b + 16.4 + log2(8 d)) (Becker, Ducas, Gama, Laarhoven, SODA 2016). The test below finds the standard's table with it.

use super::ring::{DEGREE, LIMBS};

/// Values that one key may open for one party that is not trusted to make its ciphertexts as agreed. They leave 131 bits by
/// the estimate here, and 128 also by the tables of 2024 (Bossuat et al., *Security Guidelines for Implementing Homomorphic
/// Encryption*, ePrint 2024/463), which allow 214 bits of modulus at N = 8192 where those of 2018 allow 218.
pub const VALUES_PER_KEY: usize = 12;

/// Bits that an opened value has.
const OPENED_BITS: f64 = 64.0;

/// Bits of q.
const MODULUS_BITS: f64 = 50.0 * LIMBS as f64;

/// Variance of a ternary coefficient, and of an error (21 coins a side).
const VARIANCES: (f64, f64) = (2.0 / 3.0, super::sampling::COINS as f64 / 2.0);

/// Smallest and largest block size that are tried.
const BLOCKS: (u32, u32) = (50, 1200);

/// Coefficients of the secret that so many opened values can tell at most, of [`DEGREE`].
pub fn coefficients_learned(values: usize) -> usize {
    let most = (values as f64 * OPENED_BITS / 3f64.log2()).ceil();
    if most < DEGREE as f64 {
        most as usize
    } else {
        DEGREE
    }
}

/// Estimated strength, in bits, of a key that opened so many values of somebody's own making; 0 where it is all told.
pub fn bits_left(values: usize) -> f64 {
    strength(DEGREE - coefficients_learned(values), MODULUS_BITS, DEGREE)
}

/// Strength of LWE with a ternary secret of dimension `n`, a modulus of `bits` bits and at most `samples` samples.
fn strength(n: usize, bits: f64, samples: usize) -> f64 {
    // Every sixteenth number of samples: the test finds the standard's table with these.
    let costs = (1..=samples).rev().step_by(16).filter_map(|m| {
        let d = (n + m + 1) as f64;
        let block = f64::from(smallest_block(n, m, bits)?);
        Some(0.292 * block + 16.4 + (8.0 * d).log2())
    });
    // Or whoever attacks tries all that is left.
    costs.fold(n as f64 * 3f64.log2(), f64::min)
}

/// The smallest block size that solves the problem with `m` samples; none where the largest that is tried is too little.
fn smallest_block(n: usize, m: usize, bits: f64) -> Option<u32> {
    let (secret, error) = VARIANCES;
    let (n, m) = (n as f64, m as f64);
    let d = n + m + 1.0;
    // Volume of the lattice whose coordinates of the secret are stretched to the width of errors.
    let volume = m * bits * std::f64::consts::LN_2 + n * (error / secret).ln() / 2.0;
    let solves = |block: u32| {
        let block = f64::from(block);
        let left = (error.ln() + block.ln()) / 2.0;
        left <= (2.0 * block - d - 1.0) * delta(block).ln() + volume / d
    };
    let (mut low, mut high) = BLOCKS;
    // The search below needs one end that solves and one that does not.
    if solves(low) || !solves(high) {
        return solves(low).then_some(low);
    }
    while low + 1 < high {
        let middle = low.midpoint(high);
        if solves(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    Some(high)
}

/// Root Hermite factor of a reduced basis.
fn delta(block: f64) -> f64 {
    use std::f64::consts::{E, PI};
    ((PI * block).powf(1.0 / block) * block / (2.0 * PI * E)).powf(1.0 / (2.0 * (block - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest moduli for 128 bits with ternary secrets, of the standard of 2018.
    #[test]
    fn the_estimate_finds_the_table_of_the_standard() {
        for (n, bits) in [(4096, 109.0), (8192, 218.0), (16384, 438.0)] {
            let found = strength(n, bits, n);
            assert!((found - 128.0).abs() < 0.5, "{n} {bits}: {found}");
        }
    }

    /// Prints the table of the README.
    #[test]
    fn a_key_that_opened_its_values_has_128_bits_left() {
        for values in [0, 4, 8, VALUES_PER_KEY, 16, 20, 24, 48, 100, 150, 203] {
            println!(
                "| {values} | {} | {:.1} |",
                coefficients_learned(values),
                bits_left(values)
            );
        }
        assert!(bits_left(VALUES_PER_KEY) >= 131.0);
        assert!(bits_left(16) >= 128.0 && bits_left(18) < 128.0);
        // By the tables of 2024, whose largest modulus grows with the dimension.
        let dimension = (DEGREE - coefficients_learned(VALUES_PER_KEY)) as f64;
        assert!(214.0 * dimension / DEGREE as f64 >= MODULUS_BITS);
        assert!(coefficients_learned(VALUES_PER_KEY) < DEGREE / 8);
    }

    #[test]
    fn more_values_never_leave_more() {
        let mut before = f64::INFINITY;
        for values in (0..300).step_by(3) {
            let left = bits_left(values);
            // Block sizes are whole numbers, and numbers of samples are tried in steps: a part of a bit.
            assert!(left <= before + 0.3, "{values}: {left} after {before}");
            before = before.min(left);
        }
        assert_eq!((bits_left(203), bits_left(usize::MAX)), (0.0, 0.0));
        assert_eq!(coefficients_learned(203), DEGREE);
    }
}
