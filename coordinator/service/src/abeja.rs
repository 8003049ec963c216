//! What ABEJA's clients alone ask for: deployments as targets of runs, runs, channels of files, and models by definition.

pub mod channels;
pub mod runs;
pub mod targets;
pub mod training_models;

use async_trait::async_trait;
use vocabulary::{PartyId, TableRef};

use crate::hooks::ApiHook;
use crate::{Coordinator, ServiceError};

/// What ABEJA's clients see follows what happens elsewhere.
pub(crate) struct Abeja;

#[async_trait]
impl ApiHook for Abeja {
    async fn resumed(&self, coordinator: &Coordinator) -> Result<(), ServiceError> {
        coordinator.training_models().number().await
    }

    async fn table_removed(
        &self,
        coordinator: &Coordinator,
        party: &PartyId,
        table: &TableRef,
    ) -> Result<(), ServiceError> {
        coordinator.channels().file_removed(party, table).await
    }
}
