//! What an inbox knows, without any waiting or disk: boxes by step and attempt, and what was closed.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempPath;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use vocabulary::{Attempt, ErrorCode, Fault, Participant};

use super::shares::{Full, Kind, Owner, Parts, Shares};
use super::{Delivery, InboxOptions, InboxUsage};
use crate::envelope::{Address, AttemptKey};
use crate::transport::TransportError;

/// What a message costs beside its body, where its body is.
pub(super) const OVERHEAD: u64 = 256;

/// Where a message's body is.
pub(super) enum StoredBody {
    Memory(Bytes, Owner),
    Disk {
        path: Arc<TempPath>,
        size: u64,
        owner: Owner,
    },
}

/// What [`State::look`] found.
pub(super) enum Lookup {
    Envelope(Bytes),
    OnDisk(Arc<TempPath>),
    Nothing(OwnedNotified),
}

/// Messages of one attempt at one receiver. Keys are 128 bits of a keyed hash: a million messages would collide with a
/// probability of about 10^-27, and an outsider cannot aim for it.
#[derive(Default)]
pub(super) struct AttemptInbox {
    envelopes: HashMap<u128, StoredBody>,
    /// The content's digest of every message that ever stood here.
    seen: HashMap<u128, u64>,
    bytes: u64,
    changed: Arc<Notify>,
}

/// All attempts of one step at one receiver.
#[derive(Default)]
struct StepInbox {
    closed: Option<Attempt>,
    attempts: BTreeMap<Attempt, AttemptInbox>,
}

pub(super) struct State {
    keys: (RandomState, RandomState),
    steps: HashMap<u128, StepInbox>,
    /// Steps in the order in which they were first closed.
    closed_order: VecDeque<u128>,
    closed_remembered: usize,
    shares: Shares,
}

impl State {
    pub(super) fn new(closed_remembered: usize) -> Self {
        Self {
            keys: (RandomState::new(), RandomState::new()),
            steps: HashMap::new(),
            closed_order: VecDeque::new(),
            closed_remembered,
            shares: Shares::default(),
        }
    }

    pub(super) fn usage(&self) -> InboxUsage {
        InboxUsage {
            memory_bytes: self.shares.total(Kind::Memory),
            spilled_bytes: self.shares.total(Kind::Disk),
            envelopes: self.shares.total(Kind::Envelopes) as usize,
        }
    }

    /// Whose a message is.
    pub(super) fn owner(&self, address: &Address) -> Owner {
        let sender = &address.from.party;
        Owner {
            sender: self.key(("sender", sender)),
            job: self.key(("job", sender, &address.attempt.job)),
        }
    }

    fn key(&self, value: impl Hash) -> u128 {
        // Two independent keyed hashes: names and tags may be long, and a million of them stay
        // small.
        u128::from(self.keys.0.hash_one(&value)) << 64 | u128::from(self.keys.1.hash_one(&value))
    }

    fn step_key(&self, attempt: &AttemptKey, receiver: &Participant) -> u128 {
        self.key((&attempt.job, &attempt.step, receiver))
    }

    /// The box of an address, made if it is missing, and the message's key in it.
    fn find(&mut self, address: &Address) -> Result<(&mut AttemptInbox, u128), TransportError> {
        let key = self.key((&address.from, &address.tag));
        let step = self.step_key(&address.attempt, &address.to);
        let step = self.steps.entry(step).or_default();
        if step
            .closed
            .is_some_and(|closed| closed >= address.attempt.attempt)
        {
            return Err(TransportError::Closed(address.attempt.clone()));
        }
        Ok((
            step.attempts.entry(address.attempt.attempt).or_default(),
            key,
        ))
    }

    /// Makes the box of an attempt, however many others of the step have messages: its receiver was ordered to run it.
    pub(super) fn open(&mut self, attempt: &AttemptKey, receiver: &Participant) {
        let key = self.step_key(attempt, receiver);
        let step = self.steps.entry(key).or_default();
        if step.closed.is_none_or(|closed| closed < attempt.attempt) {
            // Beyond `open_attempts` on purpose: peers must not be able to keep an ordered attempt
            // out.
            step.attempts.entry(attempt.attempt).or_default();
        }
    }

    /// Refuses the first message of an attempt when the step has as many with messages as it may.
    fn check_open(&self, address: &Address, most: usize) -> Result<(), TransportError> {
        let step = self
            .steps
            .get(&self.step_key(&address.attempt, &address.to));
        let number = &address.attempt.attempt;
        // of what is closed, no message waits for space
        let full = step.is_some_and(|step| {
            let is_closed = step.closed.is_some_and(|closed| closed >= *number);
            !is_closed && step.attempts.len() >= most && !step.attempts.contains_key(number)
        });
        if !full {
            return Ok(());
        }
        let message = format!(
            "{} has messages of {most} attempts of this step already",
            address.to
        );
        let next = format!(
            "the message is tried again; it comes in once party {} runs the attempt",
            address.to.party
        );
        Err(TransportError::Refused(
            Fault::new(ErrorCode::StorageFull, message)
                .at(&address.to.party)
                .next(next),
        ))
    }

    /// The digest of the message that came at this address, if one did.
    pub(super) fn digest_of(
        &mut self,
        address: &Address,
        most_open: usize,
    ) -> Result<Option<u64>, TransportError> {
        self.check_open(address, most_open)?;
        let (messages, key) = self.find(address)?;
        Ok(messages.seen.get(&key).copied())
    }

    pub(super) fn look(&mut self, address: &Address) -> Result<Lookup, TransportError> {
        let (messages, key) = self.find(address)?;
        match messages.envelopes.remove(&key) {
            Some(StoredBody::Memory(body, owner)) => {
                // The charge was taken with the overhead, and is given back with it. `Bytes` copies
                // nothing.
                let held = StoredBody::Memory(body.clone(), owner);
                messages.bytes = messages.bytes.saturating_sub(held.charge());
                self.release(&held);
                Ok(Lookup::Envelope(body))
            }
            Some(StoredBody::Disk { path, size, owner }) => {
                messages.envelopes.insert(
                    key,
                    StoredBody::Disk {
                        path: path.clone(),
                        size,
                        owner,
                    },
                );
                Ok(Lookup::OnDisk(path))
            }
            None if messages.seen.contains_key(&key) => {
                Err(TransportError::AddressReused(Box::new(address.clone())))
            }
            None => Ok(Lookup::Nothing(messages.changed.clone().notified_owned())),
        }
    }

    /// Takes a message out whose file was read.
    pub(super) fn take_spilled(&mut self, address: &Address) -> Result<(), TransportError> {
        let (messages, key) = self.find(address)?;
        let Some(held) = messages.envelopes.remove(&key) else {
            return Err(TransportError::AddressReused(Box::new(address.clone())));
        };
        messages.bytes = messages.bytes.saturating_sub(held.charge());
        self.release(&held);
        Ok(())
    }

    /// Sets memory or disk aside for bytes that arrive, or says which bound is in the way.
    pub(super) fn reserve(
        &mut self,
        owner: Owner,
        kind: Kind,
        bytes: u64,
        options: &InboxOptions,
    ) -> Result<(), Full> {
        // What does not fit into memory goes to disk, so that there a job may have all that its sender may.
        let (limit, job) = match kind {
            Kind::Memory => (options.memory_limit_bytes, 100),
            Kind::Disk => (options.disk_limit_bytes, options.job_percent),
            Kind::Envelopes => (options.envelopes as u64, options.job_percent),
        };
        self.shares.take(
            owner,
            kind,
            bytes,
            limit,
            Parts {
                sender: options.sender_percent,
                job,
            },
        )
    }

    pub(super) fn unreserve(&mut self, owner: Owner, kind: Kind, bytes: u64) {
        self.shares.give_back(owner, kind, bytes);
    }

    /// What became of a message that came before its content had arrived again.
    pub(super) fn repeated(
        &mut self,
        address: &Address,
        digest: u64,
    ) -> Result<Delivery, TransportError> {
        let (messages, key) = self.find(address)?;
        match messages.seen.get(&key) {
            Some(&before) if before == digest => Ok(Delivery::Duplicate),
            Some(_) => Err(TransportError::AddressReused(Box::new(address.clone()))),
            // the box of the first one was closed meanwhile, and that is forgotten
            None => Err(TransportError::Closed(address.attempt.clone())),
        }
    }

    /// Puts a whole message in and wakes who waits for it. The body's own bytes, in memory or on disk, and the message's
    /// overhead there are reserved already, and stay so only if the message is taken.
    pub(super) fn put(
        &mut self,
        address: &Address,
        held: StoredBody,
        digest: u64,
        options: &InboxOptions,
    ) -> Result<Delivery, TransportError> {
        let (messages, key) = self.find(address)?;
        match messages.seen.get(&key) {
            Some(&before) if before == digest => return Ok(Delivery::Duplicate),
            Some(_) => return Err(TransportError::AddressReused(Box::new(address.clone()))),
            None => {}
        }
        let charge = held.charge();
        if messages.envelopes.len() >= options.per_attempt_messages
            || messages.bytes.saturating_add(charge) > options.per_attempt_limit_bytes
        {
            return Err(attempt_full(
                address,
                messages.envelopes.len(),
                messages.bytes,
            ));
        }
        let owner = held.owner();
        self.reserve(owner, Kind::Envelopes, 1, options)
            .map_err(|full| messages_full(address, full))?;
        let (messages, key) = self.find(address)?;
        messages.bytes += charge;
        messages.seen.insert(key, digest);
        messages.envelopes.insert(key, held);
        messages.changed.notify_waiters();
        Ok(Delivery::Taken)
    }

    fn release(&mut self, held: &StoredBody) {
        let owner = held.owner();
        self.shares.give_back(owner, Kind::Envelopes, 1);
        let kind = match held {
            StoredBody::Memory(..) => Kind::Memory,
            StoredBody::Disk { .. } => Kind::Disk,
        };
        self.shares.give_back(owner, kind, held.charge());
    }

    /// Closes this and older attempts; gives back what was dropped, for the caller to drop outside of the lock.
    pub(super) fn close(
        &mut self,
        attempt: &AttemptKey,
        receiver: &Participant,
    ) -> Vec<AttemptInbox> {
        let key = self.step_key(attempt, receiver);
        let step = self.steps.entry(key).or_default();
        if step.closed.is_none() {
            self.closed_order.push_back(key);
        }
        step.closed = step.closed.max(Some(attempt.attempt));
        // Older attempts end too: a retry has taken their place, whatever their receivers still
        // wait for.
        let newer = step.attempts.split_off(&attempt.attempt.next());
        let dropped: Vec<AttemptInbox> = std::mem::replace(&mut step.attempts, newer)
            .into_values()
            .collect();
        for messages in &dropped {
            messages
                .envelopes
                .values()
                .for_each(|held| self.release(held));
            messages.changed.notify_waiters();
        }
        self.forget_oldest();
        dropped
    }

    fn forget_oldest(&mut self) {
        while self.closed_order.len() > self.closed_remembered {
            let Some(key) = self.closed_order.pop_front() else {
                return;
            };
            if let Some(step) = self.steps.get_mut(&key) {
                // The oldest first: of a job that is over for so long nothing comes any more.
                step.closed = None;
                if step.attempts.is_empty() {
                    self.steps.remove(&key);
                }
            }
        }
    }
}

impl StoredBody {
    fn charge(&self) -> u64 {
        match self {
            StoredBody::Memory(body, _) => body.len() as u64 + OVERHEAD,
            StoredBody::Disk { size, .. } => size + OVERHEAD,
        }
    }

    fn owner(&self) -> Owner {
        match self {
            StoredBody::Memory(_, owner) | StoredBody::Disk { owner, .. } => *owner,
        }
    }
}

/// Names the bound that stands in the way of a message.
pub(super) fn full(address: &Address, full: Full, what: &str) -> TransportError {
    let (from, Full { whose, most }) = (&address.from.party, full);
    let message = format!(
        "messages of party {from} wait for {}: {whose} may have {most} {what} there",
        address.to
    );
    let next = "the receiver reads too slowly, or the sender does not stop: look at both tasks' logs; the receiver's \
                operator can raise limits.inbox_disk";
    TransportError::Refused(
        Fault::new(ErrorCode::StorageFull, message)
            .at(&address.to.party)
            .next(next),
    )
}

fn messages_full(address: &Address, reached: Full) -> TransportError {
    full(address, reached, "messages")
}

fn attempt_full(address: &Address, envelopes: usize, bytes: u64) -> TransportError {
    let message = format!(
        "{} already has {envelopes} messages with {bytes} bytes waiting for {}",
        address.attempt, address.to
    );
    let next =
        "the receiver reads too slowly, or the sender does not stop: look at both tasks' logs";
    TransportError::Refused(
        Fault::new(ErrorCode::StorageFull, message)
            .at(&address.to.party)
            .next(next),
    )
}
