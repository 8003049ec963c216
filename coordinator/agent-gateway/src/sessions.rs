//! Who is connected: one link for each party, the newest one counts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::Link;
use vocabulary::{PartyId, SignedBytes};
use wire::agent_link::Peer;

/// A party's agent, as it is connected.
struct Session {
    link: Link,
    peer: Peer,
}

/// All agents that are or were connected.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<PartyId, Session>>,
    /// What the directory says of agents that left: their messages wait for them.
    gone: Mutex<HashMap<PartyId, Peer>>,
}

impl Sessions {
    fn live(&self) -> MutexGuard<'_, HashMap<PartyId, Session>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> MutexGuard<'_, HashMap<PartyId, Peer>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link of a connected party.
    pub(crate) fn link(&self, party: &PartyId) -> Option<Link> {
        self.live().get(party).map(|session| session.link.clone())
    }

    /// Takes a link into use; one that stood before is closed.
    pub(crate) fn enter(&self, link: Link, peer: Peer) {
        let party = peer.party.clone();
        self.gone().remove(&party);
        // The lock goes with the statement: closing the old link below must not hold up everybody.
        let before = self.live().insert(party, Session { link, peer });
        if let Some(before) = before {
            before.link.connection().close("the agent connected again");
        }
    }

    /// Forgets a link, unless a newer one took its place; says whether it was forgotten.
    pub(crate) fn leave(&self, party: &PartyId, link: &Link) -> bool {
        let mut live = self.live();
        let is_current = live
            .get(party)
            .is_some_and(|session| session.link.connection().is_same(link.connection()));
        let left = if is_current { live.remove(party) } else { None };
        // One lock at a time, so that no order between the two has to be kept.
        drop(live);
        if let Some(session) = left {
            self.gone().insert(
                party.clone(),
                Peer {
                    online: false,
                    ..session.peer
                },
            );
            return true;
        }
        false
    }

    /// The directory as one party gets it: everybody else.
    pub(crate) fn peers_of(&self, party: &PartyId) -> Vec<Peer> {
        let mut peers: Vec<Peer> = self
            .live()
            .values()
            .map(|session| session.peer.clone())
            .collect();
        peers.extend(self.gone().values().cloned());
        peers.retain(|peer| &peer.party != party);
        peers.sort_by(|a, b| a.party.cmp(&b.party));
        peers
    }

    /// Puts another key for messages into what is listed of a party; says whether it was another one.
    pub(crate) fn renew_message_key(&self, party: &PartyId, key: SignedBytes) -> bool {
        let mut live = self.live();
        let Some(session) = live.get_mut(party) else {
            return false;
        };
        // Only the key counts: signatures of the same one differ.
        let is_other = session
            .peer
            .message_key
            .as_ref()
            .is_none_or(|known| known.bytes != key.bytes);
        if is_other {
            session.peer.message_key = Some(key);
        }
        is_other
    }

    /// Every link.
    pub(crate) fn links(&self) -> Vec<(PartyId, Link)> {
        self.live()
            .iter()
            .map(|(party, session)| (party.clone(), session.link.clone()))
            .collect()
    }
}
