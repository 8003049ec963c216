//! What is asked of models: one row, or how well they do on a dataset.

use std::time::Duration;

use domain::meteos::{LearnedModel, ModelUse, Serving, Standing};
use domain::{Entity, EntityKind};
use serde_json::Value;
use vocabulary::PartyId;

use super::models::{is_of_lines, must_be_idle, read};
use super::source::SourceLookup;
use super::{EntityView, Project, Work, named, not_ready, only};
use crate::ServiceError;
use crate::lines::{self, Source};
use crate::meteos::Projects;

/// How long the answer of a model that is kept ready is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a model answers for no row of text.
const OF_PARTIES: &str = "this model was trained on tables of several parties, or of named columns: submit a predict job with its \
    model id and version, or a run, instead";

/// A row for a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewLearning {
    /// Its name.
    pub name: Option<String>,
    /// Notes.
    pub description: Option<String>,
    /// The model.
    pub model: String,
    /// What is asked for; only predict is done.
    pub method: Option<String>,
    /// The row, as it was sent, and in plain text.
    pub args: Option<(String, String)>,
}

/// A dataset for a model to be measured on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewEvaluation {
    /// Its name.
    pub name: Option<String>,
    /// The model.
    pub model: String,
    /// The dataset.
    pub source: Option<String>,
}

impl Projects<'_> {
    /// Asks a model for one row. One that is kept ready is waited for, up to twenty seconds. `Conflict` when the model, or
    /// its experiment, is not available.
    pub async fn create_learning(
        self,
        project: &Project,
        new: NewLearning,
    ) -> Result<EntityView, ServiceError> {
        let seen = self.model_seen(project, &new.model).await?;
        let model = read(&seen.entity).map_err(ServiceError::Internal)?;
        let is_ready = model.serving == Serving::Loaded;
        if seen.standing != Standing::Made || !(is_ready || model.serving == Serving::Unloaded) {
            return Err(not_ready("Model"));
        }
        let experiment = self
            .workplace(project, seen.entity.parent.as_deref().unwrap_or_default())
            .await?;
        let party = self.party_of(project, &model).await?;
        let work = match new.method.as_deref() {
            None | Some("predict") if !is_of_lines(&seen) => Err(OF_PARTIES.to_owned()),
            None | Some("predict") => {
                let (id, version) = self.applied_version(project, &new.model, false).await?;
                let row = new
                    .args
                    .as_ref()
                    .map(|(_, plain)| plain.trim_end_matches('\n').to_owned());
                let lines = Source::Lines(vec![row.unwrap_or_default()]);
                let conf = lines::predict(&party, (&id, &version), &lines, false);
                Ok(Work {
                    // No DSL: a predict job takes that of the deployed version.
                    documents: (Value::Null, conf),
                    after: None,
                })
            }
            Some(other) => Err(format!("there is no such method: {other}")),
        };
        let name = new.name.clone().unwrap_or_else(|| "learning".to_owned());
        let mut entity = self.new_thing(
            project,
            EntityKind::Learning,
            self.coordinator.new_uuid(),
            new.name,
        );
        let asked = ModelUse {
            description: new.description,
            model: new.model,
            model_type: model.model_type,
            method: new.method,
            args: new.args.map(|(sent, _)| sent),
            party: Some(party),
            ..ModelUse::default()
        };
        entity.write(&asked).map_err(ServiceError::Internal)?;
        entity.parent = Some(asked.model);
        let entity = only(
            self.start_work(project, &experiment, (&name, work), vec![named(entity)])
                .await?,
        )?;
        if let (true, Some(job)) = (is_ready, &entity.job) {
            self.coordinator.jobs().wait_settled(job, PATIENCE).await?;
        }
        self.seen_one(entity).await
    }

    /// The party that has a model: the home party of the day when it was learned.
    async fn party_of(
        self,
        project: &Project,
        model: &LearnedModel,
    ) -> Result<PartyId, ServiceError> {
        match &model.party {
            Some(party) => Ok(party.clone()),
            None => self.coordinator.parties().home(&project.tenant).await,
        }
    }

    /// Measures a model on a dataset. `Conflict` when the model is not available: one that is kept ready is not.
    pub async fn create_evaluation(
        self,
        project: &Project,
        new: NewEvaluation,
    ) -> Result<EntityView, ServiceError> {
        let seen = self.model_seen(project, &new.model).await?;
        must_be_idle(&seen).map_err(ServiceError::Conflict)?;
        let experiment = self
            .workplace(project, seen.entity.parent.as_deref().unwrap_or_default())
            .await?;
        let model = read(&seen.entity).map_err(ServiceError::Internal)?;
        let party = self.party_of(project, &model).await?;
        let work = match self
            .lines_source(&project.tenant, new.source.as_deref())
            .await?
        {
            Ok(_) if !is_of_lines(&seen) => Err(OF_PARTIES.to_owned()),
            Ok(SourceLookup {
                party: Some(other), ..
            }) if other != party => Err(format!(
                "the model is at party {party}, and the dataset at party {other}"
            )),
            Ok(SourceLookup { source, after, .. }) => {
                let (id, version) = self
                    .applied_version(project, &new.model, source.is_table())
                    .await?;
                let conf = lines::predict(&party, (&id, &version), &source, true);
                Ok(Work {
                    documents: (Value::Null, conf),
                    after,
                })
            }
            Err(why) => Err(why),
        };
        let name = new.name.clone().unwrap_or_else(|| "evaluation".to_owned());
        let mut entity: Entity = self.new_thing(
            project,
            EntityKind::Evaluation,
            self.coordinator.new_uuid(),
            new.name,
        );
        let asked = ModelUse {
            model: new.model,
            model_type: model.model_type,
            source: new.source,
            party: Some(party),
            ..ModelUse::default()
        };
        entity.write(&asked).map_err(ServiceError::Internal)?;
        entity.parent = Some(asked.model);
        let kept = self
            .start_work(project, &experiment, (&name, work), vec![named(entity)])
            .await?;
        self.seen_one(only(kept)?).await
    }
}
