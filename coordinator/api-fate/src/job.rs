//! What is done to a job: stop, rerun, notes, clearing the queue, and asking what it waits for.

use domain::{Job, JobState};
use rest::fate_reply::{ARGUMENT, DATA, OPERATING};
use rest::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::ServiceError;
use vocabulary::{PartyId, StepName};

use super::FateFlow;
use super::job_view::{find_job, is_own, participants};
use super::reply::{answer, fail};
use super::request::Call;
use super::rows;

pub(super) async fn stop(api: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(DATA, "can not found job");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    if call
        .text("stop_status")
        .is_some_and(|word| !["", "canceled", "failed"].contains(&word.as_str()))
    {
        return Err(Failure::http(400, Some("Invalid parameter 'stop_status'.")));
    }
    // 1.4 asked for a kill where a failure was meant
    let failed = call.text("operate").as_deref() == Some("kill")
        || call.text("stop_status").as_deref() == Some("failed");
    let settle_as = if failed {
        JobState::Failed
    } else {
        JobState::Canceled
    };
    match api
        .coordinator()
        .jobs()
        .stop(&call.principal, &job.id, settle_as)
        .await
    {
        Ok(_) => answer(
            Reply::success()
                .saying("stop job on this party success; stop job on all party success"),
        ),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => {
            let fault = error.fault();
            Err(
                Failure::code(OPERATING, format!("stop job on this party False: {fault}"))
                    .with_fault(fault),
            )
        }
    }
}

pub(super) async fn rerun(api: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(DATA, "can not found job");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let failed = |text: String| Failure::code(OPERATING, format!("rerun job failed:\n{text}"));
    let named = call
        .texts("component_name")
        .filter(|names| !names.is_empty() && !names.iter().any(|name| name == "pipeline"));
    let steps = match named {
        None => None,
        Some(names) => {
            let steps: Result<Vec<StepName>, _> = names.into_iter().map(StepName::new).collect();
            Some(steps.map_err(|error| failed(error.to_string()))?)
        }
    };
    match api
        .coordinator()
        .jobs()
        .rerun(&call.principal, &job.id, steps, call.flag("force"))
        .await
    {
        Ok(_) => answer(Reply::success().saying("rerun job success")),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => Err(failed(error.fault().to_string()).with_fault(error.fault())),
    }
}

pub(super) async fn update(api: FateFlow, call: Call) -> Answer {
    call.need("job_id")?;
    let (role, party) = (call.need("role")?, call.need("party_id")?);
    let unknown = || Failure::code(ARGUMENT, "find job failed");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let rows = participants(&job);
    let row = rows
        .iter()
        .find(|row| row.is_meant(Some(&role), Some(&party)) && is_own(&call, &row.of.party));
    let row = row.ok_or_else(unknown)?;
    let notes = call.text("notes").unwrap_or_default();
    match api
        .coordinator()
        .jobs()
        .set_notes(&job.id, &row.of, &notes)
        .await
    {
        Ok(()) => answer(Reply::success()),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => Err(fail(error)),
    }
}

/// Changes parameters of a job that ended or waits; they count when it runs (again).
pub(super) async fn update_parameters(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let unknown = || Failure::code(DATA, "can not found job");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let part = |name: &str| call.body.get(name).cloned().unwrap_or(Value::Null);
    let (components, parameters) = (part("component_parameters"), part("job_parameters"));
    match api
        .coordinator()
        .fate()
        .update_parameters(&call.principal, &job.id, &components, &parameters)
        .await
    {
        Ok(job) => {
            let conf = &job.definition.conf;
            let of = |name: &str| conf.get(name).cloned().unwrap_or_else(|| json!({}));
            let warnings = &job.definition.warnings;
            let data = json!({
                "job_parameters": of("job_parameters"),
                "component_parameters": of("component_parameters"),
                "components": [],
                "warnings": warnings,
            });
            answer(Reply::data(data).saying(job_dsl::said(warnings)))
        }
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => {
            let fault = error.fault();
            Err(
                Failure::code(OPERATING, format!("update job parameters failed: {error}"))
                    .with_fault(fault),
            )
        }
    }
}

/// Has the parties meant remove what a job left with them, each by its own policy, and removes its metrics and summaries. A job
/// that runs is ended first.
pub(super) async fn clean(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let unknown = || Failure::exception("Exception", "no found task");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    end(&api, &call, &job).await?;
    let (role, party) = (call.text("role"), call.text("party_id"));
    let mut parties: Vec<PartyId> = Vec::new();
    for row in participants(&job)
        .into_iter()
        .filter(|row| row.is_meant(role.as_deref(), party.as_deref()))
    {
        parties.push(row.of.party);
    }
    parties.sort();
    parties.dedup();
    forget_told(&api, &call, &job, &parties).await?;
    let mut body = json!({"job_id": job.id});
    for key in ["role", "component_name"] {
        body[key] = call.body.get(key).cloned().unwrap_or(Value::Null);
    }
    let mut done = Map::new();
    let mut refusals = Vec::new();
    // One party's refusal keeps no other from removing its own.
    for party in &parties {
        let why = match rows::ask(&api, &call.caller, party, "/v1/job/clean", &body).await {
            Ok(reply) if reply["retcode"] == 0 => {
                done.insert(party.to_string(), reply["data"].clone());
                continue;
            }
            Ok(reply) => reply["retmsg"].as_str().unwrap_or_default().to_owned(),
            Err(failure) => failure.0.retmsg,
        };
        refusals.push(format!(
            "party {party} did not remove what job {} left: {why}",
            job.id
        ));
    }
    if !refusals.is_empty() {
        return Err(Failure::code(OPERATING, refusals.join("; ")));
    }
    answer(Reply::data(Value::Object(done)))
}

/// Removes the metrics and summaries of the parties that are cleaned. They are kept by job: where one component is cleaned they
/// stay.
async fn forget_told(
    api: &FateFlow,
    call: &Call,
    job: &Job,
    parties: &[PartyId],
) -> Result<(), Failure> {
    if call.text("component_name").is_some() {
        return Ok(());
    }
    for party in parties {
        api.coordinator()
            .jobs()
            .forget_told(&call.principal, &job.id, party)
            .await
            .map_err(fail)?;
    }
    Ok(())
}

/// Ends a job that is to be cleaned and has not ended.
async fn end(api: &FateFlow, call: &Call, job: &Job) -> Result<(), Failure> {
    if job.state.is_settled() {
        return Ok(());
    }
    let stopped = api
        .coordinator()
        .jobs()
        .stop(&call.principal, &job.id, JobState::Canceled)
        .await
        .map_err(fail)?;
    if stopped.state.is_settled() {
        return Ok(());
    }
    let waits = stopped
        .waiting
        .map(|waiting| format!(": {}", waiting.reason))
        .unwrap_or_default();
    Err(Failure::code(
        OPERATING,
        format!(
            "job {} is being stopped{waits}; ask again when it has ended",
            job.id
        ),
    ))
}

pub(super) async fn clean_queue(api: FateFlow, call: Call) -> Answer {
    let canceled = api
        .coordinator()
        .jobs()
        .cancel_waiting(&call.principal)
        .await
        .map_err(fail)?;
    let codes: Map<String, Value> = canceled
        .into_iter()
        .map(|job| (job.to_string(), json!(0)))
        .collect();
    answer(Reply::data(Value::Object(codes)))
}

pub(super) async fn waiting(api: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let unknown = || Failure::code(ARGUMENT, "find job failed");
    let job = find_job(&api, &call).await?.ok_or_else(unknown)?;
    let waiting = job.waiting.map_or(Value::Null, |waiting| {
        json!({
            "reason": waiting.reason,
            "parties": waiting.parties,
            "since": waiting.since.millis(),
            "last_error": waiting.last_error.map(|fault| fault.to_string()),
        })
    });
    answer(Reply::data(json!({"waiting": waiting})))
}
