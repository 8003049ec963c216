//! Channels: places where files arrive.

use domain::abeja::deployment::Channel;
use domain::{Entity, EntityKind};
use serde_json::{Value, json};
use service::EntityFilter;
use service::numbered::IdForm;
use vocabulary::{ErrorCode, Fault};

use super::reply::{Answer, Refusal, found, made};
use super::request::{Call, given_name, name, notes};
use super::times::time_of_file;
use super::{Abeja, again};

/// Channels of one page, and the most of one.
const PAGE: u32 = 50;
const MOST: u32 = 1_000;

pub(super) async fn create(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let storage = match notes(&body, "storage_type")?.unwrap_or_else(|| "datalake".to_owned()) {
        known if matches!(known.as_str(), "datalake" | "file") => known,
        _ => return Err(Refusal::bad("storage_type: datalake or file")),
    };
    let channel = Channel {
        description: notes(&body, "description")?.unwrap_or_default(),
        storage,
        ..Channel::default()
    };
    let mut entity = Entity::new(
        EntityKind::Channel,
        "",
        call.tenant().clone(),
        api.coordinator().now(),
    );
    (entity.name, entity.creator) = (Some(name(&body, "name")?), call.creator());
    entity.write(&channel)?;
    let is_same = |entity: &Entity| entity.read::<Channel>().is_ok_and(|own| own == channel);
    let place = (EntityKind::Channel, None, entity.name.as_deref());
    if let Some(entity) = again::made_before(&api, &call, place, is_same).await? {
        return made(&with_organization(
            &call,
            &entity,
            "channel",
            shown(&entity)?,
        ));
    }
    let entity = api
        .coordinator()
        .entities()
        .add_numbered(entity, IdForm::Number, false)
        .await?;
    made(&with_organization(
        &call,
        &entity,
        "channel",
        shown(&entity)?,
    ))
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let (limit, offset) = (
        call.number("limit")?.unwrap_or(PAGE).min(MOST),
        call.number("offset")?.unwrap_or(0),
    );
    let archived = call.wants_archived()?;
    api.coordinator()
        .channels()
        .of_data_sets(call.tenant())
        .await?;
    let filter = EntityFilter {
        tenant: Some(call.tenant().clone()),
        ..EntityFilter::of(EntityKind::Channel)
    };
    let (all, _) = api.coordinator().entities().find(&filter).await?;
    let mut kept = Vec::new();
    for entity in &all {
        if archived || !entity.read::<Channel>()?.archived {
            kept.push(shown(entity)?);
        }
    }
    let (skip, most) = (offset as usize, limit as usize);
    let has_next = kept.len() > skip.saturating_add(most);
    let page: Vec<Value> = kept.into_iter().skip(skip).take(most).collect();
    let since = all
        .first()
        .map_or_else(|| api.coordinator().now(), |first| first.created);
    found(&json!({
        "organization_id": call.organization(),
        "organization_name": call.tenant(),
        "channels": page,
        "limit": limit,
        "offset": offset,
        "has_next": has_next,
        "created_at": time_of_file(since),
        "updated_at": time_of_file(since),
    }))
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    let entity = api
        .coordinator()
        .entities()
        .get(
            EntityKind::Channel,
            Some(call.tenant()),
            call.segment("channel"),
        )
        .await?;
    found(&with_organization(
        &call,
        &entity,
        "channel",
        shown(&entity)?,
    ))
}

pub(super) async fn patch(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let (named, description) = (given_name(&body, "name")?, notes(&body, "description")?);
    let change = |entity: &mut Entity| {
        let mut channel = own(entity)?;
        if let Some(description) = description {
            channel.description = description;
        }
        if named.is_some() {
            entity.name = named;
        }
        entity.write(&channel)
    };
    let (tenant, id) = (call.tenant(), call.segment("channel"));
    let entity = api
        .coordinator()
        .entities()
        .change(EntityKind::Channel, Some(tenant), id, change)
        .await?;
    found(&with_organization(
        &call,
        &entity,
        "channel",
        shown(&entity)?,
    ))
}

pub(super) async fn archive(api: Abeja, call: Call) -> Answer {
    put_away(api, call, true).await
}

pub(super) async fn unarchive(api: Abeja, call: Call) -> Answer {
    put_away(api, call, false).await
}

async fn put_away(api: Abeja, call: Call, archived: bool) -> Answer {
    let change = |entity: &mut Entity| {
        let mut channel = own(entity)?;
        channel.archived = archived;
        entity.write(&channel)
    };
    let (tenant, id) = (call.tenant(), call.segment("channel"));
    api.coordinator()
        .entities()
        .change(EntityKind::Channel, Some(tenant), id, change)
        .await?;
    let what = if archived { "archived" } else { "unarchived" };
    found(&json!({"message": format!("channel {id} {what}")}))
}

/// A channel that its organization made: the one that shows the data sets stays as it is.
fn own(entity: &Entity) -> Result<Channel, Fault> {
    let channel: Channel = entity.read()?;
    if channel.shows_data_sets {
        return Err(Fault::new(
            ErrorCode::Conflict,
            "this channel shows the data sets of the organization; it stays as it is",
        ));
    }
    Ok(channel)
}

fn with_organization(call: &Call, entity: &Entity, key: &str, value: Value) -> Value {
    json!({
        "organization_id": call.organization(),
        "organization_name": call.tenant(),
        key: value,
        "created_at": time_of_file(entity.created),
        "updated_at": time_of_file(entity.modified),
    })
}

fn shown(entity: &Entity) -> Result<Value, Refusal> {
    let body: Channel = entity.read()?;
    Ok(json!({
        "channel_id": entity.id,
        "name": entity.name,
        "display_name": entity.name,
        "description": body.description,
        "storage_type": body.storage,
        "archived": body.archived,
        "created_at": time_of_file(entity.created),
        "updated_at": time_of_file(entity.modified),
    }))
}
