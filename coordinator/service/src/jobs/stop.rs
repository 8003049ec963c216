//! Stopping: the wish is stored, the loop carries it out, and the caller waits shortly for quiet.

use std::time::Duration;

use domain::{Job, JobState, StopRequest};
use vocabulary::{ErrorCode, Fault, JobId};

use crate::ServiceError;
use crate::apply::Loaded;
use crate::filter::{JobFilter, JobOrder};
use crate::jobs::Jobs;
use crate::principal::Principal;

/// How long a caller waits for agents to be quiet.
const PATIENCE: Duration = Duration::from_secs(2);

/// States of a job of which no attempt was started yet.
const WAITS: [JobState; 2] = [JobState::Offered, JobState::Queued];

impl Jobs<'_> {
    /// Stops a job, to settle as `Canceled` or `Failed`; waits up to two seconds for quiet. A settled job stays as it is.
    pub async fn stop(
        self,
        who: &Principal,
        id: &JobId,
        settle_as: JobState,
    ) -> Result<Job, ServiceError> {
        if !matches!(settle_as, JobState::Canceled | JobState::Failed) {
            let message = format!("a job is stopped as Canceled or Failed, not as {settle_as:?}");
            return Err(ServiceError::Conflict(Fault::new(
                ErrorCode::RequestInvalid,
                message,
            )));
        }
        if self
            .wish_stop(who, id, settle_as, |job| !job.state.is_settled())
            .await?
        {
            self.wait_settled(id, PATIENCE).await?;
        }
        self.get(id).await
    }

    /// Cancels every job of the caller that waits; gives their ids. One that starts meanwhile waits no more, and runs on.
    pub async fn cancel_waiting(self, who: &Principal) -> Result<Vec<JobId>, ServiceError> {
        let filter = JobFilter {
            states: WAITS.to_vec(),
            initiator_parties: who.party().cloned().into_iter().collect(),
            order: JobOrder::Created,
            ..JobFilter::default()
        };
        let (jobs, _) = self.find(&filter).await?;
        let mut ids = Vec::new();
        for job in jobs {
            if self
                .wish_stop(who, &job.id, JobState::Canceled, |job| {
                    WAITS.contains(&job.state)
                })
                .await?
            {
                ids.push(job.id);
            }
        }
        // One patience for all of them, not one each: somebody waits for the answer.
        let settled = async {
            for id in &ids {
                self.wait_settled(id, PATIENCE).await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, settled)
            .await
            .unwrap_or(Ok::<(), ServiceError>(()))?;
        Ok(ids)
    }

    /// Stores the wish; false when the job, as it stands in the same transaction, is not one to be stopped.
    async fn wish_stop(
        self,
        who: &Principal,
        id: &JobId,
        settle_as: JobState,
        concerns: fn(&Job) -> bool,
    ) -> Result<bool, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        tx.poke_job(id, now).await?;
        let mut loaded = Loaded::load(&mut *tx, id)
            .await?
            .ok_or_else(|| ServiceError::no_job(id))?;
        who.may_steer(&loaded.snapshot.job)
            .map_err(ServiceError::Denied)?;
        // Judged again here: since the list was read the job may have started, or ended.
        if !concerns(&loaded.snapshot.job) {
            return Ok(false);
        }
        let asked_by = who
            .party()
            .map_or_else(String::new, |party| format!(" by a user of party {party}"));
        let reason = Fault::new(
            ErrorCode::Canceled,
            format!("the job was stopped{asked_by}"),
        );
        if loaded.snapshot.ask_to_stop(StopRequest {
            settle_as,
            reason,
            at: now,
        }) {
            tracing::info!(job = %id, ?settle_as, "stop asked for");
            loaded.job_mut();
            loaded.save(&mut *tx).await?;
        }
        tx.commit().await?;
        self.coordinator.changed();
        Ok(true)
    }
}
