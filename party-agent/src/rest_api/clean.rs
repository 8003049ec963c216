//! `job/clean`: what a job that is over left here, its output tables and its log, is removed. Models stay: they have names
//! and an end of their own.

use std::time::Duration;

use axum::extract::Request;
use axum::response::IntoResponse;
use records::{AttemptRecord, AttemptState};
use rest::fate_reply::OPERATING;
use rest::{Answer, Failure, Reply};
use serde_json::json;
use vocabulary::{Fault, JobId, Role, TableRef};

use super::request_fields::RequestFields;
use super::{HandlerState, Side, blocking};

/// How often it is looked whether a job that is to be cleaned has ended, and the pause between two looks.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn clean(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    if handler.is_elsewhere(&asked) {
        return handler
            .ask_coordinator("POST", "/v1/job/clean", &asked)
            .await;
    }
    asked.validated(&["job_id"])?;
    let missing = || Failure::code(rest::fate_reply::ARGUMENT, "find job failed");
    let job = asked.job().ok_or_else(missing)?;
    handler
        .permit_rows(format!("removal of what job {job} left"))
        .await?;
    let agent_state = &handler.agent_state;
    let (role, step) = (asked.role(), asked.step());
    let meant = |task: &vocabulary::TaskId| {
        role.is_none_or(|role| role == task.role)
            && step.as_ref().is_none_or(|step| *step == task.step)
    };
    let mut attempts = agent_state
        .records
        .every_attempt(&job)
        .await
        .map_err(Fault::from)?;
    if attempts.iter().any(runs) {
        attempts = ended(&handler, &asked, &job).await?;
    }
    let mut tables: Vec<TableRef> = Vec::new();
    for attempt in attempts
        .iter()
        .filter(|attempt| meant(&attempt.assignment.task))
    {
        // What was taken over from another job is that job's.
        let own = TableRef::outputs_of(&job);
        tables.extend(
            attempt
                .outputs
                .iter()
                .map(|(_, table)| table.table.clone())
                .filter(|table| table.namespace.starts_with(&own)),
        );
    }
    let mut removed = 0;
    for table in tables {
        if agent_state
            .records
            .is_used_elsewhere(&table, &job)
            .await
            .map_err(Fault::from)?
        {
            continue;
        }
        let table_store = agent_state.table_store.clone();
        removed +=
            usize::from(blocking(move || table_store.delete(&table).map_err(Fault::from)).await?);
    }
    for role in Role::ALL
        .into_iter()
        .filter(|own| role.is_none_or(|role| role == *own))
    {
        agent_state
            .logs
            .remove(&job, role, &agent_state.me, step.as_ref())
            .map_err(|error| {
                Fault::new(
                    vocabulary::ErrorCode::Internal,
                    format!("the log of job {job} cannot be removed: {error}"),
                )
            })?;
    }
    if handler.side == Side::Own {
        // The coordinator keeps the figures; where it cannot be asked, the rest is removed all the same.
        if let Err(failure) = handler
            .ask_coordinator("POST", "/v1/tracking/component/metric/delete", &asked)
            .await
        {
            tracing::warn!(%job, why = failure.0.retmsg, "the metrics of a job that was cleaned stay at the coordinator");
        }
    }
    tracing::info!(%job, tables = removed, "what the job left was removed");
    Ok(Reply::data(json!({"tables": removed})).into_response())
}

fn runs(attempt: &AttemptRecord) -> bool {
    attempt.state == AttemptState::Running
}

/// The attempts of a job that runs here, once it has been ended: the party's own user has the coordinator stop it. Others stop
/// it at the coordinator's REST endpoint.
async fn ended(
    handler: &HandlerState,
    asked: &RequestFields,
    job: &JobId,
) -> Result<Vec<AttemptRecord>, Failure> {
    let still = || {
        Failure::code(
            OPERATING,
            format!("job {job} runs here and has not ended yet; stop it, and ask again"),
        )
    };
    if handler.side == Side::Outside {
        return Err(still());
    }
    handler
        .ask_coordinator("POST", "/v1/job/stop", asked)
        .await?;
    for _ in 0..LOOKS {
        let attempts = handler
            .agent_state
            .records
            .every_attempt(job)
            .await
            .map_err(Fault::from)?;
        if !attempts.iter().any(runs) {
            return Ok(attempts);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(still())
}
