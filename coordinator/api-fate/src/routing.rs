//! From the table of routes to a router: bodies read forgivingly, FATE's own forms for what does not exist.

use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::Extensions;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use rest::lenient::drain;
use rest::proxy::stream_of;
use rest::{Answer, Failure, Lenient, Reply, tolerate_slash};
use serde_json::{Map, Value};
use service::Principal;
use vocabulary::{ErrorCode, Fault};
use wire::agent_link::Caller;

use super::request::{Call, text_of};
use super::routes::ROUTES;
use super::{FateFlow, docs_page, fields, info, openapi};

/// A method under which a route answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, with a JSON body.
    Get,
    /// POST.
    Post,
}

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

/// One row of the table of what this API serves.
pub struct Route {
    /// The path below `/v1/`; `{name}` stands for one segment.
    pub path: &'static str,
    /// Under which methods it answers.
    pub methods: &'static [Method],
    /// How far it is served.
    pub status: Status,
    /// What it replies with.
    pub kind: Kind,
    /// What it does, for the documents.
    pub summary: &'static str,
    /// Members of the body that it needs; `fields` says what each is.
    pub needs: &'static [&'static str],
    /// Members of the body that it reads when they are there.
    pub takes: &'static [&'static str],
    /// What `data` of a success holds (of a file route: what the file is); empty when there is none.
    pub gives: &'static str,
    pub(super) handler: Handler,
}

impl Route {
    /// The same route, reading these members, too.
    #[must_use]
    pub const fn takes(self, takes: &'static [&'static str]) -> Self {
        Self { takes, ..self }
    }

    /// The same route, with what its `data` holds.
    #[must_use]
    pub const fn gives(self, gives: &'static str) -> Self {
        Self { gives, ..self }
    }
}

/// Under this name handlers read the segment of the path that stands for `{name}`; no client's body has it.
pub(super) const SEGMENT: &str = "{path}";

pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What answers a route.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Takes a JSON body.
    Json(fn(FateFlow, Call) -> Answering),
    /// Takes the request as it comes.
    Raw(fn(FateFlow, Request, Caller) -> Answering),
    /// Nothing does.
    None,
}

/// The API as an axum router, with every path below `/v1/`.
pub fn router(api: FateFlow) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(&format!("/v1/{}", route.path), methods_of(&api, route));
    }
    let document = || get(|| async { axum::Json(openapi()) });
    let router = router
        .route("/openapi.json", document())
        .route("/v1/openapi.json", document())
        .route("/docs", get(docs))
        .merge(probes(&api))
        .fallback(unknown)
        .method_not_allowed_fallback(|| async { Failure::wrong_method() });
    tolerate_slash(router)
}

/// Whether the daemon lives, and whether it can take work in: for those who start and stop daemons. They tell no more.
fn probes(api: &FateFlow) -> Router {
    let api = api.clone();
    let ready = move || {
        let api = api.clone();
        async move { info::is_ready(&api).await }
    };
    Router::new()
        .route(
            "/livez",
            get(|| async { axum::Json(serde_json::json!({"alive": true})) }),
        )
        .route("/readyz", get(ready.clone()))
        .route("/healthz", get(ready))
}

/// The document as a page, which may fetch nothing.
async fn docs() -> impl IntoResponse {
    (
        [(CONTENT_SECURITY_POLICY, rest::PAGE_POLICY)],
        Html(docs_page::page(&openapi())),
    )
}

fn methods_of(api: &FateFlow, route: &'static Route) -> MethodRouter {
    let mut methods = MethodRouter::new();
    for method in route.methods {
        let filter = match method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        let api = api.clone();
        methods = methods.merge(on(filter, move |request: Request| {
            respond(api, route, request)
        }));
    }
    methods
}

async fn respond(api: FateFlow, route: &'static Route, request: Request) -> Response {
    let answer = match route.handler {
        Handler::None => {
            drain(stream_of(request.into_body())).await;
            Err(unsupported(route))
        }
        Handler::Raw(handler) => {
            let caller = caller_of(&request);
            handler(api, request, caller).await
        }
        Handler::Json(handler) => match read(&api, route, request).await {
            Ok(call) => handler(api, call).await,
            Err(failure) => Err(failure),
        },
    };
    match answer {
        Ok(response) => response,
        // clients unpack whatever comes with HTTP 200 from a file endpoint
        Err(failure) if route.kind == Kind::File && failure.0.status == 200 => {
            failure.with_status(400).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

fn caller_of(request: &Request) -> Caller {
    request
        .extensions()
        .get::<Caller>()
        .cloned()
        .unwrap_or(Caller::Outsider)
}

/// Who stands behind a caller, with the ticket that came with the request.
pub(super) fn principal_of(api: &FateFlow, caller: &Caller, extensions: &Extensions) -> Principal {
    api_kit::principal_of(caller, &api.options().principal_at_endpoint, extensions)
}

async fn read(api: &FateFlow, route: &Route, request: Request) -> Result<Call, Failure> {
    let segment = segment_of(route, request.uri().path());
    let caller = caller_of(&request);
    let principal = principal_of(api, &caller, request.extensions());
    let Lenient(body) = Lenient::from_request(request, &()).await?;
    let mut body = match body {
        Value::Object(body) => body,
        _ => Map::new(),
    };
    if let Some(name) = misshapen(route, &body) {
        return Err(Failure::http(
            400,
            Some(&format!("Invalid parameter '{name}'.")),
        ));
    }
    body.remove(SEGMENT);
    body.extend(segment.map(|segment| (SEGMENT.to_owned(), Value::String(segment))));
    Ok(Call {
        body,
        principal,
        caller,
    })
}

/// Routes where a list stands for any of its values.
const TAKE_LISTS: [&str; 4] = [
    "job/query",
    "job/config",
    "job/task/query",
    "job/data/view/query",
];

/// A member that holds one value and came as an object, or as a list where none is read: it would be taken for absent, and a
/// filter would let everything pass.
fn misshapen(route: &Route, body: &Map<String, Value>) -> Option<&'static str> {
    // These say in words of their own what is wrong.
    if route.path.starts_with("job/list/") || route.path == "job/dsl/generate" {
        return None;
    }
    let lists = TAKE_LISTS.contains(&route.path) || route.path.starts_with("permission/");
    let named: Vec<&str> = route
        .needs
        .iter()
        .copied()
        .chain(route.members_taken())
        .collect();
    // There `role` holds the parties by role.
    let has_cast = route.path == "component/validate"
        || ["initiator", "migrate_role"]
            .iter()
            .any(|own| named.contains(own));
    let is_wrong = |name: &str| {
        let kind = fields::field(name)
            .map(|(_, kind, _)| *kind)
            .filter(|_| !(has_cast && name == "role"));
        let (is_single, names) = (
            kind.is_some_and(fields::Kind::is_single),
            kind == Some(fields::Kind::Names),
        );
        match body.get(name) {
            Some(Value::Object(_)) => is_single || names,
            Some(Value::Array(_)) if is_single => !lists,
            Some(Value::Array(items)) if names => items.iter().any(|item| text_of(item).is_none()),
            _ => false,
        }
    };
    route
        .needs
        .iter()
        .copied()
        .chain(route.members_taken())
        .find(|name| is_wrong(name))
}

/// What stands in a path where the route says `{name}` or `{*rest}`; percent-encoded messages stay as they are.
fn segment_of(route: &Route, path: &str) -> Option<String> {
    let (before, after) = route.path.split_once('{')?;
    let after = after.split_once('}').map_or("", |(_, after)| after);
    let path = path
        .strip_prefix("/v1/")?
        .strip_prefix(before)?
        .trim_end_matches('/');
    path.strip_suffix(after).map(str::to_owned)
}

fn unsupported(route: &Route) -> Failure {
    let fault = Fault::new(
        ErrorCode::Unsupported,
        format!("{} is not supported by this version", route.path),
    )
    .next("the coverage table of this API lists what is served");
    match route.kind {
        Kind::Json => fault.into(),
        Kind::File => Failure::http(501, Some(&fault.to_string())),
    }
}

/// Paths that are not in the table: three groups have answers of their own.
async fn unknown(request: Request) -> Response {
    let missing = Failure::unknown_path(request.uri().path());
    let path = request
        .uri()
        .path()
        .strip_prefix("/v1/")
        .unwrap_or_default()
        .to_owned();
    let Some((group, rest)) = path.split_once('/') else {
        return missing.into_response();
    };
    let posted = request.method() == axum::http::Method::POST;
    match (group, posted) {
        ("data", true) if !rest.contains('/') => {
            Failure::http(400, Some(&format!("Cannot support this operating: {rest}")))
                .into_response()
        }
        ("table", true) if !rest.contains('/') => Reply::success().into_response(),
        ("model", true) if !rest.contains('/') => {
            unknown_model_operation(rest, request).await.into_response()
        }
        _ => missing.into_response(),
    }
}

async fn unknown_model_operation(operation: &str, request: Request) -> Failure {
    let body = match Lenient::from_request(request, &()).await {
        Ok(Lenient(body)) => body,
        Err(failure) => return failure,
    };
    let needed = ["model_id", "model_version", "role", "party_id"];
    let missing: Vec<&str> = needed
        .into_iter()
        .filter(|key| body.get(key).is_none_or(Value::is_null))
        .collect();
    if !missing.is_empty() {
        return Failure::arguments_missing(&missing);
    }
    Failure::exception(
        "Exception",
        &format!("Not supported model operation: \"{operation}\"."),
    )
}
