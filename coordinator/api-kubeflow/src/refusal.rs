//! Why a request is refused, in the form that REST and gRPC share: a code, a text for people, and the chain of contexts.

use axum::http::StatusCode;
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use vocabulary::{ErrorCode, Fault};

use super::proto;

/// The name of the detail.
const DETAIL: &str = "type.googleapis.com/api.Error";

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) code: Code,
    /// The contexts, joined by `: `.
    pub(super) message: String,
    /// The text for people; `None` where no handler was reached, so that there are no details.
    pub(super) user: Option<String>,
}

/// `google.rpc.Status`, which carries details beside a gRPC status.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RichStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<prost_types::Any>,
}

impl Refusal {
    fn of(code: Code, kind: &str, user: impl Into<String>) -> Self {
        let user = user.into();
        Self {
            code,
            message: format!("{kind}: {user}"),
            user: Some(user),
        }
    }

    /// Something given is wrong.
    pub(super) fn invalid(user: impl Into<String>) -> Self {
        Self::of(Code::InvalidArgument, "Invalid input error", user)
    }

    /// The request cannot even be read: no handler sees it.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidArgument,
            message: message.into(),
            user: None,
        }
    }

    /// There is no such experiment.
    pub(super) fn unknown(id: &str) -> Self {
        let shown: String = id.chars().take(100).collect();
        Self::of(
            Code::NotFound,
            "ResourceNotFoundError",
            format!("Experiment {shown} not found."),
        )
    }

    /// The name is taken.
    pub(super) fn taken(name: &str) -> Self {
        let text = format!(
            "Failed to create a new experiment. The name {name} already exist. Please specify a new name."
        );
        Self::of(Code::AlreadyExists, "Already exist error", text)
    }

    /// The object is another tenant's.
    pub(super) fn denied(user: impl Into<String>) -> Self {
        Self::of(Code::PermissionDenied, "PermissionDenied", user)
    }

    /// Nobody knows who asks.
    pub(super) fn stranger(fault: &Fault) -> Self {
        Self::of(
            Code::Unauthenticated,
            "Unauthenticated",
            format!("Request not authenticated: {}.", fault.message),
        )
    }

    /// The store failed, or there is a defect. What happened is in the log under its code; the caller learns the code.
    pub(super) fn broken(code: ErrorCode) -> Self {
        let message = format!("InternalServerError: {code}");
        Self {
            code: Code::Internal,
            message,
            user: Some("Internal Server Error".to_owned()),
        }
    }

    /// The same, met while something was done.
    #[must_use]
    pub(super) fn during(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    fn detail(&self) -> Option<proto::Error> {
        let user = self.user.clone()?;
        Some(proto::Error {
            error_message: user,
            error_details: self.message.clone(),
        })
    }

    /// The body of a REST reply.
    pub(super) fn body(&self) -> Value {
        let mut body =
            json!({"error": self.message, "message": self.message, "code": self.code as i32});
        if let (Some(detail), Some(body)) = (self.detail(), body.as_object_mut()) {
            let detail = json!({"@type": DETAIL, "error_message": detail.error_message, "error_details": detail.error_details});
            body.insert("details".to_owned(), json!([detail]));
        }
        body
    }

    /// The same as a gRPC status, with the detail in its trailer.
    pub(super) fn status(&self) -> tonic::Status {
        let Some(detail) = self.detail() else {
            return tonic::Status::new(self.code, self.message.clone());
        };
        let detail = prost_types::Any {
            type_url: DETAIL.to_owned(),
            value: detail.encode_to_vec(),
        };
        let rich = RichStatus {
            code: self.code as i32,
            message: self.message.clone(),
            details: vec![detail],
        };
        tonic::Status::with_details(self.code, self.message.clone(), rich.encode_to_vec().into())
    }
}

/// The HTTP status of a gRPC code.
pub(super) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_every_code_as_the_gateway_does() {
        let statuses = [
            200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
        ];
        for (code, status) in (0..).zip(statuses) {
            assert_eq!(
                http_status(Code::from_i32(code)).as_u16(),
                status,
                "code {code}"
            );
        }
    }

    #[test]
    fn shows_the_chain_and_the_text_for_people() {
        let refusal = Refusal::unknown("x").during("Get experiment failed.");
        let chain = "Get experiment failed.: ResourceNotFoundError: Experiment x not found.";
        let expected = json!({"error": chain, "message": chain, "code": 5, "details": [{
            "@type": "type.googleapis.com/api.Error", "error_message": "Experiment x not found.", "error_details": chain}]});
        assert_eq!(refusal.body(), expected);
        let rich = RichStatus::decode(refusal.status().details()).expect("a status");
        assert_eq!(
            (rich.code, rich.message.as_str(), rich.details.len()),
            (5, chain, 1)
        );
        let detail = proto::Error::decode(&*rich.details[0].value).expect("an error");
        assert_eq!(detail.error_message, "Experiment x not found.");
        assert_eq!(
            Refusal::unreadable("torn").body(),
            json!({"error": "torn", "message": "torn", "code": 3})
        );
    }
}
