//! Datasets: brought in, transformed, split.

use domain::meteos::{Dataset, step};
use domain::{Entity, EntityKind, Experiment};
use vocabulary::{PartyId, StepName, TableRef};

use super::source::SourceLookup;
use super::{EntityView, Project, Work, named, only};
use crate::ServiceError;
use crate::lines::{self, NAMESPACE, SPLIT, TRANSFORM};
use crate::meteos::Projects;

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

impl Projects<'_> {
    /// Makes a dataset; of a split the first of two. `NotFound` for the experiment, `Conflict` when it takes no work.
    pub async fn create_dataset(
        self,
        project: &Project,
        new: NewDataset,
    ) -> Result<EntityView, ServiceError> {
        let experiment = self.workplace(project, &new.experiment).await?;
        let home = self.coordinator.parties().home(&project.tenant).await?;
        // What it is made of is at the party that has it, whichever is the home by now.
        let found = self
            .lines_source(&project.tenant, new.source.as_deref())
            .await?;
        let party = found
            .as_ref()
            .ok()
            .and_then(|found| found.party.clone())
            .unwrap_or(home);
        let found = match self.rows_kept(project, &party) {
            Some(why) => Err(why),
            None => found,
        };
        let entity = match (new.method.as_deref(), &new.split) {
            (Some("split"), Some(parts)) => {
                let parts = parts.clone();
                self.split_dataset(project, &experiment, (&party, found), new, parts)
                    .await?
            }
            _ => {
                self.transformed_dataset(project, &experiment, (&party, found), new)
                    .await?
            }
        };
        self.seen_one(entity).await
    }

    async fn transformed_dataset(
        self,
        project: &Project,
        experiment: &Experiment,
        (party, found): (&PartyId, Result<SourceLookup, String>),
        new: NewDataset,
    ) -> Result<Entity, ServiceError> {
        let id = self.coordinator.new_uuid();
        let table = TableRef::new(NAMESPACE, &id);
        let steps = match new.method.as_deref() {
            Some("download") => Ok(String::new()),
            Some("parse") => Ok(new
                .params
                .as_ref()
                .map(|(_, plain)| plain.clone())
                .unwrap_or_default()),
            other => Err(format!(
                "there is no such method: {}",
                other.unwrap_or("none was given")
            )),
        };
        let work = found.map(|found| Work {
            documents: lines::transform(party, &found.source, steps, &table),
            after: found.after,
        });
        let mut entity = self.new_thing(project, EntityKind::Dataset, id, new.name.clone());
        let prints = Some(step(TRANSFORM).map_err(ServiceError::Internal)?);
        entity
            .write(&body(&new, (party, table), prints))
            .map_err(ServiceError::Internal)?;
        entity.parent = Some(experiment.id.to_string());
        let name = new.name.as_deref().unwrap_or("dataset");
        only(
            self.start_work(project, experiment, (name, work), vec![named(entity)])
                .await?,
        )
    }

    async fn split_dataset(
        self,
        project: &Project,
        experiment: &Experiment,
        (party, found): (&PartyId, Result<SourceLookup, String>),
        new: NewDataset,
        parts: (String, String),
    ) -> Result<Entity, ServiceError> {
        let ids = [self.coordinator.new_uuid(), self.coordinator.new_uuid()];
        let tables = [
            TableRef::new(NAMESPACE, &ids[0]),
            TableRef::new(NAMESPACE, &ids[1]),
        ];
        let chance = parts.0.trim().parse().unwrap_or_default();
        let work = found.map(|found| Work {
            documents: lines::split(party, &found.source, chance, [&tables[0], &tables[1]]),
            after: found.after,
        });
        let base = new.name.clone().unwrap_or_default();
        let names = [
            format!("{base}_train_{}", parts.0),
            format!("{base}_test_{}", parts.1),
        ];
        let prints = [Some(step(SPLIT).map_err(ServiceError::Internal)?), None];
        let mut both = Vec::new();
        for (((id, table), name), prints) in ids.into_iter().zip(tables).zip(names).zip(prints) {
            let mut entity = self.new_thing(project, EntityKind::Dataset, id, Some(name));
            entity
                .write(&body(&new, (party, table), prints))
                .map_err(ServiceError::Internal)?;
            entity.parent = Some(experiment.id.to_string());
            both.push(named(entity));
        }
        let name = new.name.as_deref().unwrap_or("dataset");
        only(
            self.start_work(project, experiment, (name, work), both)
                .await?,
        )
    }
}

impl Projects<'_> {
    /// A party tells that a table of its is gone: the dataset that it was cannot be read any more.
    pub(super) async fn table_removed(
        self,
        party: &PartyId,
        table: &TableRef,
    ) -> Result<(), ServiceError> {
        if table.namespace != NAMESPACE {
            return Ok(());
        }
        let note = |entity: &mut Entity| {
            let mut dataset: Dataset = entity.read()?;
            if dataset.party.as_ref() == Some(party) && dataset.table.as_ref() == Some(table) {
                dataset.failed = Some("the table was removed".to_owned());
                entity.write(&dataset)?;
            }
            Ok(())
        };
        match self
            .coordinator
            .entities()
            .change(EntityKind::Dataset, None, &table.name, note)
            .await
        {
            Ok(_) | Err(ServiceError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What a new dataset keeps of what was asked for.
fn body(
    new: &NewDataset,
    (party, table): (&PartyId, TableRef),
    prints: Option<StepName>,
) -> Dataset {
    Dataset {
        description: new.description.clone(),
        source: new.source.clone(),
        method: new.method.clone(),
        params: new.params.as_ref().map(|(sent, _)| sent.clone()),
        party: Some(party.clone()),
        table: Some(table),
        prints,
        failed: None,
    }
}
