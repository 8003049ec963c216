//! One attempt of a task as a row: the columns of FATE's task table, and a few of our own.

use domain::{Job, Step, Task, TaskState};
use serde_json::{Map, Value, json};
use vocabulary::{Fault, Participant};

use super::job_view::{LOCAL_PARTY, initiator_of, is_local};
use super::reply::{date, elapsed, millis};
use super::request::id_value;
use super::status;

/// The row of one attempt; `word` is the state over all parties of the step, `why` the reason why it is no better.
pub(super) fn task_row(
    job: &Job,
    task: &Task,
    word: &'static str,
    why: Option<&Fault>,
) -> Map<String, Value> {
    let step = job.definition.graph.step(&task.key.id.step);
    let mut row = Map::new();
    for columns in [
        identity(job, task, step),
        progress(job, task, word, why),
        parameters(job, task, step),
        times(task),
    ] {
        if let Value::Object(columns) = columns {
            row.extend(columns);
        }
    }
    row
}

fn shown_party(job: &Job, task: &Task) -> String {
    if is_local(job) {
        LOCAL_PARTY.to_owned()
    } else {
        task.key.id.party.to_string()
    }
}

fn identity(job: &Job, task: &Task, step: Option<&Step>) -> Value {
    let id = &task.key.id;
    let initiator = initiator_of(job);
    json!({
        "f_job_id": id.job,
        "f_component_name": id.step,
        "f_component_module": step.map(|step| step.module.as_str()).unwrap_or_default(),
        "f_task_id": format!("{}_{}", id.job, id.step),
        "f_task_version": task.key.attempt.0,
        "f_initiator_role": initiator.role,
        "f_initiator_party_id": initiator.party,
        "f_federated_mode": "SINGLE",
        "f_federated_status_collect_type": "PUSH",
        "f_role": id.role,
        "f_party_id": shown_party(job, task),
        "f_run_on_this_party": true,
        "f_worker_id": "",
        "f_cmd": null,
        "f_run_ip": "",
        "f_run_port": null,
        "f_run_pid": null,
        "f_operator": "",
        "f_provider_info": {"name": "fedflow", "version": env!("CARGO_PKG_VERSION"), "path": "", "class_path": {}},
        "f_is_deepspeed": false,
        "f_deepspeed_id": null,
    })
}

fn progress(job: &Job, task: &Task, word: &'static str, why: Option<&Fault>) -> Value {
    // a step that runs at several parties of a local job is shown once, so the one row speaks for all
    let own = if is_local(job) {
        word
    } else {
        status::of_task(task.state)
    };
    let waits = task.state == TaskState::Waiting;
    let waiting = job
        .waiting
        .as_ref()
        .filter(|_| waits)
        .map(|waiting| waiting.reason.as_str())
        .unwrap_or_default();
    json!({
        "f_status": word,
        "f_party_status": own,
        "f_status_code": null,
        "f_auto_retries": job.settings.retries.saturating_sub(task.key.attempt.0),
        "f_auto_retry_delay": job.settings.retry_delay_millis / 1_000,
        "f_kill_status": task.state == TaskState::Canceled,
        "f_error_report": why.map(ToString::to_string).unwrap_or_default(),
        "f_waiting_reason": waiting,
        "f_progress": task.progress.as_ref().map(|progress| progress.text.as_str()).unwrap_or_default(),
        "f_fault": why,
        "f_usage": task.usage,
    })
}

fn parameters(job: &Job, task: &Task, step: Option<&Step>) -> Value {
    let id = &task.key.id;
    let own = Participant::new(id.role, id.party.clone());
    let initiator = initiator_of(job);
    let party = id_value(&shown_party(job, task));
    let mut roles = Map::new();
    for participant in step
        .map(|step| step.participants.as_slice())
        .unwrap_or_default()
    {
        let list = roles
            .entry(participant.role.word())
            .or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(id_value(participant.party.as_str()));
        }
    }
    json!({
        "f_component_parameters": {
            "initiator": {"role": initiator.role, "party_id": id_value(&initiator.party)},
            "job_parameters": job_dsl::job_parameters_of(&job.definition.conf, &job.cast, &own),
            "role": roles,
            "dsl_version": 2,
            "local": {"role": id.role, "party_id": party},
            "module": step.map(|step| step.module.as_str()).unwrap_or_default(),
            "CodePath": step.map(|step| step.component.as_str()).unwrap_or_default(),
            "ComponentParam": step.map_or_else(|| json!({}), |step| step.parameters_of(&own)),
            "output_data_name": step.map(|step| step.outputs.as_slice()).unwrap_or_default(),
        },
        "f_engine_conf": {"computing_engine": "STANDALONE"},
    })
}

fn times(task: &Task) -> Value {
    json!({
        "f_start_time": millis(task.started),
        "f_start_date": date(task.started),
        "f_end_time": millis(task.ended),
        "f_end_date": date(task.ended),
        "f_elapsed": elapsed(task.started, task.ended),
        "f_create_time": millis(Some(task.created)),
        "f_create_date": date(Some(task.created)),
        "f_update_time": millis(Some(task.updated)),
        "f_update_date": date(Some(task.updated)),
    })
}
