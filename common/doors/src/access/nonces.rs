//! Nonces that were used: a signed request counts once.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use vocabulary::Timestamp;

use super::signature::{Claim, WINDOW_MILLIS};

/// Most nonces that are remembered for one span; a door that meets more refuses until the span is over.
const MOST: usize = 1 << 20;

/// What was used in the present span of time and in the one before. A span is as long as a signature can count, so what was
/// used stays known for at least that long.
pub(super) struct Nonces {
    began: Timestamp,
    present: HashSet<[u8; 32]>,
    before: HashSet<[u8; 32]>,
}

impl Nonces {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { began: now, present: HashSet::new(), before: HashSet::new() }
    }

    /// Notes that a nonce is used; false when it was used before.
    pub(super) fn take(&mut self, claim: &Claim, now: Timestamp) -> bool {
        // from the earliest moment at which a time stamp counts to the last one
        let span = 2 * WINDOW_MILLIS;
        let passed = now.millis_since(self.began);
        if !(0..span).contains(&passed) {
            self.before = std::mem::take(&mut self.present);
            if passed >= 2 * span {
                self.before.clear();
            }
            self.began = now;
        }
        // bounded whatever its length, and of one client only
        let key: [u8; 32] = Sha256::new()
            .chain_update(claim.app_key.len().to_le_bytes())
            .chain_update(&claim.app_key)
            .chain_update(&claim.nonce)
            .finalize()
            .into();
        !self.before.contains(&key) && self.present.len() < MOST && self.present.insert(key)
    }
}
