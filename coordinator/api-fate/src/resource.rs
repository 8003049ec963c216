//! Resources: the cores that jobs hold while they run, and what the agents have.
//!
//! A running job holds `task_cores` for each step it may run at once; an agent has four cores for each task that it runs
//! at a time. Both are what the scheduler counts with: a job starts only when its parties have capacity for it.

use domain::capacity::CORES_OF_SLOT;
use domain::{Job, JobState};
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use service::{JobFilter, JobOrder};

use super::FateFlow;
use super::job_query::each_job;
use super::job_view::{ParticipantView, find_job, participants, visible};
use super::reply::{answer, date, millis};
use super::request::Call;

const ENGINE: &str = "STANDALONE";

/// Whether a job holds cores.
fn holds(job: &Job) -> bool {
    job.started.is_some() && !job.state.is_settled()
}

pub(super) async fn query(api: FateFlow, call: Call) -> Answer {
    let engine = call
        .text("engine_name")
        .is_none_or(|name| name.eq_ignore_ascii_case(ENGINE));
    let in_use =
        call.body.get("resource_in_use").is_none_or(Value::is_null) || call.flag("resource_in_use");
    let states = if in_use {
        vec![JobState::Running, JobState::Stopping]
    } else {
        vec![]
    };
    let filter = JobFilter {
        states,
        order: JobOrder::Created,
        ..visible(&call)
    };
    let mut held: u64 = 0;
    let mut jobs = Vec::new();
    each_job(&api, filter, |job| {
        let cores = |row: &ParticipantView| if holds(&job) { job.settings.cores_of(&row.of) } else { 0 };
        held += participants(&job).iter().map(|row| u64::from(cores(row))).sum::<u64>();
        if engine && holds(&job) == in_use {
            jobs.extend(participants(&job).into_iter().map(|row| {
                let core = cores(&row);
                json!({"job_id": job.id, "role": row.role, "party_id": row.party, "core": core, "memory": 0})
            }));
        }
    })
    .await?;
    let presence = api.coordinator().presence();
    let online = presence.agents.values().filter(|agent| agent.online);
    let slots: Vec<u64> = online
        .map(|agent| u64::from(agent.slots.unwrap_or(0)))
        .collect();
    let total = slots.iter().sum::<u64>() * u64::from(CORES_OF_SLOT);
    let now = Some(api.coordinator().now());
    let resource = json!({
        "f_engine_type": "computing",
        "f_engine_name": ENGINE,
        "f_engine_entrance": "fedflow",
        "f_engine_config": {"nodes": slots.len()},
        "f_cores": total,
        "f_memory": 0,
        "f_remaining_cores": total.saturating_sub(held),
        "f_remaining_memory": 0,
        "f_nodes": slots.len(),
        "f_create_time": millis(now),
        "f_create_date": date(now),
        "f_update_time": millis(now),
        "f_update_date": date(now),
    });
    let resource = if engine { resource } else { json!({}) };
    answer(Reply::data(
        json!({"use_resource_job": jobs, "computing_engine_resource": resource}),
    ))
}

/// An ended job has given its cores back. One that runs needs them, and keeps them until it is stopped.
pub(super) async fn give_back(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let id = call.text("job_id").unwrap_or_default();
    let unknown = || Failure::exception("Exception", &format!("no found job {id}"));
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let held = holds(&job);
    let rows: Vec<Value> = participants(&job)
        .into_iter()
        .map(|row| {
            json!({
                "job_id": job.id,
                "role": row.role,
                "party_id": row.party,
                "resource_in_use": held,
                "resource_return_status": !held,
            })
        })
        .collect();
    answer(Reply::data(Value::Array(rows)))
}
