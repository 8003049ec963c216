//! As much of Keystone, version 3, as OpenStack's command lines need: a token for a password. The password is a token of
//! this coordinator's REST endpoint, and the token that is given out is the same; so there is one store of credentials. Off unless
//! the settings switch it on.

use axum::Json;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use rest::lenient::drain;
use rest::proxy::stream_of;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::Meteos;
use super::call::{base_of, read_body};
use super::columns::moment;
use super::fault::{Answer, Refused};

/// How long a token is said to be good, in milliseconds; the REST endpoint itself knows how long it is.
const GOOD_FOR: i64 = 3_600_000;

fn is_on(api: &Meteos) -> Answer<()> {
    if api.options().identity {
        Ok(())
    } else {
        Err(Refused::missing("The resource"))
    }
}

/// GET: the version.
pub(super) async fn version(api: Meteos, request: Request) -> Answer {
    let base = base_of(request.headers());
    drain(stream_of(request.into_body())).await;
    is_on(&api)?;
    let link = json!([{"rel": "self", "href": format!("{base}/identity/v3/")}]);
    let version = json!({"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": link});
    Ok(Json(json!({"version": version})).into_response())
}

/// POST: a token for the caller that a name and a password name.
pub(super) async fn token(api: Meteos, request: Request) -> Answer {
    let base = base_of(request.headers());
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body).await?;
    is_on(&api)?;
    token_for(&api, &body, &base)
}

fn token_for(api: &Meteos, body: &Value, base: &str) -> Answer {
    let identity = body
        .pointer("/auth/identity")
        .ok_or_else(Refused::malformed)?;
    let text = |place: &str| identity.pointer(place).and_then(Value::as_str);
    let secret = text("/password/user/password")
        .or_else(|| text("/token/id"))
        .ok_or_else(Refused::malformed)?;
    let user = text("/password/user/name")
        .or_else(|| text("/password/user/id"))
        .unwrap_or("user");
    let refused = || Refused::new(401, "The request you have made requires authentication.");
    let value = HeaderValue::from_str(secret).map_err(|_| refused())?;
    let mut headers = HeaderMap::new();
    headers.insert("x-auth-token", value.clone());
    let caller = api
        .context()
        .authenticator
        .caller(&Extensions::new(), &headers)
        .map_err(|_| refused())?;
    let scope = |key: &str| {
        body.pointer("/auth/scope/project")
            .and_then(|project| project.get(key)?.as_str())
    };
    let asked = scope("id").or_else(|| scope("name"));
    let own = caller.own();
    let project = asked.unwrap_or(own.as_str());
    caller.named(project).map_err(|_| refused())?;
    let now = api.coordinator().now();
    let token = described(
        &TokenScope {
            user,
            project,
            base,
        },
        now,
    );
    let mut response = (StatusCode::CREATED, Json(json!({"token": token}))).into_response();
    response.headers_mut().insert("x-subject-token", value);
    Ok(response)
}

struct TokenScope<'a> {
    user: &'a str,
    project: &'a str,
    base: &'a str,
}

fn described(of: &TokenScope<'_>, now: Timestamp) -> Value {
    let domain = json!({"id": "default", "name": "Default"});
    let url = format!("{}/v1/{}", of.base, of.project);
    let endpoint = |interface: &str| json!({"id": interface, "interface": interface, "region": "local", "region_id": "local", "url": url});
    json!({
        "methods": ["password"],
        "issued_at": format!("{}Z", moment(now)),
        "expires_at": format!("{}Z", moment(now.plus_millis(GOOD_FOR))),
        "audit_ids": [],
        "user": {"id": of.user, "name": of.user, "domain": domain, "password_expires_at": null},
        "project": {"id": of.project, "name": of.project, "domain": domain},
        "is_domain": false,
        "roles": [{"id": "member", "name": "member"}],
        "catalog": [{
            "id": "meteos",
            "name": "meteos",
            "type": "machine-learning",
            "endpoints": [endpoint("public"), endpoint("internal"), endpoint("admin")],
        }],
    })
}
