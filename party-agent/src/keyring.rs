//! Which keys other parties must come with: pins from the records, put in force at every link, message and offer.

use std::collections::BTreeMap;

use pki::PublicKey;
use records::Records;
use rustls_pki_types::CertificateDer;
use transport::{Directory, Endpoint};
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock};

/// What is known of keys, and the way to demand one.
pub(crate) trait KnownKeys: Send + Sync {
    /// The key in the certificate that is known of a party, after its chain is verified.
    fn certificate_key(&self, party: &PartyId) -> Option<PublicKey>;

    /// Demands these keys, and no others, from now on; links that do not keep them are closed.
    fn demand(&self, pins: BTreeMap<PartyId, PublicKey>) -> Result<(), Fault>;
}

/// The keys of a running agent.
pub(crate) struct Keyring {
    pub(crate) endpoint: Endpoint,
    pub(crate) directory: Directory,
}

impl KnownKeys for Keyring {
    fn certificate_key(&self, party: &PartyId) -> Option<PublicKey> {
        let identity = self.endpoint.identity();
        if identity.party() == party {
            return Some(identity.public_key_sec1());
        }
        let chain = self.directory.peer(party)?.chain;
        let chain: Vec<CertificateDer<'_>> = chain
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let peer = identity
            .trust()
            .check_chain(&chain, SystemClock.now())
            .ok()?;
        (peer.party == *party).then_some(peer.public_key_sec1)
    }

    fn demand(&self, pins: BTreeMap<PartyId, PublicKey>) -> Result<(), Fault> {
        let identity = self.endpoint.identity();
        identity.trust().pins().replace(pins);
        // The same identity again: it closes the links whose peers do not hold the pinned key.
        self.endpoint.set_identity(identity)?;
        Ok(())
    }
}

/// No point of the curve: a key that nobody has.
const NOBODYS: PublicKey = [0; 65];

/// The pins in the records. A party whose pin cannot be read cannot come in at all, until it is pinned again.
pub(crate) async fn pinned(records: &Records) -> Result<BTreeMap<PartyId, PublicKey>, Fault> {
    let kept = records.pinned_keys().await?;
    let read = |(party, pem): (PartyId, String)| {
        let key = pki::public_key_of_pem(&pem).unwrap_or_else(|| {
            let code = ErrorCode::RecordUnreadable.text();
            tracing::error!(code, %party, "the key that is pinned cannot be read: the party is refused; pin its key again");
            NOBODYS
        });
        (party, key)
    };
    Ok(kept.into_iter().map(read).collect())
}
