//! From the table of routes to a router: who asks, what was sent, and this API's own headers on every answer.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use percent_encoding::percent_decode_str;
use rest::lenient::{drain, whole_body};
use rest::proxy::stream_of;
use rest::tolerate_slash;
use serde_json::Value;
use service::Project;

use super::fault::{Answer, Refused};
use super::routes::{Action, Method, Route, routes};
use super::{
    Meteos, Options, create, identity, listing, model_action, openapi, remove, shown, version,
};
use api_kit::{ApiContext, AuthenticatedCaller};

/// Largest body, in bytes.
pub(super) const LARGEST: usize = 114_688;

/// A request that was let in.
pub(super) struct Call {
    /// For whom.
    pub(super) project: Project,
    /// The project as the path names it.
    pub(super) project_id: String,
    /// The id in the path; empty when there is none.
    pub(super) id: String,
    /// Pairs of the query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The body; null when there is none.
    pub(super) body: Value,
    /// Where this server is, as the caller sees it: `http://host:port`.
    pub(super) base: String,
}

/// The API as an axum router.
pub fn router(context: ApiContext, options: Options) -> Router {
    let api = Meteos::new(context, options);
    let mut router = Router::new();
    for route in routes() {
        let filter = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Delete => MethodFilter::DELETE,
        };
        // a slash at the end is taken off before a route is looked for
        let bare = route.path.trim_end_matches('/');
        let path = if bare.is_empty() { "/" } else { bare }.to_owned();
        let api = api.clone();
        router = router.route(
            &path,
            on(filter, move |request: Request| respond(api, route, request)),
        );
    }
    let unknown = api.clone();
    let wrong = api.clone();
    let router = router
        .fallback(move |request: Request| nowhere(unknown, request))
        .method_not_allowed_fallback(move |request: Request| nowhere(wrong, request));
    tolerate_slash(router)
}

/// What no route serves: 401 for those who prove nothing, 404 for everybody else.
async fn nowhere(api: Meteos, request: Request) -> Response {
    let refused = match api
        .context()
        .authenticator
        .caller(request.extensions(), request.headers())
    {
        Ok(_) => Refused::missing("The resource"),
        Err(fault) => Refused::new(401, fault.message),
    };
    drain(stream_of(request.into_body())).await;
    decorated(&api, refused.into_response())
}

async fn respond(api: Meteos, route: Route, request: Request) -> Response {
    let answer = Box::pin(answer(&api, &route, request)).await;
    decorated(&api, answer.unwrap_or_else(IntoResponse::into_response))
}

/// The headers that every answer has.
fn decorated(api: &Meteos, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let version = HeaderName::from_static("x-openstack-meteos-api-version");
    headers.insert(version, HeaderValue::from_static("1.0"));
    headers.insert(
        "vary",
        HeaderValue::from_static("X-OpenStack-Meteos-API-Version"),
    );
    if let Ok(id) = HeaderValue::from_str(&format!("req-{}", api.coordinator().new_uuid())) {
        headers.insert("x-compute-request-id", id);
    }
    response
}

async fn answer(api: &Meteos, route: &Route, request: Request) -> Answer {
    let base = base_of(request.headers());
    match route.action {
        Action::Versions => {
            drain(stream_of(request.into_body())).await;
            return Ok(version::versions(&base, route.status));
        }
        Action::Document => return Ok(axum::Json(openapi::openapi()).into_response()),
        Action::Page => {
            let policy = [(CONTENT_SECURITY_POLICY, rest::PAGE_POLICY)];
            return Ok((policy, Html(openapi::page())).into_response());
        }
        Action::Identity => {
            drain(stream_of(request.into_body())).await;
            return identity::version(api, &base);
        }
        Action::Token => {
            let body = read_body(request).await?;
            return identity::token(api, &body, &base);
        }
        _ => {}
    }
    let (project, project_id) = match seated(api, &request) {
        Ok(seated) => seated,
        Err(refused) => {
            drain(stream_of(request.into_body())).await;
            return Err(refused);
        }
    };
    let id = segment(request.uri().path(), 3);
    let query = query_of(request.uri().query().unwrap_or_default());
    let body = match route.method {
        Method::Post => read_body(request).await?,
        Method::Get | Method::Delete => {
            drain(stream_of(request.into_body())).await;
            Value::Null
        }
    };
    let call = Call {
        project,
        project_id,
        id,
        query,
        body,
        base,
    };
    match route.action {
        // In boxes: they are much larger than the others.
        Action::Create(collection) => Box::pin(create::create(api, call, collection)).await,
        Action::List(collection, detailed) => listing::list(api, call, collection, detailed).await,
        Action::Show(collection) => shown::show(api, call, collection).await,
        Action::Delete(collection) => remove::remove(api, call, collection).await,
        Action::Act => Box::pin(model_action::act(api, call)).await,
        Action::Versions | Action::Document | Action::Page | Action::Identity | Action::Token => {
            Err(Refused::missing("The resource"))
        }
    }
}

/// Who asks, for the project that the path names.
fn seated(api: &Meteos, request: &Request) -> Answer<(Project, String)> {
    let caller: AuthenticatedCaller = api
        .context()
        .authenticator
        .caller(request.extensions(), request.headers())
        .map_err(|fault| Refused::new(401, fault.message))?;
    let named = segment(request.uri().path(), 1);
    let malformed = || Refused::bad("Malformed request url");
    let project_id = percent_decode_str(&named)
        .decode_utf8()
        .map_err(|_| malformed())?
        .into_owned();
    let tenant = caller.named(&project_id).map_err(|_| malformed())?;
    let user = match &caller.principal.who {
        service::Who::Anyone => "anonymous".to_owned(),
        service::Who::PartyUser(party) => party.to_string(),
        service::Who::Operator => "operator".to_owned(),
    };
    Ok((
        Project {
            who: caller.principal,
            tenant,
            user,
        },
        project_id,
    ))
}

fn segment(path: &str, number: usize) -> String {
    path.trim_start_matches('/')
        .split('/')
        .nth(number)
        .unwrap_or_default()
        .to_owned()
}

fn query_of(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

/// Where the caller sees this server.
fn base_of(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let plain = |host: &&str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
    };
    format!("http://{}", host.filter(plain).unwrap_or("localhost"))
}

/// A JSON body of bounded size.
async fn read_body(request: Request) -> Answer<Value> {
    let (parts, body) = request.into_parts();
    let length = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        Refused::new(
            413,
            format!("Request is too large: at most {LARGEST} bytes are read."),
        )
    };
    if length.is_some_and(|length| length > LARGEST) {
        drain(stream_of(body)).await;
        return Err(too_large());
    }
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_json = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let bytes = whole_body(body)
        .await
        .map_err(|failure| match failure.0.status {
            413 => too_large(),
            _ => Refused::malformed(),
        })?;
    if bytes.len() > LARGEST {
        return Err(too_large());
    }
    if !is_json || bytes.is_empty() {
        return Err(Refused::malformed());
    }
    serde_json::from_slice(&bytes).map_err(|_| Refused::malformed())
}
