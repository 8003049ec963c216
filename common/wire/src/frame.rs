//! Frames: a length of four bytes (big endian), then MessagePack with named fields.
//!
//! A peer's length is never believed: it is checked against a limit, and memory grows with what really arrives.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use vocabulary::{ErrorCode, Fault};

use crate::items::has_more_than;

/// Most bytes of a frame that carries control messages.
pub const CONTROL_LIMIT: usize = 1 << 20;
/// Most bytes of a frame that carries reports, assignments or a catalogue.
pub const BULK_LIMIT: usize = 16 << 20;

/// Nesting beyond this is refused, so that a hostile document cannot exhaust the stack.
const MOST_DEPTH: usize = 128;
/// Values beyond this are refused, so that a hostile document cannot exhaust the memory. A frame full of curves, the densest
/// that is honestly sent, holds fewer than three million.
const MOST_ITEMS: usize = 4_000_000;
/// What is set aside for a frame before its first byte arrives.
const FIRST_CAPACITY: usize = 16 << 10;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side ended the stream where a frame could have begun.
    #[error("the stream ended before a frame")]
    Ended,
    /// The stream ended inside a frame.
    #[error("the frame ends after {got} of {size} bytes")]
    Truncated {
        /// Bytes that came, the length's own included.
        got: usize,
        /// Bytes that should have come.
        size: usize,
    },
    /// The frame is longer than allowed here.
    #[error("a frame of {size} bytes is larger than {limit} bytes")]
    TooLarge {
        /// Its announced length.
        size: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The bytes are not what was expected.
    #[error("the frame is not a well-formed message: {0}")]
    Malformed(String),
    /// The stream broke.
    #[error("the stream broke: {0}")]
    Io(#[from] io::Error),
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        let code = match error {
            FrameError::Io(_) | FrameError::Ended => ErrorCode::PeerTimeout,
            FrameError::Truncated { .. }
            | FrameError::TooLarge { .. }
            | FrameError::Malformed(_) => ErrorCode::FrameInvalid,
        };
        Fault::new(code, error.to_string())
    }
}

/// Writes a message as MessagePack with named fields.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    rmp_serde::to_vec_named(message).map_err(|error| FrameError::Malformed(error.to_string()))
}

/// Reads a message from MessagePack; unknown fields are ignored, bytes after it are refused.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    // Counted before anything is built: a value of one byte becomes a hundred in memory.
    if has_more_than(MOST_ITEMS, bytes) {
        return Err(FrameError::Malformed(format!(
            "more than {MOST_ITEMS} values in it"
        )));
    }
    let mut rest = bytes;
    let message = {
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        // A deep document would end the process by its stack, which no error handling catches.
        reader.set_max_depth(MOST_DEPTH);
        T::deserialize(&mut reader).map_err(|error| FrameError::Malformed(error.to_string()))?
    };
    if rest.is_empty() {
        return Ok(message);
    }
    Err(FrameError::Malformed(format!(
        "{} bytes follow the message",
        rest.len()
    )))
}

/// The bytes of a frame, length included; refuses what the receiver would refuse.
pub fn frame_bytes<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let body = encode(message)?;
    let length = u32::try_from(body.len())
        .ok()
        .filter(|_| body.len() <= limit);
    let length = length.ok_or(FrameError::TooLarge {
        size: body.len(),
        limit,
    })?;
    // Length and body in one buffer: two writes could be torn apart by a caller that gives up.
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Writes one frame in one piece; refuses a message whose encoding is longer than `limit` bytes.
pub async fn write_frame<W, T>(writer: &mut W, message: &T, limit: usize) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
    T: Serialize + Sync,
{
    let frame = frame_bytes(message, limit)?;
    writer.write_all(&frame).await?;
    Ok(())
}

/// Reads one frame of at most `limit` bytes. The stream then stands at the byte after it.
pub async fn read_frame<T, R>(reader: &mut R, limit: usize) -> Result<T, FrameError>
where
    T: DeserializeOwned,
    R: AsyncRead + Unpin,
{
    decode(&read_raw(reader, limit).await?)
}

/// Reads the bytes of one frame without looking at them.
pub async fn read_raw<R: AsyncRead + Unpin>(
    reader: &mut R,
    limit: usize,
) -> Result<Vec<u8>, FrameError> {
    let size = read_size(reader, limit).await?;
    read_body(reader, size).await
}

/// Reads the length of a frame; [`read_body`] reads the rest.
pub async fn read_size<R: AsyncRead + Unpin>(
    reader: &mut R,
    limit: usize,
) -> Result<usize, FrameError> {
    let mut length = [0u8; 4];
    let mut got = 0;
    while got < length.len() {
        match reader
            .read(length.get_mut(got..).unwrap_or_default())
            .await?
        {
            0 if got == 0 => return Err(FrameError::Ended),
            0 => {
                return Err(FrameError::Truncated {
                    got,
                    size: length.len(),
                });
            }
            read => got += read,
        }
    }
    let size = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if size > limit {
        return Err(FrameError::TooLarge { size, limit });
    }
    Ok(size)
}

/// Reads what follows the length of a frame.
pub async fn read_body<R: AsyncRead + Unpin>(
    reader: &mut R,
    size: usize,
) -> Result<Vec<u8>, FrameError> {
    // Not `size`: that is the peer's word until the bytes are there.
    let mut body = Vec::with_capacity(size.min(FIRST_CAPACITY));
    reader.take(size as u64).read_to_end(&mut body).await?;
    if body.len() < size {
        return Err(FrameError::Truncated {
            got: 4 + body.len(),
            size: 4 + size,
        });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent_link::{Hello, Reply, ToAgent, ToCoordinator, Welcome};
    use proptest::prelude::*;

    async fn read_back(bytes: &[u8]) -> Result<Reply, FrameError> {
        read_frame(&mut &bytes[..], CONTROL_LIMIT).await
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        let failed = Reply::Failed(Fault::new(ErrorCode::TableMissing, "no such table"));
        write_frame(&mut bytes, &Reply::Done, CONTROL_LIMIT)
            .await
            .unwrap();
        write_frame(&mut bytes, &failed, CONTROL_LIMIT)
            .await
            .unwrap();
        let mut reader = &bytes[..];
        assert_eq!(
            read_frame::<Reply, _>(&mut reader, CONTROL_LIMIT)
                .await
                .unwrap(),
            Reply::Done
        );
        assert_eq!(
            read_frame::<Reply, _>(&mut reader, CONTROL_LIMIT)
                .await
                .unwrap(),
            failed
        );
        assert!(matches!(
            read_frame::<Reply, _>(&mut reader, CONTROL_LIMIT).await,
            Err(FrameError::Ended)
        ));
    }

    #[tokio::test]
    async fn every_truncation_is_an_error() {
        let bytes = frame_bytes(
            &Reply::Failed(Fault::new(ErrorCode::Internal, "x")),
            CONTROL_LIMIT,
        )
        .unwrap();
        for length in 1..bytes.len() {
            let error = read_back(&bytes[..length]).await.unwrap_err();
            assert!(
                matches!(error, FrameError::Truncated { .. }),
                "{length}: {error}"
            );
            assert_eq!(Fault::from(error).code, ErrorCode::FrameInvalid);
        }
    }

    #[tokio::test]
    async fn a_length_above_the_limit_is_refused_before_anything_is_read() {
        let error = read_back(&u32::MAX.to_be_bytes()).await.unwrap_err();
        assert!(
            matches!(error, FrameError::TooLarge { size, .. } if size == u32::MAX as usize),
            "{error}"
        );
        assert!(matches!(
            frame_bytes(&"x".repeat(100), 50),
            Err(FrameError::TooLarge {
                size: 102,
                limit: 50
            })
        ));
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut bytes = encode(&Reply::Done).unwrap();
        bytes.push(0xc0);
        assert!(matches!(
            decode::<Reply>(&bytes),
            Err(FrameError::Malformed(_))
        ));
    }

    #[test]
    fn deep_nesting_does_not_reach_the_end_of_the_stack() {
        for opener in [0x91u8, 0x81] {
            let bytes = vec![opener; 900_000];
            assert!(decode::<serde_json::Value>(&bytes).is_err());
            assert!(decode::<ToAgent>(&bytes).is_err());
        }
    }

    #[test]
    fn a_huge_announced_list_takes_no_memory() {
        // array 32 of 2^32 - 1 elements, map 32, bin 32, str 32
        for bytes in [
            [0xddu8, 255, 255, 255, 255],
            [0xdf, 255, 255, 255, 255],
            [0xc6, 255, 255, 255, 255],
            [0xdb, 255, 255, 255, 255],
        ] {
            assert!(decode::<Vec<u64>>(&bytes).is_err());
            assert!(decode::<serde_json::Value>(&bytes).is_err());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode::<Hello>(&bytes);
            let _ = decode::<Welcome>(&bytes);
            let _ = decode::<ToAgent>(&bytes);
            let _ = decode::<ToCoordinator>(&bytes);
            let _ = decode::<Reply>(&bytes);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read_frame::<ToAgent, _>(&mut &bytes[..], CONTROL_LIMIT));
        }
    }
}
