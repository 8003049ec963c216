//! The other agents, as the coordinator last told them: where they may be reached and with which certificates.
//!
//! Nothing in it is believed: addresses are only tried, and certificates are verified against the federation's root.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use vocabulary::PartyId;
use wire::agent_link::Peer;

/// A shared list of peers. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Directory(Arc<RwLock<HashMap<PartyId, Peer>>>);

impl Directory {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the whole list, as `Welcome` and `Peers` bring it.
    pub fn replace(&self, peers: Vec<Peer>) {
        let fresh = peers
            .into_iter()
            .map(|peer| (peer.party.clone(), peer))
            .collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// What is known of a party.
    pub fn peer(&self, party: &PartyId) -> Option<Peer> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(party)
            .cloned()
    }
}
