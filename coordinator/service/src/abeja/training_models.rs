//! Versions of models as those see them who choose by number: every version that a training here left has one, and never
//! another; and versions whose weights somebody brought.

use async_trait::async_trait;
use domain::abeja::deployment::{TrainingDefinition, TrainingModel};
use domain::meteos::LearnedModel;
use domain::{Entity, EntityKind, Job, JobState};
use vocabulary::{ErrorCode, Fault, Tenant, Timestamp};

use crate::ServiceError;
use crate::filter::{EntityFilter, ModelFilter, VersionFilter};
use crate::hooks::WhenSettled;
use crate::lines::{applying, learns_lines};
use crate::models::{Deploy, ModelKey};
use crate::numbered::{IdForm, named, place};
use crate::ports::{Stored, Transaction};
use crate::principal::Principal;

handle! {
    /// Trained models, as ABEJA's clients see them: by definition and number.
    TrainingModels, training_models
}

impl TrainingModels<'_> {
    /// A tenant's definition, by its name or its number.
    pub async fn definition(self, tenant: &Tenant, name: &str) -> Result<Entity, ServiceError> {
        let kind = EntityKind::TrainingDefinition;
        if let Some(found) = self
            .coordinator
            .entities()
            .named(kind, tenant, None, name)
            .await?
        {
            return Ok(found);
        }
        self.coordinator
            .entities()
            .get(kind, Some(tenant), name)
            .await
    }

    /// The models of a definition, oldest first.
    pub async fn list(
        self,
        tenant: &Tenant,
        definition: &str,
    ) -> Result<Vec<Entity>, ServiceError> {
        let filter = EntityFilter {
            tenant: Some(tenant.clone()),
            parent: Some(definition.to_owned()),
            ..EntityFilter::of(EntityKind::TrainingModel)
        };
        Ok(self.coordinator.entities().find(&filter).await?.0)
    }

    /// The newest of a tenant's models that a training left and that is not put away.
    pub async fn newest(self, tenant: &Tenant) -> Result<Option<Entity>, ServiceError> {
        const AT_ONCE: u32 = 50;
        let mut filter = EntityFilter {
            tenant: Some(tenant.clone()),
            newest_first: true,
            limit: Some(AT_ONCE),
            ..EntityFilter::of(EntityKind::TrainingModel)
        };
        loop {
            let (page, _) = self.coordinator.entities().find(&filter).await?;
            let usable = |model: &&Entity| {
                model
                    .read::<TrainingModel>()
                    .is_ok_and(|body| body.trained.is_some() && !body.archived)
            };
            for found in page.iter().filter(usable) {
                // what stands in an archived experiment is put away with it
                match self.trained_takes_work(found).await {
                    Err(ServiceError::Conflict(_)) => {}
                    answer => return answer.map(|()| Some(found.clone())),
                }
            }
            if page.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(None);
            }
            filter.offset = filter.offset.saturating_add(AT_ONCE);
        }
    }

    async fn trained_takes_work(self, model: &Entity) -> Result<(), ServiceError> {
        let TrainingModel {
            model_id: Some(model_id),
            trained: Some(trained),
            ..
        } = model.read().map_err(ServiceError::Internal)?
        else {
            return Ok(());
        };
        self.coordinator
            .models()
            .version_takes_work(&ModelKey::new(model_id, trained))
            .await
    }

    /// The version by which a model can be applied; deployed when it never was. A model of lines reads either a table or the
    /// lines of a file, whatever it was learned from. A model of an archived experiment is a `Conflict`. Weights that somebody brought are a `Conflict`: nothing here can apply
    /// them.
    pub(crate) async fn applicable(
        self,
        who: &Principal,
        model: &Entity,
        reads: Option<Reads>,
    ) -> Result<ModelKey, ServiceError> {
        let body: TrainingModel = model.read().map_err(ServiceError::Internal)?;
        let (Some(model_id), Some(trained)) = (body.model_id, body.trained) else {
            let message = format!(
                "training model {} was not trained here, so nothing here can apply it",
                model.id
            );
            return Err(ServiceError::Conflict(Fault::new(
                ErrorCode::Unsupported,
                message,
            )));
        };
        let trained = ModelKey::new(model_id.clone(), trained);
        self.coordinator
            .models()
            .version_takes_work(&trained)
            .await?;
        let training = self.coordinator.models().version(&trained).await?;
        let reads =
            reads.filter(|_| training.is_some_and(|training| learns_lines(&training.train_dsl)));
        let word = reads.map_or("", Reads::word);
        if let Some(version) = body.applied.get(word) {
            let key = ModelKey::new(model_id, version.clone());
            // The noted deployment may be gone; then another one is made rather than an error told.
            if self.coordinator.models().version(&key).await?.is_some() {
                return Ok(key);
            }
        }
        let dsl = reads.map(|reads| applying(reads == Reads::Table));
        let deployed = self
            .coordinator
            .models()
            .deploy(
                who,
                &trained,
                Deploy {
                    dsl,
                    ..Deploy::default()
                },
            )
            .await?;
        if let Some((owner, Err(why))) = deployed.parts.iter().find(|(_, part)| part.is_err()) {
            let fault = Fault::new(ErrorCode::ModelMissing, why.clone()).at(&owner.party);
            return Err(ServiceError::Conflict(fault));
        }
        let version = deployed.key.version.clone();
        self.coordinator
            .entities()
            .change(EntityKind::TrainingModel, None, &model.id, |model| {
                let mut body: TrainingModel = model.read()?;
                body.applied.insert(word.to_owned(), version);
                model.write(&body)
            })
            .await?;
        Ok(deployed.key)
    }

    /// Gives versions of trainings that ended before there were numbers their numbers, once.
    pub(crate) async fn number(self) -> Result<(), ServiceError> {
        let any = EntityFilter {
            // Deleted ones count: numbers were given once, and an empty list must not give them
            // again.
            deleted: true,
            limit: Some(1),
            ..EntityFilter::of(EntityKind::TrainingModel)
        };
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !tx.find_entities(&any).await?.0.is_empty() {
            return Ok(());
        }
        for version in tx.find_versions(&VersionFilter::default()).await? {
            // Deployments and imports have no number: only what a training here left has one.
            let Some(id) = version.job.filter(|_| version.parent.is_none()) else {
                continue;
            };
            if let Some(job) = tx.job(&id).await? {
                number_training(&mut *tx, &job, version.created).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// What a model is to be applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// A table.
    Table,
    /// The lines of a file.
    Lines,
}

impl Reads {
    const fn word(self) -> &'static str {
        match self {
            Reads::Table => "table",
            Reads::Lines => "lines",
        }
    }
}

/// The version that a training left gets its number.
pub(crate) struct NumberTraining;

#[async_trait]
impl WhenSettled for NumberTraining {
    async fn settled(&self, tx: &mut dyn Transaction, job: &Job, at: Timestamp) -> Stored<()> {
        number_training(tx, job, at).await
    }
}

/// Gives the version that a training left its number, in the transaction that settles the job. Jobs that left no model have
/// none, and a job that is run again keeps the one it has.
async fn number_training(tx: &mut dyn Transaction, job: &Job, now: Timestamp) -> Stored<()> {
    if job.state != JobState::Succeeded {
        return Ok(());
    }
    let kept = ModelFilter {
        version: Some(job.model_version.clone()),
        ..ModelFilter::default()
    };
    if tx.find_models(&kept).await?.is_empty() {
        return Ok(());
    }
    let tenant = tenant_of(tx, job).await?;
    let Some(definition) = definition_of(tx, &tenant, &job.model_id, now).await? else {
        return Ok(());
    };
    let known = named(
        tx,
        EntityKind::TrainingModel,
        &tenant,
        Some(&definition.id),
        Some(&job.model_version),
    )
    .await?;
    if known.is_some() {
        return Ok(());
    }
    let mut model = Entity::new(EntityKind::TrainingModel, "", tenant, now);
    (model.parent, model.name) = (Some(definition.id.clone()), Some(job.model_version.clone()));
    model.job = Some(job.id.clone());
    let body = TrainingModel {
        model_id: Some(job.model_id.clone()),
        trained: Some(job.model_version.clone()),
        description: job.description.clone(),
        ..TrainingModel::default()
    };
    if let Err(fault) = model.write(&body) {
        // Told and passed over: a job must be able to settle whatever an API fails to note of it.
        tracing::error!(job = %job.id, %fault, "the model gets no number");
        return Ok(());
    }
    place(tx, model, IdForm::Number).await?;
    // A training that was begun as a model of an API is shown as that one already.
    let names = tx.entities_of_job(&job.id).await?;
    if names.iter().any(|name| name.kind == EntityKind::Model) {
        return Ok(());
    }
    if let Err(fault) = shown_as_model(tx, job, definition, now).await? {
        tracing::error!(job = %job.id, %fault, "the training is shown as no model");
    }
    Ok(())
}

/// Shows what trainings under a name left as one model, the newest of them: for those who go by models and not by versions.
async fn shown_as_model(
    tx: &mut dyn Transaction,
    job: &Job,
    mut definition: Entity,
    now: Timestamp,
) -> Stored<Result<(), Fault>> {
    let mut body: TrainingDefinition = match definition.read() {
        Ok(body) => body,
        Err(fault) => return Ok(Err(fault)),
    };
    if let Some(id) = &body.model {
        if let Some(mut model) = tx
            .entity(EntityKind::Model, id)
            .await?
            .filter(|model| !model.deleted)
        {
            (model.job, model.modified) = (Some(job.id.clone()), now);
            model.parent = Some(job.experiment.to_string());
            tx.save_entity(&model).await?;
        }
        return Ok(Ok(()));
    }
    let mut model = Entity::new(
        EntityKind::Model,
        uuid::Uuid::new_v4().to_string(),
        definition.tenant.clone(),
        now,
    );
    (model.name, model.job) = (Some(job.model_id.clone()), Some(job.id.clone()));
    (model.parent, model.created) = (Some(job.experiment.to_string()), job.created);
    model.creator = job.initiator.party.to_string();
    let learner = job
        .definition
        .graph
        .steps
        .iter()
        .rev()
        .find(|step| !step.model_outputs.is_empty());
    let shown = LearnedModel {
        description: Some(job.description.clone()),
        model_type: learner.map(|step| step.module.clone()),
        party: Some(job.initiator.party.clone()),
        ..LearnedModel::default()
    };
    body.model = Some(model.id.clone());
    if let Err(fault) = model.write(&shown).and_then(|()| definition.write(&body)) {
        return Ok(Err(fault));
    }
    if place(tx, model, IdForm::Given).await?.is_some() {
        tx.save_entity(&definition).await?;
    }
    Ok(Ok(()))
}

/// Whose a job is: its experiment's tenant.
async fn tenant_of(tx: &mut dyn Transaction, job: &Job) -> Stored<Tenant> {
    Ok(tx
        .experiment(&job.experiment)
        .await?
        .map_or_else(Tenant::only, |experiment| experiment.tenant))
}

async fn definition_of(
    tx: &mut dyn Transaction,
    tenant: &Tenant,
    name: &str,
    now: Timestamp,
) -> Stored<Option<Entity>> {
    if let Some(found) = named(tx, EntityKind::TrainingDefinition, tenant, None, Some(name)).await?
    {
        return Ok(Some(found));
    }
    let mut definition = Entity::new(EntityKind::TrainingDefinition, "", tenant.clone(), now);
    definition.name = Some(name.to_owned());
    let body = TrainingDefinition {
        trained: true,
        ..TrainingDefinition::default()
    };
    if let Err(fault) = definition.write(&body) {
        tracing::error!(name, %fault, "the model gets no definition");
        return Ok(None);
    }
    place(tx, definition, IdForm::Number).await
}
