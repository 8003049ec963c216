//! Versions of models as those see them who choose by number: every version that a training here left has one, and never
//! another; and versions whose weights somebody brought.

use domain::deployment::{TrainingDefinition, TrainingModel};
use domain::{Entity, EntityKind, Job, JobState};
use vocabulary::{ErrorCode, Fault, Tenant, Timestamp};

use crate::filter::{EntityFilter, ModelFilter, VersionFilter};
use crate::models::{Deploy, ModelKey};
use crate::numbered::{IdForm, named, place};
use crate::ports::{Stored, Transaction};
use crate::principal::Principal;
use crate::{Coordinator, ServiceError};

impl Coordinator {
    /// A tenant's definition, by its name or its number.
    pub async fn training_definition(&self, tenant: &Tenant, name: &str) -> Result<Entity, ServiceError> {
        let kind = EntityKind::TrainingDefinition;
        if let Some(found) = self.entity_named(kind, tenant, None, name).await? {
            return Ok(found);
        }
        self.entity(kind, Some(tenant), name).await
    }

    /// The models of a definition, oldest first.
    pub async fn training_models(&self, tenant: &Tenant, definition: &str) -> Result<Vec<Entity>, ServiceError> {
        let filter = EntityFilter {
            tenant: Some(tenant.clone()),
            parent: Some(definition.to_owned()),
            ..EntityFilter::of(EntityKind::TrainingModel)
        };
        Ok(self.entities(&filter).await?.0)
    }

    /// The newest of a tenant's models that a training left and that is not put away.
    pub async fn newest_training_model(&self, tenant: &Tenant) -> Result<Option<Entity>, ServiceError> {
        const AT_ONCE: u32 = 50;
        let mut filter = EntityFilter {
            tenant: Some(tenant.clone()),
            newest_first: true,
            limit: Some(AT_ONCE),
            ..EntityFilter::of(EntityKind::TrainingModel)
        };
        loop {
            let (page, _) = self.entities(&filter).await?;
            let usable = |model: &&Entity| {
                model.read::<TrainingModel>().is_ok_and(|body| body.trained.is_some() && !body.archived)
            };
            if let Some(found) = page.iter().find(usable) {
                return Ok(Some(found.clone()));
            }
            if page.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(None);
            }
            filter.offset = filter.offset.saturating_add(AT_ONCE);
        }
    }

    /// The version by which a model can be applied; deployed when it never was. Weights that somebody brought are a
    /// `Conflict`: nothing here can apply them.
    pub(crate) async fn applicable(&self, who: &Principal, model: &Entity) -> Result<ModelKey, ServiceError> {
        let body: TrainingModel = model.read().map_err(ServiceError::Internal)?;
        let (Some(model_id), Some(trained)) = (body.model_id, body.trained) else {
            let message = format!("training model {} was not trained here, so nothing here can apply it", model.id);
            return Err(ServiceError::Conflict(Fault::new(ErrorCode::Unsupported, message)));
        };
        if let Some(version) = body.deployed {
            let key = ModelKey::new(model_id.clone(), version);
            if self.model_version(&key).await?.is_some() {
                return Ok(key);
            }
        }
        let deployed = self.deploy_model(who, &ModelKey::new(model_id, trained), Deploy::default()).await?;
        if let Some((owner, Err(why))) = deployed.parts.iter().find(|(_, part)| part.is_err()) {
            let fault = Fault::new(ErrorCode::ModelMissing, why.clone()).at(&owner.party);
            return Err(ServiceError::Conflict(fault));
        }
        let version = deployed.key.version.clone();
        self.change_entity(EntityKind::TrainingModel, None, &model.id, |model| {
            let mut body: TrainingModel = model.read()?;
            body.deployed = Some(version);
            model.write(&body)
        })
        .await?;
        Ok(deployed.key)
    }

    /// Gives versions of trainings that ended before there were numbers their numbers, once.
    pub(crate) async fn number_trainings(&self) -> Result<(), ServiceError> {
        let any = EntityFilter { deleted: true, limit: Some(1), ..EntityFilter::of(EntityKind::TrainingModel) };
        let mut tx = self.inner.store.begin().await?;
        if !tx.find_entities(&any).await?.0.is_empty() {
            return Ok(());
        }
        for version in tx.find_versions(&VersionFilter::default()).await? {
            let Some(id) = version.job.filter(|_| version.parent.is_none()) else { continue };
            if let Some(job) = tx.job(&id).await? {
                number_training(&mut *tx, &job, version.created).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// Gives the version that a training left its number, in the transaction that settles the job. Jobs that left no model have
/// none, and a job that is run again keeps the one it has.
pub(crate) async fn number_training(tx: &mut dyn Transaction, job: &Job, now: Timestamp) -> Stored<()> {
    if job.state != JobState::Succeeded {
        return Ok(());
    }
    let kept = ModelFilter { version: Some(job.model_version.clone()), ..ModelFilter::default() };
    if tx.find_models(&kept).await?.is_empty() {
        return Ok(());
    }
    let tenant = tenant_of(tx, job).await?;
    let Some(definition) = definition_of(tx, &tenant, &job.model_id, now).await? else { return Ok(()) };
    let known = named(tx, EntityKind::TrainingModel, &tenant, Some(&definition.id), Some(&job.model_version)).await?;
    if known.is_some() {
        return Ok(());
    }
    let mut model = Entity::new(EntityKind::TrainingModel, "", tenant, now);
    (model.parent, model.name) = (Some(definition.id), Some(job.model_version.clone()));
    model.job = Some(job.id.clone());
    let body = TrainingModel {
        model_id: Some(job.model_id.clone()),
        trained: Some(job.model_version.clone()),
        description: job.description.clone(),
        ..TrainingModel::default()
    };
    if let Err(fault) = model.write(&body) {
        tracing::error!(job = %job.id, %fault, "the model gets no number");
        return Ok(());
    }
    place(tx, model, IdForm::Number).await?;
    Ok(())
}

/// Whose a job is: its experiment's tenant.
async fn tenant_of(tx: &mut dyn Transaction, job: &Job) -> Stored<Tenant> {
    Ok(tx.experiment(&job.experiment).await?.map_or_else(Tenant::only, |experiment| experiment.tenant))
}

async fn definition_of(
    tx: &mut dyn Transaction,
    tenant: &Tenant,
    name: &str,
    now: Timestamp,
) -> Stored<Option<Entity>> {
    if let Some(found) = named(tx, EntityKind::TrainingDefinition, tenant, None, Some(name)).await? {
        return Ok(Some(found));
    }
    let mut definition = Entity::new(EntityKind::TrainingDefinition, "", tenant.clone(), now);
    definition.name = Some(name.to_owned());
    let body = TrainingDefinition { trained: true, ..TrainingDefinition::default() };
    if let Err(fault) = definition.write(&body) {
        tracing::error!(name, %fault, "the model gets no definition");
        return Ok(None);
    }
    place(tx, definition, IdForm::Number).await
}
