//! Tags: words that people put on versions of models.

use crate::ServiceError;
use crate::filter::PartFilter;
use crate::models::ModelPart;
use crate::records::Tag;

handle! {
    /// Tags of model versions.
    Tags, tags
}

/// What came of a change of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOutcome {
    /// Done.
    Done,
    /// There is no such tag.
    NoTag,
    /// The name is taken, or the version bears the tag already.
    Taken,
    /// The version does not bear the tag.
    NotBound,
}

impl Tags<'_> {
    /// Adds a tag.
    pub async fn create(
        self,
        name: &str,
        description: Option<String>,
    ) -> Result<TagOutcome, ServiceError> {
        let tag = Tag {
            name: name.to_owned(),
            description,
            created: self.coordinator.now(),
        };
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !tx.insert_tag(&tag).await? {
            return Ok(TagOutcome::Taken);
        }
        tx.commit().await?;
        Ok(TagOutcome::Done)
    }

    /// Gives a tag another name (the same when `None`) and description.
    pub async fn change(
        self,
        name: &str,
        new_name: Option<String>,
        description: Option<String>,
    ) -> Result<TagOutcome, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        let Some(known) = tx.tag(name).await? else {
            return Ok(TagOutcome::NoTag);
        };
        let tag = Tag {
            name: new_name.unwrap_or_else(|| name.to_owned()),
            description,
            created: known.created,
        };
        if !tx.change_tag(name, &tag).await? {
            return Ok(TagOutcome::Taken);
        }
        tx.commit().await?;
        Ok(TagOutcome::Done)
    }

    /// Removes a tag from everything.
    pub async fn remove(self, name: &str) -> Result<TagOutcome, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !tx.remove_tag(name).await? {
            return Ok(TagOutcome::NoTag);
        }
        tx.commit().await?;
        Ok(TagOutcome::Done)
    }

    /// Puts a tag on a version; makes the tag when there is none of that name.
    pub async fn bind(self, version: &str, name: &str) -> Result<TagOutcome, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        // Whether it was there does not matter: FATE makes a tag when one is bound that nobody
        // made.
        tx.insert_tag(&Tag {
            name: name.to_owned(),
            description: None,
            created: now,
        })
        .await?;
        if !tx.bind_tag(version, name, now).await? {
            return Ok(TagOutcome::Taken);
        }
        tx.commit().await?;
        Ok(TagOutcome::Done)
    }

    /// Takes a tag off a version.
    pub async fn unbind(self, version: &str, name: &str) -> Result<TagOutcome, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        if tx.tag(name).await?.is_none() {
            return Ok(TagOutcome::NoTag);
        }
        if !tx.unbind_tag(version, name).await? {
            return Ok(TagOutcome::NotBound);
        }
        tx.commit().await?;
        Ok(TagOutcome::Done)
    }

    /// The tag of exactly that name.
    pub async fn get(self, name: &str) -> Result<Option<Tag>, ServiceError> {
        Ok(self.coordinator.inner.store.read().await?.tag(name).await?)
    }

    /// Tags whose names contain a text, oldest first, each with how many versions bear it.
    pub async fn find(
        self,
        containing: &str,
        limit: Option<u32>,
    ) -> Result<Vec<(Tag, u64)>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_tags(containing, limit)
            .await?)
    }

    /// The tags of a version.
    pub async fn of(self, version: &str) -> Result<Vec<Tag>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .tags_of(version)
            .await?)
    }

    /// The parts of all versions that bear a tag.
    pub async fn parts(self, name: &str) -> Result<Vec<ModelPart>, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        let mut parts = Vec::new();
        for version in tx.tagged(name).await? {
            parts.extend(
                tx.find_parts(&PartFilter {
                    version: Some(version),
                    ..PartFilter::default()
                })
                .await?,
            );
        }
        Ok(parts)
    }
}
