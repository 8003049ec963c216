//! Keys as they are made, for an authority or a member.

use rcgen::KeyPair;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{PkiError, Result};

/// A new P-256 key pair.
pub(crate) fn generate_pair() -> Result<KeyPair> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|error| PkiError::internal("making a key", error))
}

/// A party's new key pair, wiped when dropped.
pub(crate) struct LeafKey(KeyPair);

impl Drop for LeafKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl LeafKey {
    pub(crate) fn generate() -> Result<Self> {
        generate_pair().map(Self)
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    pub(crate) fn pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.serialize_pem())
    }
}
