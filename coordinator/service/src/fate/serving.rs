//! Deployed models for predictions online: what the parties need to know to keep one ready.

use vocabulary::{
    ErrorCode, Fault, ModelInput, ModelRef, Participant, Role, ServingPart, ServingPlan, StepName,
    TableRef,
};

use crate::ServiceError;
use crate::filter::{ModelFilter, VersionFilter};
use crate::models::{ModelKey, ModelVersion};
use crate::principal::Principal;

handle! {
    /// Plans for serving a model.
    Serving, serving
}

impl Serving<'_> {
    /// The versions of this name; FATE's clients call a deployed one a job.
    pub async fn versions_named(self, version: &str) -> Result<Vec<ModelVersion>, ServiceError> {
        self.coordinator
            .models()
            .versions(&VersionFilter {
                model_id: None,
                versions: vec![version.to_owned()],
            })
            .await
    }

    /// What guests and hosts need to keep a deployed version ready; `None` when it is not here or was never deployed.
    /// Tables are those of the training's conf. `Conflict` when its training stands in an archived experiment. A party's user is told of models in which its party takes part.
    pub async fn plan(
        self,
        who: &Principal,
        key: &ModelKey,
    ) -> Result<Option<ServingPlan>, ServiceError> {
        let Some(version) = self
            .coordinator
            .models()
            .version(key)
            .await?
            .filter(|version| !version.is_parent())
        else {
            return Ok(None);
        };
        if let Some(party) = who.party().filter(|party| !version.concerns(party)) {
            let message = format!("party {party} takes no part in model {}", key.model_id);
            return Err(ServiceError::Denied(
                Fault::new(ErrorCode::PermissionDenied, message).at(party),
            ));
        }
        self.coordinator.models().version_takes_work(key).await?;
        let dsl = job_dsl::serving_dsl(&version.inference_dsl(), &version.train_dsl);
        let readers = job_dsl::readers_of(&dsl);
        let applied = job_dsl::models_of(&dsl);
        let filter = ModelFilter {
            version: Some(version.stored.clone()),
            ..ModelFilter::default()
        };
        let told: Vec<ModelRef> = self
            .coordinator
            .models()
            .find(&filter)
            .await?
            .into_iter()
            .map(|model| model.summary.model)
            .collect();
        let parts = [Role::Guest, Role::Host].into_iter().flat_map(|role| {
            let parties = version.cast.of(role).iter().enumerate();
            parties.map(move |(place, party)| (place, Participant::new(role, party.clone())))
        });
        let part = |(place, owner): (usize, Participant)| {
            let table = |reader: &StepName| -> Option<(StepName, TableRef)> {
                let table = job_dsl::reader_table(&version.train_conf, owner.role, place, reader)?;
                Some((reader.clone(), table))
            };
            let own = told
                .iter()
                .filter(|model| model.owner == owner && applied.contains(model.step.as_str()));
            let models = own.map(|model| ModelInput {
                port: "model".to_owned(),
                model: model.clone(),
                checkpoint: version.checkpoints.get(model.step.as_str()).cloned(),
            });
            ServingPart {
                tables: readers.iter().filter_map(table).collect(),
                models: models.collect(),
                owner,
            }
        };
        Ok(Some(ServingPlan {
            model_id: key.model_id.clone(),
            model_version: key.version.clone(),
            initiator: version.initiator.clone(),
            parts: parts.map(part).collect(),
            readers: readers.clone(),
        }))
    }
}
