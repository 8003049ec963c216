//! Experiments: made, found, archived and deleted; and the one that takes jobs which name none.

use domain::experiment::query::{ExperimentPage, Query};
use domain::experiment::{DEFAULT_NAME, Name};
use domain::{Experiment, NewExperiment};
use vocabulary::{ErrorCode, ExperimentId, Fault, Tenant, Timestamp};

use crate::ServiceError;
use crate::ports::Transaction;
use crate::schedules::disable_all;

handle! {
    /// Experiments.
    Experiments, experiments
}

impl Experiments<'_> {
    /// Makes an experiment. `Conflict` when its name must be unique and is taken, `Invalid` never: a name that is empty is
    /// refused as a `Conflict` of code `RequestInvalid`, too.
    pub async fn create(self, new: NewExperiment) -> Result<Experiment, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let made = make(&mut *tx, new, now).await?;
        tx.commit().await?;
        tracing::info!(experiment = %made.id, name = made.unique_name, "experiment made");
        Ok(made)
    }

    /// The experiment of a tenant (of anybody, when none is given). `NotFound` when there is none, it is deleted, or it is
    /// another tenant's: the three look the same.
    pub async fn get(self, tenant: Option<&Tenant>, id: &str) -> Result<Experiment, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        existing(&mut *tx, tenant, id).await
    }

    /// One page of experiments.
    pub async fn find(self, query: &Query) -> Result<ExperimentPage, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_experiments(query)
            .await?)
    }

    /// The tenant's experiment for jobs that name none; made when there is none.
    pub async fn default_of(self, tenant: &Tenant) -> Result<Experiment, ServiceError> {
        if let Some(found) = self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .experiment_named(tenant, DEFAULT_NAME)
            .await?
        {
            return Ok(found);
        }
        let mut new = NewExperiment::named(tenant.clone(), DEFAULT_NAME);
        "All jobs that name no experiment".clone_into(&mut new.description);
        match self.create(new).await {
            // Somebody else made it meanwhile.
            Err(ServiceError::Conflict(_)) => self.named(tenant, DEFAULT_NAME).await,
            made => made,
        }
    }

    /// The experiment that a text means: an id, or a unique name.
    pub async fn meant(self, tenant: &Tenant, text: &str) -> Result<Experiment, ServiceError> {
        match self.get(Some(tenant), text).await {
            Err(ServiceError::NotFound(_)) => self.named(tenant, text).await,
            found => found,
        }
    }

    async fn named(self, tenant: &Tenant, name: &str) -> Result<Experiment, ServiceError> {
        let found = self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .experiment_named(tenant, name)
            .await?;
        found.ok_or_else(|| unknown(name))
    }

    /// Archives an experiment with all its jobs and switches its schedules off, or takes it out again by itself. Neither stops anything that runs; both
    /// may be repeated.
    pub async fn archive(
        self,
        tenant: Option<&Tenant>,
        id: &str,
        archived: bool,
    ) -> Result<Experiment, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut experiment = existing(&mut *tx, tenant, id).await?;
        if archived {
            // Jobs, schedules and the experiment in one transaction: a schedule that stayed on
            // would begin jobs nobody sees.
            tx.archive_jobs(&experiment.id, now).await?;
            disable_all(&mut *tx, &experiment.id, now).await?;
        }
        if experiment.archived != archived {
            (experiment.archived, experiment.modified) = (archived, now);
            tx.save_experiment(&experiment).await?;
        }
        tx.commit().await?;
        Ok(experiment)
    }

    /// Deletes an experiment; its jobs stay, and point at what is gone.
    pub async fn delete(self, tenant: Option<&Tenant>, id: &str) -> Result<(), ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut experiment = existing(&mut *tx, tenant, id).await?;
        (experiment.deleted, experiment.modified) = (true, now);
        tx.save_experiment(&experiment).await?;
        tx.commit().await?;
        tracing::info!(experiment = %experiment.id, "experiment deleted");
        Ok(())
    }

    /// Changes an experiment in one transaction.
    pub async fn change(
        self,
        tenant: Option<&Tenant>,
        id: &str,
        what: impl FnOnce(&mut Experiment) + Send,
    ) -> Result<Experiment, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut experiment = existing(&mut *tx, tenant, id).await?;
        what(&mut experiment);
        experiment.modified = now;
        tx.save_experiment(&experiment).await?;
        tx.commit().await?;
        Ok(experiment)
    }
}

async fn make(
    tx: &mut dyn Transaction,
    new: NewExperiment,
    now: Timestamp,
) -> Result<Experiment, ServiceError> {
    let taken = match new.wanted_name() {
        Some(name) => tx.experiment_named(&new.tenant, name).await?.is_some(),
        None => false,
    };
    let is_named = matches!(new.name, Name::Unique(_));
    let experiment = new
        .make(fresh_id().map_err(ServiceError::Internal)?, taken, now)
        .map_err(ServiceError::Conflict)?;
    // The index on names decides; the look above only gives the better text.
    if tx.insert_experiment(&experiment).await? {
        return Ok(experiment);
    }
    let message = format!(
        "experiment {} could not be named: {} is taken",
        experiment.id, experiment.unique_name
    );
    let code = if is_named {
        ErrorCode::Conflict
    } else {
        ErrorCode::Internal
    };
    Err(ServiceError::Conflict(Fault::new(code, message)))
}

fn fresh_id() -> Result<ExperimentId, Fault> {
    ExperimentId::new(uuid::Uuid::new_v4().to_string())
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))
}

async fn existing(
    tx: &mut dyn Transaction,
    tenant: Option<&Tenant>,
    id: &str,
) -> Result<Experiment, ServiceError> {
    let Ok(named) = ExperimentId::new(id) else {
        return Err(unknown(id));
    };
    let found = tx.experiment(&named).await?;
    let own =
        found.filter(|found| !found.deleted && tenant.is_none_or(|tenant| *tenant == found.tenant));
    own.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ServiceError {
    let shown: String = id.chars().take(80).collect();
    ServiceError::NotFound(Fault::new(
        ErrorCode::NotFound,
        format!("experiment {shown} does not exist"),
    ))
}
