//! The key pair: a ternary secret s, and the public (a, b = -(a s + e)). The public a is expanded from a seed,
//! which halves the key and keeps its owner from choosing an a that hides nothing.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::packing::{ELEMENT_BYTES, expect_len, pack, unpack_element};
use super::ring::{DEGREE, Evaluations, Multiplier, RING};
use super::{RlweError, sampling};
use crate::random::Random;

/// Bytes of the seed that a is expanded from.
const SEED_BYTES: usize = 32;

/// The secret of the key holder: erased on drop, neither printable nor serialisable.
pub struct SecretKey(Multiplier);

/// What anyone may encrypt with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    seed: [u8; SEED_BYTES],
    pub(super) a: Multiplier,
    pub(super) b: Multiplier,
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for SecretKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hundreds of kilobytes of coefficients help nobody who reads a log.
        formatter.write_str("PublicKey")
    }
}

impl SecretKey {
    /// A uniform ternary secret.
    pub fn generate(random: &mut Random) -> Self {
        Self(Evaluations::from_small(&sampling::ternary(random)).into_multiplier())
    }

    /// A public key of this secret; each call gives another.
    pub fn public_key(&self, random: &mut Random) -> PublicKey {
        let mut seed = [0; SEED_BYTES];
        random.fill(&mut seed);
        let a = expand(&seed);
        // -(a s + e)
        let mut b = Evaluations::zero();
        let mut product = Zeroizing::new(a.clone());
        product.mul(&self.0);
        b.sub(&product);
        // The error is as secret as s: with a, b and e known, s follows.
        b.sub(&Zeroizing::new(Evaluations::from_small(&sampling::errors(
            DEGREE, random,
        ))));
        PublicKey {
            seed,
            a: a.into_multiplier(),
            b: b.into_multiplier(),
        }
    }

    /// The secret as a factor of ring elements.
    pub(super) fn multiplier(&self) -> &Multiplier {
        &self.0
    }

    /// Coefficients of c1 s in limb `index`: with c1 they give the secret away, so they are erased on drop.
    pub(super) fn product(&self, index: usize, c1: &Evaluations) -> Zeroizing<Vec<u64>> {
        let (limb, own) = (&RING.limbs[index], index * DEGREE..(index + 1) * DEGREE);
        let factors = c1.0[own.clone()].iter().zip(&self.0.0[own]);
        let mut values: Zeroizing<Vec<u64>> =
            Zeroizing::new(factors.map(|(x, s)| limb.prime.mul(*x, *s)).collect());
        limb.transform_back(&mut values);
        values
    }
}

impl PublicKey {
    /// Bytes of a serialised key.
    pub const BYTES: usize = SEED_BYTES + ELEMENT_BYTES;

    /// The seed of a and the packed b.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&self.seed);
        pack(&self.b.to_evaluations().0, &mut bytes);
        bytes
    }

    /// Reads a key; refuses another length and residues that are not reduced.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RlweError> {
        expect_len(bytes, Self::BYTES)?;
        let (seed_bytes, element) = bytes.split_at(SEED_BYTES);
        let mut seed = [0; SEED_BYTES];
        seed.copy_from_slice(seed_bytes);
        let b = Evaluations(unpack_element(element)?).into_multiplier();
        Ok(Self {
            seed,
            // Computed, never read: a peer that could send its own a could send one that hides
            // nothing.
            a: expand(&seed).into_multiplier(),
            b,
        })
    }

    /// Adds b u to `first` and a u + e1 to `second`, in limb `index`. Whoever adds the error e0 to the first
    /// half as well has added an encryption of zero.
    pub(super) fn blind(
        &self,
        index: usize,
        ephemeral: &Ephemeral,
        first: &mut [u64],
        second: &mut [u64],
    ) {
        let limb = &RING.limbs[index];
        let secret = limb.transformed(&ephemeral.secret);
        let error = limb.transformed(&ephemeral.error);
        let own = index * DEGREE..(index + 1) * DEGREE;
        for ((x, u), b) in first
            .iter_mut()
            .zip(secret.iter())
            .zip(&self.b.0[own.clone()])
        {
            *x = limb.prime.add(*x, limb.prime.mul(*u, *b));
        }
        for (((y, u), e), a) in second
            .iter_mut()
            .zip(secret.iter())
            .zip(error.iter())
            .zip(&self.a.0[own])
        {
            *y = limb
                .prime
                .add(limb.prime.add(*y, *e), limb.prime.mul(*u, *a));
        }
    }
}

/// What makes one encryption unlike any other: u and e1; erased on drop.
pub(super) struct Ephemeral {
    secret: Zeroizing<Vec<i64>>,
    error: Zeroizing<Vec<i64>>,
}

impl Ephemeral {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self {
            secret: sampling::ternary(random),
            error: sampling::errors(DEGREE, random),
        }
    }
}

fn expand(seed: &[u8; SEED_BYTES]) -> Evaluations {
    sampling::uniform(&mut Random::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use super::super::ring::LIMBS;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_public_key_survives_its_bytes() {
        let mut random = Random::seeded(1);
        let secret = SecretKey::generate(&mut random);
        let public = secret.public_key(&mut random);
        let bytes = public.to_bytes();
        assert_eq!(bytes.len(), PublicKey::BYTES);
        let read = PublicKey::from_bytes(&bytes).unwrap();
        assert_eq!(read, public);
        let encrypted = read.encrypt_vector(&[1, -2, i64::MIN], &mut random);
        assert_eq!(secret.decrypt_vector(&encrypted), [1, -2, i64::MIN]);
    }

    #[test]
    fn refuses_a_public_key_that_is_cut_or_not_reduced() {
        let mut random = Random::seeded(2);
        let mut bytes = SecretKey::generate(&mut random)
            .public_key(&mut random)
            .to_bytes();
        let length = bytes.len();
        for cut in [0, 31, 32, length - 1] {
            let expected = RlweError::WrongByteLength {
                expected: length,
                actual: cut,
            };
            assert_eq!(PublicKey::from_bytes(&bytes[..cut]), Err(expected));
        }
        bytes[length - 7..].fill(0xff);
        let last = LIMBS * DEGREE - 1;
        assert_eq!(
            PublicKey::from_bytes(&bytes),
            Err(RlweError::ResidueOutOfRange { index: last })
        );
    }

    #[test]
    fn another_secret_decrypts_to_nothing_alike() {
        let mut random = Random::seeded(3);
        let (holder, other) = (
            SecretKey::generate(&mut random),
            SecretKey::generate(&mut random),
        );
        let encrypted = holder
            .public_key(&mut random)
            .encrypt_vector(&[7; 100], &mut random);
        assert!(
            other
                .decrypt_vector(&encrypted)
                .iter()
                .all(|&value| value != 7)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), full: bool, seed: u64) {
            prop_assert!(PublicKey::from_bytes(&bytes).is_err());
            if full {
                let mut bytes = vec![0; PublicKey::BYTES];
                Random::seeded(seed).fill(&mut bytes);
                // About one residue in 2^34 is out of range, so random bytes mostly are a key.
                let _ = PublicKey::from_bytes(&bytes);
            }
        }
    }
}
