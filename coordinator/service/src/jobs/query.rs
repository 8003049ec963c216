//! Jobs and tasks as they stand, and how the coordinator is.

use std::collections::BTreeMap;

use domain::{Job, JobState, Task};
use vocabulary::{ErrorCode, Fault, JobId, Participant, TableSummary, TaskId};

use crate::filter::{JobFilter, RowFilter, TaskFilter};
use crate::jobs::Jobs;
use crate::{Coordinator, ServiceError};

/// How the coordinator is.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Why the store does not work; `None` when it does.
    pub store: Option<Fault>,
    /// How many jobs stand in each state; states without jobs are left out.
    pub jobs: Vec<(JobState, u64)>,
    /// How many agents are connected.
    pub agents_online: usize,
    /// How many rows of each kind cannot be read and were set aside.
    pub set_aside: BTreeMap<String, u64>,
    /// How many agents were ever seen.
    pub agents_known: usize,
}

impl Jobs<'_> {
    /// A job.
    pub async fn get(self, id: &JobId) -> Result<Job, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        if let Some(job) = tx.job(id).await? {
            return Ok(job);
        }
        // Told apart from a job that never was: whoever knows the id would else look for his own
        // mistake.
        if tx.is_set_aside("job", id.as_str()).await? {
            let message = format!("job {id} cannot be read any more and was set aside");
            let fault =
                Fault::new(ErrorCode::RecordUnreadable, message).next("see the coordinator's log");
            return Err(ServiceError::NotFound(fault));
        }
        Err(ServiceError::no_job(id))
    }

    /// The jobs that fit, one page of them, and how many fit in all; without their offers and the answers to them.
    pub async fn find(self, filter: &JobFilter) -> Result<(Vec<Job>, u64), ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_jobs(filter)
            .await?)
    }

    /// The participants that fit, one page of them, and how many fit in all.
    pub async fn rows(
        self,
        filter: &RowFilter,
    ) -> Result<(Vec<(JobId, Participant)>, u64), ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_rows(filter)
            .await?)
    }

    /// Puts a note on a participant's view of a job.
    pub async fn set_notes(
        self,
        id: &JobId,
        participant: &Participant,
        notes: &str,
    ) -> Result<(), ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !tx.set_notes(id, participant, notes).await? {
            let message =
                format!("{participant} takes no part in job {id}, or there is no such job");
            return Err(ServiceError::NotFound(Fault::new(
                ErrorCode::JobUnknown,
                message,
            )));
        }
        Ok(tx.commit().await?)
    }

    /// The notes on a job, of those participants that have one.
    pub async fn notes(self, id: &JobId) -> Result<Vec<(Participant, String)>, ServiceError> {
        Ok(self.coordinator.inner.store.read().await?.notes(id).await?)
    }

    /// The notes on several jobs; those without any are left out.
    pub async fn notes_on(
        self,
        ids: &[JobId],
    ) -> Result<BTreeMap<JobId, Vec<(Participant, String)>>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .notes_on(ids)
            .await?)
    }

    /// The tasks that fit, one page of them, and how many fit in all.
    pub async fn tasks(self, filter: &TaskFilter) -> Result<(Vec<Task>, u64), ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_tasks(filter)
            .await?)
    }

    /// The data outputs of the newest try of a task.
    pub async fn outputs(self, id: &TaskId) -> Result<Vec<TableSummary>, ServiceError> {
        let task = self.coordinator.inner.store.read().await?.task(id).await?;
        task.map(|task| task.outputs)
            .ok_or_else(|| ServiceError::no_task(id))
    }
}

impl Coordinator {
    /// How the coordinator is; never an error.
    pub async fn health(&self) -> Health {
        let counted = async {
            let mut tx = self.inner.store.read().await?;
            Ok::<_, crate::StoreError>((tx.count_jobs().await?, tx.count_set_aside().await?))
        };
        let (store, (jobs, set_aside)) = match counted.await {
            Ok(counts) => (None, counts),
            Err(error) => (Some(error.fault()), Default::default()),
        };
        let agents_online = self.inner.leases.linked_count();
        Health {
            store,
            jobs,
            set_aside,
            agents_online,
            agents_known: self.inner.leases.parties().len(),
        }
    }
}
