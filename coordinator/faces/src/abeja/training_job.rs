//! The trainings behind training models, and the one version that each trained definition has: what ABEJA's client looks at
//! beside models.

use domain::deployment::{TrainingDefinition, TrainingModel};
use domain::{Entity, EntityKind, Job, JobState};
use serde_json::{Value, json};
use vocabulary::JobId;

use super::Abeja;
use super::model::{address_of, definition, page};
use super::reply::{Answer, Refusal, found};
use super::request::Call;
use super::shown::time;

/// The number of the version of a definition that trainings here stand behind.
const VERSION: u32 = 1;

/// How many versions a definition has.
pub(super) fn version_count(body: &TrainingDefinition) -> u32 {
    u32::from(body.trained)
}

/// A definition's versions.
pub(super) fn shown_versions(definition: &Entity) -> Result<Vec<Value>, Refusal> {
    let body: TrainingDefinition = definition.read()?;
    if !body.trained {
        return Ok(Vec::new());
    }
    Ok(vec![json!({
        "job_definition_id": definition.id,
        "job_definition_version": VERSION,
        "handler": "fedflow:train",
        "image": concat!("fedflow/components:", env!("CARGO_PKG_VERSION")),
        "description": "what its trainings' documents say",
        "environment": {},
        "user_parameters": {},
        "datasets": {},
        "archived": body.archived,
        "created_at": time(definition.created),
        "modified_at": time(definition.modified),
    })])
}

pub(super) async fn versions(face: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let entries = shown_versions(&definition(&face, &call).await?)?;
    let entries: Vec<Value> = entries.into_iter().filter(|entry| archived || entry["archived"] == false).collect();
    found(&json!({"total": entries.len(), "entries": entries}))
}

pub(super) async fn version(face: Abeja, call: Call) -> Answer {
    let number = call.segment("number");
    let entries = shown_versions(&definition(&face, &call).await?)?;
    let one = entries.first().filter(|_| number == VERSION.to_string());
    found(one.ok_or_else(|| Refusal::missing(format!("the definition has no version {number}")))?)
}

/// The trainings that left models, oldest first, as they are shown.
pub(super) async fn shown_jobs(face: &Abeja, call: &Call, definition: &Entity) -> Result<Vec<Value>, Refusal> {
    let mut shown = Vec::new();
    for model in face.coordinator().training_models(call.tenant(), &definition.id).await? {
        let Some(id) = &model.job else { continue };
        match face.coordinator().job(id).await {
            Ok(job) => shown.push(shown_job(definition, &job)),
            // what was cleaned away is a model without a training
            Err(service::ServiceError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(shown)
}

pub(super) async fn list(face: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let definition = definition(&face, &call).await?;
    let jobs = shown_jobs(&face, &call, &definition).await?;
    found(&page(&call, jobs.into_iter().filter(|job| archived || job["archived"] == false).collect())?)
}

/// The training that the path names, and the model that it left.
async fn of(face: &Abeja, call: &Call) -> Result<(Entity, Entity, Job), Refusal> {
    let (definition, named) = (definition(face, call).await?, call.segment("job"));
    let missing = || Refusal::missing(format!("the definition has no training job {named}"));
    let id = JobId::new(named).map_err(|_| missing())?;
    let models = face.coordinator().training_models(call.tenant(), &definition.id).await?;
    let model = models.into_iter().find(|model| model.job.as_ref() == Some(&id)).ok_or_else(missing)?;
    let job = face.coordinator().job(&id).await?;
    Ok((definition, model, job))
}

pub(super) async fn get(face: Abeja, call: Call) -> Answer {
    let (definition, _, job) = of(&face, &call).await?;
    found(&shown_job(&definition, &job))
}

/// Where what a training left is.
pub(super) async fn result(face: Abeja, call: Call) -> Answer {
    let (_, model, _) = of(&face, &call).await?;
    let uri = address_of(&face, &call, model).await?;
    found(&json!({"artifacts": {"complete": {"uri": uri}}, "download_uri": uri}))
}

/// A status in the words of ABEJA's client.
const fn word(state: JobState) -> &'static str {
    match state {
        JobState::Offered | JobState::Queued => "Pending",
        JobState::Running => "Active",
        JobState::Stopping | JobState::Canceled => "Stopped",
        JobState::Succeeded => "Complete",
        JobState::Failed | JobState::Refused | JobState::TimedOut => "Failed",
    }
}

fn shown_job(definition: &Entity, job: &Job) -> Value {
    json!({
        "id": job.id,
        "training_job_id": job.id,
        "job_definition_id": definition.id,
        "job_definition_version": VERSION,
        "status": word(job.state),
        "status_message": job.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        // what runs where is the parties' own business; the client wants a word
        "instance_type": "cpu-1",
        "exec_env": "cloud",
        "description": job.description,
        "environment": {},
        "user_parameters": {},
        "datasets": {},
        "statistics": null,
        "creator": null,
        "archived": job.archived.is_some(),
        "start_time": job.started.map(time),
        "completion_time": job.ended.map(time),
        "created_at": time(job.created),
        "modified_at": time(job.updated),
    })
}

/// How many models a definition has.
pub(super) async fn model_count(face: &Abeja, call: &Call, definition: &Entity) -> Result<usize, Refusal> {
    let models = face.coordinator().training_models(call.tenant(), &definition.id).await?;
    debug_assert!(models.iter().all(|model| model.kind == EntityKind::TrainingModel));
    Ok(models.iter().filter(|model| model.read::<TrainingModel>().is_ok_and(|body| !body.archived)).count())
}
