//! `data/upload` at the party's own REST endpoint: the file stays here, only its name and configuration go on to the coordinator.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use rest::fate_reply::{EXCEPTION, SUCCESS};
use rest::lenient::{drain, whole_body};
use rest::proxy::stream_of;
use rest::upload::TABLE_EXISTS;
use rest::{Answer, Existing, Failure, Reply, SentFile, UploadConfig, UploadRequest};
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, TableRef};
use wire::agent_link::{LARGEST_UPLOAD, UploadCall};

use super::request_fields::{RequestFields, asked_by};
use super::{HandlerState, Side, blocking, unavailable};

/// The request that starts such a job.
const PATH: &str = "/v1/data/upload";

pub(super) async fn upload(handler: HandlerState, request: Request) -> Answer {
    if handler.side == Side::Outside {
        return Err(Failure::unknown_route());
    }
    let asked_by = asked_by(&request);
    let UploadRequest { mut config, file } = UploadRequest::read(request).await?;
    if let Err(failure) = check(&handler, &config).await {
        if let Some(file) = file {
            drain(file.content).await;
        }
        return Err(failure);
    }
    // Whoever asks at this REST endpoint means this party. Whether the table may be made is judged here, where it is: the
    // coordinator could not even ask.
    config.party_id = Some(handler.agent_state.me.to_string());
    let careful = config.existing == Existing::Refuse;
    if careful {
        config.existing = Existing::Replace;
    }
    let Some(SentFile { content, .. }) = file else {
        return register(&handler, &config, asked_by).await;
    };
    let name = vocabulary::random_name().map_err(Fault::from)?;
    let bytes = handler
        .agent_state
        .staging
        .receive(&name, content)
        .await
        .map_err(|fault| fault.at(&handler.agent_state.me))?;
    tracing::info!(bytes, table = %format!("{}.{}", config.namespace, config.table_name), "file staged");
    if careful {
        // Another upload may be quicker.
        handler.agent_state.staging.keep_tables_from(&name);
    }
    config.staged = Some(name.clone());
    let answer = register(&handler, &config, asked_by).await;
    if !answer
        .as_ref()
        .is_ok_and(|response| response.status().is_success())
    {
        handler.agent_state.staging.remove(&name);
    }
    answer
}

/// Everything that can be refused before a row moves.
async fn check(handler: &HandlerState, config: &UploadConfig) -> Result<(), Failure> {
    let me = &handler.agent_state.me;
    if let Some(party) = config
        .party_id
        .as_ref()
        .filter(|party| *party != me.as_str())
    {
        let fault = Fault::new(
            ErrorCode::RequestInvalid,
            format!("this is the REST endpoint of party {me}, not of party {party}"),
        );
        return Err(Failure::from(
            fault.next("upload at that party's own address, or leave party_id out"),
        ));
    }
    let table = TableRef::new(config.namespace.clone(), config.table_name.clone());
    handler
        .permit_rows(format!("upload of table {table}"))
        .await?;
    let table_store = handler.agent_state.table_store.clone();
    let exists = blocking(move || Ok(table_store.exists(&table))).await?;
    if exists && config.existing == Existing::Refuse {
        return Err(Failure::code(EXCEPTION, TABLE_EXISTS));
    }
    Ok(())
}

/// Has the coordinator start the job that makes the table. A reply that says no has another status than 200 here, and
/// the client's own below.
async fn register(
    handler: &HandlerState,
    config: &UploadConfig,
    asked_by: Option<String>,
) -> Answer {
    let goes_by_message = handler.uploads.are_known()
        && wire::frame::encode(config).is_ok_and(|bytes| bytes.len() <= LARGEST_UPLOAD);
    let (status, response) = if goes_by_message {
        (200, send(handler, config, asked_by).await?)
    } else {
        let response = ask(handler, config, asked_by).await?;
        (response.status().as_u16(), response)
    };
    let (head, body) = response.into_parts();
    let bytes = whole_body(body).await?;
    let reply = serde_json::from_slice::<Value>(&bytes);
    let code = reply
        .as_ref()
        .ok()
        .and_then(|reply| reply.get("retcode")?.as_i64());
    if code == Some(SUCCESS) {
        return Ok(Response::from_parts(head, Body::from(bytes)));
    }
    Err(match reply {
        Ok(reply) => refused(&reply),
        Err(_) => Fault::new(
            ErrorCode::Internal,
            format!("the coordinator answered HTTP {status}"),
        )
        .into(),
    })
}

/// By a message of the link.
async fn send(handler: &HandlerState, config: &UploadConfig, asked_by: Option<String>) -> Answer {
    let document = Value::Object(request_of(config)).to_string();
    let ticket = handler.ticket(PATH, document.as_bytes(), asked_by)?;
    let call = UploadCall {
        config: config.clone(),
        ticket,
    };
    let text = handler.uploads.start(call).await.map_err(unavailable)?;
    let mut response = Response::new(Body::from(text));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// By a request, where the coordinator is an earlier one or the configuration is large.
async fn ask(handler: &HandlerState, config: &UploadConfig, asked_by: Option<String>) -> Answer {
    let body = request_of(config);
    handler
        .ask_coordinator("POST", PATH, &RequestFields { body, asked_by })
        .await
}

fn request_of(config: &UploadConfig) -> Map<String, Value> {
    let mut body = config.as_request().as_object().cloned().unwrap_or_default();
    if config.staged.is_none() {
        body.insert("use_local_data".to_owned(), json!(0));
    }
    body
}

/// The coordinator's refusal, as it was.
fn refused(reply: &Value) -> Failure {
    let text = reply
        .get("retmsg")
        .and_then(Value::as_str)
        .unwrap_or("the upload was refused");
    let code = reply
        .get("retcode")
        .and_then(Value::as_i64)
        .unwrap_or(EXCEPTION);
    let part = |name: &str| reply.get(name).cloned().unwrap_or(Value::Null);
    let failure = Failure::from(
        Reply::code(code, text)
            .with_data(part("data"))
            .with_meta(part("meta")),
    );
    match serde_json::from_value::<Fault>(part("fault")) {
        Ok(fault) => failure.with_fault(fault),
        Err(_) => failure,
    }
}

/// `data/download` starts a job that writes into this party's export folder: the party that is meant is this one.
pub(super) async fn download(handler: HandlerState, request: Request) -> Answer {
    of_this_party(handler, request, "/v1/data/download").await
}

/// `data/writer` starts a job that keeps a table of this party under another name, or writes it to a file.
pub(super) async fn writer(handler: HandlerState, request: Request) -> Answer {
    of_this_party(handler, request, "/v1/data/writer").await
}

async fn of_this_party(handler: HandlerState, request: Request, path: &str) -> Answer {
    let mut asked = RequestFields::read(request).await?;
    if !asked.body.is_empty() && asked.text("party_id").is_none_or(|party| party == "0") {
        asked
            .body
            .insert("party_id".to_owned(), json!(handler.agent_state.me));
    }
    handler.ask_coordinator("POST", path, &asked).await
}

/// Takes a file for a job that is yet to come.
pub(super) async fn stage(handler: HandlerState, request: Request) -> Answer {
    let name = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let content = stream_of(request.into_body());
    if let Err(failure) = handler.permit_rows("upload of a file".to_owned()).await {
        drain(content).await;
        return Err(failure.with_status(403));
    }
    let refused = |fault: Fault| Failure::from(fault.at(&handler.agent_state.me)).with_status(400);
    let bytes = handler
        .agent_state
        .staging
        .receive(&name, content)
        .await
        .map_err(refused)?;
    Ok(Reply::data(json!({"staged": name, "bytes": bytes})).into_response())
}
