//! A request as handlers get it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use rest::lenient::whole_body;
use rest::proxy::stream_of;
use rest::{BodyStream, Failure};
use serde_json::{Map, Value};
use service::Principal;
use vocabulary::Tenant;

use super::reply::Refusal;
use api_kit::{AuthenticatedCaller, FieldError, Members};

/// Most characters of a name.
const LONGEST_NAME: usize = 255;
/// Most characters of notes.
const LONGEST_NOTES: usize = 4_096;

/// A request.
pub struct Call {
    /// Who asks; nobody where the route needs no credential.
    pub(super) caller: Option<AuthenticatedCaller>,
    /// Whose things are asked for.
    pub(super) tenant: Tenant,
    /// What stands in the path where the route says `{name}`.
    pub(super) segments: BTreeMap<&'static str, String>,
    pub(super) query: Map<String, Value>,
    pub(super) headers: HeaderMap,
    pub(super) path: String,
    /// Whether somebody stands between the client and this REST endpoint.
    pub(super) passed_on: bool,
    /// Behind a lock only so that a request can be looked at from several sides at once.
    pub(super) body: Mutex<Body>,
}

impl Call {
    /// What stands in the path for a name of the route.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.segments.get(name).map_or("", String::as_str)
    }

    /// Whose things are asked for.
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What the caller may do about jobs.
    pub(super) fn principal(&self) -> Principal {
        self.caller
            .as_ref()
            .map_or_else(Principal::anyone, |caller| caller.principal.clone())
    }

    /// The caller as it is written down as a maker.
    pub(super) fn creator(&self) -> String {
        self.principal()
            .party()
            .map_or_else(|| self.tenant.to_string(), ToString::to_string)
    }

    /// The organization as the path writes it.
    pub(super) fn organization(&self) -> &str {
        self.segment("organization")
    }

    /// A member of the query that is not empty.
    pub(super) fn query(&self, key: &str) -> Option<&str> {
        self.query
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A whole number of the query.
    pub(super) fn number(&self, key: &str) -> Result<Option<u32>, Refusal> {
        let Some(text) = self.query(key) else {
            return Ok(None);
        };
        let number = text
            .trim()
            .parse()
            .map_err(|_| Refusal::bad(format!("{key}: a whole number from 0 on")))?;
        Ok(Some(number))
    }

    /// Whether put-away things are wanted, too.
    pub(super) fn wants_archived(&self) -> Result<bool, Refusal> {
        match self.query("filter_archived") {
            None | Some("exclude_archived") => Ok(false),
            Some("include_archived") => Ok(true),
            Some(_) => Err(Refusal::bad(
                "filter_archived: exclude_archived or include_archived",
            )),
        }
    }

    /// The media type of the body.
    pub(super) fn content_type(&self) -> Option<String> {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    }

    /// An address at this REST endpoint, as the client reached it.
    pub(super) fn address(&self, path: &str) -> String {
        let host = self
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("127.0.0.1");
        let scheme = self
            .headers
            .get("x-forwarded-proto")
            .and_then(|scheme| scheme.to_str().ok());
        format!(
            "{}://{host}{path}",
            if scheme == Some("https") {
                "https"
            } else {
                "http"
            }
        )
    }

    /// The body; nothing is left of it.
    pub(super) fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The body as a JSON object.
    pub(super) async fn json(&mut self) -> Result<Map<String, Value>, Refusal> {
        let bytes = whole_body(self.take_body()).await.map_err(torn)?;
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Refusal::bad("the body is not a JSON object")),
            Err(error) => Err(Refusal::bad(format!("the body is not JSON: {error}"))),
        }
    }

    /// The body as it comes.
    pub(super) fn stream(&mut self) -> BodyStream {
        stream_of(self.take_body())
    }
}

/// A body that did not come whole, was too large, or too slow.
pub(super) fn torn(failure: Failure) -> Refusal {
    let status = StatusCode::from_u16(failure.0.status).unwrap_or(StatusCode::BAD_REQUEST);
    let status = if status.is_client_error() {
        status
    } else {
        StatusCode::BAD_REQUEST
    };
    Refusal::new(status, failure.0.retmsg.clone())
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::bad(error.to_string())
    }
}

/// A name in a body: a text of 1 to 255 letters.
pub(super) fn name(members: &Map<String, Value>, key: &str) -> Result<String, Refusal> {
    given_name(members, key)?.ok_or_else(|| no_name(members, key).into())
}

/// The same where it may be left out.
pub(super) fn given_name(
    members: &Map<String, Value>,
    key: &str,
) -> Result<Option<String>, Refusal> {
    let text = match Members::of(members).get(key) {
        None => return Ok(None),
        Some(value) => value.as_str().unwrap_or_default().trim(),
    };
    let length = text.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(Some(text.to_owned()));
    }
    Err(no_name(members, key).into())
}

fn no_name(members: &Map<String, Value>, key: &str) -> FieldError {
    Members::of(members).error(key, format!("a text of 1 to {LONGEST_NAME} characters"))
}

/// Notes in a body: a text, perhaps an empty one.
pub(super) fn notes(members: &Map<String, Value>, key: &str) -> Result<Option<String>, Refusal> {
    let members = Members::of(members);
    match members.text(key) {
        Ok(None) => Ok(None),
        Ok(Some(text)) if text.len() <= LONGEST_NOTES => Ok(Some(text.to_owned())),
        _ => Err(members
            .error(key, format!("a text of at most {LONGEST_NOTES} bytes"))
            .into()),
    }
}

/// An object in a body; an empty one where none is given.
pub(super) fn object(
    members: &Map<String, Value>,
    key: &str,
) -> Result<Map<String, Value>, Refusal> {
    Ok(Members::of(members).object(key)?)
}
