//! The distributions of the scheme: ternary secrets, centred binomial errors, uniform ring elements.

use zeroize::Zeroizing;

use super::ring::{DEGREE, Evaluations, RING};
use crate::random::Random;

/// Coins on each side of the centred binomial distribution: sigma = sqrt(21/2) = 3.24, magnitude at most 21.
/// The standard asks for sigma of about 3.2; the hard bound makes every noise bound certain.
pub(super) const COINS: u32 = 21;

/// N uniform coefficients from {-1, 0, 1}.
pub(super) fn ternary(random: &mut Random) -> Zeroizing<Vec<i64>> {
    let mut coefficients = Zeroizing::new(Vec::with_capacity(DEGREE));
    while coefficients.len() < DEGREE {
        let mut bits = random.u64();
        for _ in 0..32 {
            // Three of the four pairs of bits are kept; the refused one says nothing of the others.
            let pair = (bits & 3) as i64;
            if pair != 3 && coefficients.len() < DEGREE {
                coefficients.push(pair - 1);
            }
            bits >>= 2;
        }
    }
    coefficients
}

/// `count` errors from the centred binomial distribution.
pub(super) fn errors(count: usize, random: &mut Random) -> Zeroizing<Vec<i64>> {
    // Counting bits takes the same time for all coins: no table, no branch on what is secret.
    let mask = (1u64 << COINS) - 1;
    let draw = |_| {
        let coins = random.u64();
        i64::from((coins & mask).count_ones()) - i64::from((coins >> COINS & mask).count_ones())
    };
    Zeroizing::new((0..count).map(draw).collect())
}

/// A uniform ring element; any transformed value is as good as a coefficient.
pub(super) fn uniform(random: &mut Random) -> Evaluations {
    let mut element = Evaluations::zero();
    for (values, limb) in element.0.chunks_exact_mut(DEGREE).zip(&RING.limbs) {
        for value in values {
            // Refuses once in 2^34 draws or less often: the primes lie just under 2^50.
            *value = loop {
                let candidate = random.u64() >> 14;
                if candidate < limb.prime.q {
                    break candidate;
                }
            };
        }
    }
    element
}

/// Uniform masks mod 2^64.
pub(super) fn draw_masks(count: usize, random: &mut Random) -> Vec<u64> {
    (0..count).map(|_| random.u64()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_evenly_ternary() {
        let coefficients = ternary(&mut Random::seeded(1));
        assert_eq!(coefficients.len(), DEGREE);
        for value in [-1, 0, 1] {
            let count = coefficients.iter().filter(|&&x| x == value).count();
            // Standard deviation about 43: five of them.
            assert!(count.abs_diff(DEGREE / 3) < 215, "{value}: {count}");
        }
    }

    #[test]
    fn errors_are_centred_with_the_stated_width() {
        let errors = errors(DEGREE, &mut Random::seeded(2));
        let mean = errors.iter().sum::<i64>() as f64 / DEGREE as f64;
        let variance = errors.iter().map(|x| x * x).sum::<i64>() as f64 / DEGREE as f64;
        assert!(mean.abs() < 0.18, "{mean}");
        assert!((variance - 10.5).abs() < 0.85, "{variance}");
        assert!(errors.iter().all(|x| x.unsigned_abs() <= u64::from(COINS)));
    }

    #[test]
    fn uniform_elements_fill_the_range() {
        let element = uniform(&mut Random::seeded(3));
        for (values, limb) in element.0.chunks_exact(DEGREE).zip(&RING.limbs) {
            assert!(values.iter().all(|&value| value < limb.prime.q));
            let upper = values
                .iter()
                .filter(|&&value| value > limb.prime.q / 2)
                .count();
            assert!(upper.abs_diff(DEGREE / 2) < 230, "{upper}");
        }
    }
}
