//! What of a request's content is signed, read without holding more than that: a JSON body whole, of a form the fields
//! before its file.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{signature, unknown};
use crate::fate_reply::Failure;
use crate::lenient::{read_json, whole_body};
use crate::proxy::{BodyStream, stream_of};

/// Most bytes of a form before its file.
const MOST_FIELDS: usize = 1 << 20;
/// What clients leave as it is in the fields that they sign.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The signed part of a content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A body that holds a document.
    Document(Bytes),
    /// A body without one: empty, or a value that counts as none (`{}`), which some clients sign and some do not.
    Nothing(Bytes),
    /// The fields of a form, as they are signed.
    Form(String),
}

impl Content {
    /// Body and form as they may have been signed.
    pub(super) fn as_signed(&self) -> Vec<(&[u8], &[u8])> {
        match self {
            Self::Document(body) => vec![(body, b"")],
            Self::Nothing(body) => vec![(b"", b""), (body, b"")],
            Self::Form(form) => vec![(b"", form.as_bytes())],
        }
    }
}

/// Reads what is signed and puts the request together again. Handlers read JSON whatever the content type says, so a body
/// is left out of the signature only where it cannot be JSON: behind the opening of a form.
pub(super) async fn read(request: Request) -> Result<(Request, Content), (Failure, Body)> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = kind.and_then(|text| multer::parse_boundary(text).ok());
    let (parts, body) = request.into_parts();
    let (body, content) = match boundary {
        Some(boundary) => read_form(body, boundary).await?,
        None => {
            let bytes = whole_body(body).await.map_err(|failure| (failure, Body::empty()))?;
            let content =
                if is_document(&bytes) { Content::Document(bytes.clone()) } else { Content::Nothing(bytes.clone()) };
            (Body::from(bytes), content)
        }
    };
    Ok((Request::from_parts(parts, body), content))
}

fn is_document(bytes: &[u8]) -> bool {
    match read_json(bytes) {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    }
}

async fn read_form(body: Body, boundary: String) -> Result<(Body, Content), (Failure, Body)> {
    // Fused: the reader of fields may have come to the end of a short form, and the rest is asked for once more.
    let rest: BodyStream = Box::pin(stream_of(body).fuse());
    let seen = Arc::new(Mutex::new(Seen { rest, pieces: Vec::new(), bytes: 0, rests: false }));
    let fields = fields_before_file(Recorded(seen.clone()), boundary).await;
    let Some(mut fields) = fields else {
        // whatever this is, nobody signed it as a form
        let rest = Body::from_stream(Rest(seen));
        return Err((unknown(signature::WRONG), rest));
    };
    fields.sort();
    let quoted = |text: &str| utf8_percent_encode(text, QUOTED).to_string();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", quoted(name), quoted(value))).collect();
    let pieces = std::mem::take(&mut seen.lock().unwrap_or_else(PoisonError::into_inner).pieces);
    let body = stream::iter(pieces.into_iter().map(Ok)).chain(Rest(seen));
    Ok((Body::from_stream(body), Content::Form(pairs.join("&"))))
}

/// Names and values of the fields before the first file; none when the form is torn or too long.
async fn fields_before_file(content: Recorded, boundary: String) -> Option<Vec<(String, String)>> {
    let mut form = multer::Multipart::new(content, boundary);
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.ok()? {
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
struct Seen {
    rest: BodyStream,
    pieces: Vec<Bytes>,
    bytes: usize,
    rests: bool,
}

/// Reads on and keeps what it reads, up to a bound; one piece at a time, since the reader of forms takes all it can get
/// before it looks at any.
struct Recorded(Arc<Mutex<Seen>>);

impl Stream for Recorded {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut seen.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if seen.bytes > MOST_FIELDS {
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
struct Rest(Arc<Mutex<Seen>>);

impl Stream for Rest {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rest.poll_next_unpin(context)
    }
}
