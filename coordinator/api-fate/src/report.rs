//! `job/report` and `job/url/get`: the times of a job's steps, and the pages that would show it.

use rest::fate_reply::ARGUMENT;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};

use super::FateFlow;
use super::job_view::{find_job, meant, participants};
use super::reply::{answer, board_page, elapsed, millis};
use super::request::Call;
use super::task::load_tasks;

/// One entry for each step that the participant meant (the initiator unless one is named) has a task in.
pub(super) async fn report(api: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(ARGUMENT, "find task failed");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let shown = meant(&job, &call).ok_or_else(unknown)?;
    let of = load_tasks(&api, &job.id).await?;
    let (step, word) = (call.text("component_name"), call.text("status"));
    let mut entries = Vec::new();
    for (index, placed) in job.definition.graph.steps.iter().enumerate() {
        let own = of.newest(&placed.name, &shown.of);
        let Some(task) = own.filter(|_| {
            step.as_ref()
                .is_none_or(|step| step == placed.name.as_str())
        }) else {
            continue;
        };
        let status = of.word(&placed.name, task.key.attempt);
        if word.as_ref().is_some_and(|word| word != status) {
            continue;
        }
        entries.push(json!({
            "component_name": placed.name,
            "start_time": millis(task.started),
            "end_time": millis(task.ended),
            "elapsed": elapsed(task.started, task.ended),
            "status": status,
            "index": index,
        }));
    }
    if entries.is_empty() {
        return Err(unknown());
    }
    answer(Reply::data(Value::Array(entries)))
}

pub(super) async fn url(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id", "role", "party_id"])?;
    let unknown = || Failure::code(ARGUMENT, "no found job");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let (role, party) = (call.text("role"), call.text("party_id"));
    let rows = participants(&job);
    let meant = rows
        .iter()
        .filter(|row| row.is_meant(role.as_deref(), party.as_deref()));
    let pages: Vec<Value> = meant
        .map(|row| json!(board_page(&api, &job, row)))
        .collect();
    if pages.is_empty() {
        return Err(unknown());
    }
    answer(Reply::data(json!({"board_url": pages})))
}
