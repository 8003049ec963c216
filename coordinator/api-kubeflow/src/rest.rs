//! The REST side: reads the request, has the operation done, shows the answer or the refusal as JSON.

use std::borrow::Cow;

use api_kit::{Api, AuthenticatedCaller, Authenticator, Field, Kind, Matched, Miss, Segments};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use rest::Dialect;
use rest::lenient::{drain, whole_body};
use rest::proxy::stream_of;
use serde_json::{Value, json};

use super::operations::Experiments;
use super::refusal::{Refusal, http_status};
use super::routes::{ROUTES, Route};
use super::{openapi, query, read, show};

/// What the handlers work on.
#[derive(Clone)]
pub struct Rest {
    pub(super) experiments: Experiments,
    pub(super) authenticator: Authenticator,
}

/// A request that was let in.
pub struct Call {
    caller: AuthenticatedCaller,
    /// The id in the path; empty where there is none.
    id: String,
    query: String,
    body: Body,
}

static FIELDS: &[Field] = &[
    (
        "page_token",
        Kind::Text,
        "next_page_token of the page before",
    ),
    (
        "page_size",
        Kind::Integer,
        "rows of a page: 20 unless given, 200 at most",
    ),
    (
        "sort_by",
        Kind::Text,
        "id, name, created_at, description, namespace or storage_state, with asc or desc behind it",
    ),
    (
        "filter",
        Kind::Text,
        "a Filter as JSON: predicates of op, key and one value, all of which must hold",
    ),
    ("resource_reference_key.type", Kind::Text, "NAMESPACE"),
    (
        "resource_reference_key.id",
        Kind::Text,
        "the namespace, in multi-user mode",
    ),
];

impl Api for Rest {
    type Mark = super::Mark;
    type Caller = AuthenticatedCaller;
    type Call = Call;
    type Refusal = Refusal;

    const HAS_VERBS: bool = true;
    const HEAD_IS_GET: bool = false;

    fn routes() -> &'static [Route] {
        ROUTES
    }

    fn fields() -> &'static [Field] {
        FIELDS
    }

    /// Without the prefix of Kubeflow's own installations, and without escapes. A plus is a plus in paths.
    fn spelled(path: &str) -> Option<Cow<'_, str>> {
        let path = Dialect::without_prefix(path).replace('+', "%2B");
        query::unescaped(&path).map(Cow::Owned)
    }

    fn admit(
        &self,
        _route: &'static Route,
        _segments: &Segments,
        parts: &Parts,
    ) -> Result<AuthenticatedCaller, Refusal> {
        let caller = self.authenticator.caller(&parts.extensions, &parts.headers);
        caller.map_err(|fault| Refusal::stranger(&fault))
    }

    async fn read(
        &self,
        caller: AuthenticatedCaller,
        mut matched: Matched<Self>,
    ) -> Result<Call, Refusal> {
        let mut body = matched.body;
        if matched.route.mark.message.is_empty() {
            // Nothing is read of it; clients may send one all the same.
            drain(stream_of(std::mem::take(&mut body))).await;
        }
        let query = matched.parts.uri.query().unwrap_or_default();
        Ok(Call {
            caller,
            id: matched.segments.remove("id").unwrap_or_default(),
            query: query.to_owned(),
            body,
        })
    }

    /// What no route answers is told as plain text.
    async fn missed(self, miss: Miss, request: Request) -> Response {
        drain(stream_of(request.into_body())).await;
        let (status, text) = match miss {
            Miss::Path => (StatusCode::NOT_FOUND, "Not Found"),
            Miss::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
        };
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (http_status(self.code), axum::Json(self.body())).into_response()
    }
}

type Answer = Result<Response, Refusal>;

fn answer(value: Value) -> Answer {
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

pub(super) async fn document(_api: Rest, _request: Request) -> Answer {
    answer(openapi::openapi())
}

pub(super) async fn page(_api: Rest, _request: Request) -> Answer {
    Ok(openapi::page())
}

pub(super) fn router(rest: Rest) -> Router {
    api_kit::bare_router(rest)
}
