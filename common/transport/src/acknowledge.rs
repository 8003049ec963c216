//! How the fate of a message travels back: an inbox's answer as a reply, and the reply as the sender's result.

use vocabulary::{ErrorCode, Fault};
use wire::agent_link::Reply;
use wire::{Address, Delivery, TransportError};

use crate::error::LinkError;

/// Why a message did not arrive.
#[derive(Debug)]
pub(crate) enum DeliveryFailure {
    /// It never will.
    Final(TransportError),
    /// It may, later or another way.
    Retry(Fault),
    /// It may, later; no other way would be better, since the receiver itself said so.
    Later(Fault),
    /// It may, once the receiver has space: its messages wait there until it reads, and slows whoever sends more.
    Full(Fault),
}

impl DeliveryFailure {
    /// The same, as what the receiver itself answered.
    pub(crate) fn answered(self) -> Self {
        match self {
            Self::Retry(fault) => Self::Later(fault),
            other => other,
        }
    }

    /// How the own inbox's refusal counts: as another's.
    pub(crate) fn of_own(error: TransportError) -> Self {
        match error {
            TransportError::Refused(fault) if fault.code == ErrorCode::StorageFull => {
                Self::Full(fault)
            }
            error => Self::Final(error),
        }
    }
}

impl From<LinkError> for DeliveryFailure {
    fn from(error: LinkError) -> Self {
        Self::Retry(error.into())
    }
}

/// The receiver's answer. Two outcomes have a code of their own, so that the sender gets the same error as in memory.
pub(crate) fn reply_to(result: Result<Delivery, TransportError>) -> Reply {
    let error = match result {
        Ok(Delivery::Taken | Delivery::Duplicate) => return Reply::Done,
        Err(error) => error,
    };
    let text = error.to_string();
    Reply::Failed(match error {
        TransportError::Closed(_) => Fault::new(ErrorCode::Canceled, text),
        TransportError::AddressReused(_) => Fault::new(ErrorCode::Conflict, text),
        TransportError::TooLarge { to, .. } => {
            Fault::new(ErrorCode::RequestInvalid, text).at(&to.party)
        }
        TransportError::Unreachable { to, .. } => {
            Fault::new(ErrorCode::PartyOffline, text).at(&to.party)
        }
        TransportError::Refused(fault) => fault,
    })
}

/// What the sender makes of the answer.
pub(crate) fn outcome_of(reply: Reply, address: &Address) -> Result<(), DeliveryFailure> {
    let fault = match reply {
        Reply::Done => return Ok(()),
        Reply::Failed(fault) => fault,
        _ => Fault::new(
            ErrorCode::ProtocolViolation,
            "the answer to a message is not an acknowledgement",
        ),
    };
    Err(match fault.code {
        // Told apart from a dead receiver: it reads on, and the sender slows down instead of giving
        // up.
        ErrorCode::StorageFull => DeliveryFailure::Full(fault),
        ErrorCode::Canceled => {
            DeliveryFailure::Final(TransportError::Closed(address.attempt.clone()))
        }
        ErrorCode::Conflict => {
            DeliveryFailure::Final(TransportError::AddressReused(Box::new(address.clone())))
        }
        // A certificate may be renewed, and the directory learns of it a moment later.
        ErrorCode::PartyOffline
        | ErrorCode::PartyLost
        | ErrorCode::PeerTimeout
        | ErrorCode::CertificateRefused => DeliveryFailure::Retry(fault),
        _ => DeliveryFailure::Final(TransportError::Refused(fault)),
    })
}
