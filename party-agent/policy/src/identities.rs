//! What an intersection may tell of ids: not of few, and not of ever more.

use vocabulary::PartyId;

use crate::cap::Cap;
use crate::rules::Policy;

impl Policy {
    /// The rules of intersections with these parties: of each one's and the general ones the narrowest.
    pub fn intersection_with<'a>(
        &self,
        peers: impl IntoIterator<Item = &'a PartyId>,
    ) -> (u64, u64) {
        let general = &self.rules.intersection;
        let of = |peer: &PartyId| {
            let own = self.rules.peer.get(peer);
            let ids = own
                .and_then(|own| own.fewest_ids)
                .unwrap_or(general.fewest_ids);
            let common = own
                .and_then(|own| own.fewest_common)
                .unwrap_or(general.fewest_common);
            (ids, common)
        };
        let all = peers.into_iter().filter(|peer| **peer != self.me).map(of);
        // The result goes to all of them alike, so the most careful rule counts for all.
        all.reduce(|one, other| (one.0.max(other.0), one.1.max(other.1)))
            .unwrap_or((0, 0))
    }

    /// How many new ids a peer may find in a day.
    pub fn new_ids_per_day(&self, peer: &PartyId) -> Cap {
        let own = self
            .rules
            .peer
            .get(peer)
            .and_then(|own| own.new_ids_per_day);
        own.unwrap_or(self.rules.intersection.new_ids_per_day)
    }
}
