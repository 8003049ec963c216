//! Commutative blinding over ristretto255 (RFC 9496) for ECDH-style private set intersection: an id becomes
//! a group element (RFC 9380, `expand_message_xmd` with SHA-512), and parties multiply it by their secrets in
//! any order. Under decisional Diffie-Hellman a blinded id is indistinguishable from random to the others.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::random::Random;

/// Points per batch: enough to spread the one field inversion of a batch encoding.
const BATCH: usize = 256;

/// Input block of SHA-512, in bytes.
const SHA512_BLOCK: usize = 128;

/// What can go wrong with points received from a peer.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum CurveError {
    /// The 32 bytes are not the canonical encoding of a group element.
    #[error("the bytes at index {index} are not a canonical ristretto255 element")]
    NotAPoint {
        /// Position in the batch.
        index: usize,
    },
    /// The neutral element would come back unblinded.
    #[error("the element at index {index} is the identity")]
    Identity {
        /// Position in the batch.
        index: usize,
    },
}

/// A party's secret, non-zero scalar; erased on drop.
pub struct BlindingKey {
    /// Half of the secret: the batch encoding doubles its points.
    half: Scalar,
}

impl Drop for BlindingKey {
    fn drop(&mut self) {
        self.half.zeroize();
    }
}

impl ZeroizeOnDrop for BlindingKey {}

impl BlindingKey {
    /// A uniform non-zero scalar.
    pub fn generate(random: &mut Random) -> Self {
        loop {
            let key = Self::from_scalar(Scalar::random(random));
            // Happens once in 2^252 draws.
            if key.half != Scalar::ZERO {
                return key;
            }
        }
    }

    fn from_scalar(mut scalar: Scalar) -> Self {
        // 2 is invertible: the group order is odd.
        let half = scalar * Scalar::from(2u8).invert();
        scalar.zeroize();
        Self { half }
    }

    /// Hashes each id into the group under the tag `domain` and blinds it. Equal ids give equal points, so
    /// an id of little entropy can be tried by whoever holds the key; parties must agree on the tag.
    pub fn blind_ids<I: AsRef<[u8]> + Sync>(&self, ids: &[I], domain: &[u8]) -> Vec<[u8; 32]> {
        let tag = domain_tag(domain);
        // The results keep the order of the ids: callers match the two by position.
        ids.par_chunks(BATCH)
            .flat_map_iter(|batch| {
                self.encode(batch.iter().map(|id| hash_to_group(id.as_ref(), &tag)))
            })
            .collect()
    }

    /// Blinds elements received from a peer; refuses what is not canonically encoded, and the identity.
    pub fn blind_points(&self, points: &[[u8; 32]]) -> Result<Vec<[u8; 32]>, CurveError> {
        let batches: Vec<Vec<[u8; 32]>> = points
            .par_chunks(BATCH)
            .enumerate()
            .map(|(number, batch)| {
                let decoded: Result<Vec<_>, _> = batch
                    .iter()
                    .enumerate()
                    // The position in the whole list: the batch is no business of whoever reads
                    // the error.
                    .map(|(offset, bytes)| decode(number * BATCH + offset, bytes))
                    .collect();
                Ok(self.encode(decoded?.into_iter()))
            })
            .collect::<Result<_, CurveError>>()?;
        Ok(batches.concat())
    }

    /// Multiplies by the whole secret and encodes, with one field inversion for the batch.
    fn encode(&self, points: impl Iterator<Item = RistrettoPoint>) -> Vec<[u8; 32]> {
        let halves: Vec<RistrettoPoint> = points.map(|point| point * self.half).collect();
        RistrettoPoint::double_and_compress_batch(&halves)
            .iter()
            .map(CompressedRistretto::to_bytes)
            .collect()
    }
}

fn decode(index: usize, bytes: &[u8; 32]) -> Result<RistrettoPoint, CurveError> {
    let point = CompressedRistretto(*bytes)
        .decompress()
        .ok_or(CurveError::NotAPoint { index })?;
    // The group has prime order, so this is the only element that multiplication cannot hide.
    if point.is_identity() {
        return Err(CurveError::Identity { index });
    }
    Ok(point)
}

/// DST_prime of RFC 9380, section 5.3: the tag (hashed when longer than 255 bytes) and its length.
fn domain_tag(domain: &[u8]) -> Vec<u8> {
    let mut tag = if domain.len() > 255 {
        Sha512::new()
            .chain_update(b"H2C-OVERSIZE-DST-")
            .chain_update(domain)
            .finalize()
            .to_vec()
    } else {
        domain.to_vec()
    };
    // Fits: what was longer than 255 bytes became 64 above.
    tag.push(tag.len() as u8);
    tag
}

/// `hash_to_ristretto255` of RFC 9380, appendix B: 64 bytes from `expand_message_xmd`, then the map.
fn hash_to_group(message: &[u8], tag: &[u8]) -> RistrettoPoint {
    // b_0 of the RFC: the block of zeros, the message, the output's length, a zero byte, the tag.
    let first = Sha512::new()
        .chain_update([0u8; SHA512_BLOCK])
        .chain_update(message)
        .chain_update(64u16.to_be_bytes())
        .chain_update([0u8])
        .chain_update(tag)
        .finalize();
    // b_1. One block of SHA-512 is all that the map takes, so there is no b_2.
    let uniform = Sha512::new()
        .chain_update(first)
        .chain_update([1u8])
        .chain_update(tag)
        .finalize();
    RistrettoPoint::from_uniform_bytes(&uniform.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOMAIN: &[u8] = b"a test of blinding";

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("id-{number}")).collect()
    }

    fn bytes(hex: &str) -> [u8; 32] {
        let digits: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        digits.try_into().unwrap()
    }

    /// RFC 9497, appendix A.1.1, first vector: the same hash to the group and the same multiplication.
    #[test]
    fn agrees_with_the_published_vector() {
        let tag = b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512";
        let scalar = |hex| Scalar::from_canonical_bytes(bytes(hex)).unwrap();
        let blind = scalar("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
        let server = scalar("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e");
        let blinded = BlindingKey::from_scalar(blind).blind_ids(&[[0u8]], tag);
        assert_eq!(
            blinded,
            [bytes(
                "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c"
            )]
        );
        let evaluated = BlindingKey::from_scalar(server)
            .blind_points(&blinded)
            .unwrap();
        assert_eq!(
            evaluated,
            [bytes(
                "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e"
            )]
        );
    }

    #[test]
    fn the_order_of_blinding_does_not_matter() {
        let mut random = Random::seeded(1);
        let (guest, host) = (
            BlindingKey::generate(&mut random),
            BlindingKey::generate(&mut random),
        );
        // More than two batches, the last one partly filled.
        let ids = ids(2 * BATCH + 3);
        let one = host.blind_points(&guest.blind_ids(&ids, DOMAIN)).unwrap();
        let other = guest.blind_points(&host.blind_ids(&ids, DOMAIN)).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.len(), ids.len());
        assert_ne!(one[0], one[1]);
    }

    #[test]
    fn keys_and_domains_separate() {
        let mut random = Random::seeded(2);
        let (one, other) = (
            BlindingKey::generate(&mut random),
            BlindingKey::generate(&mut random),
        );
        let ids = ids(1);
        assert_ne!(one.blind_ids(&ids, DOMAIN), other.blind_ids(&ids, DOMAIN));
        assert_ne!(one.blind_ids(&ids, DOMAIN), one.blind_ids(&ids, b"another"));
        let long = vec![7u8; 300];
        assert_ne!(
            one.blind_ids(&ids, &long),
            one.blind_ids(&ids, &long[..299])
        );
    }

    #[test]
    fn refuses_the_identity_and_what_is_no_point() {
        let key = BlindingKey::generate(&mut Random::seeded(3));
        let good = key.blind_ids(&ids(300), DOMAIN);
        let at = |index: usize, value: [u8; 32]| {
            let mut points = good.clone();
            points[index] = value;
            key.blind_points(&points)
        };
        assert_eq!(at(280, [0; 32]), Err(CurveError::Identity { index: 280 }));
        assert_eq!(at(0, [0xff; 32]), Err(CurveError::NotAPoint { index: 0 }));
        // Odd, hence negative: the other encoding of a coset is refused.
        let mut odd = good[5];
        odd[0] |= 1;
        assert_eq!(at(5, odd), Err(CurveError::NotAPoint { index: 5 }));
    }

    #[test]
    fn nothing_in_gives_nothing_out() {
        let key = BlindingKey::generate(&mut Random::seeded(4));
        assert!(key.blind_ids::<&[u8]>(&[], DOMAIN).is_empty());
        assert_eq!(key.blind_points(&[]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(points in proptest::collection::vec(any::<[u8; 32]>(), 0..8)) {
            let key = BlindingKey::generate(&mut Random::seeded(5));
            if let Ok(blinded) = key.blind_points(&points) {
                prop_assert_eq!(blinded.len(), points.len());
            }
        }
    }
}
