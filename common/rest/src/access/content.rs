//! What of a request's content is signed, read without holding more than that: a body whole, of a form the fields before its
//! file. Nobody knows yet who sent it, so it is small, it comes soon, and it is compared as it came: nothing of it is read as
//! a document before its signature counts.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use vocabulary::{ErrorCode, Fault};

use super::unknown;
use crate::fate_reply::Failure;
use crate::lenient::body_within;
use crate::proxy::{BodyStream, stream_of};

/// Most bytes of a signed body, and of a form before its file.
pub(super) const MOST: usize = 1 << 20;
/// How long they may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);
/// What FATE says of a signature that is not the content's.
pub(super) const WRONG: &str = "signature authentication failed";
/// Longest body that may say nothing: `{}`, `null` and the like.
const LONGEST_NOTHING: usize = 64;
/// What clients leave as it is in the fields that they sign.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The signed part of a content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A body.
    Body(Bytes),
    /// The fields of a form, as they are signed.
    Form(String),
}

impl Content {
    /// Body and form as they may have been signed.
    pub(super) fn as_signed(&self) -> Vec<(&[u8], &[u8])> {
        match self {
            // Some clients sign a value that counts as none, and some do not.
            Self::Body(body) if says_nothing(body) => vec![(body, b""), (b"", b"")],
            Self::Body(body) => vec![(body, b"")],
            Self::Form(form) => vec![(b"", form.as_bytes())],
        }
    }
}

/// Reads what is signed and puts the request together again. Handlers read JSON whatever the content type says, so a body
/// is left out of the signature only where it cannot be JSON: behind the opening of a form.
pub(super) async fn read(request: Request) -> Result<(Request, Content), (Failure, Body)> {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = kind.and_then(|text| multer::parse_boundary(text).ok());
    let (parts, body) = request.into_parts();
    let (body, content) = match boundary {
        Some(boundary) => read_form(body, boundary).await?,
        None => {
            // Bounded: the whole body is held before anybody knows who sent it.
            let (read, rest) = body_within(body, MOST, PATIENCE).await;
            let bytes = read.map_err(|failure| (bounded(failure), rest))?;
            (Body::from(bytes.clone()), Content::Body(bytes))
        }
    };
    Ok((Request::from_parts(parts, body), content))
}

/// A refusal that says what the bound is.
fn bounded(failure: Failure) -> Failure {
    if failure.0.status != 413 {
        return failure;
    }
    let message = format!("a signed body is at most {MOST} bytes long");
    let fault = Fault::new(ErrorCode::RequestInvalid, message)
        .next("use a bearer token for longer documents");
    Failure::from(fault).with_status(413)
}

/// Whether a body is empty, or a value that counts as none. What is no JSON is a body like any other.
fn says_nothing(bytes: &[u8]) -> bool {
    if bytes.len() > LONGEST_NOTHING {
        return false;
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Null | Value::Bool(false)) => true,
        Ok(Value::Array(list)) => list.is_empty(),
        Ok(Value::Object(object)) => object.is_empty(),
        Ok(Value::String(text)) => text.is_empty(),
        Ok(Value::Number(number)) => number.as_f64() == Some(0.0),
        Ok(Value::Bool(true)) => false,
        Err(_) => bytes.is_empty(),
    }
}

async fn read_form(body: Body, boundary: String) -> Result<(Body, Content), (Failure, Body)> {
    // Fused: the reader of fields may have come to the end of a short form, and the rest is asked for once more.
    let rest: BodyStream = Box::pin(stream_of(body).fuse());
    let seen = Arc::new(Mutex::new(BodyRecording {
        rest,
        pieces: Vec::new(),
        bytes: 0,
        rests: false,
    }));
    let fields = tokio::time::timeout(
        PATIENCE,
        fields_before_file(RecordingStream(seen.clone()), boundary),
    )
    .await;
    let Ok(Some(mut fields)) = fields else {
        // whatever this is, nobody signed it as a form
        let rest = Body::from_stream(Rest(seen));
        return Err((unknown(WRONG), rest));
    };
    // FATE's clients sign the fields in the order of their names, whatever order the form has.
    fields.sort();
    let quoted = |text: &str| utf8_percent_encode(text, QUOTED).to_string();
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", quoted(name), quoted(value)))
        .collect();
    let pieces = std::mem::take(&mut seen.lock().unwrap_or_else(PoisonError::into_inner).pieces);
    let body = stream::iter(pieces.into_iter().map(Ok)).chain(Rest(seen));
    Ok((Body::from_stream(body), Content::Form(pairs.join("&"))))
}

/// Names and values of the fields before the first file; none when the form is torn or too long.
async fn fields_before_file(
    content: RecordingStream,
    boundary: String,
) -> Option<Vec<(String, String)>> {
    let mut form = multer::Multipart::new(content, boundary);
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.ok()? {
        // Clients cannot sign a file that streams; what it becomes stands in the fields before it.
        if field.file_name().is_some() {
            break;
        }
        let name = field.name().unwrap_or_default().to_owned();
        let value = String::from_utf8(field.bytes().await.ok()?.to_vec()).ok()?;
        fields.push((name, value));
    }
    Some(fields)
}

/// A body that is read once, and what of it was read already.
struct BodyRecording {
    rest: BodyStream,
    pieces: Vec<Bytes>,
    bytes: usize,
    rests: bool,
}

/// Reads on and keeps what it reads, up to a bound; one piece at a time, since the reader of forms takes all it can get
/// before it looks at any.
struct RecordingStream(Arc<Mutex<BodyRecording>>);

impl Stream for RecordingStream {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut seen.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if seen.bytes > MOST {
            // the reader asks for more than it needs; fields that do not end here are torn
            return Poll::Ready(None);
        }
        let polled = seen.rest.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            seen.bytes += piece.len();
            seen.rests = true;
            seen.pieces.push(piece.clone());
        }
        polled
    }
}

/// Reads on without keeping anything.
struct Rest(Arc<Mutex<BodyRecording>>);

impl Stream for Rest {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .rest
            .poll_next_unpin(context)
    }
}
