//! FATE's reply envelope and its error forms, in one place for both REST endpoints.
//!
//! An envelope is HTTP 200 with `retcode`, `retmsg`, `data`, `jobId`, `meta`; null members are left out at top level.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};
use vocabulary::{ErrorCode, Fault};

use crate::dialect::Dialect;

/// Success.
pub const SUCCESS: i64 = 0;
/// Any uncaught error.
pub const EXCEPTION: i64 = 100;
/// A wrong argument, or something that is not found.
pub const ARGUMENT: i64 = 101;
/// A job that is not found, for stop and rerun.
pub const DATA: i64 = 102;
/// An operation that failed.
pub const OPERATING: i64 = 103;
/// A party that cannot be reached.
pub const CONNECTION: i64 = 105;
/// A permission that is missing.
pub const PERMISSION: i64 = 108;
/// A credential that is missing or does not count.
pub const AUTHENTICATION: i64 = 109;
/// HTTP status and retcode of file endpoints that have nothing to send.
pub const NOTHING: u16 = 210;

/// One envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status; 200 for nearly everything.
    pub status: u16,
    /// FATE's return code.
    pub retcode: i64,
    /// The text that goes with it.
    pub retmsg: String,
    /// The payload; left out when null.
    pub data: Value,
    /// The id of the job that was made; left out when there is none.
    pub job: Option<String>,
    /// What goes with the payload; left out when null.
    pub meta: Value,
    /// The fault behind a failure, for our own clients; FATE's ignore it. Left out when there is none.
    pub fault: Option<Fault>,
}

impl Reply {
    /// `success` with a payload.
    pub fn data(data: Value) -> Self {
        Self {
            status: 200,
            retcode: SUCCESS,
            retmsg: "success".into(),
            data,
            job: None,
            meta: Value::Null,
            fault: None,
        }
    }

    /// `success` without a payload.
    pub fn success() -> Self {
        Self::data(Value::Null)
    }

    /// Any code with its text and no payload.
    pub fn code(retcode: i64, retmsg: impl Into<String>) -> Self {
        Self {
            retcode,
            retmsg: retmsg.into(),
            ..Self::success()
        }
    }

    /// Replaces the text.
    #[must_use]
    pub fn saying(mut self, retmsg: impl Into<String>) -> Self {
        self.retmsg = retmsg.into();
        self
    }

    /// Adds the payload.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Adds the id of the job that was made.
    #[must_use]
    pub fn with_job(mut self, job: impl Into<String>) -> Self {
        self.job = Some(job.into());
        self
    }

    /// Adds what goes with the payload.
    #[must_use]
    pub fn with_meta(mut self, meta: Value) -> Self {
        self.meta = meta;
        self
    }

    /// The envelope as JSON, without null members. NaN cannot occur: JSON values hold none.
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("retcode".into(), Value::from(self.retcode));
        body.insert("retmsg".into(), Value::from(self.retmsg.clone()));
        if !self.data.is_null() {
            body.insert("data".into(), self.data.clone());
        }
        if let Some(job) = &self.job {
            body.insert("jobId".into(), Value::from(job.clone()));
        }
        if !self.meta.is_null() {
            body.insert("meta".into(), self.meta.clone());
        }
        if let Some(fault) = self
            .fault
            .as_ref()
            .and_then(|fault| serde_json::to_value(fault).ok())
        {
            body.insert("fault".into(), fault);
        }
        Value::Object(body)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json().to_string()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// An envelope that ends a handler early. Boxed: it travels in every `Result`.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(pub Box<Reply>);

/// What a handler gives.
pub type Answer = Result<Response, Failure>;

impl Failure {
    /// A code with its text, HTTP 200.
    pub fn code(retcode: i64, retmsg: impl Into<String>) -> Self {
        Self(Box::new(Reply::code(retcode, retmsg)))
    }

    /// An HTTP error whose status is also the retcode; without a text, the status' own phrase.
    pub fn http(status: u16, retmsg: Option<&str>) -> Self {
        let phrase = StatusCode::from_u16(status)
            .ok()
            .and_then(|known| known.canonical_reason())
            .unwrap_or("error");
        let reply = Reply::code(i64::from(status), retmsg.unwrap_or(phrase));
        Self(Box::new(Reply { status, ..reply }))
    }

    /// A file endpoint that has nothing to send: HTTP 210.
    pub fn nothing(retmsg: &str) -> Self {
        Self::http(NOTHING, Some(retmsg))
    }

    /// An uncaught error, spelled as the reference server spells it: `KeyError('x')`.
    pub fn exception(kind: &str, message: &str) -> Self {
        Self::code(EXCEPTION, format!("{kind}({})", quoted(message)))
    }

    /// Keys that validated endpoints need.
    pub fn arguments_missing(keys: &[&str]) -> Self {
        Self::code(
            ARGUMENT,
            format!("required argument are missing: {}; ", keys.join(",")),
        )
    }

    /// Keys that the older checker needs.
    pub fn parameters_missing(keys: &[&str]) -> Self {
        Self::exception(
            "KeyError",
            &format!("required parameters are missing: {}; ", keys.join(",")),
        )
    }

    /// The older checker's word for an empty body.
    pub fn no_parameters() -> Self {
        Self::exception("TypeError", "no parameters")
    }

    /// No such route.
    pub fn unknown_route() -> Self {
        Self::code(EXCEPTION, "<NotFound '404: Not Found'>")
    }

    /// The same under any path: FATE's clients take HTTP 200 for it, everybody else what HTTP says.
    pub fn unknown_path(path: &str) -> Self {
        let failure = Self::unknown_route();
        if Dialect::is_fates(path) {
            failure
        } else {
            failure.with_status(404)
        }
    }

    /// The route takes another method.
    pub fn wrong_method() -> Self {
        Self::code(EXCEPTION, "<MethodNotAllowed '405: Method Not Allowed'>")
    }

    /// An upload without its file part.
    pub fn file_missing() -> Self {
        Self::code(EXCEPTION, "<BadRequestKeyError '400: Bad Request'>")
    }

    /// The same failure under an HTTP status of its own (file endpoints: anything but 200).
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// The same failure with the id of the job that was made.
    #[must_use]
    pub fn with_job(mut self, job: impl Into<String>) -> Self {
        self.0.job = Some(job.into());
        self
    }

    /// The same failure with the fault behind it, where FATE's text has a form of its own.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault = Some(fault);
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Self {
        Self(Box::new(reply))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let reply = Reply::code(retcode_of(fault.code), fault.to_string());
        Self(Box::new(Reply {
            fault: Some(fault),
            ..reply
        }))
    }
}

/// The retcode under which a fault is shown.
pub fn retcode_of(code: ErrorCode) -> i64 {
    match code {
        ErrorCode::NotFound
        | ErrorCode::JobUnknown
        | ErrorCode::TableMissing
        | ErrorCode::ModelMissing
        | ErrorCode::RequestInvalid
        | ErrorCode::PartyUnknown => ARGUMENT,
        ErrorCode::DisclosureRefused
        | ErrorCode::PermissionDenied
        | ErrorCode::OfferRefused
        | ErrorCode::ReleaseRefused => PERMISSION,
        ErrorCode::CredentialRefused => AUTHENTICATION,
        ErrorCode::PartyOffline
        | ErrorCode::PartyLost
        | ErrorCode::PeerTimeout
        | ErrorCode::AddressUnusable => CONNECTION,
        ErrorCode::JobState | ErrorCode::Conflict => OPERATING,
        // Anything else looks to FATE's clients like an uncaught error of its server.
        _ => EXCEPTION,
    }
}

/// Routes whose success is a file: clients unpack whatever comes with HTTP 200, so failures have another status there.
pub const FILE_ROUTES: [&str; 6] = [
    "/v1/job/log",
    "/v1/job/log/download",
    "/v1/model/export",
    "/v1/table/download",
    "/v1/template/download",
    "/v1/tracking/component/output/data/download",
];

/// Whether a success under this path is a file.
pub fn answers_with_a_file(path: &str) -> bool {
    FILE_ROUTES.contains(&path.trim_end_matches('/'))
}

/// A file as an attachment. The name goes unquoted and last: readers take everything after `filename=` as the name.
pub fn file_reply(name: &str, content_type: &'static str, content: Body) -> Response {
    let safe: String = name
        .chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, ';' | '"' | '/' | '\\'))
        .collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename={safe}"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment; filename=file"));
    let mut response = Response::new(content);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, disposition);
    response
}

/// Text in the quotes that the reference server's language would choose, with its escapes.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vocabulary::PartyId;

    use super::*;

    #[test]
    fn leaves_out_nulls_at_the_top_but_keeps_empty_values_and_inner_nulls() {
        assert_eq!(
            Reply::success().to_json(),
            json!({"retcode": 0, "retmsg": "success"})
        );
        let reply = Reply::data(json!({"a": null, "list": []})).with_meta(json!({}));
        assert_eq!(
            reply.to_json(),
            json!({"retcode": 0, "retmsg": "success", "data": {"a": null, "list": []}, "meta": {}})
        );
        assert_eq!(Reply::data(json!([])).to_json()["data"], json!([]));
    }

    #[test]
    fn turns_numbers_that_json_lacks_into_null() {
        assert_eq!(
            Reply::data(json!([f64::NAN, f64::INFINITY, 1.5])).to_json()["data"],
            json!([null, null, 1.5])
        );
    }

    #[test]
    fn spells_uncaught_errors_as_the_reference_does() {
        let text = |failure: Failure| failure.0.retmsg;
        assert_eq!(
            text(Failure::exception("KeyError", "job_id")),
            "KeyError('job_id')"
        );
        assert_eq!(
            text(Failure::exception("Exception", "no job '1'.")),
            "Exception(\"no job '1'.\")"
        );
        assert_eq!(text(Failure::exception("E", "a'b\"c")), "E('a\\'b\"c')");
        assert_eq!(
            text(Failure::parameters_missing(&["a", "b"])),
            "KeyError('required parameters are missing: a,b; ')"
        );
        assert_eq!(
            text(Failure::arguments_missing(&["a"])),
            "required argument are missing: a; "
        );
    }

    #[test]
    fn shows_a_fault_with_code_party_and_next_step() {
        let party = PartyId::new("10000").expect("valid");
        let fault = Fault::new(ErrorCode::DisclosureRefused, "rows stay here")
            .at(&party)
            .next("use http://a:1/v1");
        let failure = Failure::from(fault);
        assert_eq!(failure.0.retcode, PERMISSION);
        assert_eq!(failure.0.status, 200);
        for part in ["FF303", "party 10000", "http://a:1/v1"] {
            assert!(failure.0.retmsg.contains(part), "{}", failure.0.retmsg);
        }
    }

    #[test]
    fn gives_http_errors_their_own_phrase() {
        assert_eq!(Failure::http(404, None).0.retmsg, "Not Found");
        assert_eq!(Failure::http(404, None).0.retcode, 404);
        assert_eq!(
            Failure::nothing("no data")
                .into_response()
                .status()
                .as_u16(),
            210
        );
    }

    #[test]
    fn names_a_file_unquoted_and_last() {
        let response = file_reply("guest#9999#a\r\n\"b.zip", "application/zip", Body::empty());
        assert_eq!(
            response.headers()[CONTENT_DISPOSITION],
            "attachment; filename=guest#9999#ab.zip"
        );
    }
}
