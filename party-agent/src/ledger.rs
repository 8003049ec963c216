//! The messages of an attempt, each of which stands in the audit chain before it leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use audit::{AuditEntry, MessageEntry};
use policy::Leaving;
use tokio::time::Instant;
use vocabulary::Fault;

use crate::account::Account;
use crate::agent_state::AgentState;

/// Writes the messages of an attempt into the chain, and measures what that takes.
pub(crate) struct Ledger {
    agent_state: Arc<AgentState>,
    account: Arc<Account>,
    waited_micros: AtomicU64,
}

impl Ledger {
    pub(crate) fn new(agent_state: Arc<AgentState>, account: Arc<Account>) -> Self {
        Self {
            agent_state,
            account,
            waited_micros: AtomicU64::new(0),
        }
    }

    /// Microseconds for which messages waited for their entries.
    pub(crate) fn waited_micros(&self) -> u64 {
        self.waited_micros.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl policy::Recorder for Ledger {
    async fn record(&self, leaving: Leaving<'_>) -> Result<(), Fault> {
        let began = Instant::now();
        let Leaving {
            envelope,
            disclosure,
            way,
            policy,
            refused_by,
        } = leaving;
        let of = match policy {
            Some(policy) => self.account.attempted(policy),
            None => self.account.attempted(&self.agent_state.policy()),
        };
        let entry = AuditEntry::Message(Box::new(MessageEntry {
            of,
            message: envelope.message.clone(),
            tag: envelope.address.tag.clone(),
            disclosure,
            to: envelope.address.to.clone(),
            bytes: envelope.body.len() as u64,
            way,
            refused_by,
        }));
        // Waits for the disk: the message leaves only when this has succeeded.
        let recorded = self.agent_state.audit(&entry).await;
        let waited = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(waited, Ordering::Relaxed);
        recorded
    }
}
