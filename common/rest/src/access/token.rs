//! Bearer tokens: 256 random bits, shown once; what is kept is their hash.

use daemon::Secret;
use sha2::{Digest, Sha256};
use vocabulary::{ErrorCode, Fault, hex, unhex};

/// Bytes of a token's hash.
pub(super) const HASH_BYTES: usize = 32;
/// What tokens begin with, so that they are known when they lie around.
const PREFIX: &str = "fedflow_";

/// A fresh token. Fails when the system has no randomness.
pub fn fresh() -> Result<Secret, Fault> {
    let no_entropy =
        |error: crypto::random::RandomError| Fault::new(ErrorCode::Internal, error.to_string());
    let mut random = crypto::Random::from_os().map_err(no_entropy)?;
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    random.fill(bytes.as_mut());
    Ok(Secret::new(format!(
        "{PREFIX}{}",
        &*zeroize::Zeroizing::new(hex(bytes))
    )))
}

/// The hash under which a token stands in the settings.
pub fn sha256(token: &Secret) -> String {
    hex(hash(token.expose()))
}

pub(super) fn hash(token: &str) -> [u8; HASH_BYTES] {
    Sha256::digest(token.as_bytes()).into()
}

pub(super) fn read_hash(text: &str) -> Option<[u8; HASH_BYTES]> {
    unhex(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_tokens_that_are_known_by_their_hash() {
        let (one, other) = (fresh().expect("entropy"), fresh().expect("entropy"));
        assert!(one.expose().starts_with(PREFIX) && one.expose().len() == PREFIX.len() + 64);
        assert_ne!(one, other);
        assert_eq!(read_hash(&sha256(&one)), Some(hash(one.expose())));
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&Secret::new("abc")), of_abc);
        for wrong in [
            "",
            "ab",
            &of_abc[1..],
            &of_abc.replace('b', "+"),
            &of_abc.replace("ba", "ä"),
        ] {
            assert_eq!(read_hash(wrong), None, "{wrong}");
        }
    }
}
