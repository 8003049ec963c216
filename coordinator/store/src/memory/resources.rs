//! Experiments, entities and events in memory.

use std::sync::Arc;

use async_trait::async_trait;
use domain::experiment::query::{ExperimentPage, Query};
use domain::page::Direction;
use domain::{Entity, EntityKind, Event, Experiment, Job};
use service::ports::{Entities, Events, Experiments, Stored};
use service::{EntityFilter, EventQuery};
use vocabulary::{ExperimentId, JobId, Tenant, Timestamp};

use super::{MemoryTransaction, among, page};

#[async_trait]
impl Experiments for MemoryTransaction {
    async fn insert_experiment(&mut self, experiment: &Experiment) -> Stored<bool> {
        let named = self
            .experiment_named(&experiment.tenant, &experiment.unique_name)
            .await?;
        if self.tables.experiments.get(&experiment.id).is_some()
            || (named.is_some() && !experiment.deleted)
        {
            return Ok(false);
        }
        self.tables
            .experiments
            .put(experiment.id.clone(), experiment.clone());
        Ok(true)
    }

    async fn experiment(&mut self, id: &ExperimentId) -> Stored<Option<Experiment>> {
        Ok(self.tables.experiments.get(id).cloned())
    }

    async fn experiment_named(
        &mut self,
        tenant: &Tenant,
        name: &str,
    ) -> Stored<Option<Experiment>> {
        let is_it =
            |one: &&Experiment| one.tenant == *tenant && one.unique_name == name && !one.deleted;
        Ok(self.tables.experiments.rows().values().find(is_it).cloned())
    }

    async fn save_experiment(&mut self, experiment: &Experiment) -> Stored<bool> {
        Ok(self
            .tables
            .experiments
            .change(&experiment.id, |row| *row = experiment.clone()))
    }

    async fn find_experiments(&mut self, query: &Query) -> Stored<ExperimentPage> {
        let rows = self.tables.experiments.rows().values();
        let mut found: Vec<&Experiment> =
            rows.filter(|experiment| query.admits(experiment)).collect();
        let key = |experiment: &Experiment| {
            let place = query.place(experiment);
            (place.value, place.id)
        };
        found.sort_by_cached_key(|experiment| key(experiment));
        let total = found.len() as u64;
        let start = query
            .start
            .as_ref()
            .map(|start| (start.value.clone(), start.id.clone()));
        if query.direction == Direction::Descending {
            found.reverse();
            found.retain(|experiment| start.as_ref().is_none_or(|start| key(experiment) <= *start));
        } else {
            found.retain(|experiment| start.as_ref().is_none_or(|start| key(experiment) >= *start));
        }
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let next = found.get(limit).map(|first| query.place(first));
        Ok(ExperimentPage {
            experiments: found.into_iter().take(limit).cloned().collect(),
            total,
            next,
        })
    }

    async fn archive_jobs(&mut self, id: &ExperimentId, now: Timestamp) -> Stored<u64> {
        let on_it = |job: &Job| job.experiment == *id && job.archived.is_none();
        let count = self
            .tables
            .jobs
            .rows()
            .values()
            .filter(|row| on_it(&row.job))
            .count();
        let archive = |job: &Job| {
            Arc::new(Job {
                archived: Some(now),
                ..job.clone()
            })
        };
        self.tables
            .jobs
            .change_where(|_, row| on_it(&row.job), |row| row.job = archive(&row.job));
        Ok(count as u64)
    }
}

#[async_trait]
impl Entities for MemoryTransaction {
    async fn insert_entity(&mut self, entity: &Entity) -> Stored<bool> {
        let key = (entity.kind, entity.id.clone());
        if self.tables.entities.get(&key).is_some() {
            return Ok(false);
        }
        self.tables.entities.put(key, entity.clone());
        Ok(true)
    }

    async fn entity(&mut self, kind: EntityKind, id: &str) -> Stored<Option<Entity>> {
        Ok(self.tables.entities.get(&(kind, id.to_owned())).cloned())
    }

    async fn save_entity(&mut self, entity: &Entity) -> Stored<bool> {
        Ok(self
            .tables
            .entities
            .change(&(entity.kind, entity.id.clone()), |row| {
                let (tenant, creator, created) =
                    (row.tenant.clone(), row.creator.clone(), row.created);
                *row = Entity {
                    tenant,
                    creator,
                    created,
                    ..entity.clone()
                };
            }))
    }

    async fn find_entities(&mut self, filter: &EntityFilter) -> Stored<(Vec<Entity>, u64)> {
        let rows = self.tables.entities.rows().values();
        let mut found: Vec<&Entity> = rows.filter(|entity| fits(entity, filter)).collect();
        found.sort_by_key(|entity| (entity.created, entity.id.clone()));
        if filter.newest_first {
            found.reverse();
        }
        let total = found.len() as u64;
        Ok((
            page(found, filter.limit, filter.offset)
                .into_iter()
                .cloned()
                .collect(),
            total,
        ))
    }

    async fn entities_of_job(&mut self, job: &JobId) -> Stored<Vec<Entity>> {
        let rows = self.tables.entities.rows().values();
        let mut found: Vec<Entity> = rows
            .filter(|entity| entity.job.as_ref() == Some(job))
            .cloned()
            .collect();
        found.sort_by_key(|entity| (entity.created, entity.kind.word(), entity.id.clone()));
        Ok(found)
    }
}

fn fits(entity: &Entity, filter: &EntityFilter) -> bool {
    let is_same = |asked: &Option<String>, own: &Option<String>| asked.is_none() || asked == own;
    let place = (entity.created, entity.id.clone());
    entity.kind == filter.kind
        && (filter.deleted || !entity.deleted)
        && filter
            .tenant
            .as_ref()
            .is_none_or(|tenant| *tenant == entity.tenant)
        && among(&filter.ids, &entity.id)
        && is_same(&filter.parent, &entity.parent)
        && is_same(&filter.name, &entity.name)
        && filter
            .due
            .is_none_or(|now| entity.due.is_some_and(|due| due <= now))
        && filter.start.as_ref().is_none_or(|start| {
            if filter.newest_first {
                place <= *start
            } else {
                place >= *start
            }
        })
}

#[async_trait]
impl Events for MemoryTransaction {
    async fn add_events(&mut self, job: &JobId, events: &[Event]) -> Stored<()> {
        for event in events {
            let own = self
                .tables
                .events
                .rows()
                .range((job.clone(), event.at, 0)..=(job.clone(), event.at, u64::MAX));
            let seq = own.last().map_or(1, |((_, _, seq), _)| seq + 1);
            self.tables.events.put(
                (job.clone(), event.at, seq),
                Event {
                    seq,
                    ..event.clone()
                },
            );
        }
        Ok(())
    }

    async fn events(&mut self, query: &EventQuery) -> Stored<Vec<Event>> {
        let wanted = |event: &&Event| {
            let place = (event.at, event.seq);
            query.from.is_none_or(|from| event.at >= from)
                && query.to.is_none_or(|to| event.at <= to)
                && query.after.is_none_or(|after| place > after)
                && query.before.is_none_or(|before| place < before)
        };
        let rows = self.tables.events.rows().iter();
        let mut found: Vec<&Event> = rows
            .filter(|((job, _, _), _)| *job == query.job)
            .map(|(_, event)| event)
            .filter(wanted)
            .collect();
        if query.newest_first {
            found.reverse();
        }
        Ok(page(found, Some(query.limit), 0)
            .into_iter()
            .cloned()
            .collect())
    }
}
