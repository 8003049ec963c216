//! For tests: the attack that [`super::VALUES_PER_KEY`] is the measure against. A party whose sums are opened makes up what it
//! sends. With c0 = 0 and c1 = sum over j of round(q 3^j / 3^40) X^(e_j), the coefficient at place p is
//! sum over j of 3^j s_(p - e_j) q / 3^40, and what comes back holds 40 coefficients of the secret as digits.

use super::ring::{DEGREE, Evaluations, LIMBS, RING};
use super::sums::{Layout, MaskedSums};
use super::{PublicKey, sampling};

/// Coefficients that one opened value tells: 3^40 < 2^64 < 3^41.
pub const DIGITS: usize = 40;

/// What a cheat knows of a key.
pub struct Extraction {
    layout: Layout,
    /// Exponents of each opening's digits.
    openings: Vec<Vec<usize>>,
    /// As far as they are known.
    secret: Vec<Option<i64>>,
}

impl Extraction {
    /// An attack by openings of `columns` sums over `rows` rows.
    pub fn new(rows: usize, columns: usize) -> Self {
        let layout = Layout::of(rows, columns);
        let (stride, places) = (layout.stride, columns.min(layout.per_element()));
        // All places together read one coefficient in each `stride` for an exponent; the rest takes further ones.
        let turns = layout.per_element().div_ceil(places.max(1));
        let exponents =
            (0..turns).flat_map(|turn| (0..stride).map(move |at| at + turn * places * stride));
        let exponents: Vec<usize> = exponents.map(|exponent| exponent % DEGREE).collect();
        Self {
            layout,
            openings: exponents.chunks(DIGITS).map(<[usize]>::to_vec).collect(),
            secret: vec![None; DEGREE],
        }
    }

    /// Openings that tell the whole key.
    pub fn openings(&self) -> usize {
        self.openings.len().div_ceil(self.whole())
    }

    /// Ring elements of an opening that have a sum at each of their places, or as many as there are.
    fn whole(&self) -> usize {
        (self.layout.columns / self.layout.per_element()).max(1)
    }

    /// The digits that one element asks for in an opening.
    fn exponents(&self, turn: usize, element: usize) -> &[usize] {
        let index = turn * self.whole() + element.min(self.whole() - 1);
        &self.openings[index % self.openings.len()]
    }

    /// The bytes to send in place of the `turn`-th masked sums.
    pub fn ask(&self, turn: usize) -> Vec<u8> {
        let element = |element| {
            Evaluations::from_coefficients(|limb, values| {
                for (digit, exponent) in self.exponents(turn, element).iter().enumerate() {
                    let residue = weight(digit).iter().rev().fold(0, |residue: u128, word| {
                        (residue << 64 | u128::from(*word)) % u128::from(limb.prime.q)
                    });
                    values[*exponent] = limb.prime.add(values[*exponent], residue as u64);
                }
            })
        };
        let c1 = (0..self.layout.elements()).map(element).collect();
        MaskedSums {
            layout: self.layout,
            c0: vec![0; self.layout.columns * LIMBS],
            c1,
        }
        .to_bytes()
    }

    /// Reads what came back for the `turn`-th.
    pub fn learn(&mut self, turn: usize, opened: &[u64]) {
        let scale = 3i128.pow(DIGITS as u32);
        for element in 0..self.layout.elements() {
            let exponents = self.exponents(turn, element).to_vec();
            for (column, position) in self.layout.positions(element) {
                // sum of 3^j s_j, between -3^40/2 and 3^40/2, to the nearest integer.
                let mut sum = (i128::from(opened[column] as i64) * scale + (1 << 63)) >> 64;
                for exponent in &exponents {
                    let digit = (sum + 1).rem_euclid(3) - 1;
                    sum = (sum - digit) / 3;
                    // X^N = -1.
                    let (at, sign) = match position.checked_sub(*exponent) {
                        Some(at) => (at, 1),
                        None => (DEGREE + position - exponent, -1),
                    };
                    self.secret[at] = Some(sign * digit as i64);
                }
            }
        }
    }

    /// Coefficients known, of [`DEGREE`].
    pub fn known(&self) -> usize {
        self.secret.iter().flatten().count()
    }

    /// Whether all is known, and true: then b + a s is as small as an error.
    pub fn has_the_key_of(&self, public: &PublicKey) -> bool {
        let Some(secret) = self.secret.iter().copied().collect::<Option<Vec<i64>>>() else {
            return false;
        };
        let (mut error, b) = (Evaluations::from_small(&secret), public.b.to_evaluations());
        error.mul(&public.a);
        error.add(&b);
        let most = sampling::COINS.into();
        RING.limbs
            .iter()
            .zip(error.into_coefficients().chunks(DEGREE))
            .all(|(limb, values)| {
                values
                    .iter()
                    .all(|value| *value <= most || limb.prime.q - value <= most)
            })
    }

    /// How many of the known coefficients are those of a secret.
    #[cfg(test)]
    fn right(&self, truth: &[i64]) -> usize {
        self.secret
            .iter()
            .zip(truth)
            .filter(|(known, truth)| known.as_ref() == Some(truth))
            .count()
    }
}

/// round(q 3^digit / 3^40), in words, low first.
fn weight(digit: usize) -> [u64; 4] {
    // q as words, then multiplied by 3^digit and divided by 3^40, that is divided by 3 as often as is left.
    let mut words = RING
        .limbs
        .iter()
        .fold([1, 0, 0, 0], |words, limb| multiply(words, limb.prime.q));
    for _ in digit..DIGITS {
        words = third(words);
    }
    words
}

fn multiply(words: [u64; 4], factor: u64) -> [u64; 4] {
    let mut carry = 0u128;
    words.map(|word| {
        carry += u128::from(word) * u128::from(factor);
        let low = carry as u64;
        carry >>= 64;
        low
    })
}

/// A third, rounded down: forty of them are off by less than two.
fn third(mut words: [u64; 4]) -> [u64; 4] {
    let mut rest = 0u128;
    for word in words.iter_mut().rev() {
        let whole = rest << 64 | u128::from(*word);
        *word = (whole / 3) as u64;
        rest = whole % 3;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::rlwe::{SecretKey, VALUES_PER_KEY, coefficients_learned};

    /// The coefficients of a secret, which only the ring can read.
    fn truth(secret: &SecretKey) -> Vec<i64> {
        let one = Evaluations::from_small(&[1]);
        let read = secret.phase(&crate::rlwe::ciphertext::Ciphertext {
            c0: Evaluations::zero(),
            c1: one,
        });
        let q = RING.limbs[0].prime.q;
        read[..DEGREE]
            .iter()
            .map(|value| {
                if *value > q / 2 {
                    *value as i64 - q as i64
                } else {
                    *value as i64
                }
            })
            .collect()
    }

    fn attack(rows: usize, columns: usize, openings: Option<usize>) -> (usize, usize, bool) {
        let mut random = Random::seeded(11);
        let secret = SecretKey::generate(&mut random);
        let public = secret.public_key(&mut random);
        let mut cheat = Extraction::new(rows, columns);
        for turn in 0..openings.unwrap_or(cheat.openings()) {
            let asked = MaskedSums::from_bytes(&cheat.ask(turn), rows, columns).unwrap();
            cheat.learn(turn, &secret.open(&asked));
        }
        assert_eq!(
            cheat.right(&truth(&secret)),
            cheat.known(),
            "everything read is true"
        );
        (
            cheat.openings(),
            cheat.known(),
            cheat.has_the_key_of(&public),
        )
    }

    #[test]
    fn a_few_openings_tell_a_key() {
        assert_eq!(attack(100, 64, None), (4, DEGREE, true));
        assert_eq!(attack(100, 59, None), (7, DEGREE, true));
        assert!(!attack(100, 59, Some(6)).2);
    }

    #[test]
    fn as_many_values_as_a_key_opens_tell_less_than_an_eighth_of_it() {
        for (rows, columns) in [
            (100, VALUES_PER_KEY),
            (9000, VALUES_PER_KEY),
            (40, VALUES_PER_KEY),
        ] {
            let (_, known, whole) = attack(rows, columns, Some(1));
            assert!(
                known <= coefficients_learned(VALUES_PER_KEY) && known < DEGREE / 8 && !whole,
                "{known}"
            );
        }
        // One sum at a time.
        let (_, known, _) = attack(9000, 1, Some(VALUES_PER_KEY));
        assert_eq!(known, DIGITS * VALUES_PER_KEY);
    }
}
