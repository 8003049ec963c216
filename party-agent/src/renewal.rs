//! Files that change while the agent runs: the policy, the certificate, the revocation list.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Notify;
use transport::Endpoint;
use vocabulary::Fault;

use crate::config::AgentConfig;
use crate::holdings::Holdings;
use crate::wiring::load_policy;

/// Reads policy, certificate and revocation list again. Cheap to clone.
#[derive(Clone)]
pub struct Renewal {
    pub(crate) config: AgentConfig,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) endpoint: Endpoint,
    pub(crate) again: Arc<Notify>,
}

impl Renewal {
    /// Puts what the files say now in force: links whose peer is no longer accepted are closed, and the coordinator is
    /// greeted again. When one of the files cannot be used everything stays as it was.
    pub fn reload(&self) -> Result<(), Fault> {
        let policy = load_policy(&self.config)?;
        let identity = self.endpoint.identity().reload()?;
        self.endpoint.set_identity(identity)?;
        self.holdings.set_policy(policy);
        self.again.notify_one();
        tracing::info!("policy and identity read again");
        Ok(())
    }

    /// Closes links whose peer's certificate has ended meanwhile, by what is in force.
    pub(crate) fn close_ended(&self) -> Result<(), Fault> {
        self.endpoint.set_identity(self.endpoint.identity())?;
        Ok(())
    }

    /// When the files were last changed: a new stamp means that there is something to read.
    pub(crate) fn stamp(&self) -> Vec<Option<SystemTime>> {
        let named =
            ["identity.pem", "identity.key", "root.pem", "revoked.crl"].map(|name| self.config.identity.join(name));
        let changed = |path: &PathBuf| path.metadata().and_then(|facts| facts.modified()).ok();
        named.iter().chain(&self.config.policy).map(changed).collect()
    }
}
