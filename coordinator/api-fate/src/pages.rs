//! Rows that are read a page at a time: what ends with the first page is answered at once, what does not goes out as it is
//! read, so that a list of any length costs the memory of two pages.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::stream;
use rest::Failure;
use serde_json::Value;

/// Jobs, or rows of jobs, that are read at a time.
pub(super) const PAGE: u32 = 200;

/// Where rows come from.
pub(super) trait Pages: Send + 'static {
    /// The next rows, perhaps none of this page; nothing after the last page.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Value>>, Failure>> + Send;

    /// Whether there is no further page.
    fn is_over(&self) -> bool;
}

/// The rows of a short list, or the beginning of a long one.
pub(super) enum Rows<P> {
    /// All of them, and where they came from.
    All(Vec<Value>, P),
    /// Some, and where the others come from.
    More(Vec<Value>, P),
}

impl<P: Pages> Rows<P> {
    /// Reads until there is a row, so that an error or an empty list can still be told in the reply's own words.
    pub(super) async fn begin(mut pages: P) -> Result<Self, Failure> {
        let mut rows = Vec::new();
        while rows.is_empty() {
            match pages.next().await? {
                Some(page) => rows = page,
                None => return Ok(Self::All(rows, pages)),
            }
        }
        Ok(if pages.is_over() {
            Self::All(rows, pages)
        } else {
            Self::More(rows, pages)
        })
    }
}

/// A successful envelope around a list that is still being read; `before` and `after` are what `data` has around it. A
/// failure on the way breaks the reply off, which no client takes for its end.
pub(super) fn stream_reply<P: Pages>(
    first: Vec<Value>,
    pages: P,
    before: &str,
    after: &str,
) -> Response {
    let head = format!(
        "{{\"retcode\":0,\"retmsg\":\"success\",\"data\":{before}[{}",
        joined(&first)
    );
    let tail = format!("]{after}}}");
    let body = stream::unfold(Stage::Head(head, pages), move |stage| {
        let tail = tail.clone();
        async move { step(stage, tail).await }
    });
    let mut response = Response::new(Body::from_stream(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How far a reply is.
enum Stage<P> {
    Head(String, P),
    Rows(P),
    Over,
}

type Piece = std::io::Result<Bytes>;

async fn step<P: Pages>(stage: Stage<P>, tail: String) -> Option<(Piece, Stage<P>)> {
    let mut pages = match stage {
        Stage::Head(head, pages) => return Some((Ok(head.into()), Stage::Rows(pages))),
        Stage::Rows(pages) => pages,
        Stage::Over => return None,
    };
    Some(match pages.next().await {
        Ok(Some(rows)) if rows.is_empty() => (Ok(Bytes::new()), Stage::Rows(pages)),
        Ok(Some(rows)) => (Ok(format!(",{}", joined(&rows)).into()), Stage::Rows(pages)),
        Ok(None) => (Ok(tail.into()), Stage::Over),
        Err(failure) => (Err(std::io::Error::other(failure.0.retmsg)), Stage::Over),
    })
}

fn joined(rows: &[Value]) -> String {
    let texts: Vec<String> = rows.iter().map(Value::to_string).collect();
    texts.join(",")
}
