//! The coordinator's half of relayed messages: it passes sealed bytes from one link to another, in bounded buffers, and the
//! acknowledgement back. It sees address, message name and size, and nothing of the content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pki::PeerIdentity;
use vocabulary::{ErrorCode, Fault, PartyId};
use wire::agent_link::{EnvelopeHead, Reply, ToAgent};

use crate::call::{Answer, CallOptions, Link};
use crate::chunk::sealed_bound;
use crate::dispatcher::LARGEST;
use crate::error::LinkError;
use crate::stream::{Body, Exactly, Pieces};

/// Quotas of a relay.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// The largest body, in bytes before sealing.
    pub largest: u64,
    /// Messages that one party may have under way as sender; what comes beyond is refused and tried again later. To one
    /// receiver go no more than half of what its messages to others leave: who does not read stops no message to anybody else.
    pub messages_per_party: usize,
    /// The longest silence of either side.
    pub patience: Duration,
}

impl Default for RelayOptions {
    /// 2 GiB, 16 messages, 30 s.
    fn default() -> Self {
        Self {
            largest: LARGEST,
            messages_per_party: 16,
            patience: Duration::from_secs(30),
        }
    }
}

/// Gives the link of a party that is connected.
pub type Lookup = Arc<dyn Fn(&PartyId) -> Option<Link> + Send + Sync>;
/// Says whether the job of a message is known and both participants are in its cast.
pub type Permit = Arc<dyn Fn(&EnvelopeHead) -> Result<(), Fault> + Send + Sync>;

/// Forwards messages between the agents of a coordinator.
pub struct Relay {
    options: RelayOptions,
    lookup: Lookup,
    permit: Permit,
    /// By sender and receiver.
    under_way: Mutex<HashMap<PartyId, HashMap<PartyId, usize>>>,
}

impl Relay {
    /// Makes a relay over the links that `lookup` knows, for messages that `permit` allows.
    pub fn new(options: RelayOptions, lookup: Lookup, permit: Permit) -> Arc<Self> {
        Arc::new(Self {
            options,
            lookup,
            permit,
            under_way: Mutex::default(),
        })
    }

    /// Passes a message of an authenticated sender on, and the receiver's answer back.
    pub async fn serve<P: Pieces + 'static>(
        &self,
        sender: &PeerIdentity,
        head: EnvelopeHead,
        body: P,
        answer: Answer,
    ) {
        let reply = self
            .forward(&sender.party, head, body)
            .await
            .unwrap_or_else(Reply::Failed);
        // A sender that is gone meanwhile repeats the message, and the receiver recognises it.
        let _ = answer
            .reply(&reply, Body::Empty, self.options.patience)
            .await;
    }

    /// Passes a message on; gives the receiver's answer, or why there is none.
    pub async fn forward<P: Pieces + 'static>(
        &self,
        sender: &PartyId,
        head: EnvelopeHead,
        body: P,
    ) -> Result<Reply, Fault> {
        if &head.address.from.party != sender {
            let message = format!(
                "party {sender} sent a message in the name of {}",
                head.address.from
            );
            return Err(Fault::new(ErrorCode::ProtocolViolation, message).at(sender));
        }
        let limit = sealed_bound(self.options.largest);
        if head.size > limit {
            let message = format!(
                "a sealed message of {} bytes is larger than {limit} bytes",
                head.size
            );
            return Err(Fault::new(ErrorCode::RequestInvalid, message).at(sender));
        }
        (self.permit)(&head)?;
        let receiver = head.address.to.party.clone();
        // After the permission: what is refused anyway takes no place.
        let _place = self.place(sender, &receiver)?;
        let offline = |detail: &str| {
            Fault::new(
                ErrorCode::PartyOffline,
                format!("party {receiver} {detail}"),
            )
            .at(&receiver)
        };
        let link = (self.lookup)(&receiver).ok_or_else(|| offline("is not connected"))?;
        let body = Body::Pieces(Box::new(Exactly::new(
            body,
            head.size,
            self.options.patience,
        )));
        let options = CallOptions::bulk(self.options.patience);
        match link.call(&ToAgent::Envelope(head), body, options).await {
            Ok((reply @ (Reply::Done | Reply::Failed(_)), _)) => Ok(reply),
            Ok(_) => Err(Fault::new(
                ErrorCode::ProtocolViolation,
                "the answer to a message is not an acknowledgement",
            )
            .at(&receiver)),
            // Told as offline, so that the sender tries again: the receiver may come back with
            // another link.
            Err(LinkError::Lost { .. }) => Err(offline("was lost before it had the message")),
            Err(error) => Err(error.into()),
        }
    }

    fn place(&self, sender: &PartyId, receiver: &PartyId) -> Result<Place<'_>, Fault> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = under_way.entry(sender.clone()).or_default();
        let (all, there) = (
            own.values().sum::<usize>(),
            own.get(receiver).copied().unwrap_or(0),
        );
        let most = self.options.messages_per_party;
        let to_one = most.saturating_sub(all - there).div_ceil(2);
        if all >= most || there >= to_one {
            let message = format!(
                "party {sender} has {all} messages under way already, {there} of them to party {receiver}"
            );
            let bounds = format!(
                "the relay passes {most} of a sender, and {to_one} of them to this receiver now"
            );
            return Err(
                Fault::new(ErrorCode::PeerTimeout, format!("{message}: {bounds}")).at(sender),
            );
        }
        *own.entry(receiver.clone()).or_default() += 1;
        Ok(Place {
            relay: self,
            sender: sender.clone(),
            receiver: receiver.clone(),
        })
    }
}

struct Place<'a> {
    relay: &'a Relay,
    sender: PartyId,
    receiver: PartyId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut under_way = self
            .relay
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(own) = under_way.get_mut(&self.sender) else {
            return;
        };
        if let Some(count) = own.get_mut(&self.receiver) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                own.remove(&self.receiver);
            }
        }
        if own.is_empty() {
            // Nothing is kept of who sends nothing: the map is no larger than what is under way.
            under_way.remove(&self.sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str) -> PartyId {
        PartyId::new(id).unwrap()
    }

    #[test]
    fn a_receiver_that_does_not_read_leaves_space_for_messages_to_others() {
        let relay = Relay::new(
            RelayOptions::default(),
            Arc::new(|_| None),
            Arc::new(|_| Ok(())),
        );
        let fill = |receiver: &str| {
            let mut places = Vec::new();
            loop {
                match relay.place(&party("9999"), &party(receiver)) {
                    Ok(place) => places.push(place),
                    Err(fault) => return (places, fault),
                }
            }
        };
        let (slow, fault) = fill("666");
        assert!(
            slow.len() == 8 && fault.message.contains("8 of them to this receiver"),
            "{} {fault}",
            slow.len()
        );
        let (other, _) = fill("10000");
        assert_eq!(other.len(), 4);
        // Other senders have places of their own, and what is given back is free again.
        assert!(relay.place(&party("10001"), &party("666")).is_ok());
        drop((slow, other));
        assert!(relay.under_way.lock().unwrap().is_empty());
        assert_eq!(fill("10000").0.len(), 8);
    }
}
