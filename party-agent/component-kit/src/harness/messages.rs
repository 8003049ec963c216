//! Recorded, and if wished unreliable, in-memory messages between participants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, Participant};
use wire::inbox::{Inbox, InboxOptions};
use wire::{Address, AttemptKey, Envelope, Transport, TransportError};

/// One message as it went over the (simulated) network.
#[derive(Clone)]
pub struct RecordedMessage {
    /// Sender.
    pub from: Participant,
    /// Receiver.
    pub to: Participant,
    /// The declared message.
    pub message: String,
    /// Rounds and message.
    pub tag: String,
    /// What went.
    pub body: Bytes,
}

/// What goes wrong with the messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Deliver each message twice.
    pub duplicates: bool,
    /// Let the other tasks run some turns before a message is delivered, in a changing pattern.
    pub delays: bool,
    /// Stop every part when this many messages were sent.
    pub cancel_after: Option<usize>,
    /// Stop every part when its work has asked this often whether it is still wanted.
    pub cancel_at_question: Option<usize>,
    /// Stop every part when the parties were asked this often for a table, a model or whatever else they keep; they do not answer.
    pub cancel_at_request: Option<usize>,
}

/// The messages of one run.
pub(crate) struct MessageLog {
    inboxes: BTreeMap<Participant, Arc<Inbox>>,
    envelopes: Mutex<Vec<RecordedMessage>>,
    count: AtomicUsize,
    faults: Faults,
    cancel: CancellationToken,
}

impl MessageLog {
    pub(crate) fn new(
        participants: &[Participant],
        faults: Faults,
        cancel: CancellationToken,
    ) -> Arc<Self> {
        let inbox = || Inbox::new(InboxOptions::default());
        let inboxes = participants
            .iter()
            .filter_map(|who| Some((who.clone(), inbox().ok()?)))
            .collect();
        Arc::new(Self {
            inboxes,
            envelopes: Mutex::default(),
            count: AtomicUsize::new(0),
            faults,
            cancel,
        })
    }

    pub(crate) fn envelopes(&self) -> Vec<RecordedMessage> {
        self.envelopes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn inbox(&self, who: &Participant) -> Result<&Arc<Inbox>, TransportError> {
        let missing = || {
            TransportError::Refused(Fault::new(
                ErrorCode::PartyUnknown,
                format!("{who} is not in the test"),
            ))
        };
        self.inboxes.get(who).ok_or_else(missing)
    }

    fn record(&self, envelope: &Envelope) -> usize {
        let address = &envelope.address;
        let envelope = RecordedMessage {
            from: address.from.clone(),
            to: address.to.clone(),
            message: envelope.message.clone(),
            tag: address.tag.clone(),
            body: envelope.body.clone(),
        };
        self.envelopes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(envelope);
        self.count.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// One participant's transport.
pub(crate) struct LoggedTransport(pub(crate) Arc<MessageLog>);

#[async_trait]
impl Transport for LoggedTransport {
    async fn send(&self, envelope: Envelope) -> Result<(), TransportError> {
        let number = self.0.record(&envelope);
        if self.0.faults.cancel_after == Some(number) {
            self.0.cancel.cancel();
        }
        if self.0.faults.delays {
            for _ in 0..(number * 7 % 23) {
                tokio::task::yield_now().await;
            }
        }
        let inbox = self.0.inbox(&envelope.address.to)?;
        if self.0.faults.duplicates {
            inbox.deliver(envelope.clone()).await?;
        }
        inbox.deliver(envelope).await.map(|_| ())
    }

    async fn receive(&self, address: &Address) -> Result<Bytes, TransportError> {
        self.0.inbox(&address.to)?.receive(address).await
    }

    async fn close(&self, attempt: &AttemptKey, receiver: &Participant) {
        if let Ok(inbox) = self.0.inbox(receiver) {
            inbox.close(attempt, receiver);
        }
    }
}
