//! `model/{export,import,transfer}` and the party's share of `model/migrate`: the party's models as archives.

use archives::{LARGEST_ARCHIVE, Migration, Subject};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::IntoResponse;
use futures_util::StreamExt;
use rest::fate_reply::EXCEPTION;
use rest::lenient::{drain, segment_text};
use rest::proxy::stream_of;
use rest::upload::read_query;
use rest::{Answer, BodyStream, Failure, Reply, SentForm, file_reply};
use serde_json::{Map, Value, json};
use vocabulary::{ErrorCode, Fault, Participant, PartyId};

use super::request_fields::RequestFields;
use super::{HandlerState, Side, blocking};
use crate::model_archive::{Incoming, does_not_exist};

const NEEDED: &[&str] = &["model_id", "model_version", "role", "party_id"];
const EXPORT: &str = "/v1/model/export";
const TRANSFER: &str = "/v1/model/transfer";

/// The part that a request means; none when a role or party in it can be none.
fn subject(asked: &RequestFields) -> Option<Subject> {
    let text = |key: &str| asked.text(key);
    Some(Subject {
        role: asked.role()?,
        party_id: PartyId::new(text("party_id")?).ok()?,
        model_id: text("model_id")?,
        model_version: text("model_version")?,
    })
}

fn missing(asked: &RequestFields) -> Failure {
    let text = |key: &str| asked.text(key).unwrap_or_default();
    let party_model_id = format!("{}#{}#{}", text("role"), text("party_id"), text("model_id"));
    let text = format!(
        "Model {party_model_id} {} does not exist.",
        text("model_version")
    );
    Failure::http(404, Some(&text)).with_fault(Fault::new(ErrorCode::ModelMissing, text.clone()))
}

/// The archive of a part.
pub(super) async fn export(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked
        .validated(NEEDED)
        .map_err(|failure| failure.with_status(400))?;
    if handler.is_elsewhere(&asked) {
        return handler.ask_coordinator("POST", EXPORT, &asked).await;
    }
    let subject = subject(&asked).ok_or_else(|| missing(&asked))?;
    permit(&handler, "archive", &subject).await?;
    let packed = handler
        .model_archive
        .pack(&subject)
        .await
        .map_err(off_two_hundred)?;
    let archive = packed.ok_or_else(|| missing(&asked))?;
    let bytes = blocking(move || Ok(archive.to_bytes()?))
        .await
        .map_err(off_two_hundred)?;
    Ok(file_reply(
        &subject.file_name(),
        "application/zip",
        Body::from(bytes),
    ))
}

async fn permit(handler: &HandlerState, what: &str, subject: &Subject) -> Result<(), Failure> {
    let what = format!(
        "{what} of model {} version {}",
        subject.party_model_id(),
        subject.model_version
    );
    handler
        .permit_models(what)
        .await
        .map_err(|failure| failure.with_status(403))
}

/// Clients unpack whatever comes with HTTP 200 from a file endpoint.
fn off_two_hundred(failure: Failure) -> Failure {
    if failure.0.status == 200 {
        failure.with_status(400)
    } else {
        failure
    }
}

/// An archive with its configuration as a form, as the client sends it.
pub(super) async fn import(handler: HandlerState, request: Request) -> Answer {
    if handler.side == Side::Outside {
        return Err(Failure::unknown_route());
    }
    let SentForm { fields, file } = SentForm::read(request, NEEDED).await?;
    let asked = RequestFields::of(fields);
    let Some(content) = file else {
        asked.validated(NEEDED)?;
        return Err(Failure::http(400, Some("`file` is required.")));
    };
    take(&handler, &asked, content).await
}

/// An archive as the body, its configuration in the query: what the coordinator's REST endpoint makes of a form.
pub(super) async fn import_sent(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::of(read_query(request.uri().query().unwrap_or_default()));
    take(&handler, &asked, stream_of(request.into_body())).await
}

async fn take(handler: &HandlerState, asked: &RequestFields, content: BodyStream) -> Answer {
    let subject = match may_take(handler, asked).await {
        Ok(subject) => subject,
        Err(failure) => {
            drain(content).await;
            return Err(failure);
        }
    };
    let bytes = received(content).await?;
    let hash = asked.text("hash").filter(|hash| !hash.is_empty());
    let force = asked.flag("force_update").unwrap_or_default();
    handler
        .model_archive
        .take_in(Incoming {
            subject: subject.clone(),
            bytes,
            hash,
            force,
        })
        .await?;
    let data = json!({
        "job_id": subject.model_version,
        "role": subject.role,
        "party_id": subject.party_id,
        "model_id": subject.model_id,
        "model_version": subject.model_version,
    });
    Ok(Reply::data(data).into_response())
}

/// Everything that can be refused before the file is read.
async fn may_take(handler: &HandlerState, asked: &RequestFields) -> Result<Subject, Failure> {
    asked.validated(NEEDED)?;
    let me = &handler.agent_state.me;
    let named = subject(asked).filter(|subject| subject.party_id == *me);
    let subject = named.ok_or_else(|| {
        let text = |key: &str| asked.text(key).unwrap_or_default();
        let (party, role) = (text("party_id"), text("role"));
        let told =
            format!("Party id \"{party}\" is not in role \"{role}\", please check if the party id and role is valid.");
        let fault =
            Fault::new(ErrorCode::PartyUnknown, format!("this is the REST endpoint of party {me}, not of {role} {party}"));
        Failure::http(400, Some(&told)).with_fault(fault.next("import each part at its own party's address"))
    })?;
    let what = format!(
        "import of model {} version {}",
        subject.party_model_id(),
        subject.model_version
    );
    handler.permit_models(what).await?;
    Ok(subject)
}

/// The whole file in memory, within the bound of archives.
async fn received(mut content: BodyStream) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = content.next().await {
        let piece = piece.map_err(|_| Failure::http(400, Some("the file did not arrive whole")))?;
        if (bytes.len() + piece.len()) as u64 > LARGEST_ARCHIVE {
            drain(content).await;
            return Err(Failure::http(413, None));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

/// A part's content in pieces, for FATE's serving: named in the body, or in the path with `~` for `#`.
pub(super) async fn transfer(handler: HandlerState, request: Request) -> Answer {
    let path = request
        .uri()
        .path()
        .strip_prefix(TRANSFER)
        .unwrap_or_default()
        .to_owned();
    let mut asked = RequestFields::read(request).await?;
    if let Some((model, version)) = path.trim_start_matches('/').split_once('/') {
        asked
            .body
            .insert("namespace".to_owned(), Value::from(segment_text(model)));
        asked
            .body
            .insert("name".to_owned(), Value::from(segment_text(version)));
    }
    let given = |key: &str| asked.text(key).filter(|text| !text.is_empty());
    let Some((namespace, name)) = given("namespace").zip(given("name")) else {
        return Err(Failure::http(400, Some("namespace and name are required")));
    };
    let not_found = || Failure::http(404, Some("model not found"));
    let subject = Subject::of_party_model(&namespace, &name).ok_or_else(not_found)?;
    if subject.party_id != handler.agent_state.me {
        return handler.ask_coordinator("POST", TRANSFER, &asked).await;
    }
    permit(&handler, "content", &subject).await?;
    let archive = handler
        .model_archive
        .pack(&subject)
        .await
        .map_err(off_two_hundred)?
        .ok_or_else(not_found)?;
    Ok(Reply::data(Value::Object(archive.transfer())).into_response())
}

/// Whether people at the coordinator's REST endpoint may copy models to and from the model store.
pub(super) async fn permitted(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    let what = asked
        .text("what")
        .unwrap_or_default()
        .chars()
        .take(400)
        .collect();
    handler.permit_models(what).await?;
    Ok(Reply::success().into_response())
}

/// Writes the party's part for other parties. What the coordinator's `model/migrate` asks of each party.
pub(super) async fn migrate(handler: HandlerState, request: Request) -> Answer {
    let asked = RequestFields::read(request).await?;
    asked.validated(NEEDED)?;
    let subject = subject(&asked).ok_or_else(|| missing(&asked))?;
    permit(&handler, "migration", &subject).await?;
    let to = asked
        .body
        .get("to")
        .and_then(Value::as_object)
        .and_then(migration)
        .ok_or_else(|| {
            Failure::from(Fault::new(
                ErrorCode::RequestInvalid,
                "the request does not say for whom the model shall be",
            ))
        })?;
    let migrated = handler
        .model_archive
        .migrate(&subject, to)
        .await
        .map_err(|failure| {
            let text = if failure.0.status == 404 {
                does_not_exist(&subject).0.retmsg
            } else {
                failure.0.retmsg.clone()
            };
            Failure::code(EXCEPTION, text)
        });
    let (new, path) = migrated?;
    let text = format!(
        "Migrating model successfully. The configuration of model has been modified automatically. New model id is: {}, \
         model version is: {}. Model files can be found at '{}'.",
        new.model_id,
        new.model_version,
        path.display(),
    );
    let data = json!({"model_id": new.model_id, "model_version": new.model_version, "path": path.display().to_string()});
    Ok(Reply::data(data).saying(text).into_response())
}

fn migration(to: &Map<String, Value>) -> Option<Migration> {
    let text = |key: &str| to.get(key).and_then(Value::as_str).map(str::to_owned);
    let initiator = to.get("initiator")?;
    let part = |key: &str| initiator.get(key).and_then(Value::as_str);
    Some(Migration {
        roles: to.get("roles")?.as_object()?.clone(),
        initiator: Participant::new(
            part("role")?.parse().ok()?,
            PartyId::new(part("party_id")?).ok()?,
        ),
        model_id: text("model_id")?,
        model_version: text("model_version")?,
    })
}
