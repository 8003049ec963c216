//! Tasks and what is reported of them, in memory.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Task, TaskKey};
use service::TaskFilter;
use service::ports::{Reports, Stored, Tasks};
use service::records::TextKind;
use vocabulary::{Attempt, JobId, Metric, MetricData, PartyId, TaskId};

use super::{MemoryTransaction, TaskRow, among, page};

impl MemoryTransaction {
    /// The rows of a job's tasks; keys of one job stand together.
    fn rows_of<'a>(&'a self, job: &'a JobId) -> impl Iterator<Item = (&'a TaskKey, &'a TaskRow)> {
        self.tables
            .tasks
            .rows()
            .iter()
            .filter(move |(key, _)| key.id.job == *job)
    }

    fn rows_of_task(&self, id: &TaskId) -> impl Iterator<Item = (&TaskKey, &TaskRow)> {
        let first = TaskKey {
            id: id.clone(),
            attempt: Attempt(0),
        };
        let last = TaskKey {
            id: id.clone(),
            attempt: Attempt(u32::MAX),
        };
        self.tables.tasks.rows().range(first..=last)
    }
}

#[async_trait]
impl Tasks for MemoryTransaction {
    async fn insert_tasks(&mut self, tasks: &[Task]) -> Stored<()> {
        for (place, task) in tasks.iter().enumerate() {
            // Left alone, as in SQLite: a decision that is carried out twice must not reset an
            // attempt.
            if self.tables.tasks.get(&task.key).is_some() {
                continue;
            }
            let earlier: Vec<(TaskKey, usize)> = self
                .rows_of_task(&task.key.id)
                .map(|(key, row)| (key.clone(), row.position))
                .collect();
            for (key, _) in earlier
                .iter()
                .filter(|(key, _)| key.attempt < task.key.attempt)
            {
                self.tables.tasks.change(key, |row| row.newest = false);
            }
            let position = earlier
                .iter()
                .map(|(_, position)| *position)
                .min()
                .unwrap_or(place);
            self.tables.tasks.put(
                task.key.clone(),
                TaskRow {
                    task: Arc::new(task.clone()),
                    position,
                    newest: true,
                },
            );
        }
        Ok(())
    }

    async fn task(&mut self, id: &TaskId) -> Stored<Option<Task>> {
        Ok(self
            .rows_of_task(id)
            .find(|(_, row)| row.newest)
            .map(|(_, row)| Task::clone(&row.task)))
    }

    async fn tasks_of(&mut self, job: &JobId) -> Stored<Vec<Task>> {
        let mut rows: Vec<&TaskRow> = self
            .rows_of(job)
            .map(|(_, row)| row)
            .filter(|row| row.newest)
            .collect();
        rows.sort_by_key(|row| row.position);
        Ok(rows.into_iter().map(|row| Task::clone(&row.task)).collect())
    }

    async fn save_task(&mut self, task: &Task) -> Stored<bool> {
        Ok(self
            .tables
            .tasks
            .change(&task.key, |row| row.task = Arc::new(task.clone())))
    }

    async fn find_tasks(&mut self, filter: &TaskFilter) -> Stored<(Vec<Task>, u64)> {
        let rows = self
            .tables
            .tasks
            .rows()
            .values()
            .filter(|row| fits(row, filter));
        let mut found: Vec<&TaskRow> = rows.collect();
        found.sort_by_key(|row| {
            (
                row.task.created,
                row.task.key.id.job.clone(),
                row.position,
                row.task.key.attempt,
            )
        });
        if filter.newest_first {
            found.reverse();
        }
        let total = found.len() as u64;
        let tasks = page(found, filter.limit, filter.offset)
            .into_iter()
            .map(|row| Task::clone(&row.task))
            .collect();
        Ok((tasks, total))
    }

    async fn active_at(&mut self, party: &PartyId) -> Stored<Vec<Task>> {
        let rows = self.tables.tasks.rows().values();
        let active =
            rows.filter(|row| row.task.key.id.party == *party && row.task.state.is_active());
        let mut found: Vec<&TaskRow> = active.collect();
        found.sort_by_key(|row| (row.task.created, row.task.key.id.job.clone(), row.position));
        Ok(found
            .into_iter()
            .map(|row| Task::clone(&row.task))
            .collect())
    }
}

fn fits(row: &TaskRow, filter: &TaskFilter) -> bool {
    let id = &row.task.key.id;
    (filter.all_attempts || row.newest)
        && filter.job.as_ref().is_none_or(|job| *job == id.job)
        && filter.step.as_ref().is_none_or(|step| *step == id.step)
        && filter.role.is_none_or(|role| role == id.role)
        && filter.party.as_ref().is_none_or(|party| *party == id.party)
        && among(&filter.states, &row.task.state)
}

#[async_trait]
impl Reports for MemoryTransaction {
    async fn add_metrics(&mut self, key: &TaskKey, metrics: &[Metric]) -> Stored<()> {
        for metric in metrics {
            let place = (key.clone(), metric.namespace.clone(), metric.name.clone());
            let own = self
                .tables
                .metrics
                .rows()
                .iter()
                .filter(|((of, _, _), _)| of == key)
                .count();
            let (position, known) = match self.tables.metrics.get(&place) {
                Some((position, known)) => (*position, Some(&known.data)),
                None => (own, None),
            };
            let data = merged(known, &metric.data);
            self.tables.metrics.put(
                place,
                (
                    position,
                    Metric {
                        data,
                        ..metric.clone()
                    },
                ),
            );
        }
        Ok(())
    }

    async fn metrics(&mut self, key: &TaskKey) -> Stored<Vec<Metric>> {
        let own = self
            .tables
            .metrics
            .rows()
            .iter()
            .filter(|((of, _, _), _)| of == key);
        let mut found: Vec<&(usize, Metric)> = own.map(|(_, row)| row).collect();
        found.sort_by_key(|(position, _)| *position);
        Ok(found
            .into_iter()
            .map(|(_, metric)| metric.clone())
            .collect())
    }

    async fn delete_metrics(&mut self, job: &JobId, party: Option<&PartyId>) -> Stored<bool> {
        let is_meant =
            |key: &TaskKey| key.id.job == *job && party.is_none_or(|party| key.id.party == *party);
        Ok(self
            .tables
            .metrics
            .remove_where(|(key, _, _), _| is_meant(key)))
    }

    async fn delete_texts(&mut self, job: &JobId, party: &PartyId, kind: TextKind) -> Stored<()> {
        let is_meant = |key: &TaskKey| key.id.job == *job && key.id.party == *party;
        self.tables
            .texts
            .remove_where(|(key, of), _| *of == kind && is_meant(key));
        Ok(())
    }

    async fn put_text(&mut self, key: &TaskKey, kind: TextKind, text: &str) -> Stored<()> {
        self.tables.texts.put((key.clone(), kind), text.to_owned());
        Ok(())
    }

    async fn text(&mut self, key: &TaskKey, kind: TextKind) -> Stored<Option<String>> {
        Ok(self.tables.texts.get(&(key.clone(), kind)).cloned())
    }
}

/// Pairs add up, a key seen again replaces its value; pairs of the other kind are forgotten.
fn merged(known: Option<&MetricData>, new: &MetricData) -> MetricData {
    match new {
        MetricData::Points(points) => {
            let mut all = if let Some(MetricData::Points(known)) = known {
                known.clone()
            } else {
                Vec::new()
            };
            for (key, value) in points {
                // Minus zero and zero are one key.
                match all.iter_mut().find(|(own, _)| own == key) {
                    Some(pair) => pair.1 = *value,
                    None => all.push((*key, *value)),
                }
            }
            all.sort_by(|one, two| one.0.get().total_cmp(&two.0.get()));
            MetricData::Points(all)
        }
        MetricData::Values(values) => {
            let mut all = if let Some(MetricData::Values(known)) = known {
                known.clone()
            } else {
                Vec::new()
            };
            for (key, value) in values {
                match all.iter_mut().find(|(own, _)| own == key) {
                    Some(pair) => pair.1 = *value,
                    None => all.push((key.clone(), *value)),
                }
            }
            all.sort_by(|one, two| one.0.cmp(&two.0));
            MetricData::Values(all)
        }
    }
}
