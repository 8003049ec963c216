//! A connection whose other end is known by its certificate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pki::PeerIdentity;
use quinn::ConnectionError;

use crate::close::{CLOSE_DONE, CLOSE_GOODBYE};
use crate::error::LinkError;

/// A connection to an authenticated peer. Clones are the same connection; it ends when the last one is dropped or it is
/// closed.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) quic: quinn::Connection,
    pub(crate) peer: Arc<PeerIdentity>,
}

impl Connection {
    /// Who is at the other end, as its certificate says.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// The other end's party, for texts.
    pub(crate) fn peer_name(&self) -> &str {
        self.peer.party.as_str()
    }

    /// Whether the connection has ended.
    pub fn is_lost(&self) -> bool {
        self.quic.close_reason().is_some()
    }

    /// Whether the connection has ended because the process at the other end did: it said goodbye, or another process
    /// answers in its place. False while it stands, and where it may have ended for want of a network.
    pub fn peer_is_gone(&self) -> bool {
        match self.quic.close_reason() {
            Some(ConnectionError::ApplicationClosed(close)) => close.error_code == CLOSE_GOODBYE,
            // A stateless reset comes from the process that took the port: the old one is gone.
            Some(ConnectionError::Reset) => true,
            _ => false,
        }
    }

    /// Waits until the connection ends, and says why.
    pub async fn lost(&self) -> LinkError {
        LinkError::of_connection(&self.quic.closed().await, self.peer_name())
    }

    /// Ends the connection; what was not acknowledged may be lost.
    pub fn close(&self, reason: &str) {
        self.quic.close(CLOSE_DONE, reason.as_bytes());
    }

    /// The other side's address now.
    pub fn address(&self) -> SocketAddr {
        self.quic.remote_address()
    }

    /// The present round-trip time.
    pub fn round_trip(&self) -> Duration {
        self.quic.rtt()
    }

    /// The QUIC connection below, for its statistics.
    pub fn quic(&self) -> &quinn::Connection {
        &self.quic
    }

    /// Whether two handles are of one connection.
    pub fn is_same(&self, other: &Connection) -> bool {
        self.quic.stable_id() == other.quic.stable_id()
    }
}
