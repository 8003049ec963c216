//! Training job definitions and training models: the versions of models that trainings here left, by numbers, and weights that
//! somebody brought.

use domain::deployment::{TrainingDefinition, TrainingModel};
use domain::{Entity, EntityKind};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use service::EntityFilter;
use service::models::ModelKey;
use service::numbered::IdForm;
use vocabulary::Role;

use super::Abeja;
use super::agents::{self, FileAt};
use super::deployment::taken;
use super::file::home;
use super::reply::{Answer, Refusal, found, made};
use super::request::{Call, name, notes, object};
use super::shown::time;
use super::version::{as_file, same};

/// The folder of weights at a party.
const FOLDER: &str = "training-models";
/// Most bytes of what goes with weights.
const MOST_PARAMETERS: usize = 1 << 20;

pub(super) async fn create_definition(face: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let mut entity = Entity::new(EntityKind::TrainingDefinition, "", call.tenant().clone(), face.coordinator().now());
    (entity.name, entity.creator) = (Some(name(&body, "name")?), call.creator());
    entity.write(&TrainingDefinition::default())?;
    let entity = face.coordinator().add_numbered(entity, IdForm::Number, true).await.map_err(taken)?;
    made(&shown_definition(&call, &entity)?)
}

pub(super) async fn definitions(face: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let (limit, offset) = (call.number("limit")?, call.number("offset")?.unwrap_or(0));
    let filter =
        EntityFilter { tenant: Some(call.tenant().clone()), ..EntityFilter::of(EntityKind::TrainingDefinition) };
    let (all, _) = face.coordinator().entities(&filter).await?;
    let mut entries = Vec::new();
    for entity in &all {
        if archived || !entity.read::<TrainingDefinition>()?.archived {
            entries.push(shown_definition(&call, entity)?);
        }
    }
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    let entries: Vec<Value> = entries.into_iter().skip(offset as usize).take(most).collect();
    found(&json!({"entries": entries}))
}

/// The definition that the path names: by its number, its name, or its name with `~` for `#`, which ends a path.
async fn definition(face: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let named = call.segment("definition");
    match face.coordinator().training_definition(call.tenant(), named).await {
        Err(service::ServiceError::NotFound(_)) if named.contains('~') => {
            Ok(face.coordinator().training_definition(call.tenant(), &named.replace('~', "#")).await?)
        }
        found => Ok(found?),
    }
}

pub(super) async fn get_definition(face: Abeja, call: Call) -> Answer {
    found(&shown_definition(&call, &definition(&face, &call).await?)?)
}

pub(super) async fn delete_definition(face: Abeja, call: Call) -> Answer {
    let entity = definition(&face, &call).await?;
    if !face.coordinator().training_models(call.tenant(), &entity.id).await?.is_empty() {
        return Err(Refusal::conflict("the definition has models; archive it instead"));
    }
    face.coordinator().delete_entity(EntityKind::TrainingDefinition, Some(call.tenant()), &entity.id).await?;
    found(&json!({"message": format!("{} deleted", entity.id)}))
}

pub(super) async fn archive_definition(face: Abeja, call: Call) -> Answer {
    put_definition_away(face, call, true).await
}

pub(super) async fn unarchive_definition(face: Abeja, call: Call) -> Answer {
    put_definition_away(face, call, false).await
}

async fn put_definition_away(face: Abeja, call: Call, archived: bool) -> Answer {
    let entity = definition(&face, &call).await?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingDefinition = entity.read()?;
        body.archived = archived;
        entity.write(&body)
    };
    face.coordinator().change_entity(entity.kind, Some(call.tenant()), &entity.id, change).await?;
    found(&json!({"message": told(&entity.id, archived)}))
}

fn told(id: &str, archived: bool) -> String {
    format!("{id} {}", if archived { "archived" } else { "unarchived" })
}

fn shown_definition(call: &Call, entity: &Entity) -> Result<Value, Refusal> {
    let body: TrainingDefinition = entity.read()?;
    Ok(json!({
        "job_definition_id": entity.id,
        "name": entity.name,
        "organization_id": call.organization(),
        "archived": body.archived,
        "version_count": 0,
        "versions": [],
        "created_at": time(entity.created),
        "modified_at": time(entity.modified),
    }))
}

pub(super) async fn list(face: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let definition = definition(&face, &call).await?;
    let mut entries = Vec::new();
    for model in face.coordinator().training_models(call.tenant(), &definition.id).await? {
        if archived || !model.read::<TrainingModel>()?.archived {
            entries.push(shown(&model)?);
        }
    }
    found(&json!({"entries": entries}))
}

async fn of(face: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let (definition, id) = (definition(face, call).await?, call.segment("model"));
    let model = face.coordinator().entity(EntityKind::TrainingModel, Some(call.tenant()), id).await?;
    if model.parent.as_deref() == Some(definition.id.as_str()) {
        Ok(model)
    } else {
        Err(Refusal::missing(format!("the definition has no training model {id}")))
    }
}

pub(super) async fn get(face: Abeja, call: Call) -> Answer {
    found(&shown(&of(&face, &call).await?)?)
}

pub(super) async fn patch(face: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let model = of(&face, &call).await?;
    let description = notes(&body, "description")?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingModel = entity.read()?;
        body.description = description.unwrap_or(body.description);
        entity.write(&body)
    };
    let model = face.coordinator().change_entity(model.kind, Some(call.tenant()), &model.id, change).await?;
    found(&shown(&model)?)
}

pub(super) async fn archive(face: Abeja, call: Call) -> Answer {
    put_away(face, call, true).await
}

pub(super) async fn unarchive(face: Abeja, call: Call) -> Answer {
    put_away(face, call, false).await
}

async fn put_away(face: Abeja, call: Call, archived: bool) -> Answer {
    let model = of(&face, &call).await?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingModel = entity.read()?;
        body.archived = archived;
        entity.write(&body)
    };
    face.coordinator().change_entity(model.kind, Some(call.tenant()), &model.id, change).await?;
    found(&json!({"message": told(&model.id, archived)}))
}

pub(super) async fn download(face: Abeja, call: Call) -> Answer {
    let model = of(&face, &call).await?;
    let secret = match model.read::<TrainingModel>()?.secret {
        secret if !secret.is_empty() => secret,
        // A model that a training left gets its address when it is first asked for.
        _ => {
            let secret = face.coordinator().new_secret();
            let change = |entity: &mut Entity| {
                let mut body: TrainingModel = entity.read()?;
                body.secret = secret;
                entity.write(&body)
            };
            let model = face.coordinator().change_entity(model.kind, Some(call.tenant()), &model.id, change).await?;
            model.read::<TrainingModel>()?.secret
        }
    };
    let (organization, definition) = (call.organization(), model.parent.as_deref().unwrap_or_default());
    let path = format!(
        "/organizations/{organization}/training/definitions/{definition}/models/{}/content?secret={secret}",
        model.id
    );
    found(&json!({"download_uri": call.address(&path)}))
}

/// Gives a model as an archive, to whoever has its address: the home party's part, where its policy lets it.
pub(super) async fn archive_out(face: Abeja, call: Call) -> Answer {
    let none = || Refusal::unauthorized("this address is not, or not any more, one to fetch from");
    let model = face.coordinator().entity(EntityKind::TrainingModel, None, call.segment("model")).await;
    let model = model.map_err(|_| none())?;
    let body: TrainingModel = model.read()?;
    if !same(call.query("secret").unwrap_or_default(), &body.secret) {
        return Err(none());
    }
    let party = home(&face, &model.tenant).await?;
    let file = format!("{}.zip", model.id);
    let (Some(model_id), Some(version)) = (body.model_id, body.trained) else {
        let name = body.file.unwrap_or_default();
        let at = FileAt { party: &party, folder: FOLDER, name: &name };
        return Ok(as_file(agents::get(&face, at).await?, &file));
    };
    let key = ModelKey::new(model_id.clone(), version.clone());
    let kept = face.coordinator().model_version(&key).await?;
    let kept = kept.ok_or_else(|| Refusal::missing("the version is not here any more"))?;
    let own = |role: &Role| kept.cast.of(*role).contains(&party);
    let Some(role) = [Role::Guest, Role::Host, Role::Arbiter].into_iter().find(own) else {
        return Err(Refusal::missing(format!("party {party} keeps no part of the model")));
    };
    let asked = json!({"model_id": model_id, "model_version": version, "role": role, "party_id": party});
    let response = agents::ask(&face, &party, "/v1/model/export", &asked).await?;
    if response.status().is_success() {
        return Ok(as_file(response, &file));
    }
    agents::envelope(response, &party).await?;
    Err(Refusal::conflict("the party gave no archive"))
}

/// Takes weights in: a form with `model_data` and `parameters`, in this order or the other.
pub(super) async fn create(face: Abeja, mut call: Call) -> Answer {
    let definition = definition(&face, &call).await?;
    let torn = |_| Refusal::bad("the form is not well formed");
    let boundary = call.content_type().and_then(|text| multer::parse_boundary(text).ok());
    let boundary = boundary.ok_or_else(|| Refusal::bad("a form with model_data and parameters is expected"))?;
    let party = home(&face, call.tenant()).await?;
    let mut model = Entity::new(EntityKind::TrainingModel, "", call.tenant().clone(), face.coordinator().now());
    (model.parent, model.creator) = (Some(definition.id), call.creator());
    let mut form = multer::Multipart::new(call.stream(), boundary);
    let (mut body, mut came) = (TrainingModel::default(), None);
    while let Some(field) = form.next_field().await.map_err(torn)? {
        match field.name() {
            Some("model_data") if came.is_none() => {
                let id = face.coordinator().new_uuid();
                let at = FileAt { party: &party, folder: FOLDER, name: &id };
                let content = field.map_err(std::io::Error::other).boxed();
                agents::put(&face, at, ("application/zip", &Default::default()), content).await?;
                came = Some(id);
            }
            Some("parameters") => {
                let parameters = read_parameters(field).await?;
                body.description = notes(&parameters, "description")?.unwrap_or_default();
                body.user_parameters = object(&parameters, "user_parameters")?;
                body.metrics = Value::Object(object(&parameters, "metrics")?);
            }
            _ => {}
        }
    }
    let Some(file) = came else { return Err(Refusal::bad("model_data: a file is expected")) };
    body.secret = face.coordinator().new_secret();
    body.file = Some(file);
    model.write(&body)?;
    let model = face.coordinator().add_numbered(model, IdForm::Number, false).await?;
    made(&shown(&model)?)
}

async fn read_parameters(mut field: multer::Field<'static>) -> Result<Map<String, Value>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| Refusal::bad("the form is not well formed"))? {
        if bytes.len() + piece.len() > MOST_PARAMETERS {
            return Err(Refusal::bad("parameters: too long"));
        }
        bytes.extend_from_slice(&piece);
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Refusal::bad("parameters: a JSON object")),
    }
}

fn shown(model: &Entity) -> Result<Value, Refusal> {
    let body: TrainingModel = model.read()?;
    Ok(json!({
        "training_model_id": model.id,
        "job_definition_id": model.parent,
        "training_job_id": model.job,
        "user_parameters": body.user_parameters,
        "metrics": body.metrics,
        "description": body.description,
        "archived": body.archived,
        "exec_env": if body.trained.is_some() { "cloud" } else { "none" },
        "model_version": body.trained,
        "created_at": time(model.created),
        "modified_at": time(model.modified),
    }))
}
