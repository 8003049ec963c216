//! Models: what their owners announced of them, the versions that can be deployed and applied.
//!
//! What models contain stays with the owners; a version is documents only, and the models stay where they are.

mod deploy;
mod documents;
mod training;

use vocabulary::{ErrorCode, Fault, PartyId};

use crate::ServiceError;
use crate::archived::model_takes_work;
use crate::filter::{ModelFilter, PartFilter, VersionFilter};
use crate::records::StoredModel;

pub use crate::versions::{
    FATE_VERSION, ModelKey, ModelPart, ModelVersion, cast_of as cast_of_roles,
};
pub use deploy::{Deploy, Deployed};
pub use documents::{ComponentModel, Import, ModelDocuments, OfParty};

pub(crate) use documents::view_of;
pub(crate) use training::KeepTraining;

handle! {
    /// Models, their versions and the parts of these.
    Models, models
}

impl Models<'_> {
    /// Refuses a model with which no new work may start.
    pub(crate) async fn version_takes_work(self, key: &ModelKey) -> Result<(), ServiceError> {
        let Some(version) = self.version(key).await? else {
            return Ok(());
        };
        model_takes_work(&mut *self.coordinator.inner.store.read().await?, &version).await
    }

    /// The models that fit, oldest first.
    pub async fn find(self, filter: &ModelFilter) -> Result<Vec<StoredModel>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_models(filter)
            .await?)
    }

    /// The versions that fit, oldest first.
    pub async fn versions(self, filter: &VersionFilter) -> Result<Vec<ModelVersion>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_versions(filter)
            .await?)
    }

    /// What participants have of the versions that fit, oldest first.
    pub async fn parts(self, filter: &PartFilter) -> Result<Vec<ModelPart>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_parts(filter)
            .await?)
    }

    /// A version; `None` when it is not here.
    pub async fn version(self, key: &ModelKey) -> Result<Option<ModelVersion>, ServiceError> {
        let filter = VersionFilter {
            model_id: Some(key.model_id.clone()),
            versions: vec![key.version.clone()],
        };
        Ok(self.versions(&filter).await?.into_iter().next())
    }
}

fn no_version(key: &ModelKey) -> ServiceError {
    let message = format!(
        "model {} version {} does not exist",
        key.model_id, key.version
    );
    ServiceError::NotFound(Fault::new(ErrorCode::ModelMissing, message))
}

fn denied(party: &PartyId, message: String) -> Fault {
    Fault::new(ErrorCode::PermissionDenied, message).at(party)
}
