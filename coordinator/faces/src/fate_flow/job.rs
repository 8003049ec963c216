//! What is done to a job: stop, rerun, notes, clearing the queue, and asking what it waits for.

use domain::JobState;
use doors::fate_reply::{ARGUMENT, DATA, OPERATING};
use doors::{Answer, Failure, Reply};
use serde_json::{Map, Value, json};
use service::ServiceError;
use vocabulary::StepName;

use super::FateFlow;
use super::reply::{answer, fail};
use super::request::Call;
use super::shown::{find_job, is_own, participants};

pub(super) async fn stop(face: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(DATA, "can not found job");
    let job = find_job(&face, &call).await?.ok_or_else(unknown)?;
    // 1.4 asked for a kill where a failure was meant
    let failed =
        call.text("operate").as_deref() == Some("kill") || call.text("stop_status").as_deref() == Some("failed");
    let settle_as = if failed { JobState::Failed } else { JobState::Canceled };
    match face.coordinator().stop_job(&call.principal, &job.id, settle_as).await {
        Ok(_) => answer(Reply::success().saying("stop job on this party success; stop job on all party success")),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => {
            let fault = error.fault();
            Err(Failure::code(OPERATING, format!("stop job on this party False: {fault}")).with_fault(fault))
        }
    }
}

pub(super) async fn rerun(face: FateFlow, call: Call) -> Answer {
    let unknown = || Failure::code(DATA, "can not found job");
    let job = find_job(&face, &call).await?.ok_or_else(unknown)?;
    let failed = |text: String| Failure::code(OPERATING, format!("rerun job failed:\n{text}"));
    let named =
        call.texts("component_name").filter(|names| !names.is_empty() && !names.iter().any(|name| name == "pipeline"));
    let steps = match named {
        None => None,
        Some(names) => {
            let steps: Result<Vec<StepName>, _> = names.into_iter().map(StepName::new).collect();
            Some(steps.map_err(|error| failed(error.to_string()))?)
        }
    };
    match face.coordinator().rerun_job(&call.principal, &job.id, steps, call.flag("force")).await {
        Ok(_) => answer(Reply::success().saying("rerun job success")),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => Err(failed(error.fault().to_string()).with_fault(error.fault())),
    }
}

pub(super) async fn update(face: FateFlow, call: Call) -> Answer {
    call.need("job_id")?;
    let (role, party) = (call.need("role")?, call.need("party_id")?);
    let unknown = || Failure::code(ARGUMENT, "find job failed");
    let job = find_job(&face, &call).await?.ok_or_else(unknown)?;
    let rows = participants(&job);
    let row = rows.iter().find(|row| row.is_meant(Some(&role), Some(&party)) && is_own(&call, &row.of.party));
    let row = row.ok_or_else(unknown)?;
    let notes = call.text("notes").unwrap_or_default();
    match face.coordinator().set_notes(&job.id, &row.of, &notes).await {
        Ok(()) => answer(Reply::success()),
        Err(ServiceError::NotFound(_)) => Err(unknown()),
        Err(error) => Err(fail(error)),
    }
}

pub(super) async fn clean_queue(face: FateFlow, call: Call) -> Answer {
    let canceled = face.coordinator().cancel_waiting(&call.principal).await.map_err(fail)?;
    let codes: Map<String, Value> = canceled.into_iter().map(|job| (job.to_string(), json!(0))).collect();
    answer(Reply::data(Value::Object(codes)))
}

pub(super) async fn waiting(face: FateFlow, call: Call) -> Answer {
    call.validated(&["job_id"])?;
    let unknown = || Failure::code(ARGUMENT, "find job failed");
    let job = find_job(&face, &call).await?.ok_or_else(unknown)?;
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
