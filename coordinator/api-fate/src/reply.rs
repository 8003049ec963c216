//! From the service's errors to FATE's envelopes, and the parts that several replies share.

use chrono::{DateTime, Local};
use domain::{Job, JobKind};
use rest::Reply;
use serde_json::{Map, Value, json};
use vocabulary::Timestamp;

use super::FateFlow;
pub(super) use super::failure::fail;
use super::job_view::{ParticipantView, initiator_of};

/// Where replies say that a board is when the settings name none: FATE's own default.
const NO_BOARD: &str = "http://127.0.0.1:8080";

/// An envelope as a handler's answer.
pub(super) fn answer(reply: Reply) -> rest::Answer {
    Ok(axum::response::IntoResponse::into_response(reply))
}

/// Milliseconds since the epoch, or null.
pub(super) fn millis(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| json!(time.millis()))
}

/// Local date and time as FATE writes it, or null.
pub(super) fn date(time: Option<Timestamp>) -> Value {
    let text = time.and_then(|time| DateTime::from_timestamp_millis(time.millis()));
    text.map_or(Value::Null, |utc| {
        json!(
            utc.with_timezone(&Local)
                .format("%Y-%m-%d %H:%M:%S")
                .to_string()
        )
    })
}

/// Milliseconds between two moments, or null.
pub(super) fn elapsed(from: Option<Timestamp>, to: Option<Timestamp>) -> Value {
    match (from, to) {
        (Some(from), Some(to)) => json!(to.millis() - from.millis()),
        _ => Value::Null,
    }
}

/// A document as text, indented as the reference server writes files.
pub(super) fn indented(document: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut to = serde_json::Serializer::with_formatter(&mut text, format);
    // Writing a value into memory cannot fail.
    let _ = serde::Serialize::serialize(document, &mut to);
    text
}

/// The model id and version under which replies speak of a job's models: for predict jobs, of the model they apply.
pub(super) fn model_info(job: &Job) -> Value {
    let named = job
        .definition
        .conf
        .pointer("/job_parameters/common/model_version")
        .and_then(Value::as_str);
    let applied = named.filter(|_| job.kind == JobKind::Predict);
    json!({"model_id": model_id(job), "model_version": applied.unwrap_or(&job.model_version)})
}

/// The model id; local jobs all show the same, as their party does.
pub(super) fn model_id(job: &Job) -> String {
    if super::job_view::is_local(job) {
        "local-0#model".to_owned()
    } else {
        job.model_id.clone()
    }
}

/// The page of a FATE-Board that would show the job.
pub(super) fn board_url(api: &FateFlow, job: &Job) -> String {
    board_page(api, job, &initiator_of(job))
}

/// The page of a FATE-Board that would show a participant's view of the job.
pub(super) fn board_page(api: &FateFlow, job: &Job, shown: &ParticipantView) -> String {
    let board = api
        .options()
        .board
        .as_deref()
        .unwrap_or(NO_BOARD)
        .trim_end_matches('/');
    format!(
        "{board}/index.html#/dashboard?job_id={}&role={}&party_id={}",
        job.id, shown.role, shown.party
    )
}

/// Where replies say that a job's logs are.
pub(super) fn logs_directory(api: &FateFlow, job: &str) -> String {
    format!("{}/logs/{job}", api.options().folder)
}

/// `data` of the reply to a submission.
pub(super) fn submission(api: &FateFlow, job: &Job, message: &str) -> Map<String, Value> {
    let initiator = initiator_of(job);
    let folder = format!("{}/jobs/{}", api.options().folder, job.id);
    let dsl = format!("{folder}/job_dsl.json");
    let conf = format!("{folder}/job_runtime_conf.json");
    let on_party = format!(
        "{folder}/{}/{}/job_runtime_on_party_conf.json",
        initiator.role, initiator.party
    );
    let data = json!({
        "job_id": job.id,
        "code": 0,
        "message": message,
        "model_info": model_info(job),
        "logs_directory": logs_directory(api, job.id.as_str()),
        "board_url": board_url(api, job),
        "dsl_path": dsl,
        "runtime_conf_path": conf,
        "runtime_conf_on_party_path": on_party,
        "train_runtime_conf_path": format!("{folder}/train_runtime_conf.json"),
        "pipeline_dsl_path": format!("{folder}/pipeline_dsl.json"),
        "job_dsl_path": dsl,
        "job_runtime_conf_path": conf,
    });
    match data {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}
