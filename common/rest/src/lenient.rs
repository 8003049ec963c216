//! Reading request bodies and paths as forgivingly as FATE does: any content type, broken JSON is null, slashes may trail.

use std::borrow::Cow;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use http::Uri;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tower::ServiceExt;

use crate::fate_reply::Failure;
use crate::proxy::{BodyStream, stream_of};

/// Most bytes of a JSON body.
pub const JSON_LIMIT: usize = 16 << 20;
/// Most bytes of an unwanted body that are read.
const MOST_DRAINED: usize = 1 << 30;
/// HTTP status of a body beyond its bound.
const TOO_LARGE: u16 = 413;
/// Most bytes that are read of a body whose sender is not known, and how long.
const MOST_OF_A_STRANGER: usize = 64 << 20;
const PATIENCE_FOR_A_STRANGER: Duration = Duration::from_secs(10);
/// How long a JSON body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// A JSON body, whatever its content type and method; null when it is absent or malformed.
#[derive(Debug, Clone, PartialEq)]
pub struct Lenient(pub Value);

impl<S: Sync> FromRequest<S> for Lenient {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        let bytes = whole_body(request.into_body()).await?;
        Ok(Self(read_json(&bytes)))
    }
}

/// One segment of a path as text: percent-encoding undone, a plus stays one.
pub fn segment_text(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// A text as one segment of a path, or as the value of a header: everything but letters and digits percent-encoded.
pub fn segment_of(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// JSON as FATE's clients write it: null when malformed; whole numbers too long for 64 bits (job ids have 21 digits, and
/// people write them without quotes) become texts instead of losing digits.
pub fn read_json(bytes: &[u8]) -> Value {
    serde_json::from_slice(&with_long_numbers_quoted(bytes)).unwrap_or(Value::Null)
}

/// Digits that always fit into 64 bits.
const SAFE_DIGITS: usize = 18;

fn with_long_numbers_quoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let (mut in_text, mut at) = (false, 0);
    while let Some(byte) = bytes.get(at).copied() {
        let run = if in_text {
            1
        } else {
            number_length(bytes.get(at..).unwrap_or_default())
        };
        let piece = bytes.get(at..at + run).unwrap_or_default();
        // Digits alone: a fraction or an exponent is a number that clients mean as one.
        let is_long = piece.len() > SAFE_DIGITS && piece.iter().all(u8::is_ascii_digit);
        if is_long {
            let out = out.get_or_insert_with(|| bytes.get(..at).unwrap_or_default().to_vec());
            out.push(b'"');
            out.extend_from_slice(piece);
            out.push(b'"');
        } else if let Some(out) = &mut out {
            out.extend_from_slice(piece);
        }
        at += run;
        match byte {
            b'"' => in_text = !in_text,
            // what is escaped ends no text
            b'\\' if in_text => {
                if let (Some(out), Some(escaped)) = (&mut out, bytes.get(at)) {
                    out.push(*escaped);
                }
                at += 1;
            }
            _ => {}
        }
    }
    out.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// Length of the number at the start, in any notation; 1 when there is none.
fn number_length(bytes: &[u8]) -> usize {
    let is_part =
        |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    match bytes.first() {
        Some(byte) if byte.is_ascii_digit() || *byte == b'-' => {
            bytes.iter().take_while(is_part).count()
        }
        _ => 1,
    }
}

/// A body read to its end, at most [`JSON_LIMIT`] bytes; larger is HTTP 413, slower HTTP 408, torn HTTP 400.
pub async fn whole_body(body: Body) -> Result<Bytes, Failure> {
    let (read, rest) = body_within(body, JSON_LIMIT, PATIENCE).await;
    if read
        .as_ref()
        .is_err_and(|failure| failure.0.status == TOO_LARGE)
    {
        // Only the size is answered this way: a body that is slow or torn has no rest worth waiting
        // for.
        drain(stream_of(rest)).await;
    }
    read
}

/// A body read to its end within bounds, and what is left of it where it is beyond them.
pub(crate) async fn body_within(
    mut body: Body,
    most: usize,
    patience: Duration,
) -> (Result<Bytes, Failure>, Body) {
    let reading = tokio::time::timeout(patience, Limited::new(&mut body, most).collect()).await;
    let read = match reading {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::http(TOO_LARGE, None))
        }
        Ok(Err(_)) => Err(Failure::http(400, Some("the request body ended early"))),
        Err(_) => Err(Failure::http(408, None)),
    };
    (read, body)
}

/// Reads a body that nobody wants to its end, within bounds: a sender that is answered while it sends may never look at
/// the answer.
pub async fn drain(body: BodyStream) {
    drain_within(body, MOST_DRAINED, PATIENCE).await;
}

/// The same for somebody who is not known.
pub(crate) async fn drain_strangers(body: BodyStream) {
    drain_within(body, MOST_OF_A_STRANGER, PATIENCE_FOR_A_STRANGER).await;
}

async fn drain_within(mut body: BodyStream, most: usize, patience: Duration) {
    let reading = async {
        let mut left = most;
        while let Some(Ok(piece)) = body.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(patience, reading).await;
}

/// The same router, but every path may end with a slash.
pub fn tolerate_slash(router: Router) -> Router {
    Router::new().fallback_service(router.map_request(without_slash))
}

fn without_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path();
    let bare = path.trim_end_matches('/');
    // The root is a slash and stays one.
    if bare.is_empty() || bare.len() == path.len() {
        return request;
    }
    let target = uri
        .query()
        .map_or_else(|| bare.to_owned(), |query| format!("{bare}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use http::Method;

    use super::*;

    async fn read(body: &'static str, content_type: &str) -> Value {
        let request = Request::builder()
            .header("content-type", content_type)
            .body(Body::from(body))
            .expect("request");
        Lenient::from_request(request, &()).await.expect("read").0
    }

    #[tokio::test]
    async fn reads_json_under_any_content_type_and_takes_the_rest_as_null() {
        assert_eq!(read("{\"a\": 1}", "text/plain").await["a"], 1);
        assert_eq!(read("", "application/json").await, Value::Null);
        assert_eq!(read("{\"a\":", "application/json").await, Value::Null);
    }

    #[test]
    fn keeps_every_digit_of_a_long_id() {
        let read = read_json(br#"{"job_id": 202611230624312345670, "text": "a\"1234567890123456789", "pi": 3.14159265358979323846, "n": [7]}"#);
        assert_eq!(read["job_id"], "202611230624312345670");
        assert_eq!(read["text"], "a\"1234567890123456789");
        assert!(read["pi"].is_f64() && read["n"][0] == 7);
        assert_eq!(read_json(b"{\"a\": 99999999999999999999"), Value::Null);
        assert_eq!(read_json(b"\"\\"), Value::Null);
    }

    #[tokio::test]
    async fn refuses_a_body_beyond_the_limit() {
        let request = Request::new(Body::from(vec![b' '; JSON_LIMIT + 1]));
        let failure = Lenient::from_request(request, &())
            .await
            .expect_err("too large");
        assert_eq!(failure.0.status, 413);
    }

    #[tokio::test]
    async fn takes_a_path_with_a_slash_behind_it_and_keeps_the_query() {
        let echo = |request: Request| async move { request.uri().to_string() };
        let router = tolerate_slash(Router::new().route("/v1/job/query", post(echo)));
        for (path, seen) in [
            ("/v1/job/query/", "/v1/job/query"),
            ("/v1/job/query/?a=b/", "/v1/job/query?a=b/"),
        ] {
            let request = Request::builder()
                .method(Method::POST)
                .uri(path)
                .body(Body::empty())
                .expect("request");
            let response = router.clone().oneshot(request).await.expect("infallible");
            assert_eq!(whole_body(response.into_body()).await.expect("body"), seen);
        }
    }
}
