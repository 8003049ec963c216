//! The trained definition that a path names, pages of what is found in it, and where one of its models can be fetched.

use domain::abeja::deployment::TrainingModel;
use domain::{Entity, EntityKind};
use serde_json::{Value, json};
use service::EntityFilter;

use super::Abeja;
use super::reply::Refusal;
use super::request::Call;

/// One page of what was found, with how much was found in all.
pub(super) fn page(call: &Call, all: Vec<Value>) -> Result<Value, Refusal> {
    let (limit, offset) = (call.number("limit")?, call.number("offset")?.unwrap_or(0));
    let total = all.len();
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    let entries: Vec<Value> = all.into_iter().skip(offset as usize).take(most).collect();
    Ok(json!({"total": total, "offset": offset, "limit": limit, "entries": entries}))
}

/// The definition that the path names: by its number, its name, or its name with `~` for `#`. A client that writes a `#` into an
/// address sends what stands before it: that is enough where one definition alone begins so.
pub(super) async fn definition(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let named = call.segment("definition");
    match api
        .coordinator()
        .training_models()
        .definition(call.tenant(), named)
        .await
    {
        Err(service::ServiceError::NotFound(_)) if named.contains('~') => Ok(api
            .coordinator()
            .training_models()
            .definition(call.tenant(), &named.replace('~', "#"))
            .await?),
        Err(error @ service::ServiceError::NotFound(_)) => match begun(api, call, named).await? {
            Some(found) => Ok(found),
            None => Err(error.into()),
        },
        found => Ok(found?),
    }
}

/// The one definition whose name begins so, before a `#`.
async fn begun(api: &Abeja, call: &Call, named: &str) -> Result<Option<Entity>, Refusal> {
    let filter = EntityFilter {
        tenant: Some(call.tenant().clone()),
        ..EntityFilter::of(EntityKind::TrainingDefinition)
    };
    let all = api.coordinator().entities().find(&filter).await?.0;
    let begins = |one: &Entity| {
        one.name
            .as_deref()
            .and_then(|name| name.split_once('#'))
            .is_some_and(|(begin, _)| begin == named)
    };
    let mut fitting: Vec<Entity> = all.into_iter().filter(begins).collect();
    let one = fitting.pop();
    if let (Some(one), false) = (&one, fitting.is_empty()) {
        let count = fitting.len() + 1;
        let text = format!(
            "{count} definitions begin with {named}, and a # in an address ends it: ask by the number, or write ~ for # as in {}",
            path_name(one)
        );
        return Err(Refusal::bad(text));
    }
    Ok(one)
}

/// Where a model can be fetched.
pub(super) async fn address_of(api: &Abeja, call: &Call, model: Entity) -> Result<String, Refusal> {
    let secret = match model.read::<TrainingModel>()?.secret {
        secret if !secret.is_empty() => secret,
        // A model that a training left gets its address when it is first asked for.
        _ => {
            let secret = api.coordinator().new_secret();
            let change = |entity: &mut Entity| {
                let mut body: TrainingModel = entity.read()?;
                body.secret = secret;
                entity.write(&body)
            };
            let model = api
                .coordinator()
                .entities()
                .change(model.kind, Some(call.tenant()), &model.id, change)
                .await?;
            model.read::<TrainingModel>()?.secret
        }
    };
    let secret = api.coordinator().secret_of(&secret);
    let (organization, definition) = (
        call.organization(),
        model.parent.as_deref().unwrap_or_default(),
    );
    let path = format!(
        "/organizations/{organization}/training/definitions/{definition}/models/{}/content?secret={secret}",
        model.id
    );
    Ok(call.address(&path))
}

/// A definition's name as it can stand in an address: clients put names there as they are shown.
pub(super) fn path_name(definition: &Entity) -> String {
    definition
        .name
        .as_deref()
        .unwrap_or_default()
        .replace('#', "~")
}
