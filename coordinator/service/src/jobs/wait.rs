//! Waiting for the end of a job that somebody's answer depends on.

use std::time::Duration;

use domain::Job;
use vocabulary::JobId;

use crate::ServiceError;
use crate::jobs::Jobs;

impl Jobs<'_> {
    /// The job once it has settled, or as it stands when `patience` is over. `NotFound` when there is no such job.
    pub async fn once_settled(self, id: &JobId, patience: Duration) -> Result<Job, ServiceError> {
        self.wait_settled(id, patience).await?;
        self.get(id).await
    }

    /// Waits until a job has settled, at most `patience`; gives up silently.
    pub(crate) async fn wait_settled(
        self,
        id: &JobId,
        patience: Duration,
    ) -> Result<(), ServiceError> {
        let mut changes = self.coordinator.inner.changes.subscribe();
        let settled = async {
            loop {
                // Before the look: a change between the look and the wait wakes at once instead of
                // being missed.
                changes.mark_unchanged();
                match self.coordinator.inner.store.read().await?.job(id).await? {
                    Some(job) if !job.state.is_settled() => {}
                    _ => return Ok(()),
                }
                if changes.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(patience, settled)
            .await
            .unwrap_or(Ok(()))
    }
}
