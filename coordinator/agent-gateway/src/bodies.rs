//! Bodies between the two worlds: HTTP streams on the REST endpoints' side, pieces on the link's side.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use rest::BodyStream;
use transport::{Body, Pieces};
use vocabulary::{ErrorCode, Fault};

struct OfStream(BodyStream);

#[async_trait]
impl Pieces for OfStream {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let piece = self.0.next().await.transpose();
        piece.map_err(|error| {
            Fault::new(
                ErrorCode::RequestInvalid,
                format!("the body ended early: {error}"),
            )
        })
    }
}

/// An HTTP body to be sent over a link.
pub(crate) fn outgoing(body: BodyStream) -> Body {
    Body::Pieces(Box::new(OfStream(body)))
}

/// A body that arrives over a link, for HTTP.
pub(crate) fn incoming<P: Pieces + 'static>(pieces: P) -> BodyStream {
    let stream = futures_util::stream::unfold(Some(pieces), |state| async move {
        let mut pieces = state?;
        match pieces.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(pieces))),
            Ok(None) => None,
            Err(fault) => Some((Err(std::io::Error::other(fault)), None)),
        }
    });
    stream.boxed()
}
