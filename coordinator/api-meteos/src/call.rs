//! A request that was let in, and what is read of it.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use rest::lenient::{drain, whole_body};
use rest::proxy::stream_of;
use serde_json::Value;
use service::Project;

use super::collection::{Action, Collection};
use super::fault::{Answer, Refused};

/// Largest body, in bytes.
pub(super) const LARGEST: usize = 114_688;

/// A request that was let in.
pub struct Call {
    /// What was asked.
    pub(super) action: Action,
    /// For whom.
    pub(super) project: Project,
    /// The project as the path names it.
    pub(super) project_id: String,
    /// The id in the path; empty when there is none.
    pub(super) id: String,
    /// Pairs of the query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The body; null when there is none.
    pub(super) body: Value,
    /// Where this server is, as the caller sees it: `http://host:port`.
    pub(super) base: String,
}

impl Call {
    /// The collection that is meant.
    pub(super) fn collection(&self) -> Answer<&'static Collection> {
        match self.action {
            Action::Create(collection)
            | Action::List(collection, _)
            | Action::Show(collection)
            | Action::Delete(collection) => Ok(collection),
            _ => Err(Refused::missing("The resource")),
        }
    }
}

/// Where the caller sees this server.
pub(super) fn base_of(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let plain = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
    };
    format!("http://{}", host.filter(plain).unwrap_or("localhost"))
}

/// A JSON body of bounded size.
pub(super) async fn read_body(headers: &HeaderMap, body: Body) -> Answer<Value> {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        Refused::new(
            413,
            format!("Request is too large: at most {LARGEST} bytes are read."),
        )
    };
    if length.is_some_and(|length| length > LARGEST) {
        drain(stream_of(body)).await;
        return Err(too_large());
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_json = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let bytes = whole_body(body)
        .await
        .map_err(|failure| match failure.0.status {
            413 => too_large(),
            _ => Refused::malformed(),
        })?;
    if bytes.len() > LARGEST {
        return Err(too_large());
    }
    if !is_json || bytes.is_empty() {
        return Err(Refused::malformed());
    }
    serde_json::from_slice(&bytes).map_err(|_| Refused::malformed())
}
