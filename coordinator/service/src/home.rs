//! A tenant's home: the party to which data goes that comes in for the tenant at the coordinator's REST endpoint.

use vocabulary::{ErrorCode, Fault, PartyId, Tenant};

use crate::ServiceError;
use crate::parties::Parties;

impl Parties<'_> {
    /// The party of that name, else the one that the settings name, else the first of the federation's. `Unavailable` when
    /// the federation has no party yet.
    pub async fn home(self, tenant: &Tenant) -> Result<PartyId, ServiceError> {
        self.coordinator.load_parties().await?;
        let options = &self.coordinator.inner.options;
        let known = options
            .known_parties
            .clone()
            .unwrap_or_else(|| self.coordinator.inner.leases.parties());
        let named = known
            .iter()
            .find(|party| party.as_str() == tenant.as_str())
            .cloned();
        named
            .or_else(|| options.home_party.clone())
            .or_else(|| known.first().cloned())
            .ok_or_else(|| {
                let message =
                    format!("tenant {tenant} has no home party: no party has ever connected");
                ServiceError::Unavailable(
                    Fault::new(ErrorCode::PartyOffline, message).next("start a party's agent"),
                )
            })
    }
}
