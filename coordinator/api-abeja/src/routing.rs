//! From the table of routes to a router: who comes is asked first, then whose things are meant, then the handler works.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use rest::lenient::{drain, segment_text};
use rest::proxy::stream_of;
use rest::tolerate_slash;
use rest::upload::read_query;
use vocabulary::Tenant;

use super::reply::{Answer, Refusal};
use super::request::Call;
use super::routes::ROUTES;
use super::{Abeja, again, openapi};

/// A method under which a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Looks.
    Get,
    /// Makes.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Gives up.
    Delete,
}

impl Verb {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Patch => MethodFilter::PATCH,
            Verb::Delete => MethodFilter::DELETE,
        }
    }
}

/// What opens a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// A credential of the organization.
    ToTenant,
    /// The secret in the address itself.
    BySecret,
}

/// One row of the table of what this API serves.
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// What it does, for the documents.
    pub summary: &'static str,
    /// Members of the query that it reads.
    pub query: &'static [&'static str],
    /// Members of the JSON body that it reads; those it needs are marked with a `!`. None where the body is no JSON.
    pub body: &'static [&'static str],
    /// What a success holds.
    pub gives: &'static str,
    /// What opens it.
    pub open: Open,
    pub(super) handler: fn(Abeja, Call) -> Answering,
}

impl Route {
    /// The same route, reading these members of the query.
    #[must_use]
    pub const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    /// The same route, reading these members of the body.
    #[must_use]
    pub const fn body(self, body: &'static [&'static str]) -> Self {
        Self { body, ..self }
    }

    /// The same route, with what a success holds.
    #[must_use]
    pub const fn gives(self, gives: &'static str) -> Self {
        Self { gives, ..self }
    }

    /// The same route, opened by the secret in its address.
    #[must_use]
    pub const fn by_secret(self) -> Self {
        Self {
            open: Open::BySecret,
            ..self
        }
    }
}

pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The API as an axum router.
pub(super) fn router(api: &Abeja) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, method_of(api, route));
    }
    let router = router
        .route(
            "/organizations/openapi.json",
            get(|| async { axum::Json(openapi()) }),
        )
        .method_not_allowed_fallback(refused(api, StatusCode::METHOD_NOT_ALLOWED))
        .fallback(refused(api, StatusCode::NOT_FOUND));
    tolerate_slash(router)
}

fn method_of(api: &Abeja, route: &'static Route) -> MethodRouter {
    let api = api.clone();
    on(route.verb.filter(), move |request: Request| {
        respond(api, route, request)
    })
}

async fn respond(api: Abeja, route: &'static Route, request: Request) -> Response {
    match read(&api, route, request) {
        Ok(call) => (route.handler)(api, call)
            .await
            .unwrap_or_else(IntoResponse::into_response),
        Err((refusal, body)) => {
            drain(stream_of(body)).await;
            refusal.into_response()
        }
    }
}

fn read(api: &Abeja, route: &Route, request: Request) -> Result<Call, (Refusal, Body)> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let passed_on = again::was_passed_on(&parts);
    let segments = segments_of(route.path, &path);
    let query = read_query(parts.uri.query().unwrap_or_default());
    let mut call = Call {
        caller: None,
        tenant: Tenant::only(),
        segments,
        query,
        headers: parts.headers,
        path,
        passed_on,
        body: body.into(),
    };
    match admit(api, route, &mut call, &parts.extensions) {
        Ok(()) => Ok(call),
        Err(refusal) => Err((refusal, call.take_body())),
    }
}

fn admit(
    api: &Abeja,
    route: &Route,
    call: &mut Call,
    extensions: &Extensions,
) -> Result<(), Refusal> {
    if route.open == Open::BySecret {
        return Ok(());
    }
    let caller = api.authenticator().caller(extensions, &call.headers)?;
    call.tenant = match call.segments.get("organization") {
        Some(organization) => caller.named(organization)?,
        None => caller.own(),
    };
    call.caller = Some(caller);
    Ok(())
}

/// What stands in a path where the route says `{name}`, percent-encoding undone.
fn segments_of(route: &'static str, path: &str) -> BTreeMap<&'static str, String> {
    let pairs = route.split('/').zip(path.split('/'));
    let name = |part: &'static str| part.strip_prefix('{')?.strip_suffix('}');
    pairs
        .filter_map(|(part, text)| Some((name(part)?, segment_text(text))))
        .collect()
}

/// What is not served. Who may not come in is not told what is.
fn refused(
    api: &Abeja,
    status: StatusCode,
) -> impl Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Clone + Send + Sync + 'static
{
    let api = api.clone();
    move |request: Request| {
        let api = api.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            drain(stream_of(body)).await;
            not_served(&api, status, &parts.extensions, &parts.headers).into_response()
        })
    }
}

fn not_served(
    api: &Abeja,
    status: StatusCode,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Refusal {
    match api.authenticator().caller(extensions, headers) {
        Err(fault) => fault.into(),
        Ok(_) if status == StatusCode::METHOD_NOT_ALLOWED => {
            Refusal::new(status, "this path takes another method")
        }
        Ok(_) => Refusal::new(status, "there is nothing under this path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_names_of_a_path() {
        let found = segments_of(
            "/organizations/{organization}/channels/{channel}",
            "/organizations/12/channels/a%2Fb",
        );
        assert_eq!(
            (found["organization"].as_str(), found["channel"].as_str()),
            ("12", "a/b")
        );
        assert!(segments_of("/channels/{channel}/upload", "/channels").is_empty());
    }
}
