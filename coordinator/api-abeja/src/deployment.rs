//! Deployments.

use domain::abeja::deployment::Deployment;
use domain::abeja::run::read_texts;
use domain::{Entity, EntityKind};
use serde_json::{Map, Value, json};

use super::reply::{Answer, Refusal, found, made};
use super::request::{Call, name, notes};
use super::times::time;
use super::{Abeja, again, reply, run};

pub(super) async fn create(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let named = name(&body, "name")?;
    let description = notes(&body, "description")?.unwrap_or_default();
    let deployment = Deployment {
        description,
        environment: variables(&body)?.unwrap_or_default(),
    };
    let creator = call.creator();
    let is_same = |entity: &Entity| {
        entity
            .read::<Deployment>()
            .is_ok_and(|own| own == deployment)
    };
    let place = (EntityKind::Deployment, None, Some(&*named));
    if let Some(entity) = again::made_before(&api, &call, place, is_same).await? {
        return made(&shown(&api, &entity).await?);
    }
    let entity = api
        .coordinator()
        .targets()
        .create(call.tenant(), &creator, &named, &deployment)
        .await;
    made(&shown(&api, &entity.map_err(taken)?).await?)
}

/// A name that is taken is a mistake of the request in this API.
pub(super) fn taken(error: service::ServiceError) -> Refusal {
    match error {
        service::ServiceError::Conflict(fault) if fault.path.as_deref() == Some("name") => {
            Refusal::bad(fault.message)
        }
        other => other.into(),
    }
}

fn variables(
    body: &Map<String, Value>,
) -> Result<Option<std::collections::BTreeMap<String, String>>, Refusal> {
    match body
        .get("default_environment")
        .filter(|given| !given.is_null())
    {
        None => Ok(None),
        given => {
            let read = read_texts("default_environment", given);
            Ok(Some(read.map_err(|unfit| Refusal::bad(unfit.to_string()))?))
        }
    }
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let entities = api.coordinator().targets().list(call.tenant()).await?;
    let mut entries = Vec::with_capacity(entities.len());
    for entity in &entities {
        entries.push(shown(&api, entity).await?);
    }
    found(&json!({"entries": entries}))
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    let id = call.segment("deployment");
    let entity = api
        .coordinator()
        .entities()
        .get(EntityKind::Deployment, Some(call.tenant()), id)
        .await?;
    found(&shown(&api, &entity).await?)
}

pub(super) async fn patch(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let named = super::request::given_name(&body, "name")?;
    let (description, environment) = (notes(&body, "description")?, variables(&body)?);
    let change = |deployment: &mut Deployment| {
        if let Some(description) = description {
            deployment.description = description;
        }
        if let Some(environment) = environment {
            deployment.environment = environment;
        }
    };
    let (tenant, id) = (call.tenant(), call.segment("deployment"));
    let entity = api
        .coordinator()
        .targets()
        .change(tenant, id, named.as_deref(), change)
        .await;
    found(&shown(&api, &entity.map_err(taken)?).await?)
}

pub(super) async fn delete(api: Abeja, call: Call) -> Answer {
    let id = call.segment("deployment");
    api.coordinator()
        .targets()
        .delete(call.tenant(), id)
        .await?;
    found(&json!({"message": format!("{id} deleted")}))
}

async fn shown(api: &Abeja, entity: &Entity) -> Result<Value, reply::Refusal> {
    let body: Deployment = entity.read()?;
    let runs = run::newest(api, entity).await?;
    Ok(json!({
        "deployment_id": entity.id,
        "name": entity.name,
        "description": body.description,
        "creator": creator(&entity.creator),
        "default_environment": body.environment,
        "runs": runs,
        "services": [],
        "triggers": [],
        "created_at": time(entity.created),
        "modified_at": time(entity.modified),
    }))
}

/// Who made something, in the members that clients look at.
pub(super) fn creator(name: &str) -> Value {
    json!({"id": name, "display_name": name, "email": null, "is_registered": true, "role": "admin"})
}
