//! Encrypted vectors: element i sits in ciphertext i / N at coefficient i % N. All operations are exact
//! mod 2^64 and refuse operands of other lengths and noise past the budget.

use std::fmt;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::flooding::{self, NoiseBound};
use super::keys::{Ephemeral, PublicKey, SecretKey};
use super::packing::{ELEMENT_BYTES, expect_len, pack, unpack_element};
use super::ring::{DEGREE, Evaluations, RING};
use super::{RlweError, sampling};
use crate::random::Random;

/// Bytes of one packed ciphertext, which holds up to [`DEGREE`] values.
const CIPHERTEXT_BYTES: usize = 2 * ELEMENT_BYTES;

/// A pair with c0 + c1 s = round(q m / 2^64) + noise.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Ciphertext {
    pub(super) c0: Evaluations,
    pub(super) c1: Evaluations,
}

/// A vector of 64-bit integers under somebody's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedVector {
    length: usize,
    pub(super) chunks: Vec<Ciphertext>,
    noise: NoiseBound,
}

impl fmt::Debug for EncryptedVector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A ciphertext has hundreds of kilobytes, none of which tells a reader anything.
        write!(formatter, "EncryptedVector({} values)", self.length)
    }
}

impl PublicKey {
    /// Encrypts a vector; every value of the signed range is exact.
    pub fn encrypt_vector(&self, values: &[i64], random: &mut Random) -> EncryptedVector {
        let messages: Vec<u64> = values.iter().map(|&value| value as u64).collect();
        EncryptedVector {
            length: values.len(),
            chunks: self.encrypt_chunks(&messages, random),
            noise: NoiseBound::FRESH,
        }
    }

    /// Encrypts up to N ring elements; coefficients beyond them are zero.
    /// (b u + e0 + round(q m / 2^64), a u + e1) with u ternary.
    pub(super) fn encrypt(&self, messages: &[u64], random: &mut Random) -> Ciphertext {
        let ephemeral = Ephemeral::draw(random);
        let errors = sampling::errors(DEGREE, random);
        let mut c1 = Evaluations::zero();
        let mut c0 = Evaluations::from_coefficients(|limb, values| {
            limb.write_small(&errors, values);
            for (value, message) in values.iter_mut().zip(messages) {
                *value = limb.prime.add(*value, RING.scale_up(limb, *message));
            }
        });
        let halves =
            c0.0.par_chunks_exact_mut(DEGREE)
                .zip(c1.0.par_chunks_exact_mut(DEGREE));
        halves
            .enumerate()
            .for_each(|(index, (first, second))| self.blind(index, &ephemeral, first, second));
        Ciphertext { c0, c1 }
    }

    fn encrypt_chunks(&self, messages: &[u64], random: &mut Random) -> Vec<Ciphertext> {
        let work: Vec<_> = messages
            .chunks(DEGREE)
            // Forked in order before any thread runs: a seed gives the same ciphertexts on any
            // machine.
            .map(|chunk| (chunk, random.fork()))
            .collect();
        work.into_par_iter()
            .map(|(chunk, mut random)| self.encrypt(chunk, &mut random))
            .collect()
    }
}

impl SecretKey {
    /// The values of a vector; exact within the noise bound the vector's maker promised.
    pub fn decrypt_vector(&self, vector: &EncryptedVector) -> Vec<i64> {
        let mut values: Vec<i64> = vector
            .chunks
            .par_iter()
            .flat_map_iter(|chunk| self.decrypt(chunk))
            .collect();
        // The last ciphertext has N places like the others; those past the end hold no value.
        values.truncate(vector.len());
        values
    }

    /// The N values of one ciphertext.
    fn decrypt(&self, ciphertext: &Ciphertext) -> Vec<i64> {
        let phase = self.phase(ciphertext);
        (0..DEGREE)
            .map(|at| RING.scale_down(std::array::from_fn(|limb| phase[limb * DEGREE + at])) as i64)
            .collect()
    }

    /// Coefficients of c0 + c1 s: the scaled plaintext plus the noise; erased on drop, since c1 s is in them.
    pub(super) fn phase(&self, ciphertext: &Ciphertext) -> Zeroizing<Vec<u64>> {
        let mut phase = ciphertext.c1.clone();
        phase.mul(self.multiplier());
        phase.add(&ciphertext.c0);
        // The same memory, transformed in place.
        Zeroizing::new(phase.into_coefficients())
    }
}

impl EncryptedVector {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bound on this vector's noise.
    pub fn noise(&self) -> NoiseBound {
        self.noise
    }

    /// Element-wise sum.
    pub fn add(&self, other: &Self) -> Result<Self, RlweError> {
        self.combine(other, |mine, theirs| mine.add(theirs))
    }

    /// Element-wise difference.
    pub fn sub(&self, other: &Self) -> Result<Self, RlweError> {
        self.combine(other, |mine, theirs| mine.sub(theirs))
    }

    /// Element-wise sum of one or more vectors; costs one bit of noise per doubling of their number.
    pub fn sum(vectors: &[Self]) -> Result<Self, RlweError> {
        let (first, others) = vectors.split_first().ok_or(RlweError::LengthMismatch {
            expected: 1,
            actual: 0,
        })?;
        let mut total = first.clone();
        for other in others {
            total.expect_len(other.length)?;
            total.apply(other, |mine, theirs| mine.add(theirs));
        }
        let largest = vectors
            .iter()
            .map(|vector| vector.noise)
            .max()
            .unwrap_or(NoiseBound::FRESH);
        // Once for all of them: pairwise bounds would cost a bit per vector, not per doubling.
        total.noise = largest.sum_of(vectors.len()).checked()?;
        Ok(total)
    }

    /// Adds a plain vector.
    pub fn add_plain(&self, values: &[i64]) -> Result<Self, RlweError> {
        self.combine_plain(values, |mine, plain| mine.add(plain))
    }

    /// Subtracts a plain vector.
    pub fn sub_plain(&self, values: &[i64]) -> Result<Self, RlweError> {
        self.combine_plain(values, |mine, plain| mine.sub(plain))
    }

    /// Multiplies every element by one integer.
    pub fn scale(&self, factor: i64) -> Result<Self, RlweError> {
        // Before the copy: what is refused should cost nothing.
        let noise = self.noise.times(u128::from(factor.unsigned_abs()))?;
        let mut scaled = self.clone();
        scaled.noise = noise;
        scaled.chunks.par_iter_mut().for_each(|chunk| {
            chunk.c0.scale(factor);
            chunk.c1.scale(factor);
        });
        Ok(scaled)
    }

    /// Adds a fresh encryption of zero: for a vector that goes on to a party without the key, so that it
    /// cannot be linked to the ciphertexts it was made from. For the key holder use `rerandomise_masked`.
    pub fn refresh(&self, key: &PublicKey, random: &mut Random) -> Result<Self, RlweError> {
        self.add(&key.encrypt_vector(&vec![0; self.length], random))
    }

    /// Adds a uniform mask mod 2^64 to every element, re-randomises and floods the noise: what the key holder
    /// decrypts is uniform and tells nothing else. Gives the vector to send and the masks to keep.
    pub fn rerandomise_masked(
        &self,
        key: &PublicKey,
        random: &mut Random,
    ) -> Result<(Self, Vec<u64>), RlweError> {
        // Only the check counts: the flood sets the bound anew, but hides no more noise than this.
        self.noise.add(NoiseBound::FRESH)?;
        // Whole ciphertexts leave, so the coefficients beyond the last element are masked too.
        let mut masks = sampling::draw_masks(self.chunks.len() * DEGREE, random);
        let mut hidden = key.encrypt_chunks(&masks, random);
        let floods: Vec<Random> = hidden.iter().map(|_| random.fork()).collect();
        hidden
            .par_iter_mut()
            .zip(&self.chunks)
            .zip(floods)
            .for_each(|((chunk, own), mut random)| {
                chunk.add(own);
                chunk
                    .c0
                    .add(&Zeroizing::new(flooding::element(&flooding::draw(
                        DEGREE,
                        &mut random,
                    ))));
            });
        masks.truncate(self.length);
        Ok((
            Self {
                length: self.length,
                chunks: hidden,
                noise: NoiseBound::FLOODED,
            },
            masks,
        ))
    }

    /// The ciphertexts, packed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.chunks.len() * CIPHERTEXT_BYTES);
        for chunk in &self.chunks {
            pack(&chunk.c0.0, &mut bytes);
            pack(&chunk.c1.0, &mut bytes);
        }
        bytes
    }

    /// Bytes that a vector of `length` values takes; none when that does not fit in memory.
    pub fn byte_len(length: usize) -> Option<usize> {
        length.div_ceil(DEGREE).checked_mul(CIPHERTEXT_BYTES)
    }

    /// Reads a vector of exactly `expected_len` values; nothing is allocated before the length is right, and
    /// every residue must be reduced. `noise` is what the protocol promises of the sender: `FRESH` for an
    /// encryption, its `sum_of` for sums, `FLOODED` for what the key holder gets. A sender that breaks the
    /// promise gets wrong values, see the module's text for what it might learn together with the key holder.
    pub fn from_bytes(
        bytes: &[u8],
        expected_len: usize,
        noise: NoiseBound,
    ) -> Result<Self, RlweError> {
        // No byte string is usize::MAX long, so a length that overflows is refused here as well.
        expect_len(bytes, Self::byte_len(expected_len).unwrap_or(usize::MAX))?;
        let read = |chunk: &[u8]| {
            let (c0, c1) = chunk.split_at(ELEMENT_BYTES);
            Ok(Ciphertext {
                c0: Evaluations(unpack_element(c0)?),
                c1: Evaluations(unpack_element(c1)?),
            })
        };
        let chunks = bytes
            .par_chunks_exact(CIPHERTEXT_BYTES)
            .map(read)
            .collect::<Result<_, RlweError>>()?;
        Ok(Self {
            length: expected_len,
            chunks,
            noise,
        })
    }

    fn combine(
        &self,
        other: &Self,
        operation: fn(&mut Ciphertext, &Ciphertext),
    ) -> Result<Self, RlweError> {
        self.expect_len(other.length)?;
        let noise = self.noise.add(other.noise)?;
        let mut result = self.clone();
        result.noise = noise;
        result.apply(other, operation);
        Ok(result)
    }

    fn apply(&mut self, other: &Self, operation: fn(&mut Ciphertext, &Ciphertext)) {
        self.chunks
            .par_iter_mut()
            .zip(&other.chunks)
            .for_each(|(mine, theirs)| operation(mine, theirs));
    }

    fn combine_plain(
        &self,
        values: &[i64],
        operation: fn(&mut Evaluations, &Evaluations),
    ) -> Result<Self, RlweError> {
        self.expect_len(values.len())?;
        // The rounding of a scaled plaintext is at most one half: noise like any other.
        let noise = self.noise.add(NoiseBound::FRESH)?;
        let mut result = self.clone();
        result.noise = noise;
        result
            .chunks
            .par_iter_mut()
            .zip(values.par_chunks(DEGREE))
            .for_each(|(chunk, values)| {
                let plain = Evaluations::from_coefficients(|limb, coefficients| {
                    for (coefficient, value) in coefficients.iter_mut().zip(values) {
                        *coefficient = RING.scale_up(limb, *value as u64);
                    }
                });
                operation(&mut chunk.c0, &plain);
            });
        Ok(result)
    }

    fn expect_len(&self, actual: usize) -> Result<(), RlweError> {
        if actual == self.length {
            Ok(())
        } else {
            Err(RlweError::LengthMismatch {
                expected: self.length,
                actual,
            })
        }
    }
}

impl Ciphertext {
    fn add(&mut self, other: &Self) {
        self.c0.add(&other.c0);
        self.c1.add(&other.c1);
    }

    fn sub(&mut self, other: &Self) {
        self.c0.sub(&other.c0);
        self.c1.sub(&other.c1);
    }
}

#[cfg(test)]
#[path = "ciphertext_tests.rs"]
mod tests;
