//! `tracking/component/output/data*`: rows that a task of this party left.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use futures_util::StreamExt;
use records::AttemptRecord;
use rest::targz::{Member, pack};
use rest::{Answer, Failure, Reply, file_reply};
use serde_json::{Value, json};
use tables::{TableStore, write_text};
use tokio_util::io::ReaderStream;
use vocabulary::{ErrorCode, Fault, JobId, StepName, TableRef, TableSummary};

use super::request_fields::RequestFields;
use super::{HandlerState, Side, blocking};

/// The most rows of a preview, for each table.
const MOST_ROWS: usize = 100;
const PREVIEW: &str = "/v1/tracking/component/output/data";
const DOWNLOAD: &str = "/v1/tracking/component/output/data/download";

/// What was asked for: a task of this party, one of another's, or none that is known.
enum TaskLookup {
    Here(Box<AttemptRecord>),
    Elsewhere,
    Unknown,
}

async fn meant(handler: &HandlerState, asked: &RequestFields) -> Result<TaskLookup, Failure> {
    if handler.is_elsewhere(asked) {
        return Ok(TaskLookup::Elsewhere);
    }
    let Some((job, step)) = asked.job().zip(asked.step()) else {
        return Ok(TaskLookup::Unknown);
    };
    match newest(handler, asked, &job, &step).await? {
        Some(record) => Ok(TaskLookup::Here(Box::new(record))),
        // Without a party the job's initiator is meant, which may be somebody else.
        None if handler.side == Side::Own && asked.text("party_id").is_none() => {
            Ok(TaskLookup::Elsewhere)
        }
        None => Ok(TaskLookup::Unknown),
    }
}

async fn newest(
    handler: &HandlerState,
    asked: &RequestFields,
    job: &JobId,
    step: &StepName,
) -> Result<Option<AttemptRecord>, Failure> {
    let records = &handler.agent_state.records;
    if let Some(role) = asked.role() {
        return Ok(records
            .newest_attempt(job, step, role)
            .await
            .map_err(Fault::from)?);
    }
    let mut all = records.attempts_of(job).await.map_err(Fault::from)?;
    all.retain(|record| record.assignment.task.step == *step);
    all.sort_by_key(|record| record.assignment.task.role);
    Ok(all.into_iter().next())
}

fn unknown(asked: &RequestFields) -> Failure {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let named = format!(
        "job_id: {}, component_name: {}, role: {}, party_id: {}",
        text("job_id"),
        text("component_name"),
        text("role"),
        text("party_id")
    );
    Failure::exception("ValueError", &format!("no found task, {named}"))
}

fn data_name((index, output): &(usize, TableSummary)) -> String {
    output
        .data_name
        .clone()
        .unwrap_or_else(|| index.to_string())
}

pub(super) async fn preview(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    let record = match meant(&handler, &asked).await? {
        TaskLookup::Here(record) => record,
        TaskLookup::Elsewhere => return handler.ask_coordinator("POST", PREVIEW, &asked).await,
        TaskLookup::Unknown => return Err(unknown(&asked)),
    };
    handler
        .permit_rows(format!(
            "first rows of the output of {}",
            record.assignment.task
        ))
        .await?;
    let table_store = handler.agent_state.table_store.clone();
    let outputs = record.outputs;
    let shown = blocking(move || {
        let one = |output: &(usize, TableSummary)| {
            let table = table_store.read(&output.1.table)?;
            Ok((
                table.preview(MOST_ROWS)?,
                table.schema().display_header(),
                table.rows(),
                data_name(output),
            ))
        };
        outputs.iter().map(one).collect::<Result<Vec<_>, Fault>>()
    })
    .await?;
    if shown.is_empty() {
        return Ok(Reply::data(json!([])).saying("no data").into_response());
    }
    if asked.flag("flat") == Some(true) {
        let first = shown.into_iter().next().map(|(rows, header, total, _)| {
            (json!(rows), json!({"header": header, "total": total}))
        });
        let (rows, meta) = first.unwrap_or_default();
        return Ok(Reply::data(rows).with_meta(meta).into_response());
    }
    let mut reply = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (rows, header, total, name) in shown {
        reply.0.push(json!(rows));
        reply.1.push(header);
        reply.2.push(total);
        reply.3.push(name);
    }
    let meta = json!({"header": reply.1, "total": reply.2, "names": reply.3});
    Ok(Reply::data(Value::Array(reply.0))
        .with_meta(meta)
        .into_response())
}

pub(super) async fn download(handler: HandlerState, request: Request) -> Answer {
    // Clients unpack whatever comes with HTTP 200, so that every failure has another status.
    let other_than_200 = |failure: Failure| {
        if failure.0.status == 200 {
            failure.with_status(404)
        } else {
            failure
        }
    };
    files(handler, request).await.map_err(other_than_200)
}

async fn files(handler: HandlerState, request: Request) -> Answer {
    let method = request.method().to_string();
    let asked = RequestFields::read(request).await?;
    let limit = asked.number("limit").unwrap_or(-1);
    if limit == 0 {
        return Err(Failure::nothing("limit is 0"));
    }
    let record = match meant(&handler, &asked).await? {
        TaskLookup::Here(record) => record,
        TaskLookup::Elsewhere => return handler.ask_coordinator(&method, DOWNLOAD, &asked).await,
        TaskLookup::Unknown => return Err(unknown(&asked)),
    };
    let task = record.assignment.task.clone();
    handler
        .permit_rows(format!("rows of the output of {task}"))
        .await
        .map_err(|failure| failure.with_status(403))?;
    if record.outputs.is_empty() {
        return Err(Failure::nothing("no data"));
    }
    let (table_store, outputs, folder) = (
        handler.agent_state.table_store.clone(),
        record.outputs,
        handler.agent_state.export_root.clone(),
    );
    let wanted = RowSelection {
        head: asked.flag("head").unwrap_or(true),
        limit: usize::try_from(limit).ok(),
    };
    let members = blocking(move || {
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&error))?;
        let each = outputs.iter().map(|output| {
            wanted.members(&table_store, &output.1.table, &data_name(output), &folder)
        });
        Ok(each
            .collect::<Result<Vec<_>, Fault>>()?
            .into_iter()
            .flatten()
            .collect::<Vec<OutputFile>>())
    })
    .await?;
    let members = members.into_iter().map(OutputFile::into_member);
    let name = format!(
        "job_{}_{}_{}_{}_output_data.tar.gz",
        task.job, task.step, task.role, task.party
    );
    Ok(file_reply(
        &name,
        "application/gzip",
        Body::from_stream(pack(members)),
    ))
}

pub(super) fn unwritable(error: &std::io::Error) -> Fault {
    Fault::new(
        ErrorCode::StorageFull,
        format!("a download cannot be prepared: {error}"),
    )
    .next("free space on the agent's disk")
}

/// How rows are wanted.
pub(super) struct RowSelection {
    pub(super) head: bool,
    pub(super) limit: Option<usize>,
}

/// A file of an archive.
pub(super) enum OutputFile {
    Text(String, String),
    Rows(String, File, u64),
}

impl OutputFile {
    pub(super) fn into_member(self) -> Member {
        match self {
            OutputFile::Text(path, text) => Member::new(path, text),
            OutputFile::Rows(path, file, size) => {
                let content =
                    ReaderStream::with_capacity(tokio::fs::File::from_std(file), 1 << 18).boxed();
                Member {
                    path,
                    size,
                    content,
                }
            }
        }
    }
}

impl RowSelection {
    /// The two files of a table; none for an empty table. Rows go through a file without a name, because an
    /// archive says the size of a file before its content.
    pub(super) fn members(
        &self,
        table_store: &TableStore,
        table: &TableRef,
        name: &str,
        folder: &std::path::Path,
    ) -> Result<Vec<OutputFile>, Fault> {
        let table = table_store.read(table)?;
        if table.is_empty() {
            return Ok(Vec::new());
        }
        let mut file = tempfile::tempfile_in(folder).map_err(|error| unwritable(&error))?;
        write_text(&table, &file, ',', self.head, self.limit)?;
        let size = file
            .stream_position()
            .and_then(|size| file.seek(SeekFrom::Start(0)).map(|_| size));
        let size = size.map_err(|error| unwritable(&error))?;
        let meta = json!({"header": table.schema().display_header()}).to_string();
        Ok(vec![
            OutputFile::Rows(format!("{name}.csv"), file, size),
            OutputFile::Text(format!("{name}.meta"), meta),
        ])
    }
}
