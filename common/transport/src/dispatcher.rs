//! Where messages from outside are checked before they reach the inbox: the sender's certificate, the receiver, the size, and
//! whether the agent expects messages of that job at all.

use std::sync::Arc;
use std::time::Duration;

use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::EnvelopeHead;
use wire::{Address, Delivery, Inbox, TransportError};

use crate::stream::{Exactly, Pieces};

/// The largest body that is carried, unless configured otherwise: 2 GiB.
pub const LARGEST: u64 = 2 << 30;

/// Whether the agent expects this message (the offer is accepted, both participants are in its cast). The fault should
/// not be one of the codes `Canceled`, `Conflict`, `PartyOffline`, `PeerTimeout`, which have a meaning of their own here.
pub type Admit = Arc<dyn Fn(&EnvelopeHead) -> Result<(), Fault> + Send + Sync>;

/// The receiving side of a party's messages.
pub struct Dispatcher {
    party: PartyId,
    inbox: Arc<Inbox>,
    largest: u64,
    patience: Duration,
    admit: Admit,
}

impl Dispatcher {
    /// Takes messages for `party` into `inbox`: bodies of at most `largest` bytes, each piece within `patience`.
    pub fn new(
        party: PartyId,
        inbox: Arc<Inbox>,
        largest: u64,
        patience: Duration,
        admit: Admit,
    ) -> Arc<Self> {
        Arc::new(Self {
            party,
            inbox,
            largest,
            patience,
            admit,
        })
    }

    /// The party.
    pub fn party(&self) -> &PartyId {
        &self.party
    }

    /// The inbox behind.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// The largest body that is taken, in bytes.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether a message from an authenticated sender may come in.
    pub(crate) fn check(
        &self,
        head: &EnvelopeHead,
        sender: &PartyId,
    ) -> Result<(), TransportError> {
        let Address { from, to, .. } = &head.address;
        let violation = |message: String| {
            TransportError::Refused(Fault::new(ErrorCode::ProtocolViolation, message).at(sender))
        };
        // The certificate says who sends. What the address claims counts only where it says the
        // same.
        if &from.party != sender {
            return Err(violation(format!(
                "party {sender} sent a message in the name of {from}"
            )));
        }
        if to.party != self.party {
            return Err(violation(format!(
                "a message to {to} came to party {}",
                self.party
            )));
        }
        (self.admit)(head).map_err(TransportError::Refused)
    }

    /// Refuses a body that is announced larger than it may be.
    pub(crate) fn check_size(&self, head: &EnvelopeHead, size: u64) -> Result<(), TransportError> {
        if size > self.largest {
            return Err(TransportError::TooLarge {
                to: head.address.to.clone(),
                size,
                limit: self.largest,
            });
        }
        Ok(())
    }

    /// Takes a message whose body follows in the clear.
    pub(crate) async fn take<P: Pieces>(
        &self,
        head: &EnvelopeHead,
        sender: &PartyId,
        body: P,
    ) -> Result<Delivery, TransportError> {
        self.check(head, sender)?;
        // Before the first byte of the body is read or any memory is set aside.
        self.check_size(head, head.size)?;
        let mut reception = self.inbox.begin(&head.address, &head.message)?;
        let mut body = Exactly::new(body, head.size, self.patience);
        while let Some(piece) = body.next().await.map_err(TransportError::Refused)? {
            reception.write(piece).await?;
        }
        reception.finish().await
    }
}
