//! What a run reads: a file of a channel, or a data set by its place among files.

use std::collections::BTreeMap;

use domain::abeja::deployment::{Channel, ChannelFile};
use domain::abeja::run::FileName;
use domain::{Entity, EntityKind};
use vocabulary::{ErrorCode, Fault, JobId, PartyId, TableRef, Tenant};

use super::RunOrder;
use crate::ServiceError;
use crate::abeja::channels::{file_stamp, no_party};
use crate::abeja::runs::Runs;
use crate::abeja::targets::unknown;

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

/// Where predictions are to go.
pub(super) struct Output {
    pub(super) channel: String,
    /// The name that is asked for.
    pub(super) name: Option<String>,
}

impl Output {
    /// The file as which a party will keep them, and its address there.
    pub(super) fn file(
        self,
        of: &Entity,
        party: &PartyId,
        secret: String,
    ) -> Result<(Entity, String), Fault> {
        let id = format!("{}-{}", file_stamp(of.created), uuid::Uuid::new_v4());
        let address = format!("files://{}/{id}", self.channel);
        let mut file = Entity::new(EntityKind::ChannelFile, id, of.tenant.clone(), of.created);
        let name = self.name.unwrap_or_else(|| "predictions.csv".to_owned());
        (file.parent, file.name, file.creator) =
            (Some(self.channel), Some(name.clone()), of.creator.clone());
        let body = ChannelFile {
            party: party.to_string(),
            content_type: "text/csv".to_owned(),
            metadata: BTreeMap::from([("x-abeja-meta-filename".to_owned(), name)]),
            secret,
            awaited: true,
            ..ChannelFile::default()
        };
        file.write(&body)?;
        Ok((file, address))
    }
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

impl Runs<'_> {
    /// What the request names; `NotFound` when it is not there.
    pub(super) async fn input(
        self,
        tenant: &Tenant,
        order: &RunOrder,
    ) -> Result<Option<Input>, ServiceError> {
        let Some((
            _,
            FileName {
                channel,
                file: Some(id),
            },
        )) = &order.request.input
        else {
            return Ok(None);
        };
        let channel = self
            .coordinator
            .entities()
            .get(EntityKind::Channel, Some(tenant), channel)
            .await?;
        if let Some((party, table, job)) = self
            .coordinator
            .channels()
            .data_set_of(&channel, id)
            .await?
        {
            return Ok(Some(Input::Table { party, table, job }));
        }
        let found = self.coordinator.channels().file(&channel, id).await?;
        let body: ChannelFile = found.read().map_err(ServiceError::Internal)?;
        // A file that nobody has brought yet, or whose time is over, looks as if it were not there.
        if body.awaited || body.is_over(found.created, self.coordinator.now()) {
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

    /// The channel into which predictions are to go, and the name that they are to have there; `NotFound` when it is not there,
    /// `Conflict` when it takes no files.
    pub(super) async fn output(
        self,
        tenant: &Tenant,
        order: &RunOrder,
    ) -> Result<Option<Output>, ServiceError> {
        let Some((_, Some(FileName { channel, file }))) = &order.request.output else {
            return Ok(None);
        };
        let channel = self
            .coordinator
            .entities()
            .get(EntityKind::Channel, Some(tenant), channel)
            .await?;
        let body: Channel = channel.read().map_err(ServiceError::Internal)?;
        if body.shows_data_sets || body.archived {
            let message = format!("channel {} takes no files", channel.id);
            return Err(ServiceError::Conflict(
                Fault::new(ErrorCode::Conflict, message).path("output_template"),
            ));
        }
        Ok(Some(Output {
            channel: channel.id,
            name: file.clone(),
        }))
    }
}
