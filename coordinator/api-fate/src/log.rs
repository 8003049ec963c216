//! `job/log/*`: what the coordinator knows of a job's course, and the logs that its parties let out, as one archive.

use std::fmt::Write;

use axum::body::Body;
use domain::{Job, Task};
use futures_util::future::join_all;
use rest::proxy::{stream_of, whole};
use rest::targz::{Member, Part, pack_and_splice};
use rest::{Answer, Failure, Reply, file_reply};
use serde_json::json;
use service::TaskFilter;
use vocabulary::{Fault, PartyId, Timestamp};
use wire::agent_link::Caller;

use super::FateFlow;
use super::job_view::find_job;
use super::reply::{answer, date, fail, logs_directory};
use super::request::Call;
use super::rows;

pub(super) async fn path(api: FateFlow, call: Call) -> Answer {
    let job = call.need("job_id")?;
    answer(Reply::data(
        json!({"logs_directory": logs_directory(&api, &job)}),
    ))
}

pub(super) async fn download(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let named = call.need("job_id")?;
    let unknown = || {
        let directory = logs_directory(&api, &named);
        Failure::http(
            404,
            Some(&format!(
                "Log file path: '{directory}' not found. Please check if the job id is valid."
            )),
        )
    };
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let filter = TaskFilter {
        job: Some(job.id.clone()),
        all_attempts: true,
        ..TaskFilter::default()
    };
    let (tasks, _) = api
        .coordinator()
        .jobs()
        .tasks(&filter)
        .await
        .map_err(fail)?;
    let mut members = vec![
        Member::new("fate_flow_schedule.log", course(&job, &tasks)),
        Member::new("fate_flow_schedule_error.log", faults(&job, &tasks)),
        Member::new("fate_flow_audit.log", ""),
    ];
    let parties = job.cast.parties();
    let fetched = join_all(
        parties
            .iter()
            .map(|party| fetch(&api, &call.caller, &job, party)),
    )
    .await;
    let mut parts = Vec::new();
    for (party, outcome) in parties.iter().zip(fetched) {
        match outcome {
            Ok(part) => parts.push(part),
            // readers open both files without looking whether they are there
            Err(fault) => members.extend(instead(&job, party, &fault)),
        }
    }
    let content = Body::from_stream(pack_and_splice(members, parts));
    Ok(file_reply(
        &format!("job_{}_log.tar.gz", job.id),
        "application/gzip",
        content,
    ))
}

pub(super) async fn size(api: FateFlow, call: Call) -> Answer {
    question(api, call, "/v1/log/size").await
}

pub(super) async fn cat(api: FateFlow, call: Call) -> Answer {
    question(api, call, "/v1/log/cat").await
}

/// A question about a party's log: asked at the party, the job's initiator when none is named.
async fn question(api: FateFlow, call: Call, path: &str) -> Answer {
    call.validated(&["job_id", "log_type"])?;
    let named = call.need("job_id")?;
    let unknown = || {
        Fault::new(
            vocabulary::ErrorCode::JobUnknown,
            format!("job {named} does not exist"),
        )
    };
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let asked = call
        .text("party_id")
        .and_then(|party| PartyId::new(party).ok());
    let known = asked.filter(|party| job.cast.parties().contains(party));
    let party = known.unwrap_or_else(|| job.initiator.party.clone());
    let mut body = call.body.clone();
    body.insert("party_id".into(), json!(party));
    body.entry("role")
        .or_insert_with(|| json!(job.initiator.role));
    rows::pass_on(
        &api,
        &call.caller,
        &party,
        path,
        &serde_json::Value::Object(body),
    )
    .await
}

/// The logs of one party; only members under the party's own roles are taken over.
async fn fetch(api: &FateFlow, caller: &Caller, job: &Job, party: &PartyId) -> Result<Part, Fault> {
    let body = whole(json!({"job_id": job.id}).to_string());
    let response = rows::send(api, caller, party, ("POST", "/v1/job/log/download"), body).await?;
    if response.status() != axum::http::StatusCode::OK {
        let status = response.status();
        let text = rows::envelope(response, party)
            .await
            .ok()
            .and_then(|reply| reply.get("retmsg")?.as_str().map(str::to_owned));
        let message = text.unwrap_or_else(|| format!("the agent answered HTTP {status}"));
        return Err(Fault::new(vocabulary::ErrorCode::NotFound, message).at(party));
    }
    let own = folders(job, party);
    let keep =
        Box::new(move |path: &str| own.iter().any(|folder| path.starts_with(folder.as_str())));
    Ok(Part {
        archive: stream_of(response.into_body()),
        keep,
    })
}

/// The folders of a party: one for each of its roles.
fn folders(job: &Job, party: &PartyId) -> Vec<String> {
    let own = job
        .cast
        .participants()
        .filter(|participant| participant.party == *party);
    own.map(|participant| format!("{}/{party}/", participant.role))
        .collect()
}

fn instead(job: &Job, party: &PartyId, fault: &Fault) -> Vec<Member> {
    let text = format!("the log of party {party} is not here: {fault}\n");
    let files = folders(job, party)
        .into_iter()
        .flat_map(|folder| ["INFO.log", "ERROR.log"].map(|file| format!("{folder}{file}")));
    files.map(|path| Member::new(path, text.clone())).collect()
}

/// What happened to the job and its tasks, in order of time.
fn course(job: &Job, tasks: &[Task]) -> String {
    let mut events: Vec<(Timestamp, String)> = vec![(
        job.created,
        format!("job {} submitted by {}", job.id, job.initiator),
    )];
    events.extend(
        job.definition
            .warnings
            .iter()
            .map(|warning| (job.created, warning.clone())),
    );
    events.extend(job.started.map(|at| (at, "job started".to_owned())));
    events.extend(
        job.ended
            .map(|at| (at, format!("job ended: {:?}", job.state))),
    );
    events.extend(
        job.waiting
            .as_ref()
            .map(|waiting| (waiting.since, format!("job waits: {}", waiting.reason))),
    );
    for task in tasks {
        let name = format!("{} attempt {}", task.key.id, task.key.attempt);
        events.extend(task.started.map(|at| (at, format!("{name} started"))));
        events.extend(
            task.ended
                .map(|at| (at, format!("{name} ended: {:?}", task.state))),
        );
    }
    events.sort_by_key(|(at, _)| *at);
    lines(events)
}

/// Every fault met, in order of time.
fn faults(job: &Job, tasks: &[Task]) -> String {
    let mut events: Vec<(Timestamp, String)> = Vec::new();
    for task in tasks {
        events.extend(task.fault.as_ref().map(|fault| {
            (
                task.updated,
                format!("{} attempt {}: {fault}", task.key.id, task.key.attempt),
            )
        }));
    }
    events.extend(
        job.reason
            .as_ref()
            .map(|fault| (job.updated, format!("job {}: {fault}", job.id))),
    );
    let met = job
        .waiting
        .as_ref()
        .and_then(|waiting| Some((waiting.since, waiting.last_error.as_ref()?)));
    events.extend(met.map(|(at, fault)| (at, format!("job {} waits: {fault}", job.id))));
    events.sort_by_key(|(at, _)| *at);
    lines(events)
}

fn lines(events: Vec<(Timestamp, String)>) -> String {
    events
        .into_iter()
        .fold(String::new(), |mut text, (at, event)| {
            let _ = writeln!(
                text,
                "[{}] {event}",
                date(Some(at)).as_str().unwrap_or_default()
            );
            text
        })
}
