//! Files that change while the agent runs: the policy, the certificate, the revocation list.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use policy::{Policy, Rules};
use tokio::sync::Notify;
use transport::Endpoint;
use vocabulary::{Fault, Timestamp};

use crate::agent_state::AgentState;
use crate::config::AgentConfig;

/// For how long a policy counts whose file cannot be read any more.
const GRACE_MILLIS: i64 = 60_000;

/// Reads policy, certificate and revocation list again. Cheap to clone.
#[derive(Clone)]
pub struct Renewal {
    pub(crate) config: AgentConfig,
    pub(crate) agent_state: Arc<AgentState>,
    pub(crate) endpoint: Endpoint,
    pub(crate) again: Arc<Notify>,
    pub(crate) behind: Arc<AtomicBool>,
}

impl Renewal {
    /// Puts what the files say now in force: links whose peer is no longer accepted are closed, and the coordinator is
    /// greeted again. Each by itself: a certificate that cannot be used keeps no narrower policy from counting. A policy whose
    /// file cannot be read counts for a minute more; then everything foreign is refused until it can be read.
    pub fn reload(&self) -> Result<(), Fault> {
        self.reload_at(self.agent_state.now())
    }

    pub(crate) fn reload_at(&self, now: Timestamp) -> Result<(), Fault> {
        // Both are tried whatever comes of the other: see the note on each by itself above.
        let policy = self.reload_policy(now);
        let identity = self.endpoint.identity().reload().map_err(Fault::from);
        let identity = identity.and_then(|identity| Ok(self.endpoint.set_identity(identity)?));
        self.behind
            .store(policy.is_err() || identity.is_err(), Ordering::Relaxed);
        if policy.is_ok() {
            // The coordinator is told at hello whether rows may be read through it, which the
            // policy decides.
            self.again.notify_one();
        }
        policy.and(identity)?;
        tracing::info!("policy and identity read again");
        Ok(())
    }

    fn reload_policy(&self, now: Timestamp) -> Result<(), Fault> {
        let mut unread = self
            .agent_state
            .unread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fault = match load_policy(&self.config) {
            Ok(policy) => {
                *unread = None;
                self.agent_state.set_policy(policy);
                return Ok(());
            }
            Err(fault) => fault,
        };
        // The first failure begins the minute, later ones do not.
        let (since, _) = *unread.get_or_insert_with(|| (now, fault.clone()));
        let closed = Policy::new(self.config.party.clone(), Rules::default());
        if now.millis_since(since) >= GRACE_MILLIS && *self.agent_state.policy() != closed {
            tracing::error!(code = fault.code.text(), %fault, "the policy cannot be read: everything foreign is refused");
            self.agent_state.set_policy(closed);
        }
        Err(fault)
    }

    /// Whether something could not be read when it was last tried.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// Closes links whose peer's certificate has ended meanwhile, by what is in force.
    pub(crate) fn close_ended(&self) -> Result<(), Fault> {
        self.endpoint.set_identity(self.endpoint.identity())?;
        Ok(())
    }

    /// When the files were last changed: a new stamp means that there is something to read.
    pub(crate) fn stamp(&self) -> Vec<Option<SystemTime>> {
        let named = ["identity.pem", "identity.key", "root.pem", "revoked.crl"]
            .map(|name| self.config.identity.join(name));
        let changed = |path: &PathBuf| path.metadata().and_then(|facts| facts.modified()).ok();
        named
            .iter()
            .chain(&self.config.policy)
            .map(changed)
            .collect()
    }
}

/// The policy in the file; without a file, everything foreign is refused.
pub(crate) fn load_policy(config: &AgentConfig) -> Result<Policy, Fault> {
    match &config.policy {
        Some(path) => Ok(Policy::load(config.party.clone(), path)?),
        None => Ok(Policy::new(config.party.clone(), Rules::default())),
    }
}
