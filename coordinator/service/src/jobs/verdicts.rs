//! Whoever submits a job learns at once when a party refuses it: the verdicts of the parties that are connected take no longer
//! than their agents' answers.

use std::time::Duration;

use domain::{Job, JobState, Presence};
use vocabulary::{Fault, JobId};

use crate::ServiceError;
use crate::jobs::Jobs;

impl Jobs<'_> {
    /// Waits until every connected party has judged a job's offer, `verdict_millis` at most; why it was refused, if it was.
    pub async fn verdicts(self, id: &JobId) -> Result<Option<Fault>, ServiceError> {
        let mut changes = self.coordinator.inner.changes.subscribe();
        let judged = async {
            loop {
                changes.mark_unchanged();
                let Some(job) = self.coordinator.inner.store.read().await?.job(id).await? else {
                    return Ok(None);
                };
                if job.state == JobState::Refused {
                    return Ok(job.reason);
                }
                if !is_awaited(&job, &self.coordinator.presence())
                    || changes.changed().await.is_err()
                {
                    return Ok(None);
                }
            }
        };
        let patience = Duration::from_millis(self.coordinator.inner.options.verdict_millis);
        tokio::time::timeout(patience, judged)
            .await
            .unwrap_or(Ok(None))
    }
}

/// Whether a connected party has still to judge the job: the initiator first, since the others are asked with its signature.
fn is_awaited(job: &Job, presence: &Presence) -> bool {
    if job.state != JobState::Offered || job.stop.is_some() {
        return false;
    }
    if job.offer.is_none() {
        return presence.is_online(&job.initiator.party);
    }
    job.answers
        .values()
        .any(|answer| matches!(answer, domain::Answer::Refused(_)))
        || job
            .cast
            .parties()
            .iter()
            .any(|party| !job.answers.contains_key(party) && presence.is_online(party))
}
