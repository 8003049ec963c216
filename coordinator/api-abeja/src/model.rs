//! Training job definitions and training models: the versions of models that trainings here left, by numbers, and weights that
//! somebody brought.

use domain::abeja::deployment::{TrainingDefinition, TrainingModel};
use domain::{Entity, EntityKind};
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use service::EntityFilter;
use service::models::ModelKey;
use service::numbered::IdForm;
use vocabulary::Role;

use super::agents::{self, FileAt, home};
use super::definition::{address_of, definition, page, path_name};
use super::deployment::taken;
use super::reply::{Answer, Refusal, found, made};
use super::request::{Call, name, notes, object};
use super::times::time;
use super::version::{as_file, same};
use super::{Abeja, again, training_job};

/// The folder of weights at a party.
const FOLDER: &str = "training-models";
/// Most bytes of what goes with weights.
const MOST_PARAMETERS: usize = 1 << 20;

pub(super) async fn create_definition(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let mut entity = Entity::new(
        EntityKind::TrainingDefinition,
        "",
        call.tenant().clone(),
        api.coordinator().now(),
    );
    (entity.name, entity.creator) = (Some(name(&body, "name")?), call.creator());
    entity.write(&TrainingDefinition::default())?;
    let is_same = |entity: &Entity| {
        entity
            .read::<TrainingDefinition>()
            .is_ok_and(|body| !body.trained && !body.archived)
    };
    let place = (EntityKind::TrainingDefinition, None, entity.name.as_deref());
    if let Some(entity) = again::made_before(&api, &call, place, is_same).await? {
        return made(&shown_definition(&api, &call, &entity).await?);
    }
    let entity = api
        .coordinator()
        .entities()
        .add_numbered(entity, IdForm::Number, true)
        .await
        .map_err(taken)?;
    made(&shown_definition(&api, &call, &entity).await?)
}

pub(super) async fn definitions(api: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let filter = EntityFilter {
        tenant: Some(call.tenant().clone()),
        ..EntityFilter::of(EntityKind::TrainingDefinition)
    };
    let (all, _) = api.coordinator().entities().find(&filter).await?;
    let mut entries = Vec::new();
    for entity in &all {
        if archived || !entity.read::<TrainingDefinition>()?.archived {
            entries.push(shown_definition(&api, &call, entity).await?);
        }
    }
    found(&page(&call, entries)?)
}

pub(super) async fn get_definition(api: Abeja, call: Call) -> Answer {
    let definition = definition(&api, &call).await?;
    let mut shown = shown_definition(&api, &call, &definition).await?;
    if call.query("include_jobs") == Some("true") {
        shown["jobs"] = Value::Array(training_job::shown_jobs(&api, &call, &definition).await?);
    }
    found(&shown)
}

pub(super) async fn delete_definition(api: Abeja, call: Call) -> Answer {
    let entity = definition(&api, &call).await?;
    if !api
        .coordinator()
        .training_models()
        .list(call.tenant(), &entity.id)
        .await?
        .is_empty()
    {
        return Err(Refusal::conflict(
            "the definition has models; archive it instead",
        ));
    }
    api.coordinator()
        .entities()
        .delete(
            EntityKind::TrainingDefinition,
            Some(call.tenant()),
            &entity.id,
        )
        .await?;
    found(&json!({"message": format!("{} deleted", entity.id)}))
}

pub(super) async fn archive_definition(api: Abeja, call: Call) -> Answer {
    put_definition_away(api, call, true).await
}

pub(super) async fn unarchive_definition(api: Abeja, call: Call) -> Answer {
    put_definition_away(api, call, false).await
}

async fn put_definition_away(api: Abeja, call: Call, archived: bool) -> Answer {
    let entity = definition(&api, &call).await?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingDefinition = entity.read()?;
        body.archived = archived;
        entity.write(&body)
    };
    api.coordinator()
        .entities()
        .change(entity.kind, Some(call.tenant()), &entity.id, change)
        .await?;
    found(&json!({"message": told(&entity.id, archived)}))
}

fn told(id: &str, archived: bool) -> String {
    format!("{id} {}", if archived { "archived" } else { "unarchived" })
}

async fn shown_definition(api: &Abeja, call: &Call, entity: &Entity) -> Result<Value, Refusal> {
    let body: TrainingDefinition = entity.read()?;
    let models = training_job::model_count(api, call, entity).await?;
    Ok(json!({
        "job_definition_id": entity.id,
        "name": path_name(entity),
        "display_name": entity.name,
        "organization_id": call.organization(),
        "archived": body.archived,
        "version_count": training_job::version_count(&body),
        "versions": training_job::shown_versions(entity)?,
        "model_count": models,
        "notebook_count": 0,
        "tensorboard_count": 0,
        "created_at": time(entity.created),
        "modified_at": time(entity.modified),
    }))
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let definition = definition(&api, &call).await?;
    let mut entries = Vec::new();
    for model in api
        .coordinator()
        .training_models()
        .list(call.tenant(), &definition.id)
        .await?
    {
        if archived || !model.read::<TrainingModel>()?.archived {
            entries.push(shown(&model)?);
        }
    }
    found(&page(&call, entries)?)
}

async fn of(api: &Abeja, call: &Call) -> Result<Entity, Refusal> {
    let (definition, id) = (definition(api, call).await?, call.segment("model"));
    let model = api
        .coordinator()
        .entities()
        .get(EntityKind::TrainingModel, Some(call.tenant()), id)
        .await?;
    if model.parent.as_deref() == Some(definition.id.as_str()) {
        Ok(model)
    } else {
        Err(Refusal::missing(format!(
            "the definition has no training model {id}"
        )))
    }
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    found(&shown(&of(&api, &call).await?)?)
}

pub(super) async fn patch(api: Abeja, mut call: Call) -> Answer {
    let body = call.json().await?;
    let model = of(&api, &call).await?;
    let description = notes(&body, "description")?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingModel = entity.read()?;
        body.description = description.unwrap_or(body.description);
        entity.write(&body)
    };
    let model = api
        .coordinator()
        .entities()
        .change(model.kind, Some(call.tenant()), &model.id, change)
        .await?;
    found(&shown(&model)?)
}

pub(super) async fn archive(api: Abeja, call: Call) -> Answer {
    put_away(api, call, true).await
}

pub(super) async fn unarchive(api: Abeja, call: Call) -> Answer {
    put_away(api, call, false).await
}

async fn put_away(api: Abeja, call: Call, archived: bool) -> Answer {
    let model = of(&api, &call).await?;
    let change = |entity: &mut Entity| {
        let mut body: TrainingModel = entity.read()?;
        body.archived = archived;
        entity.write(&body)
    };
    api.coordinator()
        .entities()
        .change(model.kind, Some(call.tenant()), &model.id, change)
        .await?;
    found(&json!({"message": told(&model.id, archived)}))
}

pub(super) async fn download(api: Abeja, call: Call) -> Answer {
    let model = of(&api, &call).await?;
    found(&json!({"download_uri": address_of(&api, &call, model).await?}))
}

/// Gives a model as an archive, to whoever has its address: the home party's part, where its policy lets it.
pub(super) async fn archive_out(api: Abeja, call: Call) -> Answer {
    let none = || Refusal::unauthorized("this address is not, or not any more, one to fetch from");
    let model = api
        .coordinator()
        .entities()
        .get(EntityKind::TrainingModel, None, call.segment("model"))
        .await;
    let model = model.map_err(|_| none())?;
    let body: TrainingModel = model.read()?;
    if !same(
        call.query("secret").unwrap_or_default(),
        &api.coordinator().secret_of(&body.secret),
    ) {
        return Err(none());
    }
    let party = home(&api, &model.tenant).await?;
    let file = format!("{}.zip", model.id);
    let (Some(model_id), Some(version)) = (body.model_id, body.trained) else {
        let name = body.file.unwrap_or_default();
        let at = FileAt {
            party: &party,
            folder: FOLDER,
            name: &name,
        };
        return Ok(as_file(agents::get(&api, at).await?, &file));
    };
    let key = ModelKey::new(model_id.clone(), version.clone());
    let kept = api.coordinator().models().version(&key).await?;
    let kept = kept.ok_or_else(|| Refusal::missing("the version is not here any more"))?;
    let own = |role: &Role| kept.cast.of(*role).contains(&party);
    let Some(role) = [Role::Guest, Role::Host, Role::Arbiter]
        .into_iter()
        .find(own)
    else {
        return Err(Refusal::missing(format!(
            "party {party} keeps no part of the model"
        )));
    };
    let asked =
        json!({"model_id": model_id, "model_version": version, "role": role, "party_id": party});
    let response = agents::ask(&api, &party, "/v1/model/export", &asked).await?;
    if response.status().is_success() {
        return Ok(as_file(response, &file));
    }
    agents::envelope(response, &party).await?;
    Err(Refusal::conflict("the party gave no archive"))
}

/// Takes weights in: a form with `model_data` and `parameters`, in this order or the other.
pub(super) async fn create(api: Abeja, mut call: Call) -> Answer {
    let definition = definition(&api, &call).await?;
    let torn = |_| Refusal::bad("the form is not well formed");
    let boundary = call
        .content_type()
        .and_then(|text| multer::parse_boundary(text).ok());
    let boundary = boundary
        .ok_or_else(|| Refusal::bad("a form with model_data and parameters is expected"))?;
    let party = home(&api, call.tenant()).await?;
    let mut model = Entity::new(
        EntityKind::TrainingModel,
        "",
        call.tenant().clone(),
        api.coordinator().now(),
    );
    (model.parent, model.creator) = (Some(definition.id), call.creator());
    let mut form = multer::Multipart::new(call.stream(), boundary);
    let (mut body, mut came) = (TrainingModel::default(), None);
    while let Some(field) = form.next_field().await.map_err(torn)? {
        match field.name() {
            Some("model_data") if came.is_none() => {
                let id = api.coordinator().new_uuid();
                let at = FileAt {
                    party: &party,
                    folder: FOLDER,
                    name: &id,
                };
                let content = field.map_err(std::io::Error::other).boxed();
                body.sha256 =
                    agents::put(&api, at, ("application/zip", &Default::default()), content)
                        .await?
                        .sha256;
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
    let Some(file) = came else {
        return Err(Refusal::bad("model_data: a file is expected"));
    };
    let is_same = |entity: &Entity| {
        let own = entity.read::<TrainingModel>();
        own.is_ok_and(|own| {
            TrainingModel {
                secret: String::new(),
                file: None,
                ..own
            } == body
        })
    };
    let place = (EntityKind::TrainingModel, model.parent.as_deref(), None);
    if let Some(before) = again::made_before(&api, &call, place, is_same).await? {
        let _ = agents::delete(
            &api,
            FileAt {
                party: &party,
                folder: FOLDER,
                name: &file,
            },
        )
        .await;
        return made(&shown(&before)?);
    }
    body.secret = api.coordinator().new_secret();
    body.file = Some(file);
    model.write(&body)?;
    let model = api
        .coordinator()
        .entities()
        .add_numbered(model, IdForm::Number, false)
        .await?;
    made(&shown(&model)?)
}

async fn read_parameters(mut field: multer::Field<'static>) -> Result<Map<String, Value>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = field
        .chunk()
        .await
        .map_err(|_| Refusal::bad("the form is not well formed"))?
    {
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
        "id": model.id,
        "training_model_id": model.id,
        "job_definition_id": model.parent,
        "training_job_id": model.job,
        "user_parameters": body.user_parameters,
        "environment": body.user_parameters,
        "metrics": body.metrics,
        "description": body.description,
        "archived": body.archived,
        "exec_env": if body.trained.is_some() { "cloud" } else { "none" },
        "model_version": body.trained,
        "created_at": time(model.created),
        "modified_at": time(model.modified),
    }))
}
