//! Which keys other parties must come with: pins from the records, put in force at every link, letter and offer.

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
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let peer = identity.trust().check_chain(&chain, SystemClock.now()).ok()?;
        (peer.party == *party).then_some(peer.public_key_sec1)
    }

    fn demand(&self, pins: BTreeMap<PartyId, PublicKey>) -> Result<(), Fault> {
        let identity = self.endpoint.identity();
        identity.trust().pins().replace(pins);
        self.endpoint.set_identity(identity)?;
        Ok(())
    }
}

/// The pins in the records.
pub(crate) async fn pinned(records: &Records) -> Result<BTreeMap<PartyId, PublicKey>, Fault> {
    let kept = records.pinned_keys().await?;
    let read = |(party, pem): (PartyId, String)| match pki::public_key_of_pem(&pem) {
        Some(key) => Ok((party, key)),
        None => {
            Err(Fault::new(ErrorCode::Internal, format!("the key that is pinned for party {party} cannot be read")))
        }
    };
    kept.into_iter().map(read).collect()
}
