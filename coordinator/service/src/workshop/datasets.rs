//! Datasets: brought in, transformed, split.

use domain::workshop::{Dataset, step};
use domain::{Entity, EntityKind, Experiment};
use vocabulary::{PartyId, StepName, TableRef};

use super::documents::{self, NAMESPACE, SPLIT, TRANSFORM};
use super::{Project, Seen};
use crate::{Coordinator, ServiceError};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewDataset {
    /// Its name.
    pub name: Option<String>,
    /// Notes.
    pub description: Option<String>,
    /// The experiment that it is for.
    pub experiment: String,
    /// Where its lines come from.
    pub source: Option<String>,
    /// download, parse or split; another word fails when the job would begin.
    pub method: Option<String>,
    /// The transform's steps, as they were sent, and in plain text.
    pub params: Option<(String, String)>,
    /// The sizes of the two parts of a split, as texts.
    pub split: Option<(String, String)>,
}

impl Coordinator {
    /// Makes a dataset; of a split the first of two. `NotFound` for the experiment, `Conflict` when it takes no work.
    pub async fn create_dataset(&self, project: &Project, new: NewDataset) -> Result<Seen, ServiceError> {
        let experiment = self.workplace(project, &new.experiment).await?;
        let party = self.home_party(&project.tenant).await?;
        let entity = match (new.method.as_deref(), &new.split) {
            (Some("split"), Some(parts)) => {
                let parts = parts.clone();
                self.split_dataset(project, &experiment, &party, new, parts).await?
            }
            _ => self.transformed_dataset(project, &experiment, &party, new).await?,
        };
        self.seen_one(entity).await
    }

    async fn transformed_dataset(
        &self,
        project: &Project,
        experiment: &Experiment,
        party: &PartyId,
        new: NewDataset,
    ) -> Result<Entity, ServiceError> {
        let id = self.new_uuid();
        let table = TableRef::new(NAMESPACE, &id);
        let steps = match new.method.as_deref() {
            Some("download") => Ok(String::new()),
            Some("parse") => Ok(new.params.as_ref().map(|(_, plain)| plain.clone()).unwrap_or_default()),
            other => Err(format!("there is no such method: {}", other.unwrap_or("none was given"))),
        };
        let source = match self.rows_kept(project, party) {
            Some(why) => Err(why),
            None => self.lines_source(&project.tenant, new.source.as_deref()).await?,
        };
        let started = match (source, steps) {
            (Ok(source), steps) => {
                let documents = documents::transform(party, &source, steps, &table);
                self.start_work(project, experiment, new.name.as_deref().unwrap_or("dataset"), documents).await?
            }
            (Err(why), _) => Err(why),
        };
        let mut entity = self.new_thing(project, EntityKind::Dataset, id, new.name.clone());
        let prints = Some(step(TRANSFORM).map_err(ServiceError::Internal)?);
        let failed = started.as_ref().err().cloned();
        entity.write(&body(&new, (party, table), prints, failed)).map_err(ServiceError::Internal)?;
        entity.parent = Some(experiment.id.to_string());
        entity.job = started.ok();
        self.add_entity(&entity).await?;
        Ok(entity)
    }

    async fn split_dataset(
        &self,
        project: &Project,
        experiment: &Experiment,
        party: &PartyId,
        new: NewDataset,
        parts: (String, String),
    ) -> Result<Entity, ServiceError> {
        let ids = [self.new_uuid(), self.new_uuid()];
        let tables = [TableRef::new(NAMESPACE, &ids[0]), TableRef::new(NAMESPACE, &ids[1])];
        let chance = parts.0.trim().parse().unwrap_or_default();
        let source = match self.rows_kept(project, party) {
            Some(why) => Err(why),
            None => self.lines_source(&project.tenant, new.source.as_deref()).await?,
        };
        let started = match source {
            Ok(source) => {
                let documents = documents::split(party, &source, chance, [&tables[0], &tables[1]]);
                self.start_work(project, experiment, new.name.as_deref().unwrap_or("dataset"), documents).await?
            }
            Err(why) => Err(why),
        };
        let base = new.name.clone().unwrap_or_default();
        let names = [format!("{base}_train_{}", parts.0), format!("{base}_test_{}", parts.1)];
        let prints = [Some(step(SPLIT).map_err(ServiceError::Internal)?), None];
        let mut made = Vec::new();
        for (((id, table), name), prints) in ids.into_iter().zip(tables).zip(names).zip(prints) {
            let mut entity = self.new_thing(project, EntityKind::Dataset, id, Some(name));
            let failed = started.as_ref().err().cloned();
            entity.write(&body(&new, (party, table), prints, failed)).map_err(ServiceError::Internal)?;
            entity.parent = Some(experiment.id.to_string());
            entity.job = started.as_ref().ok().cloned();
            self.add_entity(&entity).await?;
            made.push(entity);
        }
        Ok(made.swap_remove(0))
    }
}

/// What a new dataset keeps of what was asked for.
fn body(
    new: &NewDataset,
    (party, table): (&PartyId, TableRef),
    prints: Option<StepName>,
    failed: Option<String>,
) -> Dataset {
    Dataset {
        description: new.description.clone(),
        source: new.source.clone(),
        method: new.method.clone(),
        params: new.params.as_ref().map(|(sent, _)| sent.clone()),
        party: Some(party.clone()),
        table: Some(table),
        prints,
        failed,
    }
}
