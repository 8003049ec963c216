//! Channels of files, and the one in which a tenant's data sets are seen as files.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::abeja::deployment::{Channel, ChannelFile};
use domain::{Entity, EntityKind, Job, JobState};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault, JobId, PartyId, TableRef, Tenant, Timestamp};

use crate::ServiceError;
use crate::abeja::targets::unknown;
use crate::filter::EntityFilter;
use crate::hooks::WhenSettled;
use crate::numbered::{IdForm, insert, named};
use crate::ports::{Stored, Transaction};

handle! {
    /// ABEJA's channels of files.
    Channels, channels
}

/// The channel in which data sets are seen.
const DATA_SETS: &str = "datasets";
/// Characters before the UUID of a file's id: `20180515T180605-`.
const STAMP: usize = 16;

/// A data set's table, where it is, and the job that makes it.
pub type DataSetTable = (PartyId, TableRef, Option<JobId>);

/// The beginning of a file's id: when it came.
pub fn file_stamp(at: Timestamp) -> String {
    let moment = DateTime::<Utc>::from_timestamp_micros(at.0).unwrap_or_default();
    moment.format("%Y%m%dT%H%M%S").to_string()
}

/// The namespace of the tables that are made of a channel's files.
const OF_CHANNEL: &str = "channel_";

/// The table that is made of a channel's file.
pub fn table_of_file(channel: &str, file: &str) -> TableRef {
    TableRef::new(format!("{OF_CHANNEL}{channel}"), file)
}

impl Channels<'_> {
    /// A party tells that a table of its is gone: the file that it was made of is given up with it.
    pub(crate) async fn file_removed(
        self,
        party: &PartyId,
        table: &TableRef,
    ) -> Result<(), ServiceError> {
        let Some(channel) = table.namespace.strip_prefix(OF_CHANNEL) else {
            return Ok(());
        };
        let give_up = |file: &mut Entity| {
            let body: ChannelFile = file.read()?;
            if file.parent.as_deref() == Some(channel) && body.party == party.as_str() {
                file.deleted = true;
            }
            Ok(())
        };
        match self
            .coordinator
            .entities()
            .change(EntityKind::ChannelFile, None, &table.name, give_up)
            .await
        {
            Ok(_) | Err(ServiceError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The channel in which a tenant's data sets are seen; made when it is not there.
    pub async fn of_data_sets(self, tenant: &Tenant) -> Result<Entity, ServiceError> {
        let is_own = |found: &Entity| {
            found
                .read::<Channel>()
                .is_ok_and(|channel| channel.shows_data_sets)
        };
        if let Some(found) = self
            .coordinator
            .entities()
            .named(EntityKind::Channel, tenant, None, DATA_SETS)
            .await?
            .filter(is_own)
        {
            return Ok(found);
        }
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        // Looked for again inside the transaction: another request may have made it since, and
        // names of channels are not unique in the store.
        let known = named(&mut *tx, EntityKind::Channel, tenant, None, Some(DATA_SETS)).await?;
        if let Some(found) = known.filter(is_own) {
            return Ok(found);
        }
        let mut channel = Entity::new(EntityKind::Channel, "", tenant.clone(), now);
        channel.name = Some(DATA_SETS.to_owned());
        let body = Channel {
            description: "The organization's data sets, as files".to_owned(),
            storage: "datalake".to_owned(),
            archived: false,
            shows_data_sets: true,
        };
        channel.write(&body).map_err(ServiceError::Internal)?;
        let channel = insert(&mut *tx, channel, IdForm::Number, false).await?;
        tx.commit().await?;
        Ok(channel)
    }

    /// A channel's files, as the filter says, and whether these are the last; data sets in the channel that shows them.
    pub async fn files(
        self,
        channel: &Entity,
        filter: &EntityFilter,
    ) -> Result<(Vec<Entity>, bool), ServiceError> {
        let is_last = |found: &[Entity]| {
            filter
                .limit
                .is_none_or(|limit| found.len() < usize::try_from(limit).unwrap_or(usize::MAX))
        };
        if !shows_data_sets(channel).map_err(ServiceError::Internal)? {
            let files = self.coordinator.entities().find(filter).await?.0;
            let last = is_last(&files);
            return Ok((files, last));
        }
        let of_set = |(at, id): &(Timestamp, String)| Some((*at, id.get(STAMP..)?.to_owned()));
        let filter = EntityFilter {
            kind: EntityKind::Dataset,
            tenant: Some(channel.tenant.clone()),
            parent: None,
            start: filter.start.as_ref().and_then(of_set),
            ..filter.clone()
        };
        let sets = self.coordinator.entities().find(&filter).await?.0;
        let files = sets
            .iter()
            .filter_map(|set| seen_as_file(channel, set).transpose());
        let files = files
            .collect::<Result<_, Fault>>()
            .map_err(ServiceError::Internal)?;
        Ok((files, is_last(&sets)))
    }

    /// A file of a channel; `NotFound` when it is another channel's.
    pub async fn file(self, channel: &Entity, id: &str) -> Result<Entity, ServiceError> {
        if shows_data_sets(channel).map_err(ServiceError::Internal)? {
            // Not by the list of files: in this channel they exist only as data sets, and their ids
            // are derived from them.
            let file = seen_as_file(channel, &self.data_set_named(channel, id).await?);
            return file
                .map_err(ServiceError::Internal)?
                .ok_or_else(|| unknown(EntityKind::ChannelFile, id));
        }
        let file = self
            .coordinator
            .entities()
            .get(EntityKind::ChannelFile, Some(&channel.tenant), id)
            .await?;
        // Ids of files are unique among all channels, so the id alone would find another channel's.
        if file.parent.as_deref() == Some(channel.id.as_str()) {
            Ok(file)
        } else {
            Err(unknown(EntityKind::ChannelFile, id))
        }
    }

    /// The table of the data set that a file's id means; none in a channel of real files.
    pub(crate) async fn data_set_of(
        self,
        channel: &Entity,
        id: &str,
    ) -> Result<Option<DataSetTable>, ServiceError> {
        if !shows_data_sets(channel).map_err(ServiceError::Internal)? {
            return Ok(None);
        }
        let set = self.data_set_named(channel, id).await?;
        let (party, table) = table_of(&set).ok_or_else(|| unknown(EntityKind::ChannelFile, id))?;
        Ok(Some((party, table, set.job)))
    }

    async fn data_set_named(self, channel: &Entity, id: &str) -> Result<Entity, ServiceError> {
        let missing = || unknown(EntityKind::ChannelFile, id);
        let set = id.get(STAMP..).ok_or_else(missing)?;
        let set = self
            .coordinator
            .entities()
            .get(EntityKind::Dataset, Some(&channel.tenant), set)
            .await
            .map_err(|_| missing())?;
        // The stamp is judged too: an id with a right UUID and a made-up moment names nothing.
        if file_id(&set) == id {
            Ok(set)
        } else {
            Err(missing())
        }
    }
}

/// The file is there in which a party kept what a job left.
pub(crate) struct NoteKept;

#[async_trait]
impl WhenSettled for NoteKept {
    async fn settled(&self, tx: &mut dyn Transaction, job: &Job, _: Timestamp) -> Stored<()> {
        if job.state == JobState::Succeeded && job.settings.keeps.is_some() {
            note_kept(tx, job).await?;
        }
        Ok(())
    }
}

async fn note_kept(tx: &mut dyn Transaction, job: &Job) -> Stored<()> {
    let names = tx.entities_of_job(&job.id).await?;
    for mut file in names
        .into_iter()
        .filter(|name| name.kind == EntityKind::ChannelFile)
    {
        let noted = file.read().and_then(|mut body: ChannelFile| {
            // another attempt, or a rerun, may have left another content
            (body.awaited, body.bytes, body.sha256) = (false, 0, String::new());
            file.write(&body)
        });
        match noted {
            Ok(()) => {
                tx.save_entity(&file).await?;
            }
            Err(fault) => {
                tracing::error!(job = %job.id, %fault, "the file of what the job left stays awaited")
            }
        }
    }
    Ok(())
}

fn shows_data_sets(channel: &Entity) -> Result<bool, Fault> {
    Ok(channel.read::<Channel>()?.shows_data_sets)
}

/// The id under which a data set is seen as a file.
fn file_id(set: &Entity) -> String {
    format!("{}-{}", file_stamp(set.created), set.id)
}

/// Where a data set's rows are; nowhere when it could not be made, or its table was removed.
fn table_of(set: &Entity) -> Option<(PartyId, TableRef)> {
    if set.body.get("failed").is_some_and(|why| !why.is_null()) {
        return None;
    }
    let text = |place: &str| set.body.pointer(place).and_then(Value::as_str);
    let table = TableRef::new(text("/table/namespace")?, text("/table/name")?);
    Some((PartyId::new(text("/party")?).ok()?, table))
}

/// A data set as a file; none when it has no table.
fn seen_as_file(channel: &Entity, set: &Entity) -> Result<Option<Entity>, Fault> {
    let Some((party, _)) = table_of(set) else {
        return Ok(None);
    };
    let mut file = Entity::new(
        EntityKind::ChannelFile,
        file_id(set),
        set.tenant.clone(),
        set.created,
    );
    (file.parent, file.name, file.job) =
        (Some(channel.id.clone()), set.name.clone(), set.job.clone());
    (file.creator, file.modified) = (set.creator.clone(), set.modified);
    let name = set
        .name
        .iter()
        .map(|name| ("x-abeja-meta-filename".to_owned(), name.clone()));
    let body = ChannelFile {
        party: party.to_string(),
        content_type: "text/csv".to_owned(),
        metadata: name
            .chain([("x-abeja-meta-dataset".to_owned(), set.id.clone())])
            .collect(),
        ..ChannelFile::default()
    };
    file.write(&body)?;
    Ok(Some(file))
}

/// A party that cannot be one.
pub(crate) fn no_party(error: impl std::fmt::Display) -> ServiceError {
    ServiceError::Internal(Fault::new(ErrorCode::Internal, error.to_string()))
}
