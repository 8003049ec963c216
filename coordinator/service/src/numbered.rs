//! Entities whose ids are numbers or hexadecimal digits, and whose names may have to be the only ones of their kind.

use domain::{Entity, EntityKind};
use vocabulary::{ErrorCode, Fault, Tenant};

use crate::ServiceError;
use crate::entities::Entities;
use crate::filter::EntityFilter;
use crate::ports::{Stored, Transaction};

/// How often another id is tried when one is taken.
const ATTEMPTS: u32 = 100;
/// The least number of thirteen digits.
const LEAST: u64 = 1_000_000_000_000;

/// What an id looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdForm {
    /// Thirteen decimal digits.
    Number,
    /// A beginning, and sixteen hexadecimal digits.
    Hex(&'static str),
    /// As it was given.
    Given,
}

impl IdForm {
    fn fill(self, entity: &mut Entity) {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        // The halves are laid over each other: some digits of an UUID are always the same.
        let random = high ^ low;
        match self {
            IdForm::Number => entity.id = (LEAST + random % (9 * LEAST)).to_string(),
            IdForm::Hex(start) => entity.id = format!("{start}{random:016x}"),
            IdForm::Given => {}
        }
    }
}

/// Keeps a new entity under an id that is free. A name that must be `unique` among its kind, tenant and parent and is not is a
/// `Conflict`.
pub(crate) async fn insert(
    tx: &mut dyn Transaction,
    entity: Entity,
    form: IdForm,
    unique: bool,
) -> Result<Entity, ServiceError> {
    if unique
        && named(
            tx,
            entity.kind,
            &entity.tenant,
            entity.parent.as_deref(),
            entity.name.as_deref(),
        )
        .await?
        .is_some()
    {
        let name: String = entity.name.unwrap_or_default().chars().take(80).collect();
        let message = format!("there is a {} named {name} already", word(entity.kind));
        return Err(ServiceError::Conflict(
            Fault::new(ErrorCode::Conflict, message).path("name"),
        ));
    }
    let kind = entity.kind;
    place(tx, entity, form).await?.ok_or_else(|| {
        let message = format!("no free id was found for a {}", word(kind));
        ServiceError::Conflict(Fault::new(ErrorCode::Conflict, message))
    })
}

/// Keeps a new entity under an id that is free; nothing when none was found.
pub(crate) async fn place(
    tx: &mut dyn Transaction,
    mut entity: Entity,
    form: IdForm,
) -> Stored<Option<Entity>> {
    for _ in 0..ATTEMPTS {
        form.fill(&mut entity);
        if tx.insert_entity(&entity).await? {
            return Ok(Some(entity));
        }
        if form == IdForm::Given {
            break;
        }
    }
    Ok(None)
}

fn word(kind: EntityKind) -> String {
    kind.word().replace('_', " ")
}

/// The entity of that name in that parent, unless it is deleted.
pub(crate) async fn named(
    tx: &mut dyn Transaction,
    kind: EntityKind,
    tenant: &Tenant,
    parent: Option<&str>,
    name: Option<&str>,
) -> Stored<Option<Entity>> {
    let Some(name) = name else { return Ok(None) };
    let filter = EntityFilter {
        tenant: Some(tenant.clone()),
        parent: parent.map(str::to_owned),
        name: Some(name.to_owned()),
        limit: Some(1),
        ..EntityFilter::of(kind)
    };
    Ok(tx.find_entities(&filter).await?.0.into_iter().next())
}

impl Entities<'_> {
    /// Keeps a new entity under an id of its form that is free.
    pub async fn add_numbered(
        self,
        entity: Entity,
        form: IdForm,
        unique: bool,
    ) -> Result<Entity, ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        let entity = insert(&mut *tx, entity, form, unique).await?;
        tx.commit().await?;
        Ok(entity)
    }

    /// The entity of that name in that parent, unless it is deleted.
    pub async fn named(
        self,
        kind: EntityKind,
        tenant: &Tenant,
        parent: Option<&str>,
        name: &str,
    ) -> Result<Option<Entity>, ServiceError> {
        let mut tx = self.coordinator.inner.store.read().await?;
        Ok(named(&mut *tx, kind, tenant, parent, Some(name)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Timestamp;

    #[test]
    fn makes_ids_of_the_forms_that_clients_know() {
        let mut entity = Entity::new(EntityKind::Run, "given", Tenant::only(), Timestamp(0));
        IdForm::Given.fill(&mut entity);
        assert_eq!(entity.id, "given");
        for _ in 0..1_000 {
            IdForm::Number.fill(&mut entity);
            assert!(
                entity.id.len() == 13 && entity.id.bytes().all(|byte| byte.is_ascii_digit()),
                "{}",
                entity.id
            );
            IdForm::Hex("run-").fill(&mut entity);
            let digits = entity.id.strip_prefix("run-").expect("prefix");
            assert!(
                digits.len() == 16
                    && digits
                        .bytes()
                        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
                "{digits}"
            );
        }
    }
}
