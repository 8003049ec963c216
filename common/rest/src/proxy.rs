//! Requests and replies as heads and body streams, so that the other daemon can answer them over the link.
//!
//! Bodies stream both ways with back-pressure; nothing here holds a whole body.

use std::pin::Pin;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault, SignedBytes};
use wire::agent_link::{Caller, HttpHead, HttpReplyHead};

/// The ticket that a party's own endpoint gave to a request, as an extension of it.
#[derive(Debug, Clone)]
pub struct SentTicket(pub SignedBytes);

/// A body in pieces; an error means that it ended before its end.
pub type BodyStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send + 'static>>;

/// Whoever can have a request answered on the other side.
#[async_trait]
pub trait Forward: Send + Sync {
    /// Sends the request and gives the head of the answer as soon as it is there. The body is read as the receiver asks
    /// for it. Fails when the other side cannot be reached; what it answers, whatever the status, is no failure.
    async fn forward(
        &self,
        head: HttpHead,
        body: BodyStream,
    ) -> Result<(HttpReplyHead, BodyStream), Fault>;
}

/// Headers that concern one connection and not the request.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers that prove something to this REST endpoint; the other side has no business with them.
const CREDENTIALS: [&str; 8] = [
    "authorization",
    "cookie",
    "app_key",
    "app-key",
    "nonce",
    "signature",
    "timestamp",
    "x-auth-token",
];

/// A body with nothing in it.
pub fn no_body() -> BodyStream {
    futures_util::stream::empty().boxed()
}

/// A body that is already in memory.
pub fn whole(bytes: impl Into<Bytes>) -> BodyStream {
    let bytes = bytes.into();
    futures_util::stream::once(async move { Ok(bytes) }).boxed()
}

/// A body as a stream of its pieces.
pub fn stream_of(body: Body) -> BodyStream {
    body.into_data_stream()
        .map_err(std::io::Error::other)
        .boxed()
}

/// A request as a head and a body, made by `caller`.
pub fn take_request(request: Request, caller: Caller) -> (HttpHead, BodyStream) {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned());
    let method = parts.method.to_string();
    let head = HttpHead {
        method,
        target,
        headers: kept_headers(&parts.headers),
        caller,
        ticket: None,
    };
    (head, stream_of(body))
}

/// A request from a head and a body; the caller is an extension, and so is the ticket. Fails when the head is no HTTP.
pub fn make_request(head: HttpHead, body: BodyStream) -> Result<Request, Fault> {
    let malformed = |what: &str| {
        Fault::new(
            ErrorCode::RequestInvalid,
            format!("the proxied request has no valid {what}"),
        )
    };
    let mut request = Request::new(Body::from_stream(body));
    *request.method_mut() =
        Method::from_bytes(head.method.as_bytes()).map_err(|_| malformed("method"))?;
    *request.uri_mut() = head
        .target
        .parse::<Uri>()
        .map_err(|_| malformed("target"))?;
    *request.headers_mut() = read_headers(head.headers);
    // In an extension, which no header of the caller can set.
    request.extensions_mut().insert(head.caller);
    if let Some(ticket) = head.ticket {
        request.extensions_mut().insert(SentTicket(ticket));
    }
    Ok(request)
}

/// A reply as a head and a body.
pub fn take_response(response: Response) -> (HttpReplyHead, BodyStream) {
    let (parts, body) = response.into_parts();
    let head = HttpReplyHead {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
    };
    (head, stream_of(body))
}

/// A reply from a head and a body; a status that is none becomes 502.
pub fn make_response(head: HttpReplyHead, body: BodyStream) -> Response {
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = read_headers(head.headers);
    response
}

/// Has a proxied request answered by a router of this process.
pub async fn answer_locally(
    router: Router,
    head: HttpHead,
    body: BodyStream,
) -> Result<(HttpReplyHead, BodyStream), Fault> {
    let request = make_request(head, body)?;
    match router.oneshot(request).await {
        Ok(response) => Ok(take_response(response)),
        Err(never) => match never {},
    }
}

/// Has a request answered on the other side.
pub async fn pass_on(
    other: &dyn Forward,
    request: Request,
    caller: Caller,
) -> Result<Response, Fault> {
    let (head, body) = take_request(request, caller);
    let (head, body) = other.forward(head, body).await?;
    Ok(make_response(head, body))
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let named: Vec<String> = headers
        // RFC 9110, 7.6.1: what a connection names as its own goes no further.
        .get_all(http::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| {
            value
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
        })
        .collect();
    let kept = |name: &HeaderName| {
        let name = name.as_str();
        !HOP_BY_HOP.contains(&name)
            && !CREDENTIALS.contains(&name)
            && !named.iter().any(|other| other == name)
    };
    headers
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn read_headers(list: Vec<(String, Vec<u8>)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(&value),
        ) else {
            continue;
        };
        // Again on this side: the other daemon could send a length or an encoding that is not that
        // of this body.
        if !HOP_BY_HOP.contains(&name.as_str()) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::put;

    use super::*;
    use crate::lenient::whole_body;

    fn head(method: &str, target: &str) -> HttpHead {
        let (method, target) = (method.to_owned(), target.to_owned());
        HttpHead {
            method,
            target,
            headers: vec![],
            caller: Caller::Outsider,
            ticket: None,
        }
    }

    async fn echo(Extension(caller): Extension<Caller>, request: Request) -> Response {
        let (head, body) = take_request(request, caller.clone());
        let mut response = Response::new(Body::from_stream(body));
        response.headers_mut().insert(
            "x-seen",
            HeaderValue::from_str(&format!("{caller:?} {}", head.target)).expect("text"),
        );
        response
    }

    #[tokio::test]
    async fn carries_a_request_to_a_local_router_and_back() {
        let router = Router::new().route("/v1/x", put(echo));
        let request = Request::builder()
            .method("PUT")
            .uri("http://endpoint:1/v1/x?a=%7B")
            .header("connection", "close, x-private")
            .header("x-private", "1")
            .header("authorization", "Bearer secret")
            .header("app_key", "ak")
            .header("content-type", "text/csv")
            .body(Body::from("rows"))
            .expect("request");
        let (head, body) = take_request(request, Caller::Outsider);
        assert_eq!(head.target, "/v1/x?a=%7B");
        assert_eq!(
            head.headers,
            vec![("content-type".to_owned(), b"text/csv".to_vec())]
        );

        let (head, body) = answer_locally(router, head, body).await.expect("answered");
        let response = make_response(head, body);
        assert_eq!(response.headers()["x-seen"], "Outsider /v1/x?a=%7B");
        assert_eq!(
            whole_body(response.into_body()).await.expect("body"),
            "rows"
        );
    }

    #[tokio::test]
    async fn reads_no_further_than_the_receiver_asks() {
        let pieces = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = pieces.clone();
        let source = futures_util::stream::repeat_with(move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(Bytes::from_static(b"piece"))
        });
        let head = head("PUT", "/v1/x");
        let router = Router::new().route("/v1/x", put(echo));
        let (_, mut body) = answer_locally(router, head, source.boxed())
            .await
            .expect("answered");
        for _ in 0..3 {
            assert_eq!(body.next().await.expect("piece").expect("whole"), "piece");
        }
        assert!(pieces.load(std::sync::atomic::Ordering::SeqCst) < 10);
    }

    #[tokio::test]
    async fn refuses_a_head_that_is_no_http() {
        assert!(make_request(head("P T", "/"), no_body()).is_err());
        assert!(make_request(head("GET", "\u{7f}"), no_body()).is_err());
        assert_eq!(
            make_response(
                HttpReplyHead {
                    status: 7,
                    headers: vec![]
                },
                no_body()
            )
            .status()
            .as_u16(),
            502
        );
    }
}
