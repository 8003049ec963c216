//! The agent's half of relayed messages: bodies are signed and sealed here, and opened and verified here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pki::Kind;
use tokio::io::AsyncRead;
use tokio::sync::watch;
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock};
use wire::agent_link::{EnvelopeHead, Reply, ToCoordinator};
use wire::frame::{encode, read_raw};
use wire::{Delivery, Envelope, TransportError};

use crate::acknowledge::{DeliveryFailure, outcome_of, reply_to};
use crate::call::{Answer, CallOptions, Link};
use crate::chunk::{CONTEXT, Claim, Opening, SEALED_PIECE_LIMIT, Sealing, sealed_bound};
use crate::directory::Directory;
use crate::dispatcher::Dispatcher;
use crate::endpoint::Endpoint;
use crate::error::LinkError;
use crate::message_keys::of_peer;
use crate::stream::Body;

/// The way to the coordinator, for messages.
#[async_trait]
pub trait RelayLink: Send + Sync {
    /// Hands over a sealed message and waits for the receiver's acknowledgement.
    async fn messages(&self, head: EnvelopeHead, body: Body) -> Result<Reply, LinkError>;
}

/// The agent's link to the coordinator as it comes and goes.
#[derive(Clone)]
pub struct AgentLink {
    link: watch::Receiver<Option<Link>>,
    patience: Duration,
}

impl AgentLink {
    /// Follows the present link; its owner puts `None` there while there is none.
    pub fn new(link: watch::Receiver<Option<Link>>, patience: Duration) -> Self {
        Self { link, patience }
    }
}

#[async_trait]
impl RelayLink for AgentLink {
    async fn messages(&self, head: EnvelopeHead, body: Body) -> Result<Reply, LinkError> {
        let link = self.link.borrow().clone();
        let link = link.ok_or_else(|| LinkError::lost("the coordinator", "not connected"))?;
        let (reply, _) = link
            .call(
                &ToCoordinator::Envelope(head),
                body,
                CallOptions::bulk(self.patience),
            )
            .await?;
        Ok(reply)
    }
}

/// Relayed messages of one agent.
pub struct RelayedTransport {
    /// Has the identity, also after a renewal.
    endpoint: Endpoint,
    directory: Directory,
    dispatcher: Arc<Dispatcher>,
    link: Arc<dyn RelayLink>,
}

impl RelayedTransport {
    /// Signs with the identity of `endpoint`, opens with its keys for messages, seals to the keys in `directory` after verifying them,
    /// sends over `link`; what comes in goes to `dispatcher`.
    pub fn new(
        endpoint: Endpoint,
        directory: Directory,
        dispatcher: Arc<Dispatcher>,
        link: Arc<dyn RelayLink>,
    ) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            directory,
            dispatcher,
            link,
        })
    }

    pub(crate) async fn deliver(&self, envelope: &Envelope) -> Result<(), DeliveryFailure> {
        // The key first: without one neither hashing nor signing is worth the work.
        let receiver = self.receiver(&envelope.address.to.party)?;
        let claim = Claim::of(envelope).await.map_err(DeliveryFailure::Retry)?;
        let claim = encode(&claim).map_err(|error| DeliveryFailure::Retry(error.into()))?;
        let signed = self
            .endpoint
            .identity()
            .sign(CONTEXT, &claim)
            .map_err(|error| DeliveryFailure::Retry(error.into()))?;
        let (head, sealing) =
            Sealing::new(envelope, &signed, receiver).map_err(DeliveryFailure::Retry)?;
        let reply = self
            .link
            .messages(head, Body::Pieces(Box::new(sealing)))
            .await?;
        outcome_of(reply, &envelope.address)
    }

    /// The receiver's key: the directory is the coordinator's word, the receiver's signature and the federation's root decide. There is
    /// no other way: messages are never sealed to the key of a certificate, which lives for a year.
    fn receiver(&self, party: &PartyId) -> Result<[u8; 65], DeliveryFailure> {
        let Some(signed) = self.directory.peer(party).and_then(|peer| peer.message_key) else {
            let text = format!("the directory has no key for relayed messages of party {party}");
            let fault = Fault::new(ErrorCode::PartyOffline, text).at(party);
            return Err(DeliveryFailure::Retry(fault.next(
                "the party's agent tells one when it connects; is it of this release?",
            )));
        };
        of_peer(&signed, party, &self.endpoint.identity(), SystemClock.now())
            .map_err(DeliveryFailure::Retry)
    }

    /// Answers a message that the coordinator relays: opens, verifies, delivers, acknowledges.
    pub async fn serve<R: AsyncRead + Unpin + Send>(
        &self,
        head: EnvelopeHead,
        mut body: R,
        answer: Answer,
    ) {
        let taken = self.take(&head, &mut body).await;
        if let Err(error) = &taken {
            tracing::warn!(address = %head.address, %error, "a relayed message was not taken");
        }
        let _ = answer
            .reply(&reply_to(taken), Body::Empty, self.dispatcher.patience())
            .await;
    }

    /// Takes a relayed message into the inbox; nothing of it is visible there before all is verified.
    pub async fn take<R: AsyncRead + Unpin + Send>(
        &self,
        head: &EnvelopeHead,
        body: &mut R,
    ) -> Result<Delivery, TransportError> {
        // A message that would be refused anyway is not worth any arithmetic.
        self.dispatcher.check(head, &head.address.from.party)?;
        let limit = sealed_bound(self.dispatcher.largest());
        if head.size > limit {
            return Err(TransportError::TooLarge {
                to: head.address.to.clone(),
                size: head.size,
                limit,
            });
        }
        let identity = self.endpoint.identity();
        let mut opening = Opening::new(head, self.endpoint.message_secrets());
        let first = opening.open_first(self.piece(body).await?).await;
        let (signed, claim, beginning) = first.map_err(TransportError::Refused)?;
        // The signature stands inside the seal, so that the relay learns nothing by it and cannot
        // put another there.
        let signer = pki::verify_signed(&signed, CONTEXT, &identity, SystemClock.now());
        let signer = signer.map_err(|error| TransportError::Refused(error.into()))?;
        if signer.kind != Kind::Agent
            || claim.address != head.address
            || claim.message != head.message
        {
            return Err(forged(
                head,
                "it is signed for another message, or not by an agent",
            ));
        }
        // Again, now with the party that really signed; the first time it was the address' own
        // word.
        self.dispatcher.check(head, &signer.party)?;
        self.dispatcher.check_size(head, claim.size)?;
        let rest = Rest { opening, body };
        self.take_body(head, &claim, beginning, rest).await
    }

    async fn take_body<R: AsyncRead + Unpin + Send>(
        &self,
        head: &EnvelopeHead,
        claim: &Claim,
        beginning: Bytes,
        mut rest: Rest<'_, R>,
    ) -> Result<Delivery, TransportError> {
        let mut reception = self
            .dispatcher
            .inbox()
            .begin(&head.address, &head.message)?;
        let mut hash = blake3::Hasher::new();
        let mut left = claim.size;
        let mut plain = beginning;
        loop {
            let fits = left.checked_sub(plain.len() as u64);
            left = fits
                .ok_or_else(|| forged(head, "its body is longer than the one that was signed"))?;
            hash.update(&plain);
            reception.write(plain).await?;
            if left == 0 {
                break;
            }
            let sealed = self.piece(rest.body).await?;
            plain = rest
                .opening
                .open(sealed)
                .await
                .map_err(TransportError::Refused)?
                .into();
            // Empty pieces would let a sender go on for ever within the announced size.
            if plain.is_empty() {
                return Err(forged(head, "its body has an empty piece"));
            }
        }
        if hash.finalize().as_bytes() != &claim.hash {
            return Err(forged(head, "its body is not the one that was signed"));
        }
        reception.finish().await
    }

    async fn piece<R: AsyncRead + Unpin>(&self, body: &mut R) -> Result<Vec<u8>, TransportError> {
        let after = self.dispatcher.patience();
        let read = tokio::time::timeout(after, read_raw(body, SEALED_PIECE_LIMIT)).await;
        let read = read.map_err(|_| {
            Fault::from(LinkError::TimedOut {
                doing: "the next piece of a message",
                after,
            })
        });
        read.and_then(|read| {
            read.map_err(|error| LinkError::of_frame(error, "the coordinator").into())
        })
        .map_err(TransportError::Refused)
    }
}

/// What of a message is still to come.
struct Rest<'a, R> {
    opening: Opening,
    body: &'a mut R,
}

fn forged(head: &EnvelopeHead, how: &str) -> TransportError {
    let message = format!(
        "a relayed message from {} is forged: {how}",
        head.address.from
    );
    TransportError::Refused(Fault::new(ErrorCode::ProtocolViolation, message))
}
