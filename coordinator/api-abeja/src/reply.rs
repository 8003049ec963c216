//! What this API answers: documents, and refusals as `{error, error_description, error_detail}`.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use service::ServiceError;
use vocabulary::{ErrorCode, Fault};

/// What a handler gives.
pub(super) type Answer = Result<Response, Refusal>;

/// A document with its status.
pub(super) fn document(status: StatusCode, body: &Value) -> Answer {
    Ok(as_json(status, body))
}

/// A document that was asked for, changed or deleted.
pub(super) fn found(body: &Value) -> Answer {
    document(StatusCode::OK, body)
}

/// A document that was made.
pub(super) fn made(body: &Value) -> Answer {
    document(StatusCode::CREATED, body)
}

fn as_json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
    pub(super) detail: Value,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            detail: Value::Null,
        }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn missing(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    pub(super) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    pub(super) fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, text)
    }

    /// The same with what is behind it.
    fn with(mut self, fault: &Fault) -> Self {
        self.detail = serde_json::to_value(fault).unwrap_or_default();
        self
    }
}

/// The short name of a status.
fn name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::REQUEST_TIMEOUT => "request_timeout",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "payload_too_large",
        _ => "internal_server_error",
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"error": name(self.status), "error_description": self.text});
        if !self.detail.is_null() {
            body["error_detail"] = self.detail;
        }
        let mut response = as_json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer, Basic"));
        }
        response
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let status = match fault.code {
            ErrorCode::NotFound
            | ErrorCode::JobUnknown
            | ErrorCode::ModelMissing
            | ErrorCode::TableMissing => StatusCode::NOT_FOUND,
            ErrorCode::PermissionDenied | ErrorCode::DisclosureRefused => StatusCode::FORBIDDEN,
            ErrorCode::CredentialRefused => StatusCode::UNAUTHORIZED,
            ErrorCode::RequestInvalid
            | ErrorCode::ParameterInvalid
            | ErrorCode::DocumentInvalid => StatusCode::BAD_REQUEST,
            ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            // What is away or full now is no mistake of the client's, but a reply of 5xx makes it wait half a minute and
            // send everything again.
            _ => StatusCode::CONFLICT,
        };
        Self::new(status, fault.to_string()).with(&fault)
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound(fault) => Self::missing(fault.to_string()).with(&fault),
            ServiceError::Denied(fault) => Self::forbidden(fault.to_string()).with(&fault),
            ServiceError::Conflict(fault) if fault.code == ErrorCode::RequestInvalid => {
                Self::bad(fault.to_string()).with(&fault)
            }
            ServiceError::Conflict(fault) => Self::conflict(fault.to_string()).with(&fault),
            other => {
                let fault = other.fault();
                tracing::error!(%fault, "a request could not be answered");
                Self::from(fault)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_always_an_object_with_a_name_and_a_text() {
        for status in [400, 401, 403, 404, 405, 408, 409, 413, 500] {
            let refusal = Refusal::new(StatusCode::from_u16(status).expect("status"), "why");
            assert_eq!(
                name(refusal.status) == "internal_server_error",
                status == 500
            );
            assert_eq!(refusal.into_response().status().as_u16(), status);
        }
    }

    #[test]
    fn blames_the_server_for_defects_only() {
        for code in ErrorCode::ALL {
            let status = Refusal::from(Fault::new(*code, "x")).status;
            assert_eq!(
                status.is_server_error(),
                *code == ErrorCode::Internal,
                "{code}"
            );
        }
    }
}
