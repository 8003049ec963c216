//! Waiting for the end of a job that somebody's answer depends on.

use std::time::Duration;

use domain::Job;
use vocabulary::JobId;

use crate::{Coordinator, ServiceError};

impl Coordinator {
    /// The job once it has settled, or as it stands when `patience` is over. `NotFound` when there is no such job.
    pub async fn once_settled(&self, id: &JobId, patience: Duration) -> Result<Job, ServiceError> {
        self.wait_settled(id, patience).await?;
        self.job(id).await
    }
}
