//! What only this API says of its routes, and the refusal of those that are not served.

use axum::extract::Request;
use rest::lenient::drain;
use rest::proxy::stream_of;
use rest::{Answer, Failure};
use vocabulary::{ErrorCode, Fault};

use super::FateFlow;

/// How far a route is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Answered by the coordinator.
    Served,
    /// Answered by the agent of the party that owns the rows; the coordinator passes it on where the policy allows.
    AtAgent,
    /// Answered as not supported.
    Unsupported,
}

/// What a route replies with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An envelope.
    Json,
    /// A file; failures have an HTTP status other than 200.
    File,
}

/// What only this API says of its routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// How far it is served.
    pub status: Status,
    /// What it replies with.
    pub kind: Kind,
}

/// The refusal of a route that is listed and not served.
pub(super) async fn unsupported(
    route: &'static api_kit::Route<FateFlow>,
    request: Request,
) -> Answer {
    drain(stream_of(request.into_body())).await;
    let fault = Fault::new(
        ErrorCode::Unsupported,
        format!("{} is not supported by this version", route.path),
    )
    .next("the coverage table of this API lists what is served");
    Err(match route.mark.kind {
        Kind::Json => fault.into(),
        Kind::File => Failure::http(501, Some(&fault.to_string())),
    })
}
