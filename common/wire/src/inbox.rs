//! Where messages wait until their task asks for them: the part that all transports share.
//!
//! An address is taken once; a repeated message is recognised and dropped; what does not fit into memory waits on disk; a
//! closed attempt, and every older one of the same step and receiver, refuses messages. No lock is held over an await.

mod reception;
mod shares;
mod state;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use vocabulary::{ErrorCode, Fault, Participant};

use crate::envelope::{Address, AttemptKey, Envelope};
use crate::transport::TransportError;

pub use reception::Reception;
use state::{Lookup, State};

/// What an inbox may hold.
#[derive(Debug, Clone)]
pub struct InboxOptions {
    /// Bytes of messages kept in memory, all attempts together; more goes to disk.
    pub memory_limit_bytes: u64,
    /// The folder for messages that do not fit; the inbox owns it and removes what an earlier run left. Without it,
    /// messages beyond the memory limit are refused.
    pub spill_dir: Option<PathBuf>,
    /// Bytes of messages kept on disk, all attempts together, those that just arrive included.
    pub disk_limit_bytes: u64,
    /// Bytes that one attempt at one receiver may have waiting, in memory and on disk.
    pub per_attempt_limit_bytes: u64,
    /// Messages that one attempt at one receiver may have waiting.
    pub per_attempt_messages: usize,
    /// Attempts of one step at one receiver that may have messages at once: peers choose the numbers.
    pub open_attempts: usize,
    /// Messages that may wait, all attempts together.
    pub envelopes: usize,
    /// Of memory, disk and messages, the part in per cent that one sending party may take of what the others leave.
    pub sender_percent: u8,
    /// Of disk and messages, the part in per cent of that which the messages of one job may take.
    pub job_percent: u8,
    /// How many steps' closed attempts are remembered; the oldest is forgotten first.
    pub closed_remembered: usize,
}

impl Default for InboxOptions {
    /// 256 MiB in memory, no folder for more, at most 64 GiB there; 8 GiB and a million messages for an attempt, 16
    /// attempts of a step; two million messages in all, of which a sender takes no more than it leaves.
    fn default() -> Self {
        Self {
            memory_limit_bytes: 256 << 20,
            spill_dir: None,
            disk_limit_bytes: 64 << 30,
            per_attempt_limit_bytes: 8 << 30,
            per_attempt_messages: 1_000_000,
            open_attempts: 16,
            envelopes: 2_000_000,
            sender_percent: 50,
            job_percent: 75,
            closed_remembered: 65_536,
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It stands in the inbox.
    Taken,
    /// It came before, with the same content; dropped.
    Duplicate,
}

/// What an inbox holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxUsage {
    /// Bytes in memory, messages that are just arriving included.
    pub memory_bytes: u64,
    /// Bytes on disk, messages that are just arriving included.
    pub spilled_bytes: u64,
    /// Messages that wait.
    pub envelopes: usize,
}

/// Messages of one party (or, in tests, of many).
pub struct Inbox {
    options: InboxOptions,
    state: Mutex<State>,
}

// The word of earlier releases: what one of them left behind is still recognised and removed.
const SPILL_SUFFIX: &str = ".letter";

impl Inbox {
    /// Makes an empty inbox and clears its spill folder, which is made if it is missing.
    pub fn new(options: InboxOptions) -> std::io::Result<Arc<Self>> {
        if let Some(folder) = &options.spill_dir {
            std::fs::create_dir_all(folder)?;
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                // Only what an inbox wrote: the folder may be named by mistake.
                if path.to_string_lossy().ends_with(SPILL_SUFFIX) {
                    std::fs::remove_file(path)?;
                }
            }
        }
        let state = Mutex::new(State::new(options.closed_remembered));
        Ok(Arc::new(Self { options, state }))
    }

    /// Puts a message in. Returns when it stands there, in memory or on disk.
    pub async fn deliver(self: &Arc<Self>, envelope: Envelope) -> Result<Delivery, TransportError> {
        let mut reception = self.begin(&envelope.address, &envelope.message)?;
        reception.write(envelope.body).await?;
        reception.finish().await
    }

    /// Begins to take a message that arrives in pieces. Nobody sees it before [`Reception::finish`]; a dropped reception
    /// leaves nothing behind.
    pub fn begin(
        self: &Arc<Self>,
        address: &Address,
        message: &str,
    ) -> Result<Reception, TransportError> {
        let known = self
            .state()
            .digest_of(address, self.options.open_attempts)?;
        Ok(Reception::new(
            self.clone(),
            address.clone(),
            message,
            known.is_some(),
        ))
    }

    /// Waits for a message and takes it out. Dropping the future loses nothing: the message stays. A message that was taken
    /// before will not come again, so that asking for it twice is [`TransportError::AddressReused`].
    pub async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        loop {
            // The lock is released before the wait; the wait is registered before the release.
            let found = self.state().look(address)?;
            match found {
                Lookup::Envelope(body) => return Ok(body),
                // Read without the lock; the path lives on in `file` even if the attempt is closed
                // meanwhile.
                Lookup::OnDisk(file) => {
                    let body = tokio::fs::read(&*file)
                        .await
                        .map_err(|error| storage("read", &error))?;
                    // Taken only now, so that a receiver that is dropped while it reads leaves the message.
                    self.state().take_spilled(address)?;
                    return Ok(body.into());
                }
                Lookup::Nothing(wait) => wait.await,
            }
        }
    }

    /// Makes space for an attempt that its receiver was ordered to run: whatever numbers peers choose for their messages, its own
    /// have a box from now on. [`Self::close`] takes it away.
    pub fn open(&self, attempt: &AttemptKey, receiver: &Participant) {
        self.state().open(attempt, receiver);
    }

    /// Drops the receiver's messages of this and all older attempts of the step, wakes those who wait for it, and refuses
    /// what still comes.
    pub fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        // Files are removed outside of the lock.
        let dropped = self.state().close(attempt, receiver);
        drop(dropped);
    }

    /// What the inbox holds now.
    pub fn usage(&self) -> InboxUsage {
        self.state().usage()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in a critical section panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn storage(doing: &str, error: &std::io::Error) -> TransportError {
    let fault = Fault::new(
        ErrorCode::StorageFull,
        format!("cannot {doing} a message that waits on disk: {error}"),
    );
    TransportError::Refused(fault.next("free disk space, or raise the inbox's memory limit"))
}

#[cfg(test)]
mod tests;
