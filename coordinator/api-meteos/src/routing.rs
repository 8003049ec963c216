//! From the table of routes to a router: who asks, what was sent, and this API's own headers on every answer.

use api_kit::{Api, ApiContext, AuthenticatedCaller, Field, Matched, Method, Miss, Segments};
use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use rest::lenient::drain;
use rest::proxy::stream_of;
use serde_json::Value;
use service::Project;

use super::call::{Call, base_of, read_body};
use super::collection::Action;
use super::fault::{Answer, Refused};
use super::routes::{ROUTES, Route};
use super::{Meteos, Options};

impl Api for Meteos {
    type Mark = Action;
    type Caller = (Project, String);
    type Call = Call;
    type Refusal = Refused;

    fn routes() -> &'static [Route] {
        ROUTES
    }

    /// Columns of things are described with their collections.
    fn fields() -> &'static [Field] {
        &[]
    }

    fn admit(
        &self,
        _route: &'static Route,
        segments: &Segments,
        parts: &Parts,
    ) -> Result<(Project, String), Refused> {
        let named = segments.get("project").map_or("", String::as_str);
        admitted(self, named, parts)
    }

    async fn read(
        &self,
        (project, project_id): (Project, String),
        mut matched: Matched<Self>,
    ) -> Result<Call, Refused> {
        let parts = matched.parts;
        let body = match matched.route.method() {
            Method::Post => read_body(&parts.headers, matched.body).await?,
            _ => {
                drain(stream_of(matched.body)).await;
                Value::Null
            }
        };
        Ok(Call {
            action: matched.route.mark,
            project,
            project_id,
            id: matched.segments.remove("id").unwrap_or_default(),
            query: query_of(parts.uri.query().unwrap_or_default()),
            body,
            base: base_of(&parts.headers),
        })
    }

    /// What no route serves: 401 for those who prove nothing, 404 for everybody else.
    async fn missed(self, _miss: Miss, request: Request) -> Response {
        let authenticator = &self.context().authenticator;
        let refused = match authenticator.caller(request.extensions(), request.headers()) {
            Ok(_) => Refused::missing("The resource"),
            Err(fault) => Refused::new(401, fault.message),
        };
        drain(stream_of(request.into_body())).await;
        refused.into_response()
    }

    /// The headers that every answer has.
    fn finished(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let version = HeaderName::from_static("x-openstack-meteos-api-version");
        headers.insert(version, HeaderValue::from_static("1.0"));
        headers.insert(
            "vary",
            HeaderValue::from_static("X-OpenStack-Meteos-API-Version"),
        );
        if let Ok(id) = HeaderValue::from_str(&format!("req-{}", self.coordinator().new_uuid())) {
            headers.insert("x-compute-request-id", id);
        }
        response
    }
}

/// The API as an axum router.
pub fn router(context: ApiContext, options: Options) -> Router {
    api_kit::router(Meteos::new(context, options))
}

/// Who asks, for the project that the path names.
fn admitted(api: &Meteos, named: &str, parts: &Parts) -> Answer<(Project, String)> {
    let authenticator = &api.context().authenticator;
    let caller: AuthenticatedCaller = authenticator
        .caller(&parts.extensions, &parts.headers)
        .map_err(|fault| Refused::new(401, fault.message))?;
    let malformed = || Refused::bad("Malformed request url");
    let project_id = percent_decode_str(named)
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
