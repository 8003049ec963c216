//! The one line with which a daemon says that it can be used.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where a daemon listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Always true; makes the line easy to find.
    pub(crate) ready: bool,
    /// The REST endpoint.
    pub(crate) rest: SocketAddr,
    /// The QUIC port.
    pub(crate) quic: SocketAddr,
}

impl Ready {
    /// Says it on standard output.
    pub(crate) fn announce(rest: SocketAddr, quic: SocketAddr) {
        let line = Self {
            ready: true,
            rest,
            quic,
        };
        // Whoever started it may have gone.
        let _ = crate::say::try_line(serde_json::to_string(&line).unwrap_or_default());
    }
}
