//! Lines of what happened to a job.

use domain::Event;
use vocabulary::JobId;

use crate::ServiceError;
use crate::filter::EventQuery;
use crate::jobs::Jobs;

impl Jobs<'_> {
    /// Lines of what happened to a job.
    pub async fn events(self, query: &EventQuery) -> Result<Vec<Event>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .events(query)
            .await?)
    }

    /// Adds lines to what happened to a job.
    pub async fn add_events(self, job: &JobId, events: &[Event]) -> Result<(), ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        tx.add_events(job, events).await?;
        Ok(tx.commit().await?)
    }
}
