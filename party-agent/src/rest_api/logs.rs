//! `job/log/*` and `log/*`: this party's part of a job's logs.

use std::collections::HashSet;
use std::path::PathBuf;

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use component_kit::LogLevel;
use futures_util::StreamExt;
use http::StatusCode;
use rest::proxy::stream_of;
use rest::targz::{Member, Part, pack_and_splice};
use rest::{Answer, BodyStream, Failure, Reply, file_reply};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use vocabulary::{ErrorCode, Fault, JobId, Role};

use super::request_fields::RequestFields;
use super::{HandlerState, Side, blocking};
use crate::joblog::{LogFile, count_lines, read_lines};

/// The archive of a job's logs. At the own REST endpoint it holds what the coordinator has of the job, too.
pub(super) async fn download(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked
        .validated(&["job_id"])
        .map_err(|failure| failure.with_status(400))?;
    let named = asked.text("job_id").unwrap_or_default();
    let unknown = || {
        let text = format!(
            "Log file path: 'logs/{named}' not found. Please check if the job id is valid."
        );
        Failure::http(404, Some(&text))
    };
    let job = asked.job().ok_or_else(unknown)?;
    handler
        .permit_logs(format!("logs of job {job}"))
        .await
        .map_err(|failure| failure.with_status(403))?;
    let own = own_files(&handler, &job).await?;
    let parts = match handler.side {
        Side::Outside => Vec::new(),
        Side::Own => match rest_of(&handler, &job).await {
            Ok(rest) => vec![rest],
            Err(failure) if own.is_empty() => return Err(failure),
            // The own part is worth having alone.
            Err(_) => Vec::new(),
        },
    };
    if own.is_empty() && parts.is_empty() {
        return Err(unknown());
    }
    let mut members = Vec::new();
    for file in own {
        members.push(member(file).await?);
    }
    let content = Body::from_stream(pack_and_splice(members, parts));
    Ok(file_reply(
        &format!("job_{job}_log.tar.gz"),
        "application/gzip",
        content,
    ))
}

async fn own_files(handler: &HandlerState, job: &JobId) -> Result<Vec<LogFile>, Failure> {
    let (agent_state, job) = (handler.agent_state.clone(), job.clone());
    blocking(move || {
        agent_state
            .logs
            .files(&job, &agent_state.me)
            .map_err(|error| unreadable(&error))
    })
    .await
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(
        ErrorCode::FileUnreadable,
        format!("the job's log cannot be read: {error}"),
    )
}

/// As much of a file as was there when it was listed; it may grow meanwhile.
async fn member(file: LogFile) -> Result<Member, Failure> {
    let opened = tokio::fs::File::open(&file.path)
        .await
        .map_err(|error| unreadable(&error))?;
    let content: BodyStream = ReaderStream::new(opened.take(file.size)).boxed();
    Ok(Member {
        path: file.name,
        size: file.size,
        content,
    })
}

/// What the coordinator has of the job's logs, without this party's folders.
async fn rest_of(handler: &HandlerState, job: &JobId) -> Result<Part, Failure> {
    let body = Map::from_iter([("job_id".to_owned(), json!(job))]);
    let response = handler
        .ask_coordinator("POST", "/v1/job/log/download", &RequestFields::of(body))
        .await?;
    let status = response.status();
    if status != StatusCode::OK {
        let bytes = rest::lenient::whole_body(response.into_body()).await?;
        let reply: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        return Err(Failure::http(
            status.as_u16(),
            reply.get("retmsg").and_then(Value::as_str),
        ));
    }
    let own: HashSet<String> = Role::ALL
        .into_iter()
        .map(|role| format!("{role}/{}/", handler.agent_state.me))
        .collect();
    let keep =
        Box::new(move |path: &str| !own.iter().any(|folder| path.starts_with(folder.as_str())));
    Ok(Part {
        archive: stream_of(response.into_body()),
        keep,
    })
}

/// A file of this party, or the word that it is the coordinator's.
enum LogLookup {
    Here(PathBuf),
    Elsewhere,
}

async fn wanted(handler: &HandlerState, asked: &RequestFields) -> Result<LogLookup, Failure> {
    asked.validated(&["log_type", "job_id"])?;
    let kind = asked.text("log_type").unwrap_or_default();
    let level = match kind.as_str() {
        "jobSchedule" | "jobScheduleError" => return Ok(LogLookup::Elsewhere),
        "partyError" => LogLevel::Error,
        "partyWarning" => LogLevel::Warning,
        "partyInfo" | "componentInfo" => LogLevel::Info,
        "partyDebug" => LogLevel::Debug,
        other => {
            let fault = Fault::new(
                ErrorCode::RequestInvalid,
                format!("there is no log of type {other:?}"),
            );
            return Err(fault
                .next("jobSchedule, jobScheduleError, partyError, partyWarning, partyInfo, partyDebug, componentInfo")
                .into());
        }
    };
    if handler.is_elsewhere(asked) {
        return Ok(LogLookup::Elsewhere);
    }
    let job = asked.job().ok_or_else(|| {
        Failure::from(Fault::new(ErrorCode::JobUnknown, "the job does not exist"))
    })?;
    handler
        .permit_logs(format!("log {kind} of job {job}"))
        .await?;
    let step = if kind == "componentInfo" {
        asked.step()
    } else {
        None
    };
    let agent_state = &handler.agent_state;
    let file = |role: Role| {
        agent_state
            .logs
            .file(&job, role, &agent_state.me, (step.as_ref(), level))
    };
    let found = match asked.role() {
        Some(role) => Some(file(role)),
        None => Role::ALL.into_iter().map(file).find(|path| path.is_file()),
    };
    let missing = || {
        Failure::from(Fault::new(
            ErrorCode::NotFound,
            format!("this party has no such log of job {job}"),
        ))
    };
    found
        .filter(|path| path.is_file())
        .map(LogLookup::Here)
        .ok_or_else(missing)
}

pub(super) async fn size(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    match wanted(&handler, &asked).await? {
        LogLookup::Elsewhere => {
            handler
                .ask_coordinator("POST", "/v1/log/size", &asked)
                .await
        }
        LogLookup::Here(path) => {
            let lines =
                blocking(move || count_lines(&path).map_err(|error| unreadable(&error))).await?;
            Ok(Reply::data(json!({"size": lines})).into_response())
        }
    }
}

pub(super) async fn cat(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    match wanted(&handler, &asked).await? {
        LogLookup::Elsewhere => handler.ask_coordinator("POST", "/v1/log/cat", &asked).await,
        LogLookup::Here(path) => {
            let bound = |key: &str| {
                asked
                    .number(key)
                    .and_then(|number| usize::try_from(number).ok())
            };
            let (begin, end) = (bound("begin").unwrap_or(1), bound("end"));
            let lines =
                blocking(move || read_lines(&path, begin, end).map_err(|error| unreadable(&error)))
                    .await?;
            let rows: Value = lines
                .into_iter()
                .map(|(number, text)| json!({"line_num": number, "content": text}))
                .collect();
            Ok(Reply::data(rows).into_response())
        }
    }
}
