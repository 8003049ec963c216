//! What a running task needs at every message: that its job may still go on, and the policy by which that was judged.

use std::sync::Arc;

use async_trait::async_trait;
use vocabulary::Fault;

use crate::rules::Policy;

/// The party's consent to a job, as it stands now.
#[async_trait]
pub trait Consent: Send + Sync {
    /// The policy in force, if the job may go on under it; why it may not otherwise.
    async fn in_force(&self) -> Result<Arc<Policy>, Fault>;
}

/// Consent under a policy that does not change: for tests, and where nothing was agreed that could be withdrawn.
pub struct FixedConsent(pub Arc<Policy>);

#[async_trait]
impl Consent for FixedConsent {
    async fn in_force(&self) -> Result<Arc<Policy>, Fault> {
        Ok(self.0.clone())
    }
}
