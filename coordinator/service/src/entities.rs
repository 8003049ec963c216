//! What APIs name beside jobs and experiments: kept, found, and given up.

use domain::{Entity, EntityKind};
use vocabulary::{ErrorCode, Fault, JobId, Tenant};

use crate::filter::EntityFilter;
use crate::{Coordinator, ServiceError};

handle! {
    /// What APIs name beside jobs and experiments.
    Entities, entities
}

impl Coordinator {
    /// A new id of the form that most APIs use: a random UUID.
    pub fn new_uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

impl Entities<'_> {
    /// Keeps a new entity. `Conflict` when its id is taken.
    pub async fn add(self, entity: &Entity) -> Result<(), ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        if !tx.insert_entity(entity).await? {
            let message = format!("{} {} exists already", entity.kind.word(), entity.id);
            return Err(ServiceError::Conflict(Fault::new(
                ErrorCode::Conflict,
                message,
            )));
        }
        Ok(tx.commit().await?)
    }

    /// An entity of a tenant (of anybody, when none is given). `NotFound` when there is none, it is deleted, or it is another
    /// tenant's: the three look the same.
    pub async fn get(
        self,
        kind: EntityKind,
        tenant: Option<&Tenant>,
        id: &str,
    ) -> Result<Entity, ServiceError> {
        let found = self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .entity(kind, id)
            .await?;
        let own = found
            .filter(|found| !found.deleted && tenant.is_none_or(|tenant| *tenant == found.tenant));
        own.ok_or_else(|| unknown(kind, id))
    }

    /// The entities that fit, one page of them, and how many fit from the start of the page on.
    pub async fn find(self, filter: &EntityFilter) -> Result<(Vec<Entity>, u64), ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .find_entities(filter)
            .await?)
    }

    /// The entities of any kind that name a job.
    pub async fn of_job(self, job: &JobId) -> Result<Vec<Entity>, ServiceError> {
        Ok(self
            .coordinator
            .inner
            .store
            .read()
            .await?
            .entities_of_job(job)
            .await?)
    }

    /// Changes an entity in one transaction; what `what` refuses is not changed.
    pub async fn change(
        self,
        kind: EntityKind,
        tenant: Option<&Tenant>,
        id: &str,
        what: impl FnOnce(&mut Entity) -> Result<(), Fault> + Send,
    ) -> Result<Entity, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        // Read in the writing transaction, so that two changes of one entity do not undo each
        // other.
        let found = tx.entity(kind, id).await?;
        let own = found
            .filter(|found| !found.deleted && tenant.is_none_or(|tenant| *tenant == found.tenant));
        let mut entity = own.ok_or_else(|| unknown(kind, id))?;
        what(&mut entity).map_err(ServiceError::Conflict)?;
        entity.modified = now;
        tx.save_entity(&entity).await?;
        tx.commit().await?;
        Ok(entity)
    }

    /// Gives an entity's id up.
    pub async fn delete(
        self,
        kind: EntityKind,
        tenant: Option<&Tenant>,
        id: &str,
    ) -> Result<Entity, ServiceError> {
        let give_up = |entity: &mut Entity| {
            // Marked, not removed: its id must not be given out again, and jobs name it still.
            entity.deleted = true;
            Ok(())
        };
        self.change(kind, tenant, id, give_up).await
    }
}

fn unknown(kind: EntityKind, id: &str) -> ServiceError {
    let shown: String = id.chars().take(80).collect();
    let message = format!("{} {shown} does not exist", kind.word().replace('_', " "));
    ServiceError::NotFound(Fault::new(ErrorCode::NotFound, message))
}
