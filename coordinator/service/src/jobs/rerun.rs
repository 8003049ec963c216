//! Running a settled job again: chosen steps get a new attempt, and every party is asked again.

use std::time::Duration;

use domain::{Job, JobState, rerun};
use vocabulary::{ErrorCode, Fault, JobId, StepName};

use crate::apply::{Loaded, log_job};
use crate::archived::{documents_take_work, takes_work};
use crate::jobs::Jobs;
use crate::principal::Principal;
use crate::records::OrderKind;
use crate::{ServiceError, WHEN_SETTLED};

/// How long a rerun waits for a job that is being stopped.
const PATIENCE: Duration = Duration::from_secs(10);

impl Jobs<'_> {
    /// Runs a settled job again: the steps named and all that hang on them (all steps when `None`), those that succeeded
    /// only with `force`. Nothing to run again: the job stays as it is. A job that is not settled is a conflict.
    pub async fn rerun(
        self,
        who: &Principal,
        id: &JobId,
        components: Option<Vec<StepName>>,
        force: bool,
    ) -> Result<Job, ServiceError> {
        // A job that is being stopped shows as stopped already, so its rerun waits for quiet.
        if self.get(id).await?.state == JobState::Stopping {
            self.wait_settled(id, PATIENCE).await?;
        }
        let now = self.coordinator.now();
        let wanted: Vec<String> = components
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut tx = self.coordinator.inner.store.begin().await?;
        // Poked before it is loaded: a job that runs again and is not due would lie still.
        tx.poke_job(id, now).await?;
        let mut loaded = Loaded::load(&mut *tx, id)
            .await?
            .ok_or_else(|| ServiceError::no_job(id))?;
        who.may_steer(&loaded.snapshot.job)
            .map_err(ServiceError::Denied)?;
        let plan = rerun::plan(&loaded.snapshot, &wanted, force).map_err(refused)?;
        if !plan.restarts {
            return Ok(loaded.snapshot.job);
        }
        if let Some(experiment) = tx
            .experiment(&loaded.snapshot.job.experiment)
            .await?
            .filter(|one| one.archived)
        {
            takes_work(&experiment).map_err(ServiceError::Conflict)?;
        }
        let written = &loaded.snapshot.job.definition;
        documents_take_work(&mut *tx, (&written.dsl, &written.conf)).await?;
        for hook in WHEN_SETTLED {
            hook.run_again(&mut *tx, &loaded.snapshot.job, now).await?;
        }
        loaded.snapshot.rerun(&plan, now).map_err(|illegal| {
            ServiceError::Conflict(Fault::new(ErrorCode::JobState, illegal.to_string()))
        })?;
        // The parties were told that the job is over and may have forgotten what they accepted, so all are asked again;
        // the offer says the same but for how long it is good.
        loaded.job_mut().offer = None;
        if let Some(ticket) = who.ticket_of(&loaded.snapshot.job.initiator.party) {
            loaded.job_mut().ticket = Some(ticket);
        }
        loaded.job_mut().answers.clear();
        for order in loaded
            .orders
            .iter()
            // Cancels stay: an agent that was away may still work on an attempt of the last run.
            .filter(|order| !matches!(order.kind, OrderKind::Cancel { .. }))
        {
            tx.remove_order(&order.key).await?;
        }
        loaded.save(&mut *tx).await?;
        tx.save_signatures(&loaded.snapshot.job).await?;
        tx.commit().await?;
        log_job(&loaded.snapshot.job);
        self.coordinator.changed();
        Ok(loaded.snapshot.job)
    }
}

fn refused(fault: Fault) -> ServiceError {
    match fault.code {
        ErrorCode::NotFound => ServiceError::NotFound(fault),
        _ => ServiceError::Conflict(fault),
    }
}
