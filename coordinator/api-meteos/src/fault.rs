//! Refusals in this API's form: one member that names the class, with a code and a text.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use service::ServiceError;
use vocabulary::ErrorCode;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub(super) status: u16,
    pub(super) message: String,
}

/// An answer, or a refusal.
pub(super) type Answer<T = Response> = Result<T, Refused>;

impl Refused {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A body that cannot be read.
    pub(super) fn malformed() -> Self {
        Self::bad("Malformed request body")
    }

    /// A state that does not allow what was asked.
    pub(super) fn invalid_status(message: &str) -> Self {
        Self::bad(format!("Invalid Status: {message}."))
    }

    /// Something that is not there, or not the caller's.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(404, format!("{what} could not be found."))
    }

    fn class(&self) -> &'static str {
        match self.status {
            400 => "badRequest",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "itemNotFound",
            405 => "badMethod",
            409 => "conflictingRequest",
            413 => "overLimit",
            415 => "badMediaType",
            501 => "notImplemented",
            503 => "serviceUnavailable",
            _ => "computeFault",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut value = json!({"code": self.status, "message": self.message});
        if self.status == 413 {
            value["retryAfter"] = json!("0");
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = serde_json::Map::new();
        body.insert(self.class().to_owned(), value);
        let mut response = (status, Json(body)).into_response();
        if self.status == 413 {
            response
                .headers_mut()
                .insert("retry-after", axum::http::HeaderValue::from_static("0"));
        }
        response
    }
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        let fault = error.fault();
        match error {
            ServiceError::NotFound(fault) => Self::new(404, fault.message),
            ServiceError::Conflict(fault) if fault.code == ErrorCode::JobState => {
                Self::invalid_status(&fault.message)
            }
            ServiceError::Conflict(fault) => Self::bad(fault.message),
            ServiceError::Invalid { .. } | ServiceError::Refused { .. } => {
                Self::bad(fault.to_string())
            }
            ServiceError::Denied(fault) => Self::new(403, fault.message),
            ServiceError::TooLarge(fault) => Self::new(413, fault.message),
            ServiceError::Unavailable(fault) => Self::new(409, fault.to_string()),
            ServiceError::Internal(fault) => {
                tracing::error!(%fault, "a request failed");
                Self::new(500, "The server could not do what was asked.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_class_of_a_refusal() {
        for (status, class) in [
            (400, "badRequest"),
            (404, "itemNotFound"),
            (422, "computeFault"),
            (500, "computeFault"),
        ] {
            assert_eq!(Refused::new(status, "x").class(), class);
        }
        assert_eq!(
            Refused::new(413, "x").into_response().headers()["retry-after"],
            "0"
        );
    }
}
