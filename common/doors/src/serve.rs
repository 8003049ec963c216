//! Serving a router on a TCP address: HTTP/1.1 and cleartext HTTP/2, bounds on what a connection may cost, graceful end.

mod stall;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::IntoResponse;
use futures_util::StreamExt;
use hyper::body::Body as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault};

use crate::fate_reply::Failure;
use crate::proxy::stream_of;

/// Bounds on what a connection may cost.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long a request head may take, also the first one after the last reply (75 s by default).
    pub head_patience: Duration,
    /// Most bytes of a request head; queries of uploads are long (256 KiB by default).
    pub most_head_bytes: usize,
    /// How long a sender may be silent within a body (60 s by default).
    pub body_patience: Duration,
    /// How long a receiver may leave a reply unread (60 s by default).
    pub reply_patience: Duration,
    /// Most connections at a time; further ones wait (1024 by default).
    pub most_connections: usize,
    /// How long running requests may take after the end was asked for (10 s by default).
    pub end_patience: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            head_patience: Duration::from_secs(75),
            most_head_bytes: 256 << 10,
            body_patience: Duration::from_secs(60),
            reply_patience: Duration::from_secs(60),
            most_connections: 1_024,
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
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    options: ServeOptions,
}

impl Door {
    /// Binds the address; port 0 takes a free one.
    pub async fn open(address: SocketAddr, options: ServeOptions) -> Result<Self, ServeError> {
        let failed = |source| ServeError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, options })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets running requests end. A connection's failure concerns that connection only.
    pub async fn run(self, router: Router, stop: CancellationToken) {
        // bodies are bounded where they are read: JSON by `Lenient`, uploads by the receiver's own storage
        let router = router.layer(DefaultBodyLimit::disable()).layer(axum::middleware::from_fn(refuse_other_sites));
        let connections = TaskTracker::new();
        let room = Arc::new(Semaphore::new(self.options.most_connections));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&room) => accepted,
            };
            match accepted {
                Ok((stream, place)) => {
                    let served = connection(stream, router.clone(), self.options.clone(), stop.clone());
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // out of descriptors: wait for connections to end instead of spinning
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        connections.close();
        if tokio::time::timeout(self.options.end_patience, connections.wait()).await.is_err() {
            tracing::warn!(open = connections.len(), "requests were cut off at the end");
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(&self, room: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }
}

/// Refuses what a browser sends on behalf of another site. Doors on the loopback interface have no login, and bodies are
/// read whatever their content type says, so any page could otherwise submit jobs here (and, by a name that resolves to
/// this machine, read the answers). Programs that are no browsers send neither header.
async fn refuse_other_sites(request: Request, next: axum::middleware::Next) -> axum::response::Response {
    if comes_from_other_site(request.headers()) {
        let fault = Fault::new(ErrorCode::PermissionDenied, "a browser sent this for another site");
        return Failure::from(fault.next("use the door's own address")).with_status(403).into_response();
    }
    next.run(request).await
}

fn comes_from_other_site(headers: &http::HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let by_browser = text("origin").is_some() || text("sec-fetch-site").is_some_and(|site| site != "none");
    if !by_browser {
        return false;
    }
    let host = text("host").unwrap_or_default();
    let own =
        text("origin").is_none_or(|origin| origin.split_once("://").is_some_and(|(_, authority)| authority == host));
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_address = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    !(own && is_address)
}

async fn connection(stream: TcpStream, router: Router, options: ServeOptions, stop: CancellationToken) {
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
        .keep_alive_interval(Some(options.head_patience))
        .max_header_list_size(u32::try_from(options.most_head_bytes).unwrap_or(u32::MAX));
    let patience = options.body_patience;
    let service = router.map_request(move |request: http::Request<hyper::body::Incoming>| -> Request {
        request.map(|body| impatient(body, patience))
    });
    let stream = stall::Impatient::new(stream, options.reply_patience);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(end_patience, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The same body, ending with an error once its sender is silent for too long.
fn impatient(body: hyper::body::Incoming, patience: Duration) -> Body {
    let body = Body::new(body);
    if body.is_end_stream() {
        return body;
    }
    let pieces = futures_util::stream::unfold(Some(stream_of(body)), move |pieces| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout(patience, pieces.next()).await {
            Ok(piece) => Some((piece?, Some(pieces))),
            Err(_) => Some((Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "the sender is silent")), None)),
        }
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
