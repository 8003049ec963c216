//! Why a link could not be made, or broke: one word for each cause, and the fault a person reads.

use std::time::Duration;

use pki::PkiError;
use quinn::{ConnectionError, ReadError, TransportErrorCode, WriteError};
use vocabulary::{ErrorCode, Fault};
use wire::FrameError;

/// TLS alert `no_application_protocol`.
const ALERT_NO_PROTOCOL: u8 = 120;

/// Why a connection or a call on it failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// A certificate is refused, here or there.
    #[error("{0}")]
    Certificate(Fault),
    /// The other side answered and refuses, in its own words.
    #[error("{0}")]
    Refused(Fault),
    /// The other side answers, but does not speak what was asked for.
    #[error("{peer} does not speak the protocol asked for")]
    NoCommonProtocol {
        /// The address or party.
        peer: String,
    },
    /// Nobody answers at an address, or it is none.
    #[error("cannot reach {address}: {detail}")]
    Unreachable {
        /// The address.
        address: String,
        /// The reason.
        detail: String,
    },
    /// The own address cannot be used.
    #[error("cannot listen at {address}: {detail}")]
    CannotListen {
        /// The address.
        address: String,
        /// The reason.
        detail: String,
    },
    /// The connection ended.
    #[error("the link to {peer} is lost: {detail}")]
    Lost {
        /// The address or party.
        peer: String,
        /// The reason.
        detail: String,
    },
    /// Something took too long.
    #[error("{doing} took longer than {after:?}")]
    TimedOut {
        /// What was waited for.
        doing: &'static str,
        /// How long.
        after: Duration,
    },
    /// The other side gave up the call.
    #[error("the other side gave up the call")]
    Abandoned,
    /// A frame is not well formed.
    #[error("{0}")]
    Frame(Fault),
}

impl From<LinkError> for Fault {
    fn from(error: LinkError) -> Self {
        let text = error.to_string();
        match error {
            LinkError::Certificate(fault) | LinkError::Refused(fault) | LinkError::Frame(fault) => fault,
            LinkError::NoCommonProtocol { .. } => Fault::new(ErrorCode::VersionMismatch, text)
                .next("check that the address is of the right daemon, and update the older of the two"),
            LinkError::Unreachable { .. } => Fault::new(ErrorCode::AddressUnusable, text)
                .next("check the address, that the daemon there runs, and that UDP passes the firewalls between"),
            LinkError::CannotListen { .. } => Fault::new(ErrorCode::AddressUnusable, text)
                .next("choose another address or port, or stop what uses it"),
            LinkError::Lost { .. } => Fault::new(ErrorCode::PartyOffline, text),
            LinkError::TimedOut { .. } | LinkError::Abandoned => Fault::new(ErrorCode::PeerTimeout, text),
        }
    }
}

impl From<PkiError> for LinkError {
    fn from(error: PkiError) -> Self {
        Self::Certificate(error.into())
    }
}

impl LinkError {
    pub(crate) fn lost(peer: &str, detail: impl ToString) -> Self {
        Self::Lost {
            peer: peer.to_owned(),
            detail: detail.to_string(),
        }
    }

    /// Reads why QUIC ended a connection to `peer` (an address or party, for the text).
    pub(crate) fn of_connection(error: &ConnectionError, peer: &str) -> Self {
        match error {
            ConnectionError::TransportError(own) => match alert_of(own.code) {
                Some(ALERT_NO_PROTOCOL) => Self::NoCommonProtocol {
                    peer: peer.to_owned(),
                },
                Some(_) => {
                    let message =
                        format!("the handshake with {peer} was ended here: {}", own.reason);
                    let next = "compare both certificates with `fedflow certs inspect`; both need the same federation root";
                    Self::Certificate(Fault::new(ErrorCode::CertificateRefused, message).next(next))
                }
                None => Self::lost(peer, own),
            },
            ConnectionError::ConnectionClosed(close) => match alert_of(close.error_code) {
                Some(ALERT_NO_PROTOCOL) => Self::NoCommonProtocol {
                    peer: peer.to_owned(),
                },
                Some(alert) => {
                    let mut fault = Fault::from(PkiError::from_alert(alert));
                    fault.message = format!("{peer}: {}", fault.message);
                    Self::Certificate(fault)
                }
                None => Self::lost(peer, close),
            },
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason).into_owned();
                if close.error_code == crate::close::CLOSE_CERTIFICATE {
                    Self::Certificate(Fault::new(
                        ErrorCode::CertificateRefused,
                        format!("{peer} closed the link: {reason}"),
                    ))
                } else {
                    Self::lost(peer, format!("closed by the other side: {reason}"))
                }
            }
            ConnectionError::VersionMismatch => Self::NoCommonProtocol {
                peer: peer.to_owned(),
            },
            other => Self::lost(peer, other),
        }
    }

    pub(crate) fn of_read(error: &ReadError, peer: &str) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Self::of_connection(error, peer),
            ReadError::Reset(_) => Self::Abandoned,
            other => Self::lost(peer, other),
        }
    }

    pub(crate) fn of_write(error: &WriteError, peer: &str) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Self::of_connection(error, peer),
            WriteError::Stopped(_) => Self::Abandoned,
            other => Self::lost(peer, other),
        }
    }

    /// A frame's error; behind an IO error stands what QUIC says.
    pub(crate) fn of_frame(error: FrameError, peer: &str) -> Self {
        let FrameError::Io(io) = &error else {
            return Self::Frame(error.into());
        };
        let inner = io.get_ref();
        if let Some(read) = inner.and_then(|inner| inner.downcast_ref::<ReadError>()) {
            return Self::of_read(read, peer);
        }
        if let Some(write) = inner.and_then(|inner| inner.downcast_ref::<WriteError>()) {
            return Self::of_write(write, peer);
        }
        Self::lost(peer, io)
    }
}

fn alert_of(code: TransportErrorCode) -> Option<u8> {
    u64::from(code)
        .checked_sub(0x100)
        .and_then(|alert| u8::try_from(alert).ok())
}
