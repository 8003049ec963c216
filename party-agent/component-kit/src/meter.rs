//! Where a task's time goes, counted as it goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vocabulary::Usage;

/// What time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    Compute,
    Encryption,
    Network,
    Waiting,
}

/// Adds up the time and traffic of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    compute: AtomicU64,
    encryption: AtomicU64,
    network: AtomicU64,
    waiting: AtomicU64,
    bytes: AtomicU64,
    messages: AtomicU64,
}

impl Meter {
    /// The moment from which a span of time counts.
    #[allow(clippy::disallowed_methods, reason = "measures spans, decides nothing")]
    pub(crate) fn start() -> Instant {
        Instant::now()
    }

    pub(crate) fn add(&self, on: Spent, since: Instant) {
        let cell = match on {
            Spent::Compute => &self.compute,
            Spent::Encryption => &self.encryption,
            Spent::Network => &self.network,
            Spent::Waiting => &self.waiting,
        };
        // Relaxed: these are sums, and nobody decides by the order of two of them.
        cell.fetch_add(micros(since.elapsed()), Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// The sums so far; wall time is the runner's to fill in.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            wall_micros: 0,
            compute_micros: self.compute.load(Ordering::Relaxed),
            encryption_micros: self.encryption.load(Ordering::Relaxed),
            network_micros: self.network.load(Ordering::Relaxed),
            waiting_micros: self.waiting.load(Ordering::Relaxed),
            bytes_sent: self.bytes.load(Ordering::Relaxed),
            messages_sent: self.messages.load(Ordering::Relaxed),
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
