//! Files that change while the agent runs: the policy, the certificate, the revocation list.

use std::sync::Arc;

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
}
