//! From the table of routes to a router: who asks, and what a handler gets.

use std::borrow::Cow;

use api_kit::{Api, AuthenticatedCaller, Field, Kind, Matched, Miss, Segments};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use rest::Dialect;
use rest::lenient::drain;
use rest::proxy::stream_of;

use super::query;
use super::refusal::Refusal;
use super::rest::{Call, Rest};
use super::routes::{ROUTES, Route};

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

pub(super) fn router(rest: Rest) -> Router {
    api_kit::bare_router(rest)
}
