//! Calls on a connection: one stream for each, a request frame and perhaps a body, a reply frame and perhaps a body.
//!
//! Both sides may call. A malformed or oversized frame ends its call, never the connection or the daemon.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use vocabulary::Fault;
use wire::agent_link::Reply;
use wire::frame::{BULK_LIMIT, FrameError, decode, frame_bytes, read_body, read_frame, read_size};

use crate::connection::Connection;
use crate::error::LinkError;
use crate::stream::{Body, Outgoing};

/// Priority of control calls and of all replies: before messages.
pub const CONTROL: i32 = 10;
/// Priority of bulk messages.
pub const BULK: i32 = 0;
/// How long a caller may take for its request frame.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// Requests up to this size are read at once, so many as the endpoint allows.
const SMALL: usize = 64 << 10;
/// Larger requests of one connection that are read or served at once; the others wait, and so does their sender. Without
/// this a peer could make every call that it may open hold [`BULK_LIMIT`] bytes.
const LARGE_AT_ONCE: usize = 8;

/// How a call is made.
#[derive(Debug, Clone, Copy)]
pub struct CallOptions {
    /// The longest silence: until a piece of the body is taken, and from its end to the reply.
    pub patience: Duration,
    /// [`CONTROL`] or [`BULK`].
    pub priority: i32,
}

impl CallOptions {
    /// A control call whose reply comes within `patience`.
    pub fn control(patience: Duration) -> Self {
        Self {
            patience,
            priority: CONTROL,
        }
    }

    /// A call with a bulky body.
    pub fn bulk(patience: Duration) -> Self {
        Self {
            patience,
            priority: BULK,
        }
    }
}

/// A connection on which both sides call.
#[derive(Debug, Clone)]
pub struct Link {
    connection: Connection,
    large: Arc<Semaphore>,
    capabilities: Arc<[String]>,
}

impl Link {
    /// Uses a connection for calls.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
            capabilities: Arc::default(),
        }
    }

    /// The link with the abilities that both sides said they have.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: &[String]) -> Self {
        self.capabilities = capabilities.into();
        self
    }

    /// Whether both sides said that they have an ability.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// The connection below.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes a call and waits for its reply; the reply's body, if it has one, is in the stream. Dropping the future
    /// gives the call up, and the other side notices.
    pub async fn call<Q: Serialize + Sync>(
        &self,
        request: &Q,
        body: Body,
        options: CallOptions,
    ) -> Result<(Reply, RecvStream), LinkError> {
        let peer = self.connection.peer_name();
        let frame =
            frame_bytes(request, BULK_LIMIT).map_err(|error| LinkError::of_frame(error, peer))?;
        let opened = tokio::time::timeout(options.patience, self.connection.quic.open_bi()).await;
        let (send, mut receive) = opened
            .map_err(|_| LinkError::TimedOut {
                doing: "the start of a call",
                after: options.patience,
            })?
            .map_err(|error| LinkError::of_connection(&error, peer))?;
        let mut send = Outgoing::new(send, peer);
        send.set_priority(options.priority);
        let mut reply = Box::pin(read_frame::<Reply, _>(&mut receive, BULK_LIMIT));
        let write = async {
            send.write(frame.into(), options.patience).await?;
            send.write_body(body, options.patience).await?;
            send.finish();
            Ok(())
        };
        // An early reply, such as a refusal, ends the call before the body is through.
        let early = tokio::select! {
            // The reply first: when both are ready the call is over, and the rest of the body is
            // not written for nobody.
            biased;
            reply = &mut reply => Some(reply),
            written = write => match written {
                Ok(()) | Err(LinkError::Abandoned) => None,
                Err(error) => return Err(error),
            },
        };
        let read = match early {
            Some(reply) => reply,
            None => tokio::time::timeout(options.patience, &mut reply)
                .await
                .map_err(|_| LinkError::TimedOut {
                    doing: "the reply to a call",
                    after: options.patience,
                })?,
        };
        drop(reply);
        Ok((
            read.map_err(|error| LinkError::of_frame(error, peer))?,
            receive,
        ))
    }

    /// Waits for the next call of the other side; its request is read by [`IncomingCall::read`], so that a slow caller
    /// holds up nobody.
    pub async fn accept<Q: DeserializeOwned>(&self) -> Result<IncomingCall<Q>, LinkError> {
        let peer = self.connection.peer_name();
        let (send, receive) = self
            .connection
            .quic
            .accept_bi()
            .await
            .map_err(|error| LinkError::of_connection(&error, peer))?;
        let large = self.large.clone();
        Ok(IncomingCall {
            send,
            receive,
            peer: peer.to_owned(),
            large,
            request: PhantomData,
        })
    }

    /// Serves all calls of the other side until the connection ends, and says why it did. At most as many run at once as
    /// the endpoint's options allow. Dropping the future ends the calls that run.
    pub async fn serve<Q, H, F>(&self, handle: H) -> LinkError
    where
        Q: DeserializeOwned + Send + 'static,
        H: Fn(Q, RecvStream, Answer) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut running = JoinSet::new();
        let mut reading = JoinSet::new();
        loop {
            tokio::select! {
                call = self.accept::<Q>() => match call {
                    Ok(call) => drop(reading.spawn(call.read())),
                    Err(error) => return error,
                },
                Some(read) = reading.join_next() => match read {
                    Ok(Ok((request, body, answer))) => drop(running.spawn(handle(request, body, answer))),
                    Ok(Err(error)) => tracing::debug!(peer = self.connection.peer_name(), %error, "a call was not understood"),
                    Err(error) => tracing::error!(%error, "reading a call ended"),
                },
                Some(ended) = running.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "a call ended without a reply");
                },
            }
        }
    }
}

/// A call whose request was not read yet.
pub struct IncomingCall<Q> {
    send: SendStream,
    receive: RecvStream,
    peer: String,
    large: Arc<Semaphore>,
    request: PhantomData<fn() -> Q>,
}

impl<Q: DeserializeOwned> IncomingCall<Q> {
    /// Reads the request. If it is not well formed or does not come, the caller gets a fault as reply.
    pub async fn read(mut self) -> Result<(Q, RecvStream, Answer), LinkError> {
        let mut answer = Answer {
            out: Outgoing::new(self.send, &self.peer),
            place: None,
        };
        let read = tokio::time::timeout(
            REQUEST_PATIENCE,
            read_request::<Q>(&mut self.receive, self.large),
        )
        .await;
        let error = match read {
            Ok(Ok((request, place))) => {
                answer.place = place;
                return Ok((request, self.receive, answer));
            }
            Ok(Err(error)) => LinkError::of_frame(error, &self.peer),
            Err(_) => LinkError::TimedOut {
                doing: "the request of a call",
                after: REQUEST_PATIENCE,
            },
        };
        // If the caller is gone this fails, too; the first error is the one that counts.
        let _ = answer
            .reply(
                &Reply::Failed(Fault::from(error.clone())),
                Body::Empty,
                REQUEST_PATIENCE,
            )
            .await;
        Err(error)
    }
}

/// Reads a request; a large one gets a place, to be kept until it is answered.
async fn read_request<Q: DeserializeOwned>(
    receive: &mut RecvStream,
    large: Arc<Semaphore>,
) -> Result<(Q, Option<OwnedSemaphorePermit>), FrameError> {
    let size = read_size(receive, BULK_LIMIT).await?;
    // The semaphore is never closed.
    let place = if size > SMALL {
        large.acquire_owned().await.ok()
    } else {
        None
    };
    Ok((decode(&read_body(receive, size).await?)?, place))
}

/// The way back to a caller.
pub struct Answer {
    out: Outgoing,
    place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// Sends the reply and its body, whose pieces must each be taken within `patience`.
    pub async fn reply(
        mut self,
        reply: &Reply,
        body: Body,
        patience: Duration,
    ) -> Result<(), LinkError> {
        self.out.set_priority(CONTROL);
        let frame =
            frame_bytes(reply, BULK_LIMIT).map_err(|error| LinkError::of_frame(error, ""))?;
        self.out.write(frame.into(), patience).await?;
        // The head of a reply goes before messages, a body of any size beside them.
        if !matches!(body, Body::Empty) {
            self.out.set_priority(BULK);
        }
        self.out.write_body(body, patience).await?;
        self.out.finish();
        // Only now: the request, and what was made of it, was held until the reply was out.
        drop(self.place);
        Ok(())
    }
}
