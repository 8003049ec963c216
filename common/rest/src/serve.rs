//! Serving a router on a TCP address: HTTP/1.1 and cleartext HTTP/2, bounds on what a connection may cost, graceful end.

mod answers;
mod host;
mod places;
mod stall;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use futures_util::StreamExt;
use hyper::body::Body as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::proxy::stream_of;
use host::KnownNames;
use places::{Place, Places};

pub use answers::PAGE_POLICY;
pub(crate) use places::prove;

/// Where and how a request came in, as an extension of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedAt {
    /// The address.
    pub address: SocketAddr,
    /// Which request it is on its connection, from 1 on.
    pub nth: u64,
}

/// Bytes of a body that win its sender another second.
const LEAST_PACE: u64 = 1_024;
/// What is waited between two attempts to accept a connection.
const PAUSE: Duration = Duration::from_millis(200);
/// The same where somebody made space.
const BREATH: Duration = Duration::from_millis(5);

/// Bounds on what a connection may cost.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long the first request's head may take from the moment at which the connection is there (10 s by default).
    pub first_patience: Duration,
    /// How long a further request head may take, also the first one after the last reply (75 s by default).
    pub head_patience: Duration,
    /// Most bytes of a request head; queries of uploads are long (256 KiB by default).
    pub most_head_bytes: usize,
    /// How long a sender may be silent within a body, and how long it may be waited for in all, beside one second for each
    /// kilobyte that came (60 s by default).
    pub body_patience: Duration,
    /// How long a receiver may leave a reply unread (60 s by default).
    pub reply_patience: Duration,
    /// Most connections at a time (1024 by default). For further ones the longest silent makes space whose caller has not
    /// shown who he is, or else the longest silent without a request. One credential has a quarter of them.
    pub most_connections: usize,
    /// Most connections of one address that is not this machine's whose callers have not shown who they are (256 by default).
    pub most_of_an_address: usize,
    /// Names under which the REST endpoint may be asked, beside any address and `localhost` (none by default).
    pub names: Vec<String>,
    /// How long running requests may take after the end was asked for (10 s by default).
    pub end_patience: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            first_patience: Duration::from_secs(10),
            head_patience: Duration::from_secs(75),
            most_head_bytes: 256 << 10,
            body_patience: Duration::from_secs(60),
            reply_patience: Duration::from_secs(60),
            most_connections: 1_024,
            most_of_an_address: 256,
            names: Vec::new(),
            end_patience: Duration::from_secs(10),
        }
    }
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServeError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: std::io::Error,
}

/// A bound address that serves nothing yet.
#[derive(Debug)]
pub struct RestServer {
    listener: TcpListener,
    address: SocketAddr,
    options: ServeOptions,
}

impl RestServer {
    /// Binds the address; port 0 takes a free one.
    pub async fn open(address: SocketAddr, options: ServeOptions) -> Result<Self, ServeError> {
        let failed = |source| ServeError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            options,
        })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets running requests end. A connection's failure concerns that connection only.
    pub async fn run(self, router: Router, stop: CancellationToken) {
        // bodies are bounded where they are read: JSON by `Lenient`, uploads by the receiver's own storage
        let names = KnownNames::new(&self.options.names);
        let router = router
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(names, host::refuse_other_names))
            .layer(from_fn(answers::seal))
            // The last layer is the outermost: a request runs until all others have answered.
            .layer(from_fn(places::count_running));
        let connections = TaskTracker::new();
        let most = self
            .options
            .most_connections
            // More places than descriptors would fail at `accept`, where nobody can be chosen to
            // make space.
            .min(descriptors().unwrap_or(usize::MAX) / 2);
        let places = Places::new(most, self.options.most_of_an_address);
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => match places.take(from.ip()) {
                    Some(place) => {
                        connections.spawn(connection(
                            stream,
                            place,
                            router.clone(),
                            self.options.clone(),
                            stop.clone(),
                        ));
                    }
                    None => {
                        tracing::warn!(%from, "every place is held by a caller who is known; a connection is refused")
                    }
                },
                Err(error) => {
                    // Out of descriptors: a silent one makes space, and the rest is waited for instead of spinning.
                    let made = places.make_space();
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(if made { BREATH } else { PAUSE }).await;
                }
            }
        }
        connections.close();
        if tokio::time::timeout(self.options.end_patience, connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(open = connections.len(), "requests were cut off at the end");
        }
    }
}

async fn connection(
    stream: TcpStream,
    place: Place,
    router: Router,
    options: ServeOptions,
    stop: CancellationToken,
) {
    let standing = place.standing();
    // Replies are small; without this each could wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let end_patience = options.end_patience;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_patience)
        .max_buf_size(options.most_head_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        // HTTP/2 has no timeout of heads: a ping finds out whether somebody is there.
        .keep_alive_interval(Some(options.head_patience))
        .max_header_list_size(u32::try_from(options.most_head_bytes).unwrap_or(u32::MAX));
    let patience = options.body_patience;
    let (asking, reached) = (standing.clone(), stream.local_addr().ok());
    let service = router.map_request(
        move |mut request: http::Request<hyper::body::Incoming>| -> Request {
            let nth = asking.asks();
            request.extensions_mut().insert(asking.clone());
            if let Some(address) = reached {
                request.extensions_mut().insert(ReachedAt { address, nth });
            }
            request.map(|body| impatient(body, patience))
        },
    );
    let stream = stall::Impatient::new(stream, options.reply_patience, standing.clone());
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = standing.left() => Ok(()),
        // The builder waits for the first bytes without end, to learn which HTTP it is: a silent
        // connection is ended here.
        () = nothing_asked(&standing, options.first_patience) => Ok(()),
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(end_patience, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// How many files the system lends this process at a time. Half of them are for what a daemon does beside its connections.
fn descriptors() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns when no request has come for too long.
async fn nothing_asked(standing: &places::ConnectionState, patience: Duration) {
    tokio::time::sleep(patience).await;
    if standing.has_asked() {
        // From the first request on the other timeouts apply.
        std::future::pending::<()>().await;
    }
}

/// The same body, ending with an error once its sender is silent for too long, or sends so little that it only holds a place.
fn impatient(body: hyper::body::Incoming, patience: Duration) -> Body {
    let body = Body::new(body);
    if body.is_end_stream() {
        return body;
    }
    let begin = Some((stream_of(body), Duration::ZERO, 0_u64));
    let pieces = futures_util::stream::unfold(begin, move |state| async move {
        let (mut pieces, waited, bytes) = state?;
        // only the time counts in which the sender is waited for, and not that in which the receiver is
        let allowed = patience
            .saturating_add(Duration::from_secs(bytes / LEAST_PACE))
            .saturating_sub(waited);
        let began = Instant::now();
        match tokio::time::timeout(patience.min(allowed), pieces.next()).await {
            Ok(Some(Ok(piece))) => {
                let bytes = bytes.saturating_add(piece.len() as u64);
                Some((
                    Ok(piece),
                    Some((pieces, waited.saturating_add(began.elapsed()), bytes)),
                ))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((
                Err(std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "the sender is silent",
                )),
                None,
            )),
        }
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
