//! The store in memory, for tests: the same promises as SQLite but the one of surviving the process.

mod jobs;
mod models;
mod resources;
mod rest;
mod table;
mod tags;
mod tasks;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Entity, EntityKind, Event, Experiment, Job, Task, TaskKey};
use service::ports::Stored;
use service::records::{PartyRecord, PendingOrder, StoredModel, TextKind};
use service::{ModelKey, ModelPart, ModelVersion, Store, Tag, Tally, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};
use vocabulary::{ExperimentId, JobId, Metric, ModelRef, Participant, PartyId, Timestamp};

use table::Table;

/// A store that ends with the process. Transactions wait for each other, readers too.
#[derive(Clone, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    jobs: Table<JobId, JobRow>,
    notes: Table<(JobId, Participant), String>,
    tasks: Table<TaskKey, TaskRow>,
    metrics: Table<(TaskKey, String, String), (usize, Metric)>,
    texts: Table<(TaskKey, TextKind), String>,
    models: Table<ModelRef, StoredModel>,
    versions: Table<ModelKey, ModelVersion>,
    parts: Table<(ModelKey, Participant), ModelPart>,
    tags: Table<String, Tag>,
    /// Version and tag.
    bound: Table<(String, String), Timestamp>,
    told: Table<(Tally, String), u64>,
    parties: Table<PartyId, PartyRecord>,
    outbox: Table<String, PendingOrder>,
    experiments: Table<ExperimentId, Experiment>,
    entities: Table<(EntityKind, String), Entity>,
    events: Table<(JobId, Timestamp, u64), Event>,
}

#[derive(Clone)]
struct JobRow {
    job: Arc<Job>,
    due: Option<Timestamp>,
    claim: Option<(String, Timestamp)>,
}

#[derive(Clone)]
struct TaskRow {
    task: Arc<Task>,
    position: usize,
    newest: bool,
}

impl Tables {
    fn each(&mut self, commit: bool) {
        fn end<K: Ord + Clone, V: Clone>(table: &mut Table<K, V>, commit: bool) {
            if commit {
                table.commit()
            } else {
                table.roll_back()
            }
        }
        end(&mut self.jobs, commit);
        end(&mut self.notes, commit);
        end(&mut self.tasks, commit);
        end(&mut self.metrics, commit);
        end(&mut self.texts, commit);
        end(&mut self.models, commit);
        end(&mut self.versions, commit);
        end(&mut self.parts, commit);
        end(&mut self.tags, commit);
        end(&mut self.bound, commit);
        end(&mut self.told, commit);
        end(&mut self.parties, commit);
        end(&mut self.outbox, commit);
        end(&mut self.experiments, commit);
        end(&mut self.entities, commit);
        end(&mut self.events, commit);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> Stored<Box<dyn Transaction>> {
        Ok(Box::new(MemoryTransaction {
            tables: Arc::clone(&self.tables).lock_owned().await,
        }))
    }
}

struct MemoryTransaction {
    tables: OwnedMutexGuard<Tables>,
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn commit(mut self: Box<Self>) -> Stored<()> {
        self.tables.each(true);
        Ok(())
    }
}

impl Drop for MemoryTransaction {
    fn drop(&mut self) {
        // After a commit there is nothing left to take back.
        self.tables.each(false);
    }
}

/// The page of a list.
fn page<T>(all: Vec<T>, limit: Option<u32>, offset: u32) -> Vec<T> {
    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    all.into_iter()
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(limit)
        .collect()
}

/// Whether a value is among those asked for; an empty list asks for anything.
fn among<T: PartialEq>(asked: &[T], value: &T) -> bool {
    asked.is_empty() || asked.contains(value)
}
