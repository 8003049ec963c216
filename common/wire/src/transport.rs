//! The port that carries messages between parties. Components see it only through their task.

use async_trait::async_trait;
use bytes::Bytes;
use vocabulary::message::Way;
use vocabulary::{Fault, Participant, PartyId};

use crate::envelope::{Address, AttemptKey, Envelope};

/// Why a message could not be sent or received.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// The attempt was closed here, or is older than one already closed.
    #[error("attempt {0} is closed")]
    Closed(AttemptKey),
    /// An address was used for two different messages.
    #[error("address used twice: {0}")]
    AddressReused(Box<Address>),
    /// The body is larger than the transport carries.
    #[error("message of {size} bytes to {to} is larger than {limit} bytes")]
    TooLarge {
        /// The receiver.
        to: Participant,
        /// Bytes in the body.
        size: u64,
        /// The most that is carried.
        limit: u64,
    },
    /// The receiver could not be reached within the time allowed, or will never be.
    #[error("{to} cannot be reached: {detail}")]
    Unreachable {
        /// The receiver.
        to: Participant,
        /// The last error.
        detail: String,
    },
    /// A policy (here or there) or the receiver refuses the message.
    #[error("{0}")]
    Refused(Fault),
}

/// Bytes between participants.
///
/// Every implementation passes the suite in `contract`: an address is used once; delivery is at least once and repeated
/// messages are dropped; no order is promised; the inbox is bounded in memory and spills to disk, so that two parties that
/// both send first cannot lock each other; a closed attempt drops its messages and refuses more. Both futures may be dropped
/// at any await (cancellation) without losing a message that was acknowledged.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Hands a message to the receiver's inbox; returns when it stands there.
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError>;

    /// The way that a message to a party would take now, where there is more than one.
    fn way(&self, _to: &PartyId) -> Option<Way> {
        None
    }

    /// Makes sure that messages of an attempt find a place: `receiver` was ordered to run it.
    async fn open(&self, _attempt: &AttemptKey, _receiver: &Participant) {}

    /// Waits for the message with this address, and takes it out of the inbox.
    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError>;

    /// Drops the messages that `receiver` has of an attempt, wakes those who wait for it with [`TransportError::Closed`], and
    /// refuses what still comes.
    async fn close(&self, attempt: &AttemptKey, receiver: &Participant);
}
