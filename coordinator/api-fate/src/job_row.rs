//! A job as one row per participant: the columns of FATE's job table, and a few of our own.

use domain::{Job, JobState};
use serde_json::{Map, Value, json};
use vocabulary::Participant;

use super::job_view::{ParticipantView, initiator_of, participants, roles};
use super::reply::{date, elapsed, millis};
use super::request::id_value;
use super::status;

/// The row of one participant; `notes` are those on the job.
pub(super) fn job_row(
    job: &Job,
    shown: &ParticipantView,
    notes: &[(Participant, String)],
) -> Map<String, Value> {
    let mut row = Map::new();
    for columns in [
        identity(job, shown, notes),
        documents(job, shown),
        progress(job),
        resources(job, shown),
        times(job),
        own(job),
    ] {
        if let Value::Object(columns) = columns {
            row.extend(columns);
        }
    }
    row
}

/// The row without prefixes, as lists show it.
pub(super) fn listed_row(
    job: &Job,
    shown: &ParticipantView,
    notes: &[(Participant, String)],
) -> Value {
    let row = job_row(job, shown, notes);
    let mut row: Map<String, Value> = row
        .into_iter()
        .map(|(name, value)| (bare(&name).to_owned(), value))
        .collect();
    row.insert("party_id".into(), id_value(&shown.party));
    row.insert("partners".into(), Value::Array(partners(job, shown)));
    Value::Object(row)
}

/// A column's name without its prefix.
pub(super) fn bare(column: &str) -> &str {
    column.strip_prefix("f_").unwrap_or(column)
}

fn identity(job: &Job, shown: &ParticipantView, notes: &[(Participant, String)]) -> Value {
    let initiator = initiator_of(job);
    let note = notes
        .iter()
        .find(|(who, _)| *who == shown.of)
        .map(|(_, note)| note.as_str());
    let mut users = Map::new();
    for one in participants(job) {
        if let Value::Object(of_role) = users.entry(one.role.word()).or_insert_with(|| json!({})) {
            of_role.insert(one.party, json!(user_of(job, &one.of)));
        }
    }
    json!({
        "f_job_id": job.id,
        "f_user_id": user_of(job, &shown.of),
        "f_name": job.name,
        "f_description": note.unwrap_or(&job.description),
        "f_tag": if job.state.is_settled() { "job_end" } else { "" },
        "f_roles": roles(job),
        "f_initiator_role": initiator.role,
        "f_initiator_party_id": initiator.party,
        "f_role": shown.role,
        "f_party_id": shown.party,
        "f_is_initiator": *shown == initiator,
        "f_user": users,
    })
}

/// The user in whose name the job runs at a participant, as its job parameters say.
fn user_of(job: &Job, who: &Participant) -> String {
    let parameters = job_dsl::job_parameters_of(&job.definition.conf, &job.cast, who);
    parameters
        .get("user")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn documents(job: &Job, shown: &ParticipantView) -> Value {
    json!({
        "f_dsl": job.definition.dsl,
        "f_runtime_conf": job.definition.conf,
        "f_runtime_conf_on_party": conf_on_party(job, &shown.of),
        "f_train_runtime_conf": job.definition.train_conf,
    })
}

/// The runtime conf with the party's job parameters flat, as each party keeps it.
fn conf_on_party(job: &Job, who: &Participant) -> Value {
    let mut conf = job.definition.conf.clone();
    let own = job_dsl::job_parameters_of(&conf, &job.cast, who);
    if let Value::Object(conf) = &mut conf {
        conf.insert("job_parameters".into(), own);
    }
    conf
}

fn progress(job: &Job) -> Value {
    let inheritance = job
        .definition
        .conf
        .pointer("/job_parameters/common/inheritance_info");
    let inheritance = inheritance.cloned().unwrap_or_else(|| json!({}));
    let canceled = job
        .stop
        .as_ref()
        .filter(|stop| stop.settle_as == JobState::Canceled);
    json!({
        "f_status": status::of(job),
        "f_status_code": null,
        "f_progress": job.progress,
        // Signals between FATE's own schedulers; columns stay, for clients ask for them by name.
        "f_ready_signal": false,
        "f_ready_time": null,
        "f_cancel_signal": canceled.is_some(),
        "f_cancel_time": millis(canceled.map(|stop| stop.at)),
        "f_rerun_signal": job.rerun.is_some() && matches!(job.state, JobState::Offered | JobState::Queued),
        "f_end_scheduling_updates": u8::from(job.state.is_settled()),
        "f_inheritance_info": inheritance,
        "f_inheritance_status": match (job.settings.inherited.is_empty(), job.state) {
            (true, _) => "pass",
            (false, JobState::Offered) => "waiting",
            (false, _) => "success",
        },
    })
}

fn resources(job: &Job, shown: &ParticipantView) -> Value {
    let started = job.started.is_some();
    let settled = job.state.is_settled();
    let cores = job.settings.cores_of(&shown.of);
    json!({
        "f_engine_name": started.then_some("STANDALONE"),
        "f_engine_type": started.then_some("computing"),
        "f_cores": if started { cores } else { 0 },
        "f_memory": 0,
        "f_remaining_cores": if started && !settled { cores } else { 0 },
        "f_remaining_memory": 0,
        "f_resource_in_use": started && !settled,
        "f_apply_resource_time": millis(job.started),
        "f_return_resource_time": millis(job.ended.filter(|_| started)),
    })
}

fn times(job: &Job) -> Value {
    // a job that never started shows no end either
    let ended = job.ended.filter(|_| job.started.is_some());
    json!({
        "f_start_time": millis(job.started),
        "f_start_date": date(job.started),
        "f_end_time": millis(ended),
        "f_end_date": date(ended),
        "f_elapsed": elapsed(job.started, ended),
        "f_create_time": millis(Some(job.created)),
        "f_create_date": date(Some(job.created)),
        "f_update_time": millis(Some(job.updated)),
        "f_update_date": date(Some(job.updated)),
    })
}

/// Columns of older readers, and those that say why a job waits or failed.
fn own(job: &Job) -> Value {
    json!({
        "f_run_ip": "",
        "f_work_mode": 1,
        "f_experiment": job.experiment,
        "f_archived": job.archived.is_some(),
        "f_current_steps": [],
        "f_current_tasks": [],
        "f_waiting_reason": job.waiting.as_ref().map(|waiting| waiting.reason.as_str()).unwrap_or_default(),
        "f_error_report": job.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        "f_fault": job.reason,
        "f_warnings": job.definition.warnings,
    })
}

/// Ids of the other guests, hosts and arbiters, sorted.
fn partners(job: &Job, shown: &ParticipantView) -> Vec<Value> {
    let mut others: Vec<String> = participants(job)
        .into_iter()
        .filter(|one| one.role != vocabulary::Role::Local && one.party != shown.party)
        .map(|one| one.party)
        .collect();
    others.sort_by_key(|party| (party.parse::<i64>().unwrap_or(i64::MAX), party.clone()));
    others.dedup();
    others.iter().map(|party| id_value(party)).collect()
}
