//! Models, their versions and parts in memory.

use async_trait::async_trait;
use service::ports::{Models, Stored};
use service::records::StoredModel;
use service::{ModelFilter, ModelPart, ModelVersion, PartFilter, VersionFilter};

use super::{MemoryTransaction, among};

#[async_trait]
impl Models for MemoryTransaction {
    async fn put_model(&mut self, model: &StoredModel) -> Stored<()> {
        self.tables
            .models
            .put(model.summary.model.clone(), model.clone());
        Ok(())
    }

    async fn find_models(&mut self, filter: &ModelFilter) -> Stored<Vec<StoredModel>> {
        let fits = |model: &&StoredModel| {
            let of = &model.summary.model;
            filter
                .version
                .as_ref()
                .is_none_or(|version| *version == of.version)
                && filter.step.as_ref().is_none_or(|step| *step == of.step)
                && filter.owner.as_ref().is_none_or(|owner| *owner == of.owner)
                && filter.job.as_ref().is_none_or(|job| *job == model.job)
        };
        let mut found: Vec<StoredModel> = self
            .tables
            .models
            .rows()
            .values()
            .filter(fits)
            .cloned()
            .collect();
        found.sort_by_key(|model| model.created);
        Ok(found)
    }

    async fn insert_version(&mut self, version: &ModelVersion) -> Stored<bool> {
        if self.tables.versions.get(&version.key).is_some() {
            return Ok(false);
        }
        self.tables
            .versions
            .put(version.key.clone(), version.clone());
        Ok(true)
    }

    async fn put_version(&mut self, version: &ModelVersion) -> Stored<()> {
        let created = self
            .tables
            .versions
            .get(&version.key)
            .map_or(version.created, |known| known.created);
        self.tables.versions.put(
            version.key.clone(),
            ModelVersion {
                created,
                ..version.clone()
            },
        );
        Ok(())
    }

    async fn find_versions(&mut self, filter: &VersionFilter) -> Stored<Vec<ModelVersion>> {
        let fits = |version: &&ModelVersion| {
            filter
                .model_id
                .as_ref()
                .is_none_or(|id| *id == version.key.model_id)
                && among(&filter.versions, &version.key.version)
        };
        let mut found: Vec<ModelVersion> = self
            .tables
            .versions
            .rows()
            .values()
            .filter(fits)
            .cloned()
            .collect();
        found.sort_by_key(|version| (version.created, version.key.version.clone()));
        Ok(found)
    }

    async fn put_part(&mut self, part: &ModelPart) -> Stored<()> {
        let key = (part.key.clone(), part.owner.clone());
        let created = self
            .tables
            .parts
            .get(&key)
            .map_or(part.created, |known| known.created);
        self.tables.parts.put(
            key,
            ModelPart {
                created,
                ..part.clone()
            },
        );
        Ok(())
    }

    async fn find_parts(&mut self, filter: &PartFilter) -> Stored<Vec<ModelPart>> {
        let rows = self.tables.parts.rows();
        let fits = |part: &&ModelPart| {
            filter
                .model_id
                .as_ref()
                .is_none_or(|id| *id == part.key.model_id)
                && filter
                    .version
                    .as_ref()
                    .is_none_or(|version| *version == part.key.version)
                && filter.role.is_none_or(|role| role == part.owner.role)
                && filter
                    .party
                    .as_ref()
                    .is_none_or(|party| *party == part.owner.party)
                && filter.shared_with.as_ref().is_none_or(|party| {
                    rows.values()
                        .any(|other| other.key == part.key && other.owner.party == *party)
                })
        };
        let mut found: Vec<ModelPart> = rows.values().filter(fits).cloned().collect();
        found.sort_by_key(|part| (part.created, part.key.version.clone()));
        Ok(found)
    }
}
