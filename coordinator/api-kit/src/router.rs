//! From a table of routes to a router: the path is looked for, the caller is asked for, the body is read, the handler answers.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method as HttpMethod};
use axum::response::Response;
use rest::lenient::drain;
use rest::proxy::stream_of;
use rest::tolerate_slash;

use crate::pattern::{Pattern, Segments, without_verb};
use crate::route::{Api, Handler, Matched, Method, Miss, Route};

/// The routes of a table with one path.
struct Entry<A: Api> {
    pattern: Pattern,
    routes: Vec<&'static Route<A>>,
}

/// A table in the order in which paths are looked for.
struct Table<A: Api>(Vec<Entry<A>>);

impl<A: Api> Table<A> {
    fn new() -> Self {
        let mut entries: Vec<Entry<A>> = Vec::new();
        for route in A::routes() {
            let pattern = Pattern::new(A::BASE, route.path);
            match entries.iter_mut().find(|entry| entry.pattern == pattern) {
                Some(entry) => entry.routes.push(route),
                None => entries.push(Entry {
                    pattern,
                    routes: vec![route],
                }),
            }
        }
        // of several that fit, the one that names more of the path
        entries.sort_by_key(|entry| entry.pattern.ranks());
        Self(entries)
    }

    fn find(&self, method: &HttpMethod, path: &str) -> Result<(&'static Route<A>, Segments), Miss> {
        let path = A::spelled(path).ok_or(Miss::Path)?;
        let (path, verb) = if A::HAS_VERBS {
            without_verb(&path)
        } else {
            (path.as_ref(), None)
        };
        let mut fitting = self
            .0
            .iter()
            .filter_map(|entry| Some((entry, entry.pattern.fit(path, verb)?)));
        let (entry, segments) = fitting.next().ok_or(Miss::Path)?;
        let route = entry.routes.iter().find(|route| answers(route, method));
        match route {
            Some(route) => Ok((route, segments)),
            None => Err(Miss::Method(allowed(&entry.routes))),
        }
    }
}

/// Whether a route answers a method. The server leaves the body of what is asked by HEAD out.
fn answers<A: Api>(route: &Route<A>, method: &HttpMethod) -> bool {
    let word = if A::HEAD_IS_GET && method == HttpMethod::HEAD {
        Method::Get.word()
    } else {
        method.as_str()
    };
    route.methods.iter().any(|own| own.word() == word)
}

fn allowed<A: Api>(routes: &[&Route<A>]) -> String {
    let methods = routes.iter().flat_map(|route| route.methods);
    let words: Vec<&str> = methods
        .flat_map(|method| match method {
            Method::Get if A::HEAD_IS_GET => vec!["GET", "HEAD"],
            other => vec![other.word()],
        })
        .collect();
    words.join(",")
}

/// The API as an axum router. Every path may end with a slash.
pub fn router<A: Api>(api: A) -> Router {
    tolerate_slash(bare_router(api))
}

/// The same, without tolerance for slashes, to which routes may be added that are in no table.
pub fn bare_router<A: Api>(api: A) -> Router {
    let table = Arc::new(Table::<A>::new());
    Router::new().fallback(move |request: Request| answer(api.clone(), table.clone(), request))
}

async fn answer<A: Api>(api: A, table: Arc<Table<A>>, request: Request) -> Response {
    let found = table.find(request.method(), request.uri().path());
    let response = match found {
        Ok((route, segments)) => {
            let answered = Box::pin(respond(&api, route, segments, request)).await;
            answered.unwrap_or_else(|refusal| api.refused(route, refusal))
        }
        Err(miss) => {
            let allow = match &miss {
                Miss::Method(words) => HeaderValue::from_str(words).ok(),
                Miss::Path => None,
            };
            let mut response = Box::pin(api.clone().missed(miss, request)).await;
            if let Some(allow) = allow {
                response.headers_mut().insert(ALLOW, allow);
            }
            response
        }
    };
    api.finished(response)
}

async fn respond<A: Api>(
    api: &A,
    route: &'static Route<A>,
    segments: Segments,
    request: Request,
) -> Result<Response, A::Refusal> {
    let handler = match route.handler {
        Handler::Request(handler) => return handler(api.clone(), route, request).await,
        Handler::Call(handler) => handler,
    };
    let (parts, body) = request.into_parts();
    let caller = match api.admit(route, &segments, &parts) {
        Ok(caller) => caller,
        Err(refusal) => {
            drain(stream_of(body)).await;
            return Err(refusal);
        }
    };
    let matched = Matched {
        route,
        segments,
        parts,
        body,
    };
    let call = api.read(caller, matched).await?;
    handler(api.clone(), call).await
}

#[cfg(test)]
mod tests;
