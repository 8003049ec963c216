//! The two halves of a call: a sending half that is never mistaken for finished, and bodies that come in pieces.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quinn::{RecvStream, SendStream, VarInt};
use vocabulary::{ErrorCode, Fault};

use crate::error::LinkError;

/// Why a stream was given up.
const GIVEN_UP: VarInt = VarInt::from_u32(1);
/// Largest piece handed to QUIC at once, so that a stalled reader is noticed piece by piece.
const PIECE: usize = 256 << 10;

/// What follows a request or a reply.
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes at hand.
    Bytes(Bytes),
    /// Bytes that come in pieces.
    Pieces(Box<dyn Pieces>),
}

/// A source of bytes. A fault ends the stream in a way that the reader notices.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault>;
}

#[async_trait]
impl Pieces for RecvStream {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let read = self
            .read_chunk(PIECE, true)
            .await
            .map_err(|error| LinkError::of_read(&error, "the other side"))?;
        Ok(read.map(|chunk| chunk.bytes))
    }
}

/// Exactly as many bytes as were announced, or a fault.
pub(crate) struct Exactly<P> {
    pieces: P,
    left: u64,
    patience: Duration,
}

impl<P: Pieces> Exactly<P> {
    /// Lets `size` bytes pass; each piece must come within `patience`.
    pub(crate) fn new(pieces: P, size: u64, patience: Duration) -> Self {
        Self {
            pieces,
            left: size,
            patience,
        }
    }
}

#[async_trait]
impl<P: Pieces> Pieces for Exactly<P> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let next = tokio::time::timeout(self.patience, self.pieces.next()).await;
        let next = next.map_err(|_| LinkError::TimedOut {
            doing: "the next piece of a body",
            after: self.patience,
        })??;
        let size = next.as_ref().map_or(0, Bytes::len) as u64;
        let wrong = |what: &str| {
            Fault::new(
                ErrorCode::FrameInvalid,
                format!("the body is {what} than announced"),
            )
        };
        match (&next, self.left.checked_sub(size)) {
            // A torn body and a whole one look alike without the announced size.
            (None, Some(left)) if left > 0 => Err(wrong("shorter")),
            (_, None) => Err(wrong("longer")),
            (_, Some(left)) => {
                self.left = left;
                Ok(next)
            }
        }
    }
}

/// A sending half that is reset, not finished, when it is dropped half-way: a reader never takes a part for the whole.
pub(crate) struct Outgoing {
    stream: SendStream,
    peer: String,
    finished: bool,
}

impl Outgoing {
    pub(crate) fn new(stream: SendStream, peer: &str) -> Self {
        Self {
            stream,
            peer: peer.to_owned(),
            finished: false,
        }
    }

    pub(crate) fn set_priority(&self, priority: i32) {
        // It fails only on a stream that is closed already, which the next write says better.
        let _ = self.stream.set_priority(priority);
    }

    /// Writes all bytes; each piece must be taken within `patience`.
    pub(crate) async fn write(
        &mut self,
        mut bytes: Bytes,
        patience: Duration,
    ) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            let written = tokio::time::timeout(patience, self.stream.write_chunk(piece)).await;
            written
                .map_err(|_| LinkError::TimedOut {
                    doing: "the next piece of a body to be taken",
                    after: patience,
                })?
                .map_err(|error| LinkError::of_write(&error, &self.peer))?;
        }
        Ok(())
    }

    /// Writes a body; a fault of its source gives the stream up.
    pub(crate) async fn write_body(
        &mut self,
        body: Body,
        patience: Duration,
    ) -> Result<(), LinkError> {
        match body {
            Body::Empty => Ok(()),
            Body::Bytes(bytes) => self.write(bytes, patience).await,
            Body::Pieces(mut pieces) => {
                while let Some(piece) = pieces.next().await.map_err(LinkError::Refused)? {
                    self.write(piece, patience).await?;
                }
                Ok(())
            }
        }
    }

    /// Ends the stream: the reader sees that all is there.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
        // Fails only on a stream that was stopped: then nobody reads it.
        let _ = self.stream.finish();
    }

    /// Waits until the other side has read all, or for `patience`.
    pub(crate) async fn settle(&mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.stream.stopped()).await;
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.stream.reset(GIVEN_UP);
        }
    }
}
