//! The REST side: finds the route, reads the request, has the operation done, shows the answer or the refusal as JSON.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use rest::Dialect;
use rest::lenient::{drain, whole_body};
use rest::proxy::stream_of;
use serde_json::{Value, json};

use super::operations::Experiments;
use super::refusal::{Refusal, http_status};
use super::routes::{Operation, ROUTES, Route};
use super::{openapi, query, read, show};
use api_kit::Authenticator;

/// What the handlers work on.
#[derive(Clone)]
pub(super) struct Rest {
    pub(super) experiments: Experiments,
    pub(super) authenticator: Authenticator,
}

pub(super) fn router(rest: Rest) -> Router {
    Router::new().fallback(move |request: Request| {
        let rest = rest.clone();
        async move { rest.answer(request).await }
    })
}

/// What no route answers; told as plain text.
type Miss = (StatusCode, &'static str);

const UNKNOWN: Miss = (StatusCode::NOT_FOUND, "Not Found");
const WRONG_METHOD: Miss = (StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");

/// A path without its escapes, or nothing when it is no text.
fn plain(path: &str) -> Option<String> {
    // A plus is a plus in paths.
    query::unescaped(&path.replace('+', "%2B"))
}

/// The route of a request with the id in its path, or the miss.
fn routed(method: &Method, path: &str) -> Result<(&'static Route, String), Miss> {
    let path = plain(Dialect::without_prefix(path)).ok_or(UNKNOWN)?;
    let mut segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mut verb = None;
    if let Some(last) = segments.last_mut()
        && let Some((before, after)) = last.rsplit_once(':')
    {
        (*last, verb) = (before, Some(after));
    }
    let matching: Vec<(&Route, &str)> = ROUTES
        .iter()
        .filter_map(|route| Some((route, route.matches(&segments, verb)?)))
        .collect();
    let found = matching
        .iter()
        .find(|(route, _)| route.verb.word() == method.as_str());
    match (found, matching.is_empty()) {
        (Some((route, id)), _) => Ok((route, (*id).to_owned())),
        (None, true) => Err(UNKNOWN),
        (None, false) => Err(WRONG_METHOD),
    }
}

impl Rest {
    async fn answer(&self, request: Request) -> Response {
        let (route, id) = match routed(request.method(), request.uri().path()) {
            Ok(routed) => routed,
            Err((status, text)) => {
                drain(stream_of(request.into_body())).await;
                return (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text)
                    .into_response();
            }
        };
        match route.operation {
            Operation::Health => self.health(),
            Operation::Document => axum::Json(openapi::openapi()).into_response(),
            Operation::Page => {
                let policy = [(CONTENT_SECURITY_POLICY, rest::PAGE_POLICY)];
                (policy, Html(openapi::page())).into_response()
            }
            operation => match self.done(operation, &id, request).await {
                Ok(value) => axum::Json(value).into_response(),
                Err(refusal) => {
                    (http_status(refusal.code), axum::Json(refusal.body())).into_response()
                }
            },
        }
    }

    fn health(&self) -> Response {
        let body = json!({
            "commit_sha": "unknown",
            "tag_name": concat!("fedflow-", env!("CARGO_PKG_VERSION")),
            "multi_user": self.experiments.multi_user,
        });
        (
            [(CONTENT_TYPE, "text/plain; charset=utf-8")],
            body.to_string(),
        )
            .into_response()
    }

    async fn done(
        &self,
        operation: Operation,
        id: &str,
        request: Request,
    ) -> Result<Value, Refusal> {
        let (parts, body) = request.into_parts();
        let caller = match self.authenticator.caller(&parts.extensions, &parts.headers) {
            Ok(caller) => caller,
            Err(fault) => {
                drain(stream_of(body)).await;
                return Err(Refusal::stranger(&fault));
            }
        };
        let experiments = &self.experiments;
        if operation == Operation::Create {
            let body = whole_body(body)
                .await
                .map_err(|failure| Refusal::unreadable(failure.0.retmsg.clone()))?;
            let wanted = read::experiment(&body)?;
            return Ok(show::experiment(
                &experiments.create(&caller, wanted).await?,
            ));
        }
        // Nothing else has a body; clients may send one all the same.
        drain(stream_of(body)).await;
        Ok(match operation {
            Operation::List => {
                let wanted = query::listing(parts.uri.query().unwrap_or_default())?;
                show::listing(&experiments.list(&caller, &wanted).await?)
            }
            Operation::Get => show::experiment(&experiments.get(&caller, id).await?),
            Operation::Delete => {
                experiments.delete(&caller, id).await?;
                json!({})
            }
            _ => {
                experiments
                    .archive(&caller, id, operation == Operation::Archive)
                    .await?;
                json!({})
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_routes_and_tells_misses_apart() {
        let status = |method: &str, path: &str| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            routed(&method, path)
                .map(|(_, id)| id)
                .map_err(|(status, _)| status.as_u16())
        };
        let id = |text: &str| Ok(text.to_owned());
        assert_eq!(status("GET", "/apis/v1beta1/experiments"), id(""));
        assert_eq!(
            status("GET", "/pipeline/apis/v1beta1/experiments/x"),
            id("x")
        );
        assert_eq!(status("GET", "/pipeline/apis/v1beta1/nothing"), Err(404));
        assert_eq!(
            status("GET", "/apis/v1beta1/experiments/a%20b+c"),
            id("a b+c")
        );
        assert_eq!(
            status("POST", "/apis/v1beta1/experiments/x:archive"),
            id("x")
        );
        assert_eq!(
            status("POST", "/apis/v1beta1/experiments/x%3Aarchive"),
            id("x")
        );
        assert_eq!(status("PUT", "/apis/v1beta1/experiments"), Err(405));
        assert_eq!(
            status("GET", "/apis/v1beta1/experiments/x:archive"),
            Err(405)
        );
        for path in ["x:frob", "x:y:archive2", "a:b", "x/y", "a%2Fb", ""] {
            assert_eq!(
                status("GET", &format!("/apis/v1beta1/experiments/{path}")),
                Err(404),
                "{path}"
            );
        }
        for path in [
            "/apis",
            "/apis/v1beta1/nothing",
            "/apis/v1beta1/experiments%zz",
            "/apis/v1beta1/%ff",
        ] {
            assert_eq!(status("GET", path), Err(404), "{path}");
        }
    }
}
