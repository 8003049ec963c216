//! What a run reads: a file of a channel, or a data set by its place among files.

use std::collections::BTreeMap;

use domain::deployment::ChannelFile;
use domain::run::FileName;
use domain::{Entity, EntityKind};
use vocabulary::{JobId, PartyId, TableRef, Tenant};

use super::RunOrder;
use crate::channels::no_party;
use crate::targets::unknown;
use crate::{Coordinator, ServiceError};

/// Where the rows are.
pub(super) enum Input {
    /// In a table.
    Table {
        party: PartyId,
        table: TableRef,
        /// The job that makes it.
        job: Option<JobId>,
    },
    /// In a file, of which a table is to be made.
    File(File),
}

/// A file that a party keeps.
pub(super) struct File {
    pub(super) id: String,
    pub(super) channel: String,
    pub(super) party: PartyId,
    pub(super) content_type: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) import: Option<JobId>,
}

impl Coordinator {
    /// What the request names; `NotFound` when it is not there.
    pub(super) async fn run_input(&self, tenant: &Tenant, order: &RunOrder) -> Result<Option<Input>, ServiceError> {
        let Some((_, FileName { channel, file: Some(id) })) = &order.request.input else { return Ok(None) };
        let channel = self.entity(EntityKind::Channel, Some(tenant), channel).await?;
        if let Some((party, table, job)) = self.data_set_of(&channel, id).await? {
            return Ok(Some(Input::Table { party, table, job }));
        }
        let found = self.channel_file(&channel, id).await?;
        let body: ChannelFile = found.read().map_err(ServiceError::Internal)?;
        if body.awaited || body.is_over(found.created, self.now()) {
            return Err(unknown(EntityKind::ChannelFile, id));
        }
        Ok(Some(Input::File(File {
            id: found.id,
            channel: channel.id,
            party: PartyId::new(body.party.clone()).map_err(no_party)?,
            content_type: body.content_type,
            metadata: body.metadata,
            import: body.import,
        })))
    }

    /// Sees that the channel is there into which predictions are to go.
    pub(super) async fn run_output(&self, tenant: &Tenant, order: &RunOrder) -> Result<Option<Entity>, ServiceError> {
        let Some((_, Some(FileName { channel, .. }))) = &order.request.output else { return Ok(None) };
        Ok(Some(self.entity(EntityKind::Channel, Some(tenant), channel).await?))
    }
}
