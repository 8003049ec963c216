//! How a chain is, for health.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use vocabulary::Fault;

/// Whether entries can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The chain is being checked since the start; what wants an entry waits.
    Checking,
    /// Entries are written.
    Sound,
    /// The disk refuses; the next entry is tried again.
    Full,
    /// The chain is broken; nothing is written any more.
    Broken,
}

/// How a chain is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Whether entries can be written.
    pub state: State,
    /// How many entries it has that fit.
    pub entries: u64,
    /// The last one's hash.
    pub hash: String,
    /// Why no entry can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// The status, shared between the writer and who asks.
#[derive(Clone)]
pub(crate) struct Board(Arc<Mutex<Status>>);

impl Board {
    pub(crate) fn new() -> Self {
        let status = Status {
            state: State::Checking,
            entries: 0,
            hash: String::new(),
            fault: None,
        };
        Self(Arc::new(Mutex::new(status)))
    }

    pub(crate) fn get(&self) -> Status {
        self.lock().clone()
    }

    pub(crate) fn sound(&self, entries: u64, hash: &str) {
        let mut status = self.lock();
        if status.fault.take().is_some() {
            tracing::info!("the audit chain is written again");
        }
        *status = Status {
            state: State::Sound,
            entries,
            hash: hash.to_owned(),
            fault: None,
        };
    }

    pub(crate) fn failed(&self, state: State, fault: &Fault) {
        let mut status = self.lock();
        // Told once for each fault: a full disk is looked at every second.
        if status.fault.as_ref() != Some(fault) {
            tracing::error!(code = fault.code.text(), %fault, "nothing leaves: no entry can be written into the audit chain");
        }
        status.state = state;
        status.fault = Some(fault.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // A status is replaced as a whole or field by field with plain data: no panic leaves it
        // half made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
