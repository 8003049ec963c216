//! Models: learned, learned anew, kept ready, put away.

use domain::meteos::{LearnedModel, Serving, Standing};
use domain::{Entity, EntityKind, Experiment};
use vocabulary::{ErrorCode, Fault, JobId, Tenant, Timestamp};

use super::{EntityView, Project, Work, named, not_ready, only, unready};
use crate::filter::EntityFilter;
use crate::lines;
use crate::meteos::Projects;
use crate::models::ModelKey;
use crate::ports::{Stored, Transaction};
use crate::{Deploy, NamedEntity, ServiceError};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewModel {
    /// Its name.
    pub name: Option<String>,
    /// Notes.
    pub description: Option<String>,
    /// The experiment that it is for.
    pub experiment: String,
    /// What it is learned from.
    pub source: Option<String>,
    /// The format of its lines.
    pub format: Option<String>,
    /// What is learned.
    pub model_type: Option<String>,
    /// The learner's parameters, as they were sent, and in plain text.
    pub params: Option<(String, String)>,
}

fn conflict(text: impl Into<String>) -> ServiceError {
    ServiceError::Conflict(Fault::new(ErrorCode::Conflict, text))
}

impl Projects<'_> {
    /// Learns a model. `NotFound` for the experiment, `Conflict` when it takes no work.
    pub async fn create_model(
        self,
        project: &Project,
        new: NewModel,
    ) -> Result<EntityView, ServiceError> {
        let experiment = self.workplace(project, &new.experiment).await?;
        let entity = self.new_thing(
            project,
            EntityKind::Model,
            self.coordinator.new_uuid(),
            None,
        );
        self.learn_model(project, &experiment, (entity, None), new)
            .await
    }

    /// Learns a model anew under its id; it must be available.
    pub async fn recreate_model(
        self,
        project: &Project,
        id: &str,
        new: NewModel,
    ) -> Result<EntityView, ServiceError> {
        let seen = self.model_seen(project, id).await?;
        must_be_idle(&seen).map_err(ServiceError::Conflict)?;
        if !is_of_lines(&seen) {
            return Err(conflict(
                "Only a model of one party's lines can be learned anew here; submit its training again",
            ));
        }
        let experiment = match new.experiment.as_str() {
            "" => seen.entity.parent.clone().unwrap_or_default(),
            named => named.to_owned(),
        };
        let experiment = self.workplace(project, &experiment).await?;
        let read = seen.entity.modified;
        self.learn_model(project, &experiment, (seen.entity, Some(read)), new)
            .await
    }

    async fn learn_model(
        self,
        project: &Project,
        experiment: &Experiment,
        (mut entity, read_at): (Entity, Option<Timestamp>),
        new: NewModel,
    ) -> Result<EntityView, ServiceError> {
        let home = self.coordinator.parties().home(&project.tenant).await?;
        let format = new
            .format
            .as_deref()
            .filter(|format| matches!(*format, "libsvm" | "text"))
            .unwrap_or("csv");
        let learner = new
            .params
            .as_ref()
            .map(|(_, plain)| plain.as_str())
            .unwrap_or_default();
        let model_type = new.model_type.as_deref().unwrap_or_default();
        let found = self
            .lines_source(&project.tenant, new.source.as_deref())
            .await?;
        let party = found
            .as_ref()
            .ok()
            .and_then(|found| found.party.clone())
            .unwrap_or(home);
        let work = found.map(|found| Work {
            documents: lines::train(&party, &found.source, model_type, format, learner),
            after: found.after,
        });
        let model = LearnedModel {
            description: new.description,
            source: new.source,
            format: Some(format.to_owned()),
            model_type: new.model_type,
            params: new.params.map(|(sent, _)| sent),
            party: Some(party),
            recreated: read_at.is_some(),
            ..LearnedModel::default()
        };
        entity.write(&model).map_err(ServiceError::Internal)?;
        let name = new.name.clone().unwrap_or_else(|| "model".to_owned());
        (entity.name, entity.parent) = (new.name, Some(experiment.id.to_string()));
        let names = vec![match read_at {
            None => named(entity),
            Some(read) => NamedEntity::Anew {
                read,
                becomes: entity,
            },
        }];
        let kept = self
            .start_work(project, experiment, (&name, work), names)
            .await?;
        self.seen_one(only(kept)?).await
    }

    /// A model as it stands.
    pub async fn model_seen(self, project: &Project, id: &str) -> Result<EntityView, ServiceError> {
        let entity = self
            .coordinator
            .entities()
            .get(EntityKind::Model, Some(&project.tenant), id)
            .await?;
        self.seen_one(entity).await
    }

    /// Begins to keep a model ready; one of a project's at a time. `Conflict` when its experiment takes no work.
    pub async fn load_model(self, project: &Project, id: &str) -> Result<Entity, ServiceError> {
        let seen = self.model_seen(project, id).await?;
        must_be_idle(&seen).map_err(ServiceError::Conflict)?;
        if !is_of_lines(&seen) {
            return Err(conflict(
                "Only a model of one party's lines can be loaded; bind this one with /v1/model/load and /v1/model/bind",
            ));
        }
        self.workplace(project, seen.entity.parent.as_deref().unwrap_or_default())
            .await?;
        // For the better answer only; `settle_loading` judges again, in the transaction that loads.
        if self.is_one_loaded(project).await? {
            return Err(conflict("Can not load multiple models at the same time"));
        }
        let job = seen.entity.job;
        let entity = self
            .move_serving(
                project,
                id,
                (Serving::Unloaded, Serving::Loading),
                job.as_ref(),
            )
            .await?;
        self.advance_soon(project, &entity);
        Ok(entity)
    }

    /// Begins to put a model away that is kept ready.
    pub async fn unload_model(self, project: &Project, id: &str) -> Result<Entity, ServiceError> {
        let entity = self
            .move_serving(project, id, (Serving::Loaded, Serving::Unloading), None)
            .await?;
        self.advance_soon(project, &entity);
        Ok(entity)
    }

    /// Whether one of a project's models is kept ready.
    async fn is_one_loaded(self, project: &Project) -> Result<bool, ServiceError> {
        Ok(one_loaded(
            &mut *self.coordinator.inner.store.read().await?,
            &project.tenant,
        )
        .await?)
    }

    /// Keeps a model that is being made ready as ready, or puts it away: of several that were begun at once the first is kept.
    async fn settle_loading(
        self,
        project: &Project,
        id: &str,
        is_ready: bool,
    ) -> Result<Entity, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        // One transaction looks and loads, so that of two that were begun at once only one is kept.
        let to = if is_ready && !one_loaded(&mut *tx, &project.tenant).await? {
            Serving::Loaded
        } else {
            Serving::Unloaded
        };
        let found = tx
            .entity(EntityKind::Model, id)
            .await?
            .filter(|model| !model.deleted);
        let mut entity = found.ok_or_else(|| conflict("the model was deleted meanwhile"))?;
        let mut model = read(&entity).map_err(ServiceError::Internal)?;
        if model.serving != Serving::Loading {
            return Err(ServiceError::Conflict(unready("Model")));
        }
        model.serving = to;
        entity.write(&model).map_err(ServiceError::Internal)?;
        entity.modified = now;
        tx.save_entity(&entity).await?;
        tx.commit().await?;
        Ok(entity)
    }

    async fn move_serving(
        self,
        project: &Project,
        id: &str,
        (from, to): (Serving, Serving),
        trained: Option<&JobId>,
    ) -> Result<Entity, ServiceError> {
        let change = |entity: &mut Entity| {
            let mut model: LearnedModel = entity.read()?;
            // The model may have been learned anew since it was looked at; what would be loaded is
            // another one then.
            let is_another = trained.is_some_and(|job| entity.job.as_ref() != Some(job));
            if model.serving != from || is_another {
                return Err(Fault::new(
                    ErrorCode::JobState,
                    "Model status does not allow it",
                ));
            }
            model.serving = to;
            entity.write(&model)
        };
        self.coordinator
            .entities()
            .change(EntityKind::Model, Some(&project.tenant), id, change)
            .await
    }

    /// Brings a model a step on that is being made ready or put away, behind whoever asked. What a crash interrupts goes
    /// on with the next look at the model.
    pub fn advance_soon(self, project: &Project, entity: &Entity) {
        let under_way = read(entity)
            .is_ok_and(|model| matches!(model.serving, Serving::Loading | Serving::Unloading));
        if !under_way {
            return;
        }
        let (coordinator, project, id) =
            (self.coordinator.clone(), project.clone(), entity.id.clone());
        tokio::spawn(async move {
            if let Err(error) = coordinator.projects().advance_model(&project, &id).await {
                tracing::warn!(model = id, %error, "a model could not be made ready or put away");
            }
        });
    }

    async fn advance_model(self, project: &Project, id: &str) -> Result<(), ServiceError> {
        let entity = self
            .coordinator
            .entities()
            .get(EntityKind::Model, Some(&project.tenant), id)
            .await?;
        let moved = match read(&entity).map_err(ServiceError::Internal)?.serving {
            Serving::Loading => {
                let ready = self.applied_version(project, id, false).await;
                let is_ready = ready.is_ok();
                if let Err(error) = ready {
                    tracing::warn!(model = id, %error, "a model could not be made ready");
                }
                self.settle_loading(project, id, is_ready).await
            }
            Serving::Unloading => {
                self.move_serving(project, id, (Serving::Unloading, Serving::Unloaded), None)
                    .await
            }
            Serving::Loaded | Serving::Unloaded => return Ok(()),
        };
        match moved {
            // somebody else brought it on meanwhile
            Err(ServiceError::Conflict(_)) => Ok(()),
            moved => moved.map(|_| ()),
        }
    }

    /// The deployed version of a model for tables, or for lines that a job gives: model id, version. Made where there is none.
    pub(super) async fn applied_version(
        self,
        project: &Project,
        id: &str,
        tables: bool,
    ) -> Result<(String, String), ServiceError> {
        let seen = self.model_seen(project, id).await?;
        let (Some(job), Standing::Made) = (&seen.job, &seen.standing) else {
            return Err(not_ready("Model"));
        };
        let model = read(&seen.entity).map_err(ServiceError::Internal)?;
        let made = if tables {
            &model.for_tables
        } else {
            &model.for_lines
        };
        // Only of this training: a model that was learned anew keeps the note of the version
        // before.
        if let Some((_, version)) = made.as_ref().filter(|(trained, _)| *trained == job.id) {
            return Ok((job.model_id.clone(), version.clone()));
        }
        let key = ModelKey::new(job.model_id.clone(), job.id.to_string());
        let what = Deploy {
            dsl: Some(lines::applying(tables)),
            ..Deploy::default()
        };
        let deployed = self
            .coordinator
            .models()
            .deploy(&project.who, &key, what)
            .await?;
        if let Some((_, Err(why))) = deployed.parts.iter().find(|(_, part)| part.is_err()) {
            return Err(conflict(why.clone()));
        }
        let version = (job.id.clone(), deployed.key.version.clone());
        self.remember_version(project, id, &version, tables).await?;
        Ok((job.model_id.clone(), version.1))
    }

    async fn remember_version(
        self,
        project: &Project,
        id: &str,
        version: &(JobId, String),
        tables: bool,
    ) -> Result<(), ServiceError> {
        let change = |entity: &mut Entity| {
            let mut model: LearnedModel = entity.read()?;
            let place = if tables {
                &mut model.for_tables
            } else {
                &mut model.for_lines
            };
            *place = Some(version.clone());
            entity.write(&model)
        };
        self.coordinator
            .entities()
            .change(EntityKind::Model, Some(&project.tenant), id, change)
            .await
            .map(|_| ())
    }
}

async fn one_loaded(tx: &mut dyn Transaction, tenant: &Tenant) -> Stored<bool> {
    let filter = EntityFilter {
        tenant: Some(tenant.clone()),
        ..EntityFilter::of(EntityKind::Model)
    };
    let models = tx.find_entities(&filter).await?.0;
    Ok(models
        .iter()
        .any(|model| read(model).is_ok_and(|model| model.serving == Serving::Loaded)))
}

/// Whether a model was learned from one party's lines, so that lines are what it answers for.
pub(super) fn is_of_lines(seen: &EntityView) -> bool {
    read(&seen.entity).is_ok_and(|model| model.format.is_some())
}

/// A model's body.
pub(super) fn read(entity: &Entity) -> Result<LearnedModel, Fault> {
    entity.read()
}

/// Refuses a model that is not available: not learned, or kept ready.
pub(super) fn must_be_idle(seen: &EntityView) -> Result<(), Fault> {
    let model = read(&seen.entity)?;
    if seen.standing == Standing::Made && model.serving == Serving::Unloaded {
        return Ok(());
    }
    Err(unready("Model"))
}
