//! A key that outlives the process: an endpoint that was started again tells the peers of its predecessor, by QUIC's stateless
//! resets (RFC 9000, 10.3), that their connections are dead. Without it they would wait until the connections time out.
//!
//! The key follows from the identity's secret and the port, so that two endpoints of one identity, which may run side by side,
//! do not reset each other's connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crypto::Random;
use pki::Identity;
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator};
use vocabulary::{ErrorCode, Fault};
use zeroize::Zeroizing;

use crate::error::LinkError;

const CONTEXT: &str = "fedflow 2026-12 transport: stateless reset";
/// Bytes of a connection id.
const LENGTH: usize = 8;

/// The key of the tokens in resets: blake3, keyed.
pub(crate) struct ResetKey(Zeroizing<[u8; 32]>);

impl ResetKey {
    /// The key of an identity at a port.
    pub(crate) fn of(identity: &Identity, port: u16) -> Self {
        let secret = identity.secret_scalar();
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(secret.as_bytes());
        hasher.update(&port.to_le_bytes());
        Self(Zeroizing::new(*hasher.finalize().as_bytes()))
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let hash = blake3::keyed_hash(&self.0, data);
        for (out, byte) in signature_out.iter_mut().zip(hash.as_bytes()) {
            *out = *byte;
        }
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let given = <[u8; blake3::OUT_LEN]>::try_from(signature).map_err(|_| CryptoError)?;
        // Compared in constant time by blake3.
        let is_same = blake3::keyed_hash(&self.0, data) == blake3::Hash::from_bytes(given);
        if is_same { Ok(()) } else { Err(CryptoError) }
    }
}

/// Makes connection ids of chance alone. QUIC's own show by a key of the process that it made them, and a later process then
/// takes those of its predecessor for noise and answers nothing.
#[derive(Clone)]
pub(crate) struct ConnectionIds {
    chance: Arc<Zeroizing<[u8; 32]>>,
    made: Arc<AtomicU64>,
}

impl ConnectionIds {
    /// Ids of one endpoint.
    pub(crate) fn new() -> Result<Self, LinkError> {
        let mut random = Random::from_os().map_err(|error| {
            LinkError::Refused(Fault::new(
                ErrorCode::Internal,
                format!("the system gives no randomness: {error}"),
            ))
        })?;
        let mut chance = Zeroizing::new([0; 32]);
        random.fill(&mut *chance);
        Ok(Self {
            chance: Arc::new(chance),
            made: Arc::default(),
        })
    }
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        // Counted and hashed with a secret: nothing can fail here for want of randomness, and an
        // observer learns nothing.
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, e, f, g, h, ..] =
            *blake3::keyed_hash(&self.chance, &number.to_le_bytes()).as_bytes();
        ConnectionId::new(&[a, b, c, d, e, f, g, h])
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
