//! Deployments and their versions: made, changed, given up; and the one that every tenant has.

use domain::abeja::deployment::{
    BUILT_IN, BUILT_IN_LABEL, Deployment, DeploymentVersion, PREDICT_HANDLER,
};
use domain::{Entity, EntityKind, JobState};
use vocabulary::{ErrorCode, Fault, JobId, Tenant};

use crate::ServiceError;
use crate::filter::{EntityFilter, JobFilter};
use crate::numbered::{IdForm, insert, named};
use crate::ports::Transaction;

handle! {
    /// ABEJA's deployments: what runs are made of.
    Targets, targets
}

/// Jobs that one query looks for.
const JOBS_AT_ONCE: usize = 500;

impl Targets<'_> {
    /// A tenant's deployments, oldest first; the built-in one among them.
    pub async fn list(self, tenant: &Tenant) -> Result<Vec<Entity>, ServiceError> {
        self.built_in(tenant).await?;
        let filter = EntityFilter {
            tenant: Some(tenant.clone()),
            ..EntityFilter::of(EntityKind::Deployment)
        };
        Ok(self.coordinator.entities().find(&filter).await?.0)
    }

    /// The deployment that every tenant has; made with its version when it is not there.
    pub async fn built_in(self, tenant: &Tenant) -> Result<Entity, ServiceError> {
        if let Some(found) = self
            .coordinator
            .entities()
            .named(EntityKind::Deployment, tenant, None, BUILT_IN)
            .await?
        {
            return Ok(found);
        }
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        if let Some(found) = named(
            &mut *tx,
            EntityKind::Deployment,
            tenant,
            None,
            Some(BUILT_IN),
        )
        .await?
        {
            return Ok(found);
        }
        let mut target = Entity::new(EntityKind::Deployment, "", tenant.clone(), now);
        target.name = Some(BUILT_IN.to_owned());
        let description = "Applies a model to a table".to_owned();
        target
            .write(&Deployment {
                description,
                ..Deployment::default()
            })
            .map_err(ServiceError::Internal)?;
        // Deployment and version in one transaction: clients expect that the built-in one can be
        // run at once.
        let target = insert(&mut *tx, target, IdForm::Number, true).await?;
        let mut version = Entity::new(EntityKind::DeploymentVersion, "", tenant.clone(), now);
        (version.parent, version.name) = (Some(target.id.clone()), Some(BUILT_IN_LABEL.to_owned()));
        let body = DeploymentVersion {
            handler: PREDICT_HANDLER.to_owned(),
            image: format!("fedflow:{}", env!("CARGO_PKG_VERSION")),
            secret: self.coordinator.new_secret(),
            ..DeploymentVersion::default()
        };
        version.write(&body).map_err(ServiceError::Internal)?;
        insert(&mut *tx, version, IdForm::Hex("ver-"), true).await?;
        tx.commit().await?;
        Ok(target)
    }

    /// Makes a deployment. A name that the tenant has already is a `Conflict`.
    pub async fn create(
        self,
        tenant: &Tenant,
        creator: &str,
        name: &str,
        body: &Deployment,
    ) -> Result<Entity, ServiceError> {
        self.built_in(tenant).await?;
        let mut target = Entity::new(
            EntityKind::Deployment,
            "",
            tenant.clone(),
            self.coordinator.now(),
        );
        (target.name, target.creator) = (Some(name.to_owned()), creator.to_owned());
        target.write(body).map_err(ServiceError::Internal)?;
        self.coordinator
            .entities()
            .add_numbered(target, IdForm::Number, true)
            .await
    }

    /// Gives a deployment another name or other variables.
    pub async fn change(
        self,
        tenant: &Tenant,
        id: &str,
        name: Option<&str>,
        what: impl FnOnce(&mut Deployment) + Send,
    ) -> Result<Entity, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let mut target = own(&mut *tx, EntityKind::Deployment, tenant, id).await?;
        if let Some(name) = name.filter(|name| target.name.as_deref() != Some(name)) {
            if target.name.as_deref() == Some(BUILT_IN) {
                return Err(built_in());
            }
            if named(&mut *tx, EntityKind::Deployment, tenant, None, Some(name))
                .await?
                .is_some()
            {
                let fault = Fault::new(
                    ErrorCode::Conflict,
                    "there is a deployment of that name already",
                )
                .path("name");
                return Err(ServiceError::Conflict(fault));
            }
            target.name = Some(name.to_owned());
        }
        let mut body: Deployment = target.read().map_err(ServiceError::Internal)?;
        what(&mut body);
        target.write(&body).map_err(ServiceError::Internal)?;
        target.modified = now;
        tx.save_entity(&target).await?;
        tx.commit().await?;
        Ok(target)
    }

    /// A version of a deployment; `NotFound` when it is another deployment's.
    pub async fn version(
        self,
        tenant: &Tenant,
        target: &str,
        id: &str,
    ) -> Result<Entity, ServiceError> {
        self.coordinator
            .entities()
            .get(EntityKind::Deployment, Some(tenant), target)
            .await?;
        let version = self
            .coordinator
            .entities()
            .get(EntityKind::DeploymentVersion, Some(tenant), id)
            .await?;
        if version.parent.as_deref() == Some(target) {
            Ok(version)
        } else {
            Err(unknown(EntityKind::DeploymentVersion, id))
        }
    }

    /// A deployment's versions, oldest first.
    pub async fn versions(
        self,
        tenant: &Tenant,
        target: &str,
    ) -> Result<Vec<Entity>, ServiceError> {
        self.coordinator
            .entities()
            .get(EntityKind::Deployment, Some(tenant), target)
            .await?;
        let filter = EntityFilter {
            tenant: Some(tenant.clone()),
            parent: Some(target.to_owned()),
            ..EntityFilter::of(EntityKind::DeploymentVersion)
        };
        Ok(self.coordinator.entities().find(&filter).await?.0)
    }

    /// Makes a version of a deployment. A label that the deployment has already is a `Conflict`.
    pub async fn create_version(
        self,
        tenant: &Tenant,
        target: &str,
        label: &str,
        body: &DeploymentVersion,
    ) -> Result<Entity, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        own(&mut *tx, EntityKind::Deployment, tenant, target).await?;
        let mut version = Entity::new(
            EntityKind::DeploymentVersion,
            "",
            tenant.clone(),
            self.coordinator.now(),
        );
        (version.parent, version.name) = (Some(target.to_owned()), Some(label.to_owned()));
        version.write(body).map_err(ServiceError::Internal)?;
        let version = insert(&mut *tx, version, IdForm::Hex("ver-"), true).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Gives a deployment up, with its versions. A run of it that has not ended is a `Conflict`.
    pub async fn delete(self, tenant: &Tenant, id: &str) -> Result<(), ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        let target = own(&mut *tx, EntityKind::Deployment, tenant, id).await?;
        if target.name.as_deref() == Some(BUILT_IN) {
            return Err(built_in());
        }
        let in_it = |kind| EntityFilter {
            parent: Some(id.to_owned()),
            ..EntityFilter::of(kind)
        };
        let (runs, _) = tx.find_entities(&in_it(EntityKind::Run)).await?;
        // In the transaction that gives up: a run that is made meanwhile waits for it and then
        // finds no deployment.
        refuse_live(&mut *tx, &runs, |_| true).await?;
        let (versions, _) = tx
            .find_entities(&in_it(EntityKind::DeploymentVersion))
            .await?;
        for entity in std::iter::once(target).chain(versions).chain(runs) {
            give_up(&mut *tx, entity, self.coordinator.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives a version up. A run of it that has not ended is a `Conflict`.
    pub async fn delete_version(
        self,
        tenant: &Tenant,
        target: &str,
        id: &str,
    ) -> Result<Entity, ServiceError> {
        let version = self.version(tenant, target, id).await?;
        let mut tx = self.coordinator.inner.store.begin().await?;
        let parent = own(&mut *tx, EntityKind::Deployment, tenant, target).await?;
        if parent.name.as_deref() == Some(BUILT_IN) {
            return Err(built_in());
        }
        let in_it = EntityFilter {
            parent: Some(target.to_owned()),
            ..EntityFilter::of(EntityKind::Run)
        };
        let (runs, _) = tx.find_entities(&in_it).await?;
        refuse_live(&mut *tx, &runs, |run| run.version == id).await?;
        give_up(&mut *tx, version.clone(), self.coordinator.now()).await?;
        tx.commit().await?;
        Ok(version)
    }
}

async fn refuse_live(
    tx: &mut dyn Transaction,
    runs: &[Entity],
    concerns: impl Fn(&domain::abeja::Run) -> bool,
) -> Result<(), ServiceError> {
    let concerned = runs.iter().filter(|run| {
        run.read::<domain::abeja::Run>()
            .is_ok_and(|body| concerns(&body))
    });
    let jobs: Vec<JobId> = concerned.filter_map(|run| run.job.clone()).collect();
    for ids in jobs.chunks(JOBS_AT_ONCE) {
        let filter = JobFilter {
            ids: ids.to_vec(),
            states: JobState::UNSETTLED.to_vec(),
            limit: Some(1),
            ..JobFilter::default()
        };
        if let Some(live) = tx.find_jobs(&filter).await?.0.first() {
            let run = runs.iter().find(|run| run.job.as_ref() == Some(&live.id));
            let message = format!(
                "run {} has not ended",
                run.map_or("", |run| run.id.as_str())
            );
            let fault =
                Fault::new(ErrorCode::Conflict, message).next("wait for its end, or stop its job");
            return Err(ServiceError::Conflict(fault));
        }
    }
    Ok(())
}

async fn give_up(
    tx: &mut dyn Transaction,
    mut entity: Entity,
    now: vocabulary::Timestamp,
) -> Result<(), ServiceError> {
    (entity.deleted, entity.modified) = (true, now);
    tx.save_entity(&entity).await?;
    Ok(())
}

/// A tenant's entity. What is deleted, and what is another tenant's, looks as if it had never been.
pub(crate) async fn own(
    tx: &mut dyn Transaction,
    kind: EntityKind,
    tenant: &Tenant,
    id: &str,
) -> Result<Entity, ServiceError> {
    let found = tx
        .entity(kind, id)
        .await?
        .filter(|found| !found.deleted && found.tenant == *tenant);
    found.ok_or_else(|| unknown(kind, id))
}

pub(crate) fn unknown(kind: EntityKind, id: &str) -> ServiceError {
    let shown: String = id.chars().take(80).collect();
    let message = format!("{} {shown} does not exist", kind.word().replace('_', " "));
    ServiceError::NotFound(Fault::new(ErrorCode::NotFound, message))
}

fn built_in() -> ServiceError {
    let message = format!("the deployment {BUILT_IN} belongs to every tenant and stays as it is");
    ServiceError::Conflict(
        Fault::new(ErrorCode::Conflict, message).next("make a deployment of your own"),
    )
}
