//! Files of channels: they stay at the tenant's home party, and stream there and back.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use domain::abeja::deployment::{Channel, ChannelFile, LIFETIMES};
use domain::{Entity, EntityKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};
use service::EntityFilter;
use service::abeja::channels::{file_stamp, table_of_file};
use service::numbered::IdForm;
use vocabulary::{ErrorCode, Fault, PartyId, Timestamp};

use super::Abeja;
use super::again;
use super::agents::{self, FileAt, FileInfo, SAID, home};
use super::place::{ListPlace, place, token};
use super::reply::{Answer, Refusal, found, made};
use super::request::Call;
use super::times::{end_of_second, read_time, second_of, time_of_file};
use super::version::{as_file, same};

const FILENAME: &str = "x-abeja-meta-filename";
/// Files of one page, and the most of one.
const PAGE: u32 = 100;
const MOST: u32 = 1_000;
/// Most members that are said of a file, and the most characters of one.
const MOST_SAID: usize = 64;
const LONGEST: usize = 4_096;
/// What clients of this API leave as it is when they write a name or a value.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The channel that the path names, where it takes files.
async fn channel_of(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    Ok(api
        .coordinator()
        .entities()
        .get(
            EntityKind::Channel,
            Some(call.tenant()),
            call.segment("channel"),
        )
        .await?)
}

async fn receiving(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let channel = channel_of(api, call).await?;
    if channel.read::<Channel>()?.shows_data_sets {
        return Err(Refusal::conflict(
            "this channel shows the data sets of the organization; it takes no files",
        ));
    }
    if channel.read::<Channel>()?.archived {
        return Err(Refusal::conflict("the channel is archived"));
    }
    Ok(channel)
}

/// What a sender says of a file in headers, percent-encoding undone.
fn said_in(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let said = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with(SAID));
    let said = said.map(|(name, value)| {
        (
            name.as_str().to_owned(),
            decoded(&String::from_utf8_lossy(value.as_bytes())),
        )
    });
    bounded(said.collect())
}

fn bounded(said: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    if said.len() <= MOST_SAID
        && said
            .iter()
            .all(|(key, value)| key.len() <= 128 && value.len() <= LONGEST)
    {
        return Ok(said);
    }
    Err(Refusal::bad(format!(
        "metadata: at most {MOST_SAID} members of at most {LONGEST} bytes"
    )))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn lifetime(text: Option<&str>) -> Result<Option<String>, Refusal> {
    match text {
        None => Ok(None),
        Some(text) if LIFETIMES.iter().any(|(word, _)| *word == text) => Ok(Some(text.to_owned())),
        Some(_) => Err(Refusal::bad(
            "lifetime: 1day, 1week, 1month, 6months or 1year",
        )),
    }
}

/// A new file of a channel, not kept yet.
async fn fresh(
    api: &Abeja,
    call: &Call,
    channel: &Entity,
) -> Result<(Entity, ChannelFile), Refusal> {
    let now = api.coordinator().now();
    let id = format!("{}-{}", file_stamp(now), api.coordinator().new_uuid());
    let mut entity = Entity::new(EntityKind::ChannelFile, id, channel.tenant.clone(), now);
    entity.parent = Some(channel.id.clone());
    entity.creator = call.creator();
    let file = ChannelFile {
        party: home(api, &channel.tenant).await?.to_string(),
        content_type: call
            .content_type()
            .unwrap_or_else(|| "application/octet-stream".to_owned()),
        metadata: said_in(&call.headers)?,
        lifetime: lifetime(call.query("lifetime"))?,
        secret: api.coordinator().new_secret(),
        ..ChannelFile::default()
    };
    entity.name = file.metadata.get(FILENAME).cloned();
    Ok((entity, file))
}

/// Takes a file in.
pub(super) async fn upload(api: Abeja, mut call: Call) -> Answer {
    let prepared = match receiving(&api, &call).await {
        Ok(channel) => prepare(&api, &call, &channel).await,
        Err(refusal) => Err(refusal),
    };
    let content = call.stream();
    let (mut entity, mut file) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            rest::lenient::drain(content).await;
            return Err(refusal);
        }
    };
    let kept = keep(&api, &entity, &file, content).await?;
    (file.bytes, file.sha256) = (kept.bytes, kept.sha256);
    entity.write(&file)?;
    let is_same = |entity: &Entity| {
        let own = entity.read::<ChannelFile>();
        own.is_ok_and(|own| {
            ChannelFile {
                secret: file.secret.clone(),
                import: None,
                ..own
            } == file
        })
    };
    let place = (
        EntityKind::ChannelFile,
        entity.parent.as_deref(),
        entity.name.as_deref(),
    );
    if let Some(before) = again::made_before(&api, &call, place, is_same).await? {
        let (party, folder) = (party_of(&file)?, entity.parent.clone().unwrap_or_default());
        // what came again is not needed twice; where it stays for now, it is no file's
        let _ = agents::delete(
            &api,
            FileAt {
                party: &party,
                folder: &folder,
                name: &entity.id,
            },
        )
        .await;
        return made(&shown(&call, &before, None)?);
    }
    let entity = api
        .coordinator()
        .entities()
        .add_numbered(entity, IdForm::Given, false)
        .await?;
    made(&shown(&call, &entity, None)?)
}

async fn prepare(
    api: &Abeja,
    call: &Call,
    channel: &Entity,
) -> Result<(Entity, ChannelFile), Refusal> {
    let (entity, file) = fresh(api, call, channel).await?;
    if let Some(key) = call.query("conflict_target") {
        let Some(value) = file.metadata.get(key) else {
            return Err(Refusal::bad(
                "conflict_target: the name of metadata that the file has",
            ));
        };
        for other in files_of(api, channel).await? {
            if other.read::<ChannelFile>()?.metadata.get(key) == Some(value) {
                return Err(Refusal::conflict(format!(
                    "file {} has the same {key}",
                    other.id
                )));
            }
        }
    }
    Ok((entity, file))
}

async fn files_of(api: &Abeja, channel: &Entity) -> Result<Vec<Entity>, Refusal> {
    let filter = EntityFilter {
        parent: Some(channel.id.clone()),
        ..EntityFilter::of(EntityKind::ChannelFile)
    };
    Ok(api.coordinator().entities().find(&filter).await?.0)
}

async fn keep(
    api: &Abeja,
    entity: &Entity,
    file: &ChannelFile,
    content: rest::BodyStream,
) -> Result<FileInfo, Refusal> {
    let (party, folder) = (party_of(file)?, entity.parent.clone().unwrap_or_default());
    let at = FileAt {
        party: &party,
        folder: &folder,
        name: &entity.id,
    };
    agents::put(api, at, (&file.content_type, &file.metadata), content).await
}

fn party_of(file: &ChannelFile) -> Result<PartyId, Refusal> {
    Ok(PartyId::new(file.party.clone())
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?)
}

/// Announces a file: it comes to an address of its own.
pub(super) async fn announce(api: Abeja, call: Call) -> Answer {
    let channel = receiving(&api, &call).await?;
    let (mut entity, mut file) = fresh(&api, &call, &channel).await?;
    file.awaited = true;
    entity.write(&file)?;
    let entity = api
        .coordinator()
        .entities()
        .add_numbered(entity, IdForm::Given, false)
        .await?;
    let mut body = shown(&call, &entity, None)?;
    body["upload_url"] = json!(address(
        &call,
        &entity,
        &api.coordinator().secret_of(&file.secret)
    ));
    body["url_expires_on"] = Value::Null;
    made(&body)
}

fn address(call: &Call, entity: &Entity, secret: &str) -> String {
    let channel = entity.parent.as_deref().unwrap_or_default();
    call.address(&format!(
        "/channels/{channel}/{}/content?secret={secret}",
        entity.id
    ))
}

/// Takes an announced file in, from whoever has its address.
pub(super) async fn content_in(api: Abeja, mut call: Call) -> Answer {
    let (entity, file) = opened(&api, &call).await?;
    if !file.awaited {
        return Err(Refusal::conflict("the file has come already"));
    }
    let kept = keep(&api, &entity, &file, call.stream()).await?;
    let change = |entity: &mut Entity| {
        let mut file: ChannelFile = entity.read()?;
        (file.bytes, file.sha256, file.awaited) = (kept.bytes, kept.sha256, false);
        entity.write(&file)
    };
    api.coordinator()
        .entities()
        .change(EntityKind::ChannelFile, None, &entity.id, change)
        .await?;
    found(&json!({"message": format!("{} uploaded", entity.id)}))
}

/// Gives a file's content, to whoever has its address.
pub(super) async fn content_out(api: Abeja, call: Call) -> Answer {
    let (entity, file) = opened(&api, &call).await?;
    if file.awaited {
        return Err(Refusal::missing("the file has not come yet"));
    }
    let (party, folder) = (party_of(&file)?, entity.parent.clone().unwrap_or_default());
    let content = agents::get(
        &api,
        FileAt {
            party: &party,
            folder: &folder,
            name: &entity.id,
        },
    )
    .await?;
    Ok(as_file(
        content,
        entity.name.as_deref().unwrap_or(&entity.id),
    ))
}

async fn opened(api: &Abeja, call: &Call) -> Result<(Entity, ChannelFile), Refusal> {
    let none = || {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "this address is not, or not any more, one to send to or fetch from",
        )
    };
    let entity = api
        .coordinator()
        .entities()
        .get(EntityKind::ChannelFile, None, call.segment("file"))
        .await;
    let entity = entity.map_err(|_| none())?;
    let file: ChannelFile = entity.read()?;
    let fits = entity.parent.as_deref() == Some(call.segment("channel"));
    if fits
        && same(
            call.query("secret").unwrap_or_default(),
            &api.coordinator().secret_of(&file.secret),
        )
        && !file.is_over(entity.created, api.coordinator().now())
    {
        Ok((entity, file))
    } else {
        Err(none())
    }
}

/// The file that the path names.
async fn of(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let (channel, id) = (channel_of(api, call).await?, call.segment("file"));
    let entity = api.coordinator().channels().file(&channel, id).await?;
    let file: ChannelFile = entity.read()?;
    let is_there = !file.is_over(entity.created, api.coordinator().now());
    if is_there {
        Ok(entity)
    } else {
        Err(Refusal::missing(format!("the channel has no file {id}")))
    }
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    let entity = described(&api, of(&api, &call).await?).await;
    let secret = api
        .coordinator()
        .secret_of(&entity.read::<ChannelFile>()?.secret);
    found(&shown(&call, &entity, Some(&secret))?)
}

/// The file that the path names, to be changed: what shows a data set is changed as that.
async fn changeable(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let entity = of(api, call).await?;
    if channel_of(api, call)
        .await?
        .read::<Channel>()?
        .shows_data_sets
    {
        return Err(Refusal::conflict(
            "this is a data set of the organization, shown as a file: it is not changed here",
        ));
    }
    Ok(entity)
}

/// A file with its length and digest: of one that a job left its party is asked once. What it does not tell now is left out.
async fn described(api: &Abeja, entity: Entity) -> Entity {
    let Ok(file) = entity.read::<ChannelFile>() else {
        return entity;
    };
    if file.awaited || file.secret.is_empty() || entity.job.is_none() || !file.sha256.is_empty() {
        return entity;
    }
    let Ok(party) = party_of(&file) else {
        return entity;
    };
    let folder = entity.parent.clone().unwrap_or_default();
    let at = FileAt {
        party: &party,
        folder: &folder,
        name: &entity.id,
    };
    let Ok(kept) = agents::describe(api, at).await else {
        return entity;
    };
    let change = |entity: &mut Entity| {
        let mut file: ChannelFile = entity.read()?;
        (file.bytes, file.sha256) = (kept.bytes, kept.sha256);
        entity.write(&file)
    };
    let noted = api
        .coordinator()
        .entities()
        .change(EntityKind::ChannelFile, None, &entity.id, change)
        .await;
    noted.unwrap_or(entity)
}

pub(super) async fn delete(api: Abeja, call: Call) -> Answer {
    let entity = changeable(&api, &call).await?;
    let file: ChannelFile = entity.read()?;
    let (party, folder) = (party_of(&file)?, entity.parent.clone().unwrap_or_default());
    agents::delete(
        &api,
        FileAt {
            party: &party,
            folder: &folder,
            name: &entity.id,
        },
    )
    .await?;
    api.coordinator()
        .entities()
        .delete(EntityKind::ChannelFile, Some(call.tenant()), &entity.id)
        .await?;
    forget_rows(&api, &party, &entity, &file).await;
    found(&json!({"message": format!("deleted file ({})", entity.id)}))
}

/// Has the party drop the table that was made of a deleted file. Rows that stay because it does not answer are no file's any
/// more.
async fn forget_rows(api: &Abeja, party: &PartyId, entity: &Entity, file: &ChannelFile) {
    if file.import.is_none() {
        return;
    }
    let table = table_of_file(entity.parent.as_deref().unwrap_or_default(), &entity.id);
    let body = json!({"namespace": table.namespace, "table_name": table.name});
    if let Err(refusal) = agents::ask(api, party, "/v1/table/delete", &body).await {
        tracing::warn!(%party, %table, status = refusal.status.as_u16(), "the table of a deleted file stays");
    }
}

pub(super) async fn put_metadata(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let entity = changeable(&api, &call).await?;
    let said = said_in_body(&body)?;
    let change = |entity: &mut Entity| {
        let mut file: ChannelFile = entity.read()?;
        entity.name = said.get(FILENAME).cloned();
        file.metadata = said;
        entity.write(&file)
    };
    let entity = api
        .coordinator()
        .entities()
        .change(
            EntityKind::ChannelFile,
            Some(call.tenant()),
            &entity.id,
            change,
        )
        .await?;
    let secret = api
        .coordinator()
        .secret_of(&entity.read::<ChannelFile>()?.secret);
    found(&shown(&call, &entity, Some(&secret))?)
}

fn said_in_body(body: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refusal> {
    let text = |(key, value): (&String, &Value)| {
        let value = value
            .as_str()
            .ok_or_else(|| Refusal::bad("metadata: an object of texts"))?;
        Ok((decoded(key).to_ascii_lowercase(), decoded(value)))
    };
    bounded(body.iter().map(text).collect::<Result<_, Refusal>>()?)
}

pub(super) async fn put_lifetime(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let entity = changeable(&api, &call).await?;
    let wanted = lifetime(
        body.get("lifetime")
            .map(|value| value.as_str().unwrap_or_default()),
    )?;
    let change = |entity: &mut Entity| {
        let mut file: ChannelFile = entity.read()?;
        file.lifetime = wanted;
        entity.write(&file)
    };
    let entity = api
        .coordinator()
        .entities()
        .change(
            EntityKind::ChannelFile,
            Some(call.tenant()),
            &entity.id,
            change,
        )
        .await?;
    let secret = api
        .coordinator()
        .secret_of(&entity.read::<ChannelFile>()?.secret);
    found(&shown(&call, &entity, Some(&secret))?)
}

/// Files of a channel, oldest first; `sort=-uploaded_at` newest first.
pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let channel = channel_of(&api, &call).await?;
    let start = call
        .query("next_page_token")
        .map(place::<ListPlace>)
        .transpose()?;
    let forward = match (&start, call.query("sort")) {
        (Some(start), _) => start.forward,
        (None, None | Some("uploaded_at")) => true,
        (None, Some("-uploaded_at")) => false,
        (None, Some(_)) => return Err(Refusal::bad("sort: uploaded_at or -uploaded_at")),
    };
    let (from, to) = (
        moment(&call, "start")?.map(second_of),
        moment(&call, "end")?.map(end_of_second),
    );
    let most = call
        .number("items_per_page")?
        .unwrap_or(PAGE)
        .clamp(1, MOST) as usize;
    let (wanted, now) = (
        call.query("q").and_then(|q| q.split_once(':')),
        api.coordinator().now(),
    );
    let mut page = Vec::new();
    let mut next = None;
    let mut filter = EntityFilter {
        parent: Some(channel.id.clone()),
        newest_first: !forward,
        start: start.map(|start| (start.created, start.id)),
        limit: Some(MOST),
        ..EntityFilter::of(EntityKind::ChannelFile)
    };
    'all: loop {
        let (batch, is_last) = api
            .coordinator()
            .channels()
            .files(&channel, &filter)
            .await?;
        for entity in batch {
            let file: ChannelFile = entity.read()?;
            let fits = from.is_none_or(|from| entity.created >= from)
                && to.is_none_or(|to| entity.created <= to)
                && wanted.is_none_or(|(key, value)| {
                    file.metadata
                        .get(key)
                        .is_some_and(|has| has.contains(value))
                });
            if file.awaited || file.is_over(entity.created, now) || !fits {
                continue;
            }
            if page.len() == most {
                next = Some(token(&ListPlace {
                    created: entity.created,
                    id: entity.id,
                    forward,
                }));
                break 'all;
            }
            let entity = described(&api, entity).await;
            page.push(shown(
                &call,
                &entity,
                Some(&api.coordinator().secret_of(&file.secret)),
            )?);
        }
        if is_last {
            break;
        }
        filter.offset = filter.offset.saturating_add(MOST);
    }
    found(&json!({"files": page, "next_page_token": next}))
}

fn moment(call: &Call, key: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = call.query(key) else {
        return Ok(None);
    };
    let plain = || {
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| {
            read_time(&format!(
                "{}-{}-{}",
                text.get(..4)?,
                text.get(4..6)?,
                text.get(6..)?
            ))
        })?
    };
    read_time(text)
        .or_else(plain)
        .map(Some)
        .ok_or_else(|| Refusal::bad(format!("{key}: a day or a moment")))
}

fn shown(call: &Call, entity: &Entity, secret: Option<&str>) -> Result<Value, Refusal> {
    let file: ChannelFile = entity.read()?;
    let quoted = |text: &str| utf8_percent_encode(text, QUOTED).to_string();
    let metadata: Map<String, Value> = file
        .metadata
        .iter()
        .map(|(key, value)| (quoted(key), json!(quoted(value))))
        .collect();
    let mut body = json!({
        "file_id": entity.id,
        "content_type": file.content_type,
        "metadata": metadata,
        "lifetime": file.lifetime,
        "size": file.bytes,
        "sha256": file.sha256,
        "uploaded_at": if file.awaited { Value::Null } else { json!(time_of_file(entity.created)) },
    });
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        body["download_uri"] = json!(address(call, entity, secret));
        body["url_expires_on"] = Value::Null;
    }
    Ok(body)
}
