//! How a component's work can end badly.

use tables::TableError;
use vocabulary::{ErrorCode, Fault, Stopped};
use wire::TransportError;

use crate::payload::PayloadError;

/// What a component's functions give back.
pub type Result<T, E = ComponentError> = std::result::Result<T, E>;

/// Why a task could not go on. Straight-line code passes it up with `?`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ComponentError {
    /// The attempt was asked to stop.
    #[error("the attempt was stopped")]
    Canceled,
    /// Something is wrong, and what.
    #[error("{0}")]
    Fault(Box<Fault>),
}

impl ComponentError {
    /// A fault with a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Fault(Box::new(Fault::new(code, message)))
    }

    /// A peer sent what the protocol does not allow.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ProtocolViolation, message)
    }

    /// The fault to report.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Canceled => Fault::new(ErrorCode::Canceled, "the attempt was stopped"),
            Self::Fault(fault) => *fault,
        }
    }
}

impl From<Fault> for ComponentError {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<TableError> for ComponentError {
    fn from(error: TableError) -> Self {
        match error {
            // A stop is no fault of the table: it must not be told as one.
            TableError::Stopped(_) => Self::Canceled,
            error => Fault::from(error).into(),
        }
    }
}

impl From<Stopped> for ComponentError {
    fn from(_: Stopped) -> Self {
        Self::Canceled
    }
}

impl From<PayloadError> for ComponentError {
    fn from(error: PayloadError) -> Self {
        Self::protocol(error.to_string())
    }
}

impl From<TransportError> for ComponentError {
    fn from(error: TransportError) -> Self {
        match error {
            // An inbox is closed when the attempt ends, and by nothing else.
            TransportError::Closed(_) => Self::Canceled,
            TransportError::Refused(fault) => fault.into(),
            TransportError::Unreachable { ref to, .. } => {
                Fault::new(ErrorCode::PeerTimeout, error.to_string())
                    .at(&to.party)
                    .next("see whether that agent runs and is connected")
                    .into()
            }
            TransportError::AddressReused(_) | TransportError::TooLarge { .. } => {
                Self::protocol(error.to_string())
            }
        }
    }
}
