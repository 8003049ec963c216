//! From the table of routes to a router: bodies read forgivingly, FATE's own forms for what does not exist.

use api_kit::field::field;
use api_kit::{Api, Field, Kind as FieldKind, Matched, Miss, Segments, bare_router};
use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use rest::lenient::{read_json, whole_body};
use rest::{Failure, Lenient, Reply, tolerate_slash};
use serde_json::{Map, Value};
use service::Principal;
use wire::agent_link::Caller;

use super::caller::{caller_of, principal_of};
use super::mark::{Kind, Mark};
use super::request::{Call, text_of};
use super::routes::{ROUTES, Route};
use super::{FateFlow, docs_page, fields, info, openapi};

impl Api for FateFlow {
    type Mark = Mark;
    type Caller = (Principal, Caller);
    type Call = Call;
    type Refusal = Failure;

    const BASE: &'static str = "/v1/";

    fn routes() -> &'static [Route] {
        ROUTES
    }

    fn fields() -> &'static [Field] {
        fields::FIELDS
    }

    /// Who may not come in was refused before; here it is only read who it is.
    fn admit(
        &self,
        _route: &'static Route,
        _segments: &Segments,
        parts: &Parts,
    ) -> Result<(Principal, Caller), Failure> {
        let caller = caller_of(&parts.extensions);
        Ok((principal_of(self, &caller, &parts.extensions), caller))
    }

    async fn read(
        &self,
        (principal, caller): (Principal, Caller),
        matched: Matched<Self>,
    ) -> Result<Call, Failure> {
        let body = match read_json(&whole_body(matched.body).await?) {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        if let Some(name) = misshapen(matched.route, &body) {
            return Err(Failure::http(
                400,
                Some(&format!("Invalid parameter '{name}'.")),
            ));
        }
        Ok(Call {
            segment: matched.segments.into_values().next(),
            body,
            principal,
            caller,
        })
    }

    async fn missed(self, miss: Miss, request: Request) -> Response {
        match miss {
            Miss::Path => unknown(request).await,
            Miss::Method(_) => Failure::wrong_method().into_response(),
        }
    }

    fn refused(&self, route: &Route, failure: Failure) -> Response {
        // clients unpack whatever comes with HTTP 200 from a file endpoint
        if route.mark.kind == Kind::File && failure.0.status == 200 {
            return failure.with_status(400).into_response();
        }
        failure.into_response()
    }
}

/// The API as an axum router, with every path below `/v1/`.
pub fn router(api: FateFlow) -> Router {
    let document = || get(|| async { axum::Json(openapi()) });
    let router = bare_router(api.clone())
        .route("/openapi.json", document())
        .route("/v1/openapi.json", document())
        .route("/docs", get(docs))
        .merge(probes(&api))
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
    let named: Vec<&str> = route.members().collect();
    // There `role` holds the parties by role.
    let has_cast = route.path == "component/validate"
        || ["initiator", "migrate_role"]
            .iter()
            .any(|own| named.contains(own));
    let is_wrong = |name: &str| {
        let kind = field::<FateFlow>(name)
            .map(|(_, kind, _)| *kind)
            .filter(|_| !(has_cast && name == "role"));
        let (is_single, names) = (
            kind.is_some_and(FieldKind::is_single),
            kind == Some(FieldKind::Names),
        );
        match body.get(name) {
            Some(Value::Object(_)) => is_single || names,
            Some(Value::Array(_)) if is_single => !lists,
            Some(Value::Array(items)) if names => items.iter().any(|item| text_of(item).is_none()),
            _ => false,
        }
    };
    route.members().find(|name| is_wrong(name))
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
