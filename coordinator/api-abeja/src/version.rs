//! Versions of deployments, and their archives.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::abeja::deployment::{BUILT_IN_LABEL, DeploymentVersion, PREDICT_HANDLER};
use domain::{Entity, EntityKind};
use serde_json::{Value, json};

use super::agents::{self, FileAt, home};
use super::deployment::taken;
use super::reply::{Answer, Refusal, found, made};
use super::request::{Call, name, notes, object};
use super::times::time;
use super::{Abeja, again};

/// The folder of archives at a party.
const FOLDER: &str = "deployment-versions";

pub(super) async fn create(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let label = name(&body, "version")?;
    let text = |key: &str, default: &str| -> Result<String, Refusal> {
        Ok(notes(&body, key)?
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| default.to_owned()))
    };
    let version = DeploymentVersion {
        handler: text("handler", PREDICT_HANDLER)?,
        image: text("image", "")?,
        user_parameters: object(&body, "user_parameters")?,
        secret: api.coordinator().new_secret(),
        archive: None,
    };
    let target = call.segment("deployment");
    let is_same = |entity: &Entity| {
        let own = entity.read::<DeploymentVersion>();
        own.is_ok_and(|own| {
            DeploymentVersion {
                secret: version.secret.clone(),
                ..own
            } == version
        })
    };
    let place = (EntityKind::DeploymentVersion, Some(target), Some(&*label));
    if let Some(entity) = again::made_before(&api, &call, place, is_same).await? {
        return announced(&api, &call, &entity);
    }
    let entity = api
        .coordinator()
        .targets()
        .create_version(call.tenant(), target, &label, &version)
        .await;
    let entity = entity.map_err(taken)?;
    announced(&api, &call, &entity)
}

/// A version with the address for its archive.
fn announced(api: &Abeja, call: &Call, entity: &Entity) -> Answer {
    let secret = api
        .coordinator()
        .secret_of(&entity.read::<DeploymentVersion>()?.secret);
    let mut shown = shown(entity)?;
    shown["upload_url"] = json!(call.address(&archive_path(call, entity, &secret)));
    made(&shown)
}

fn archive_path(call: &Call, version: &Entity, secret: &str) -> String {
    let (organization, target) = (call.organization(), call.segment("deployment"));
    format!(
        "/organizations/{organization}/deployments/{target}/versions/{}/content?secret={secret}",
        version.id
    )
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let entities = api
        .coordinator()
        .targets()
        .versions(call.tenant(), call.segment("deployment"))
        .await?;
    let entries: Vec<Value> = entities.iter().map(shown).collect::<Result<_, _>>()?;
    found(&json!({"entries": entries}))
}

async fn of(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let (target, id) = (call.segment("deployment"), call.segment("version"));
    Ok(api
        .coordinator()
        .targets()
        .version(call.tenant(), target, id)
        .await?)
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    found(&shown(&of(&api, &call).await?)?)
}

pub(super) async fn delete(api: Abeja, call: Call) -> Answer {
    let (target, id) = (call.segment("deployment"), call.segment("version"));
    let version = api
        .coordinator()
        .targets()
        .delete_version(call.tenant(), target, id)
        .await?;
    if version.read::<DeploymentVersion>()?.archive.is_some() {
        // What cannot be removed now hangs on nothing any more; its party may remove it.
        if let Ok(party) = home(&api, &version.tenant).await
            && let Err(refusal) = agents::delete(
                &api,
                FileAt {
                    party: &party,
                    folder: FOLDER,
                    name: &version.id,
                },
            )
            .await
        {
            tracing::warn!(
                version = version.id,
                reason = refusal.text,
                "the archive of a deleted version stays"
            );
        }
    }
    found(&json!({"message": format!("{id} deleted")}))
}

pub(super) async fn download(api: Abeja, call: Call) -> Answer {
    let version = of(&api, &call).await?;
    let body: DeploymentVersion = version.read()?;
    if body.archive.is_none() {
        let what = if version.name.as_deref() == Some(BUILT_IN_LABEL) {
            "this version has"
        } else {
            "no archive came yet: this version has"
        };
        return Err(Refusal::missing(format!("{what} nothing to download")));
    }
    let secret = api.coordinator().secret_of(&body.secret);
    found(&json!({"download_uri": call.address(&archive_path(&call, &version, &secret))}))
}

/// The version whose secret is shown. A wrong secret and a version that is not there look the same.
async fn opened(api: &Abeja, call: &Call) -> Result<(Entity, DeploymentVersion), Refusal> {
    let none = || {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "this address is not, or not any more, one to send to or fetch from",
        )
    };
    let version = api
        .coordinator()
        .entities()
        .get(EntityKind::DeploymentVersion, None, call.segment("version"))
        .await;
    let version = version.map_err(|_| none())?;
    let body: DeploymentVersion = version.read()?;
    let shown = call.query("secret").unwrap_or_default();
    if same(shown, &api.coordinator().secret_of(&body.secret)) {
        Ok((version, body))
    } else {
        Err(none())
    }
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub(super) fn same(left: &str, right: &str) -> bool {
    let differ = left
        .bytes()
        .zip(right.bytes())
        .fold(0_u8, |differ, (left, right)| differ | (left ^ right));
    !right.is_empty() && left.len() == right.len() && differ == 0
}

/// Takes the archive in, from whoever has the address.
pub(super) async fn upload(api: Abeja, mut call: Call) -> Answer {
    let (version, _) = opened(&api, &call).await?;
    let party = home(&api, &version.tenant).await?;
    let content_type = call
        .content_type()
        .unwrap_or_else(|| "application/gzip".to_owned());
    let at = FileAt {
        party: &party,
        folder: FOLDER,
        name: &version.id,
    };
    let kept = agents::put(
        &api,
        at,
        (&content_type, &Default::default()),
        call.stream(),
    )
    .await?;
    api.coordinator()
        .entities()
        .change(EntityKind::DeploymentVersion, None, &version.id, |entity| {
            let mut body: DeploymentVersion = entity.read()?;
            body.archive = Some(kept.bytes);
            entity.write(&body)
        })
        .await?;
    found(&json!({"message": format!("{} bytes uploaded", kept.bytes)}))
}

/// Gives the archive, to whoever has the address.
pub(super) async fn archive(api: Abeja, call: Call) -> Answer {
    let (version, body) = opened(&api, &call).await?;
    if body.archive.is_none() {
        return Err(Refusal::missing("no archive came yet"));
    }
    let party = home(&api, &version.tenant).await?;
    let at = FileAt {
        party: &party,
        folder: FOLDER,
        name: &version.id,
    };
    Ok(as_file(
        agents::get(&api, at).await?,
        &format!("{}.tar.gz", version.id),
    ))
}

/// A party's file as an attachment.
pub(super) fn as_file(response: Response, name: &str) -> Response {
    let (parts, body) = response.into_parts();
    let mut file = rest::file_reply(name, "application/octet-stream", Body::new(body));
    if let Some(content_type) = parts.headers.get(CONTENT_TYPE) {
        file.headers_mut()
            .insert(CONTENT_TYPE, content_type.clone());
    }
    if let Some(length) = parts.headers.get(axum::http::header::CONTENT_LENGTH) {
        file.headers_mut()
            .insert(axum::http::header::CONTENT_LENGTH, length.clone());
    }
    // What somebody sent must not act as a page of this REST endpoint.
    file.headers_mut().insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    file
}

fn shown(entity: &Entity) -> Result<Value, Refusal> {
    let body: DeploymentVersion = entity.read()?;
    Ok(json!({
        "deployment_id": entity.parent,
        "version": entity.name,
        "version_id": entity.id,
        "handler": body.handler,
        "image": body.image,
        "user_parameters": body.user_parameters,
        "created_at": time(entity.created),
        "modified_at": time(entity.modified),
    }))
}
