//! `fedflow/files/{folder}/{name}`: files that stay at this party, for its users, and for people at the coordinator's REST endpoint
//! where the policy lets rows through there.

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use rest::lenient::{drain, segment_text};
use rest::proxy::stream_of;
use rest::upload::read_query;
use rest::{Answer, Failure, Reply};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;
use vocabulary::{ErrorCode, Fault};

use super::{HandlerState, blocking};
use crate::files::{About, Label, NotTaken, Place, is_name};

const PATH: &str = "/v1/fedflow/files/";
/// Begins the headers with what the sender says of a file; the values are percent-encoded.
const SAID: &str = "x-fedflow-meta-";
const DIGEST: HeaderName = HeaderName::from_static("x-fedflow-sha256");
/// Most descriptions of one listing.
const MOST_LISTED: usize = 1_000;

/// The folder and the name in the path.
fn named(request: &Request) -> (String, String) {
    let rest = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    let (folder, name) = rest.split_once('/').unwrap_or((rest, ""));
    (segment_text(folder), segment_text(name))
}

fn place(request: &Request) -> Result<Place, Failure> {
    let (folder, name) = named(request);
    Place::new(&folder, &name).ok_or_else(bad_name)
}

fn bad_name() -> Failure {
    let text = "a folder or file is named by 1 to 128 letters, digits, '-', '_' or '.', not beginning with '.'";
    Failure::from(Fault::new(ErrorCode::RequestInvalid, text)).with_status(400)
}

fn missing(place: &Place) -> Failure {
    let text = format!("there is no file {} in {}", place.name(), place.folder());
    Failure::from(Fault::new(ErrorCode::NotFound, text)).with_status(404)
}

async fn permit(
    handler: &HandlerState,
    what: &str,
    folder: &str,
    name: &str,
) -> Result<(), Failure> {
    let what = format!("{what} {folder}/{name}");
    handler
        .permit_rows(what)
        .await
        .map_err(|failure| failure.with_status(403))
}

/// Takes a file in, in place of one of the same name.
pub(super) async fn put(handler: HandlerState, request: Request) -> Answer {
    let place = place(&request);
    let (head, body) = request.into_parts();
    let content = stream_of(body);
    let permitted = match &place {
        Ok(place) => permit(&handler, "storing of file", place.folder(), place.name()).await,
        Err(failure) => Err(failure.clone()),
    };
    if let Err(failure) = permitted {
        drain(content).await;
        return Err(failure);
    }
    let taken = handler
        .agent_state
        .files
        .receive(
            &place?,
            label(&head.headers),
            content,
            handler.agent_state.now(),
        )
        .await;
    let refused = |NotTaken { status, fault }| {
        Failure::from(fault.at(&handler.agent_state.me)).with_status(status)
    };
    Ok(Reply::data(json!(taken.map_err(refused)?)).into_response())
}

fn label(headers: &HeaderMap) -> Label {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let said = headers.iter().filter_map(|(name, value)| {
        let key = name.as_str().strip_prefix(SAID)?;
        Some((key.to_owned(), segment_text(&text(value))))
    });
    Label {
        content_type: headers.get(CONTENT_TYPE).map(text),
        metadata: said.collect(),
    }
}

/// A file's content; its description goes in headers.
pub(super) async fn get(handler: HandlerState, request: Request) -> Answer {
    let place = place(&request)?;
    permit(&handler, "content of file", place.folder(), place.name()).await?;
    let (agent_state, meant) = (handler.agent_state.clone(), place.clone());
    let found = blocking(move || agent_state.files.find(&meant))
        .await
        .map_err(|failure| failure.with_status(400))?;
    let (file, about) = found.ok_or_else(|| missing(&place))?;
    let content = ReaderStream::with_capacity(tokio::fs::File::from_std(file), 1 << 18);
    let mut response = axum::response::Response::new(Body::from_stream(content));
    describe(response.headers_mut(), &about);
    Ok(response)
}

fn describe(headers: &mut HeaderMap, about: &About) {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(about.bytes));
    let content_type = about
        .label
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    let said = about.label.metadata.iter().map(|(key, value)| {
        let value = rest::lenient::segment_of(value);
        (
            HeaderName::from_bytes(format!("{SAID}{key}").as_bytes()).ok(),
            HeaderValue::from_str(&value).ok(),
        )
    });
    let own = [
        (Some(CONTENT_TYPE), HeaderValue::from_str(content_type).ok()),
        (Some(DIGEST), HeaderValue::from_str(&about.sha256).ok()),
    ];
    for (name, value) in own.into_iter().chain(said) {
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
}

/// Removes a file.
pub(super) async fn delete(handler: HandlerState, request: Request) -> Answer {
    let place = place(&request)?;
    permit(&handler, "removal of file", place.folder(), place.name()).await?;
    let (agent_state, meant) = (handler.agent_state.clone(), place.clone());
    let removed = blocking(move || agent_state.files.remove(&meant))
        .await
        .map_err(|failure| failure.with_status(400))?;
    if removed {
        Ok(Reply::success().into_response())
    } else {
        Err(missing(&place))
    }
}

/// The files of a folder by name, at most `limit`, beginning behind `after`.
pub(super) async fn list(handler: HandlerState, request: Request) -> Answer {
    let (folder, _) = named(&request);
    if !is_name(&folder) {
        return Err(bad_name());
    }
    permit(&handler, "list of files in", &folder, "").await?;
    let query = read_query(request.uri().query().unwrap_or_default());
    let text = |key: &str| {
        query
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let after = text("after");
    let most = text("limit")
        .parse()
        .unwrap_or(MOST_LISTED)
        .min(MOST_LISTED);
    let agent_state = handler.agent_state.clone();
    let listed = blocking(move || agent_state.files.list(&folder, &after, most)).await;
    Ok(Reply::data(json!(listed.map_err(|failure| failure.with_status(400))?)).into_response())
}
