//! The reference transport: all parties in one process, one inbox each.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use vocabulary::{ErrorCode, Fault, Participant, PartyId};

use crate::envelope::{Address, AttemptKey, Envelope};
use crate::inbox::{Inbox, InboxOptions};
use crate::transport::{Transport, TransportError};

/// Parties that reach each other without a network. A party joins by being named.
#[derive(Clone)]
pub struct InMemoryNetwork {
    options: InboxOptions,
    largest: u64,
    inboxes: Arc<Mutex<HashMap<PartyId, Arc<Inbox>>>>,
}

impl InMemoryNetwork {
    /// A network without parties. Every inbox gets the same options; a spill folder is divided by party. Bodies above
    /// `largest` bytes are refused.
    pub fn new(options: InboxOptions, largest: u64) -> Self {
        Self {
            options,
            largest,
            inboxes: Arc::default(),
        }
    }

    /// The transport of a party; the same inbox each time.
    pub fn party(&self, party: &PartyId) -> io::Result<InMemoryTransport> {
        let inbox = self.inbox(party)?;
        Ok(InMemoryTransport {
            network: self.clone(),
            party: party.clone(),
            inbox,
        })
    }

    fn inbox(&self, party: &PartyId) -> io::Result<Arc<Inbox>> {
        let mut inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get(party) {
            return Ok(inbox.clone());
        }
        let mut options = self.options.clone();
        // A folder each: an inbox clears its own when it is made.
        options.spill_dir = options.spill_dir.map(|folder| folder.join(party.as_str()));
        let inbox = Inbox::new(options)?;
        inboxes.insert(party.clone(), inbox.clone());
        Ok(inbox)
    }
}

impl Default for InMemoryNetwork {
    /// Default inboxes, bodies up to 2 GiB.
    fn default() -> Self {
        Self::new(InboxOptions::default(), 2 << 30)
    }
}

/// One party's end of an [`InMemoryNetwork`].
#[derive(Clone)]
pub struct InMemoryTransport {
    network: InMemoryNetwork,
    party: PartyId,
    inbox: Arc<Inbox>,
}

impl InMemoryTransport {
    /// The party's inbox.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }
}

#[async_trait]
impl Transport for InMemoryTransport {
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError> {
        check_outgoing(&envelope, &self.party, self.network.largest)?;
        let to = &envelope.address.to;
        let unreachable = |error: io::Error| TransportError::Unreachable {
            to: to.clone(),
            detail: error.to_string(),
        };
        let inbox = self.network.inbox(&to.party).map_err(unreachable)?;
        inbox.deliver(envelope).await.map(|_| ())
    }

    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        check_receiver(&address.to, &self.party)?;
        self.inbox.receive(address).await
    }

    async fn open(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.inbox.open(attempt, receiver);
    }

    async fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.inbox.close(attempt, receiver);
    }
}

/// Refuses to send in another party's name, or more than `largest` bytes.
pub fn check_outgoing(
    envelope: &Envelope,
    party: &PartyId,
    largest: u64,
) -> Result<(), TransportError> {
    let Address { from, to, .. } = &envelope.address;
    if &from.party != party {
        let message = format!("party {party} cannot send in the name of {from}");
        return Err(TransportError::Refused(
            Fault::new(ErrorCode::ProtocolViolation, message).at(party),
        ));
    }
    let size = envelope.body.len() as u64;
    if size > largest {
        return Err(TransportError::TooLarge {
            to: to.clone(),
            size,
            limit: largest,
        });
    }
    Ok(())
}

/// Refuses to read another party's messages.
pub fn check_receiver(receiver: &Participant, party: &PartyId) -> Result<(), TransportError> {
    if &receiver.party == party {
        return Ok(());
    }
    let message = format!("party {party} cannot receive messages for {receiver}");
    Err(TransportError::Refused(
        Fault::new(ErrorCode::ProtocolViolation, message).at(party),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{self, LARGEST, Pair, alice, bob, sample_envelope};

    fn pair(options: InboxOptions) -> Pair {
        let network = InMemoryNetwork::new(options, LARGEST);
        let end = |party: PartyId| Arc::new(network.party(&party).unwrap());
        Pair {
            alice: end(alice()),
            bob: end(bob()),
            guard: Box::new(()),
        }
    }

    #[tokio::test]
    async fn passes_the_transport_contract_in_memory() {
        contract::run(async || pair(InboxOptions::default())).await;
    }

    #[tokio::test]
    async fn passes_the_transport_contract_with_everything_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let options = InboxOptions {
            memory_limit_bytes: 4096,
            spill_dir: Some(folder.path().into()),
            ..Default::default()
        };
        contract::run(async || pair(options.clone())).await;
    }

    #[tokio::test]
    async fn refuses_to_send_or_read_in_the_name_of_another_party() {
        let pair = pair(InboxOptions::default());
        let forged = sample_envelope("guest", "host", "x", vec![1]);
        assert!(matches!(
            pair.bob.send(forged.clone()).await,
            Err(TransportError::Refused(_))
        ));
        assert!(matches!(
            pair.alice.receive(&forged.address).await,
            Err(TransportError::Refused(_))
        ));
    }
}
