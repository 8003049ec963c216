//! Where lines come from: `internal://DATASET`, or `swift://CONTAINER/OBJECT`, a file that the tenant's party keeps.

use domain::abeja::deployment::ChannelFile;
use domain::meteos::{Dataset, Standing};
use domain::{Entity, EntityKind};
use serde_json::Value;
use vocabulary::{JobId, PartyId, Tenant};

use crate::ServiceError;
use crate::filter::EntityFilter;
use crate::lines::Source;
use crate::meteos::Projects;

/// What there is to be read.
#[derive(Debug)]
pub(super) struct SourceLookup {
    pub(super) source: Source,
    /// The party that has it, when that is known.
    pub(super) party: Option<PartyId>,
    /// The job that is making it.
    pub(super) after: Option<JobId>,
}

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
enum Address<'a> {
    Dataset(&'a str),
    Object(&'a str, &'a str),
}

fn address(url: &str) -> Option<Address<'_>> {
    if let Some(id) = url.strip_prefix("internal://") {
        return (!id.is_empty() && !id.contains('/')).then_some(Address::Dataset(id));
    }
    let (container, object) = url.strip_prefix("swift://")?.split_once('/')?;
    let whole = !container.is_empty() && !object.is_empty() && !object.contains('/');
    whole.then_some(Address::Object(container, object))
}

/// Whether an entity goes by a word: its id, its name, or the name of the file that it was.
fn goes_by(entity: &Entity, word: &str) -> bool {
    let metadata = entity.body.get("metadata").and_then(Value::as_object);
    let filename = metadata.into_iter().flatten().any(|(key, value)| {
        key.to_ascii_lowercase().ends_with("filename") && value.as_str() == Some(word)
    });
    entity.id == word || entity.name.as_deref() == Some(word) || filename
}

impl Projects<'_> {
    /// What an address means to a tenant. The inner error is why it means nothing that work could be done with. `NotFound`
    /// when it names a dataset that is not there.
    pub(super) async fn lines_source(
        self,
        tenant: &Tenant,
        url: Option<&str>,
    ) -> Result<Result<SourceLookup, String>, ServiceError> {
        let Some(url) = url else {
            return Ok(Err("no source_dataset_url was given".to_owned()));
        };
        match address(url) {
            Some(Address::Dataset(id)) => {
                let seen = self
                    .seen_one(
                        self.coordinator
                            .entities()
                            .get(EntityKind::Dataset, Some(tenant), id)
                            .await?,
                    )
                    .await?;
                let dataset: Dataset = seen.entity.read().map_err(ServiceError::Internal)?;
                let after = match seen.standing {
                    Standing::Made => None,
                    Standing::Making => seen.entity.job,
                    Standing::Failed(why) => {
                        return Ok(Err(format!("dataset {id} could not be made: {why}")));
                    }
                };
                let none = || format!("dataset {id} has no table");
                let party = dataset.party;
                Ok(dataset
                    .table
                    .map(|table| SourceLookup {
                        source: Source::Table(table),
                        party,
                        after,
                    })
                    .ok_or_else(none))
            }
            Some(Address::Object(container, object)) => {
                let found = self.stored_object(tenant, container, object).await?;
                Ok(found.map(|(source, party)| SourceLookup {
                    source,
                    party,
                    after: None,
                }))
            }
            None => Ok(Err(format!(
                "source_dataset_url {url:?} is neither internal://DATASET nor swift://CONTAINER/OBJECT"
            ))),
        }
    }

    /// A file in a channel, by id or name; else the file of that folder and name. What a channel does not show, be it another
    /// tenant's, given up or not wanted any more, is not read in that way either.
    async fn stored_object(
        self,
        tenant: &Tenant,
        container: &str,
        object: &str,
    ) -> Result<Result<(Source, Option<PartyId>), String>, ServiceError> {
        let none = format!("there is no object {object} in {container}");
        let own = |kind| EntityFilter {
            tenant: Some(tenant.clone()),
            newest_first: true,
            ..EntityFilter::of(kind)
        };
        let channels = self
            .coordinator
            .entities()
            .find(&own(EntityKind::Channel))
            .await?
            .0;
        let Some(channel) = channels
            .into_iter()
            .find(|channel| goes_by(channel, container))
        else {
            if self
                .coordinator
                .inner
                .store
                .read()
                .await?
                .entity(EntityKind::Channel, container)
                .await?
                // A channel that this tenant does not see has this id: its folder at the party has
                // the same name, and must not be read as a plain one.
                .is_some()
            {
                return Ok(Err(none));
            }
            return Ok(Ok((
                Source::File(format!("files://{container}/{object}")),
                None,
            )));
        };
        let inside = EntityFilter {
            parent: Some(channel.id.clone()),
            ..own(EntityKind::ChannelFile)
        };
        let files = self.coordinator.entities().find(&inside).await?.0;
        let now = self.coordinator.now();
        for file in files.iter().filter(|file| goes_by(file, object)) {
            let body: ChannelFile = file.read().map_err(ServiceError::Internal)?;
            if !body.awaited && !body.is_over(file.created, now) {
                let party = PartyId::new(body.party).ok();
                return Ok(Ok((
                    Source::File(format!("files://{}/{}", channel.id, file.id)),
                    party,
                )));
            }
        }
        Ok(Err(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_two_kinds_of_addresses() {
        assert_eq!(address("internal://a-b"), Some(Address::Dataset("a-b")));
        assert_eq!(
            address("swift://c/o.txt"),
            Some(Address::Object("c", "o.txt"))
        );
        for url in [
            "",
            "internal://",
            "internal://a/b",
            "swift://c",
            "swift://c/",
            "swift:///o",
            "swift://c/o/p",
            "http://c/o",
        ] {
            assert_eq!(address(url), None, "{url}");
        }
    }
}
