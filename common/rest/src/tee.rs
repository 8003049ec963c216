//! One body for several receivers: read once, at the pace of the slowest that still listens.

use std::future::Future;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::proxy::BodyStream;

/// Pieces that a receiver may lag behind.
const LAG: usize = 8;

/// Splits a body. The future pumps and has to be polled beside the receivers; it ends when the source or every receiver
/// does, and gives back what was not read. A torn source tears every copy; a receiver that goes away does not disturb the
/// others.
pub fn tee(
    mut source: BodyStream,
    copies: usize,
) -> (impl Future<Output = BodyStream> + Send, Vec<BodyStream>) {
    let (mut senders, bodies): (Vec<_>, Vec<_>) = (0..copies)
        .map(|_| {
            let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(LAG);
            (sender, body_of(receiver))
        })
        .unzip();
    let pump = async move {
        while let Some(piece) = source.next().await {
            let mut listening = Vec::with_capacity(senders.len());
            for sender in senders {
                let copy = match &piece {
                    Ok(bytes) => Ok(bytes.clone()),
                    Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
                };
                // One after the other: the slowest sets the pace, so that no copy needs more memory
                // than its lag.
                if sender.send(copy).await.is_ok() {
                    listening.push(sender);
                }
            }
            senders = listening;
            if senders.is_empty() || piece.is_err() {
                break;
            }
        }
        source
    };
    (pump, bodies)
}

fn body_of(mut receiver: mpsc::Receiver<std::io::Result<Bytes>>) -> BodyStream {
    futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)).boxed()
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    fn source(pieces: usize) -> BodyStream {
        futures_util::stream::iter(
            (0..pieces).map(|n| Ok(Bytes::from(vec![u8::try_from(n % 251).expect("small")]))),
        )
        .boxed()
    }

    async fn length(body: BodyStream) -> std::io::Result<usize> {
        body.try_fold(0, |sum, piece| async move { Ok(sum + piece.len()) })
            .await
    }

    #[tokio::test]
    async fn gives_every_receiver_the_whole_body() {
        let (pump, mut bodies) = tee(source(100), 2);
        let (second, first) = (bodies.pop().expect("two"), bodies.pop().expect("two"));
        let (_, a, b) = tokio::join!(pump, length(first), length(second));
        assert_eq!((a.expect("whole"), b.expect("whole")), (100, 100));
    }

    #[tokio::test]
    async fn goes_on_for_the_others_when_one_receiver_leaves() {
        let (pump, mut bodies) = tee(source(100), 2);
        drop(bodies.pop());
        let (_, left) = tokio::join!(pump, length(bodies.pop().expect("one")));
        assert_eq!(left.expect("whole"), 100);
    }

    #[tokio::test]
    async fn tears_every_copy_when_the_source_is_torn() {
        let torn = futures_util::stream::iter([
            Ok(Bytes::from_static(b"a")),
            Err(std::io::Error::other("gone")),
        ])
        .boxed();
        let (pump, mut bodies) = tee(torn, 1);
        let (_, ended) = tokio::join!(pump, length(bodies.pop().expect("one")));
        assert!(ended.is_err());
    }

    #[tokio::test]
    async fn waits_for_the_slowest_receiver() {
        let (pump, bodies) = tee(source(1_000), 1);
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), pump).await;
        assert!(
            waited.is_err(),
            "the pump ran ahead of a receiver that reads nothing"
        );
        drop(bodies);
    }
}
