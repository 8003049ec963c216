//! From the table of routes to a router: who comes is asked first, then whose things are meant, then the handler works.

use api_kit::{Api, AuthenticatedCaller, Field, Matched, Miss, Segments, bare_router};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rest::lenient::{drain, segment_text};
use rest::proxy::stream_of;
use rest::tolerate_slash;
use rest::upload::read_query;
use vocabulary::Tenant;

use super::fields::FIELDS;
use super::reply::Refusal;
use super::request::Call;
use super::routes::{ROUTES, Route};
use super::{Abeja, again, openapi};

impl Api for Abeja {
    type Mark = ();
    type Caller = Option<(AuthenticatedCaller, Tenant)>;
    type Call = Call;
    type Refusal = Refusal;

    fn routes() -> &'static [Route] {
        ROUTES
    }

    fn fields() -> &'static [Field] {
        FIELDS
    }

    /// Nobody is asked for a credential where the address holds a secret of its own.
    fn admit(
        &self,
        route: &'static Route,
        segments: &Segments,
        parts: &Parts,
    ) -> Result<Self::Caller, Refusal> {
        if route.open {
            return Ok(None);
        }
        let authenticator = self.authenticator();
        let caller = authenticator.caller(&parts.extensions, &parts.headers)?;
        let tenant = match segments.get("organization") {
            Some(organization) => caller.named(&segment_text(organization))?,
            None => caller.own(),
        };
        Ok(Some((caller, tenant)))
    }

    async fn read(&self, caller: Self::Caller, matched: Matched<Self>) -> Result<Call, Refusal> {
        let (caller, tenant) = match caller {
            Some((caller, tenant)) => (Some(caller), tenant),
            None => (None, Tenant::only()),
        };
        let parts = matched.parts;
        let decoded = matched.segments.into_iter();
        Ok(Call {
            caller,
            tenant,
            segments: decoded
                .map(|(name, text)| (name, segment_text(&text)))
                .collect(),
            query: read_query(parts.uri.query().unwrap_or_default()),
            passed_on: again::was_passed_on(&parts),
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            body: matched.body.into(),
        })
    }

    /// Who may not come in is not told what is served.
    async fn missed(self, miss: Miss, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        drain(stream_of(body)).await;
        let refusal = match self
            .authenticator()
            .caller(&parts.extensions, &parts.headers)
        {
            Err(fault) => fault.into(),
            Ok(_) => match miss {
                Miss::Method(_) => Refusal::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "this path takes another method",
                ),
                Miss::Path => {
                    Refusal::new(StatusCode::NOT_FOUND, "there is nothing under this path")
                }
            },
        };
        refusal.into_response()
    }
}

/// The API as an axum router.
pub(super) fn router(api: &Abeja) -> Router {
    let wrong = api.clone();
    let router = bare_router(api.clone())
        .route(
            "/organizations/openapi.json",
            get(|| async { axum::Json(openapi()) }),
        )
        .method_not_allowed_fallback(move |request: Request| {
            wrong.clone().missed(Miss::Method(String::new()), request)
        });
    tolerate_slash(router)
}
