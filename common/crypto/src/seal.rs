//! Sealed envelopes: HPKE base mode (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.
//! The receiver's key is one that it made for this use and signed; how long it lives is decided above.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open,
    single_shot_seal_with_rng,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::random::Random;

type PrivateKey = <DhP256HkdfSha256 as Kem>::PrivateKey;
type PublicKey = <DhP256HkdfSha256 as Kem>::PublicKey;
type EncappedKey = <DhP256HkdfSha256 as Kem>::EncappedKey;

/// Bytes of a P-256 point in uncompressed SEC1 form, the form certificates carry.
pub const POINT_BYTES: usize = 65;

/// Bytes by which a sealed text is longer than the plain one: the encapsulated key and the tag.
pub const OVERHEAD_BYTES: usize = POINT_BYTES + 16;

/// What can go wrong when sealing or opening.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The receiver's public key is not a P-256 point in uncompressed SEC1 form.
    #[error("the public key is not an uncompressed p-256 point")]
    PublicKey,
    /// The secret scalar is zero or not below the group order.
    #[error("the secret scalar is out of range")]
    SecretKey,
    /// The cipher refused the plaintext.
    #[error("the plaintext cannot be sealed")]
    Plaintext,
    /// Too short, changed on the way, or sealed for another key, info or additional data.
    #[error("the sealed text does not open")]
    DoesNotOpen,
}

/// A P-256 secret scalar, big endian; erased on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretScalar([u8; 32]);

impl SecretScalar {
    /// Takes the scalar's 32 bytes, big endian; its range is checked when it is used.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public point of this secret in uncompressed SEC1 form.
    pub fn public_sec1(&self) -> Result<[u8; POINT_BYTES], SealError> {
        Ok(DhP256HkdfSha256::sk_to_pk(&self.private_key()?)
            .to_bytes()
            .into())
    }

    fn private_key(&self) -> Result<PrivateKey, SealError> {
        PrivateKey::from_bytes(&self.0).map_err(|_| SealError::SecretKey)
    }
}

/// Encrypts `plaintext` to the holder of `receiver_public_sec1` (65 bytes, uncompressed SEC1) and binds it to
/// `info` and `aad`. Gives the encapsulated key followed by the ciphertext. Says nothing of the sender.
pub fn seal(
    receiver_public_sec1: &[u8],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    random: &mut Random,
) -> Result<Vec<u8>, SealError> {
    let receiver = PublicKey::from_bytes(receiver_public_sec1).map_err(|_| SealError::PublicKey)?;
    let (encapped, ciphertext) =
        single_shot_seal_with_rng::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
            // The seal says nothing of the sender: its signature goes inside (decision 0014).
            &OpModeS::Base,
            &receiver,
            info,
            plaintext,
            aad,
            random,
        )
        .map_err(|_| SealError::Plaintext)?;
    let mut sealed = Vec::with_capacity(POINT_BYTES + ciphertext.len());
    sealed.extend_from_slice(&encapped.to_bytes());
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// Opens what `seal` made for this receiver under the same `info` and `aad`; one error for every reason.
pub fn open(
    secret: &SecretScalar,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let private = secret.private_key()?;
    let (encapped, ciphertext) = sealed
        // Others choose these bytes: a short text is refused and does not panic.
        .split_at_checked(POINT_BYTES)
        .ok_or(SealError::DoesNotOpen)?;
    // The same error as for a wrong tag: a sender must not learn which check failed.
    let encapped = EncappedKey::from_bytes(encapped).map_err(|_| SealError::DoesNotOpen)?;
    single_shot_open::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapped,
        info,
        ciphertext,
        aad,
    )
    .map_err(|_| SealError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> SecretScalar {
        SecretScalar::new([seed; 32])
    }

    fn sealed_for(receiver: &SecretScalar, plaintext: &[u8]) -> Vec<u8> {
        seal(
            &receiver.public_sec1().unwrap(),
            b"info",
            b"aad",
            plaintext,
            &mut Random::seeded(1),
        )
        .unwrap()
    }

    #[test]
    fn what_is_sealed_opens() {
        for plaintext in [&b""[..], b"x", &[9; 100_000]] {
            let sealed = sealed_for(&key(1), plaintext);
            assert_eq!(sealed.len(), plaintext.len() + OVERHEAD_BYTES);
            assert_eq!(open(&key(1), b"info", b"aad", &sealed).unwrap(), plaintext);
        }
    }

    #[test]
    fn every_sealing_is_fresh() {
        let mut random = Random::seeded(2);
        let public = key(1).public_sec1().unwrap();
        let mut once = || seal(&public, b"", b"", b"same", &mut random).unwrap();
        assert_ne!(once(), once());
    }

    #[test]
    fn refuses_another_key_info_or_aad() {
        let sealed = sealed_for(&key(1), b"text");
        assert_eq!(
            open(&key(2), b"info", b"aad", &sealed),
            Err(SealError::DoesNotOpen)
        );
        assert_eq!(
            open(&key(1), b"other", b"aad", &sealed),
            Err(SealError::DoesNotOpen)
        );
        assert_eq!(
            open(&key(1), b"info", b"other", &sealed),
            Err(SealError::DoesNotOpen)
        );
    }

    #[test]
    fn refuses_any_changed_or_missing_byte() {
        let sealed = sealed_for(&key(1), b"text");
        for at in [0, 1, 40, POINT_BYTES, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                open(&key(1), b"info", b"aad", &changed),
                Err(SealError::DoesNotOpen),
                "byte {at}"
            );
        }
        for length in [0, 1, POINT_BYTES - 1, POINT_BYTES, sealed.len() - 1] {
            assert_eq!(
                open(&key(1), b"info", b"aad", &sealed[..length]),
                Err(SealError::DoesNotOpen)
            );
        }
    }

    #[test]
    fn refuses_bad_keys() {
        let mut random = Random::seeded(3);
        let public = key(1).public_sec1().unwrap();
        let mut off_curve = public;
        off_curve[64] ^= 1;
        for bad in [&public[..64], &off_curve, &[4; POINT_BYTES], &[]] {
            assert_eq!(
                seal(bad, b"", b"", b"", &mut random),
                Err(SealError::PublicKey)
            );
        }
        for bad in [key(0), key(0xff)] {
            assert_eq!(bad.public_sec1(), Err(SealError::SecretKey));
            assert_eq!(open(&bad, b"", b"", &[0; 100]), Err(SealError::SecretKey));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(sealed in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(open(&key(1), b"", b"", &sealed), Err(SealError::DoesNotOpen));
        }
    }
}
