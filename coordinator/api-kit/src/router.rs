//! From a table of routes to a router: the path is looked for, the caller is asked for, the body is read, the handler answers.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method as HttpMethod};
use axum::response::{IntoResponse, Response};
use rest::lenient::drain;
use rest::proxy::stream_of;
use rest::tolerate_slash;

use crate::field::Field;
use crate::pattern::{Pattern, Segments, without_verb};
use crate::route::{Handler, Method, Route};

/// What is an API's own: its table, its fields, who is let in, how a body is read, how what is not there is answered.
pub trait Api: Clone + Send + Sync + 'static {
    /// What only this API says of its routes.
    type Mark: Copy + Send + Sync + 'static;
    /// Somebody who was let in, and for whose things.
    type Caller: Send;
    /// What a handler gets.
    type Call: Send + 'static;
    /// Why a request is refused, in this API's form.
    type Refusal: IntoResponse + Send;

    /// What stands before every path of the table.
    const BASE: &'static str = "";
    /// Whether what stands behind a colon in the last segment of a path is a verb of its own.
    const HAS_VERBS: bool = false;

    /// Whether HEAD is answered as GET is, without the body.
    const HEAD_IS_GET: bool = true;

    /// The table.
    fn routes() -> &'static [Route<Self>];

    /// What the names in paths, queries and bodies mean.
    fn fields() -> &'static [Field];

    /// A request's path as the table spells it; `None` where it can be none of it.
    fn spelled(path: &str) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(path))
    }

    /// Lets somebody in, before anything of the body is read. The body of who is refused is read to its end and dropped.
    fn admit(
        &self,
        route: &'static Route<Self>,
        segments: &Segments,
        parts: &Parts,
    ) -> Result<Self::Caller, Self::Refusal>;

    /// Reads what the handler gets.
    fn read(
        &self,
        caller: Self::Caller,
        matched: Matched<Self>,
    ) -> impl Future<Output = Result<Self::Call, Self::Refusal>> + Send;

    /// Answers what no route does.
    fn missed(self, miss: Miss, request: Request) -> impl Future<Output = Response> + Send;

    /// A refusal of a route as an answer.
    fn refused(&self, _route: &Route<Self>, refusal: Self::Refusal) -> Response {
        refusal.into_response()
    }

    /// The last hand on every answer.
    fn finished(&self, response: Response) -> Response {
        response
    }
}

/// A request with the route that is meant.
pub struct Matched<A: Api> {
    /// The route.
    pub route: &'static Route<A>,
    /// What stands in the path for its names, as it was sent.
    pub segments: Segments,
    /// The head of the request.
    pub parts: Parts,
    /// Its body, unread.
    pub body: Body,
}

/// Why no route answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// No route has the path.
    Path,
    /// Routes have the path, under these methods.
    Method(String),
}

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
