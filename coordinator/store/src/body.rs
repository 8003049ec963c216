//! A job's columns: its body without the parts that have columns of their own, and back.

use domain::{Job, JobState, TaskState};
use serde::Serialize;
use serde_json::{Map, Value};
use service::ports::Stored;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::Timestamp;

use crate::signatures;
use crate::values::{corrupt, failed, from_json};

/// Everything of a job but its definition, its signatures and when it was archived.
pub(crate) fn body_of(job: &Job) -> Stored<String> {
    // Every field is named, so that a new one cannot be forgotten here.
    #[rustfmt::skip]
    let Job {
        id, experiment, kind, name, description, initiator, cast, definition: _, settings, model_id, model_version, state,
        reason, waiting, stop, offer: _, ticket: _, answers: _, progress, created, rerun, amended, started, ended,
        updated, archived: _,
    } = job;
    let mut body = Map::new();
    put(&mut body, "id", id)?;
    put(&mut body, "experiment", experiment)?;
    put(&mut body, "kind", kind)?;
    put(&mut body, "name", name)?;
    put(&mut body, "description", description)?;
    put(&mut body, "initiator", initiator)?;
    put(&mut body, "cast", cast)?;
    put(&mut body, "settings", settings)?;
    put(&mut body, "model_id", model_id)?;
    put(&mut body, "model_version", model_version)?;
    put(&mut body, "state", state)?;
    put(&mut body, "reason", reason)?;
    put(&mut body, "waiting", waiting)?;
    put(&mut body, "stop", stop)?;
    put(&mut body, "progress", progress)?;
    put(&mut body, "created", created)?;
    put(&mut body, "rerun", rerun)?;
    put(&mut body, "amended", amended)?;
    put(&mut body, "started", started)?;
    put(&mut body, "ended", ended)?;
    put(&mut body, "updated", updated)?;
    serde_json::to_string(&body).map_err(|error| corrupt("a job", error))
}

fn put(body: &mut Map<String, Value>, name: &str, value: &impl Serialize) -> Stored<()> {
    body.insert(
        name.to_owned(),
        serde_json::to_value(value).map_err(|error| corrupt("a job", error))?,
    );
    Ok(())
}

/// A job from its row, which has the columns `id`, `definition`, `papers`, `archived` and `body`.
pub(crate) fn job_from(row: &SqliteRow) -> Stored<Job> {
    let mut job = job_without_signatures(row)?;
    signatures::read(row.try_get("papers").map_err(failed)?, &mut job)?;
    Ok(job)
}

/// The same without its signatures, from the columns `id`, `definition`, `archived` and `body`.
pub(crate) fn job_without_signatures(row: &SqliteRow) -> Stored<Job> {
    let id: &str = row.try_get("id").map_err(failed)?;
    let name = format!("job {id}");
    let definition: &str = row.try_get("definition").map_err(failed)?;
    let body: &str = row.try_get("body").map_err(failed)?;
    let fields = body
        .strip_prefix('{')
        .ok_or_else(|| corrupt(&name, "its body is not an object"))?;
    // One text and one reading: lists of jobs spend most of their time here.
    let mut job: Job = from_json(
        &name,
        &format!("{{\"definition\":{definition},\"answers\":{{}},{fields}"),
    )?;
    let archived: i64 = row.try_get("archived").map_err(failed)?;
    job.archived = (archived != 0).then_some(Timestamp(archived));
    Ok(job)
}

/// The word of a job's state in its column.
pub(crate) const fn job_word(state: JobState) -> &'static str {
    match state {
        JobState::Offered => "offered",
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Stopping => "stopping",
        JobState::Succeeded => "succeeded",
        JobState::Failed => "failed",
        JobState::Refused => "refused",
        JobState::Canceled => "canceled",
        JobState::TimedOut => "timed_out",
    }
}

/// The word of a task's state in its column.
pub(crate) const fn task_word(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Assigned => "assigned",
        TaskState::Running => "running",
        TaskState::Stopping => "stopping",
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Canceled => "canceled",
        TaskState::Lost => "lost",
        TaskState::TimedOut => "timed_out",
        TaskState::Skipped => "skipped",
    }
}
