//! The trainings behind training models, and the one version that each trained definition has: what ABEJA's client looks at
//! beside models.

use domain::abeja::deployment::{TrainingDefinition, TrainingModel};
use domain::{Entity, EntityKind, Job, JobKind, JobState};
use serde_json::{Value, json};
use service::{JobFilter, JobOrder};

use super::Abeja;
use super::definition::{address_of, definition, page};
use super::reply::{Answer, Refusal, found};
use super::request::Call;
use super::times::time;

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

pub(super) async fn versions(api: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let entries = shown_versions(&definition(&api, &call).await?)?;
    let entries: Vec<Value> = entries
        .into_iter()
        .filter(|entry| archived || entry["archived"] == false)
        .collect();
    found(&json!({"total": entries.len(), "entries": entries}))
}

pub(super) async fn version(api: Abeja, call: Call) -> Answer {
    let number = call.segment("number");
    let entries = shown_versions(&definition(&api, &call).await?)?;
    let one = entries.first().filter(|_| number == VERSION.to_string());
    found(one.ok_or_else(|| Refusal::missing(format!("the definition has no version {number}")))?)
}

/// The trainings of a definition: those that left models, oldest first, and behind them those under way.
async fn trainings(api: &Abeja, call: &Call, definition: &Entity) -> Result<Vec<Job>, Refusal> {
    let mut found = Vec::new();
    for model in api
        .coordinator()
        .training_models()
        .list(call.tenant(), &definition.id)
        .await?
    {
        let Some(id) = &model.job else { continue };
        match api.coordinator().jobs().get(id).await {
            Ok(job) => found.push(job),
            // what was cleaned away is a model without a training
            Err(service::ServiceError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let live = JobFilter {
        states: JobState::UNSETTLED.to_vec(),
        order: JobOrder::Created,
        ..JobFilter::default()
    };
    for job in api.coordinator().jobs().find(&live).await?.0 {
        let is_candidate = job.kind == JobKind::Train
            && definition.name.as_ref() == Some(&job.model_id)
            && !found.iter().any(|known| known.id == job.id);
        if !is_candidate {
            continue;
        }
        let experiments = api.coordinator().experiments();
        match experiments
            .get(Some(call.tenant()), job.experiment.as_str())
            .await
        {
            Ok(_) => found.push(job),
            // another tenant's
            Err(service::ServiceError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// The trainings of a definition, as they are shown.
pub(super) async fn shown_jobs(
    api: &Abeja,
    call: &Call,
    definition: &Entity,
) -> Result<Vec<Value>, Refusal> {
    let jobs = trainings(api, call, definition).await?;
    Ok(jobs.iter().map(|job| shown_job(definition, job)).collect())
}

pub(super) async fn list(api: Abeja, call: Call) -> Answer {
    let archived = call.wants_archived()?;
    let definition = definition(&api, &call).await?;
    let jobs = shown_jobs(&api, &call, &definition).await?;
    found(&page(
        &call,
        jobs.into_iter()
            .filter(|job| archived || job["archived"] == false)
            .collect(),
    )?)
}

/// The training that the path names.
async fn of(api: &Abeja, call: &Call) -> Result<(Entity, Job), Refusal> {
    let (definition, named) = (definition(api, call).await?, call.segment("job"));
    let job = trainings(api, call, &definition)
        .await?
        .into_iter()
        .find(|job| job.id.as_str() == named);
    let job =
        job.ok_or_else(|| Refusal::missing(format!("the definition has no training job {named}")))?;
    Ok((definition, job))
}

pub(super) async fn get(api: Abeja, call: Call) -> Answer {
    let (definition, job) = of(&api, &call).await?;
    found(&shown_job(&definition, &job))
}

/// Stops a training that has not ended.
pub(super) async fn stop(api: Abeja, call: Call) -> Answer {
    let (_, job) = of(&api, &call).await?;
    if job.state.is_settled() {
        return Err(Refusal::conflict(format!(
            "training job {} has ended",
            job.id
        )));
    }
    let stopped = api
        .coordinator()
        .jobs()
        .stop(&call.principal(), &job.id, JobState::Canceled)
        .await?;
    found(&json!({"message": format!("{} stopped", stopped.id)}))
}

/// Where what a training left is.
pub(super) async fn result(api: Abeja, call: Call) -> Answer {
    let (definition, job) = of(&api, &call).await?;
    let models = api
        .coordinator()
        .training_models()
        .list(call.tenant(), &definition.id)
        .await?;
    let model = models
        .into_iter()
        .find(|model| model.job.as_ref() == Some(&job.id));
    let model = model.ok_or_else(|| {
        Refusal::missing(format!("training job {} has left no model yet", job.id))
    })?;
    let uri = address_of(&api, &call, model).await?;
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
pub(super) async fn model_count(
    api: &Abeja,
    call: &Call,
    definition: &Entity,
) -> Result<usize, Refusal> {
    let models = api
        .coordinator()
        .training_models()
        .list(call.tenant(), &definition.id)
        .await?;
    debug_assert!(
        models
            .iter()
            .all(|model| model.kind == EntityKind::TrainingModel)
    );
    Ok(models
        .iter()
        .filter(|model| {
            model
                .read::<TrainingModel>()
                .is_ok_and(|body| !body.archived)
        })
        .count())
}
