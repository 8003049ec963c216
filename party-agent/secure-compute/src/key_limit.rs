//! How many values one key opens for one party.

use component_kit::MaliciousHosts;

use crate::encrypted_algebra::LinearScheme;

/// Most values that a key opens for one party; none where parties are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub(crate) most: Option<usize>,
}

impl Limit {
    /// By the guest's policy.
    pub fn of<S: LinearScheme>(malicious_hosts: MaliciousHosts) -> Self {
        Self {
            most: (malicious_hosts != MaliciousHosts::Trust).then_some(S::VALUES_PER_KEY),
        }
    }

    /// Columns of a party that one key serves in a batch, of which `shown` values more are opened (the loss).
    pub fn columns(self, shown: usize) -> usize {
        self.most
            // One at least: a batch could not go on with none. The key holder still counts and
            // refuses.
            .map_or(usize::MAX, |most| most.saturating_sub(shown).max(1))
    }

    /// Keys that so many equal openings of `values` values take.
    pub fn keys(self, values: usize, openings: usize) -> usize {
        self.most.map_or(1, |most| {
            openings.div_ceil((most / values.max(1)).max(1)).max(1)
        })
    }
}
