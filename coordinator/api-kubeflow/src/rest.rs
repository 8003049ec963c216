//! The REST side: reads the request, has the operation done, shows the answer or the refusal as JSON.

use api_kit::{AuthenticatedCaller, Authenticator};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use rest::lenient::whole_body;
use serde_json::{Value, json};

use super::operations::Experiments;
use super::refusal::{Refusal, http_status};
use super::{query, read, show};

/// What the handlers work on.
#[derive(Clone)]
pub struct Rest {
    pub(super) experiments: Experiments,
    pub(super) authenticator: Authenticator,
}

/// A request that was let in.
pub struct Call {
    pub(super) caller: AuthenticatedCaller,
    /// The id in the path; empty where there is none.
    pub(super) id: String,
    pub(super) query: String,
    pub(super) body: Body,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (http_status(self.code), axum::Json(self.body())).into_response()
    }
}

pub(super) type Answer = Result<Response, Refusal>;

pub(super) fn answer(value: Value) -> Answer {
    Ok(axum::Json(value).into_response())
}

pub(super) async fn create(api: Rest, call: Call) -> Answer {
    let body = whole_body(call.body)
        .await
        .map_err(|failure| Refusal::unreadable(failure.0.retmsg.clone()))?;
    let experiment = read::experiment(&body)?;
    let made = api.experiments.create(&call.caller, experiment).await?;
    answer(show::experiment(&made))
}

pub(super) async fn list(api: Rest, call: Call) -> Answer {
    let listing = query::listing(&call.query)?;
    answer(show::listing(
        &api.experiments.list(&call.caller, &listing).await?,
    ))
}

pub(super) async fn get(api: Rest, call: Call) -> Answer {
    let experiment = api.experiments.get(&call.caller, &call.id).await?;
    answer(show::experiment(&experiment))
}

pub(super) async fn delete(api: Rest, call: Call) -> Answer {
    api.experiments.delete(&call.caller, &call.id).await?;
    answer(json!({}))
}

pub(super) async fn archive(api: Rest, call: Call) -> Answer {
    api.experiments
        .archive(&call.caller, &call.id, true)
        .await?;
    answer(json!({}))
}

pub(super) async fn unarchive(api: Rest, call: Call) -> Answer {
    api.experiments
        .archive(&call.caller, &call.id, false)
        .await?;
    answer(json!({}))
}

pub(super) async fn health(api: Rest, _request: Request) -> Answer {
    let body = json!({
        "commit_sha": "unknown",
        "tag_name": concat!("fedflow-", env!("CARGO_PKG_VERSION")),
        "multi_user": api.experiments.multi_user,
    });
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, body.to_string()).into_response())
}
