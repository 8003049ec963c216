//! Serving a router on a TCP address: HTTP/1.1 and cleartext HTTP/2, time-outs on heads, graceful end.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::IntoResponse;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use vocabulary::{ErrorCode, Fault};

use crate::fate_reply::Failure;

/// Bounds on what a connection may cost.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// How long a request head may take, also the first one after the last reply (75 s by default).
    pub head_patience: Duration,
    /// Most bytes of a request head; queries of uploads are long (256 KiB by default).
    pub most_head_bytes: usize,
    /// How long running requests may take after the end was asked for (10 s by default).
    pub end_patience: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            head_patience: Duration::from_secs(75),
            most_head_bytes: 256 << 10,
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
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), self.options.clone(), stop.clone()));
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
    let service = router
        .map_request(|request: http::Request<hyper::body::Incoming>| -> Request { request.map(axum::body::Body::new) });
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::lenient::Lenient;

    async fn open(options: ServeOptions) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let door = Door::open(([127, 0, 0, 1], 0).into(), options).await.expect("free port");
        let router = Router::new().route("/echo", get(|Lenient(body): Lenient| async move { body.to_string() }));
        let (address, stop) = (door.address(), CancellationToken::new());
        (address, stop.clone(), tokio::task::spawn(door.run(router, stop)))
    }

    async fn talk(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connect");
        stream.write_all(text.as_bytes()).await.expect("write");
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply).await;
        reply
    }

    #[tokio::test]
    async fn reads_the_body_of_a_get_and_ends_when_asked() {
        let (address, stop, serving) = open(ServeOptions::default()).await;
        assert_ne!(address.port(), 0);
        let request = "GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
        let reply = talk(address, request).await;
        assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("{\"a\":1}"), "{reply}");
        stop.cancel();
        serving.await.expect("ended");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[test]
    fn knows_what_a_browser_sends_for_another_site() {
        let other = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
            comes_from_other_site(&pairs.collect())
        };
        assert!(!other(&[("host", "127.0.0.1:9380")]), "curl");
        assert!(!other(&[("host", "fedflow.bank.example")]), "a program behind a proxy");
        assert!(!other(&[("host", "localhost:1"), ("origin", "http://localhost:1")]), "a page of the door's own");
        assert!(other(&[("host", "127.0.0.1:1"), ("origin", "http://evil.example")]), "a page of another site");
        assert!(other(&[("host", "127.0.0.1:1"), ("origin", "null")]), "a page without a site");
        assert!(
            other(&[("host", "evil.example:1"), ("origin", "http://evil.example:1")]),
            "a name made to resolve here"
        );
        assert!(other(&[("host", "evil.example:1"), ("sec-fetch-site", "same-origin")]), "the same, reading");
    }

    #[tokio::test]
    async fn speaks_cleartext_http2() {
        let (address, stop, serving) = open(ServeOptions::default()).await;
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let request = http::Request::builder()
            .uri(format!("http://{address}/echo"))
            .body(axum::body::Body::from("[2]"))
            .expect("request");
        let response = client.request(request).await.expect("answered");
        assert_eq!(response.version(), http::Version::HTTP_2);
        let body = crate::lenient::whole_body(axum::body::Body::new(response.into_body())).await.expect("body");
        assert_eq!(body, "[2]");
        stop.cancel();
        serving.await.expect("ended");
    }

    #[tokio::test]
    async fn drops_a_connection_whose_head_does_not_end() {
        let options = ServeOptions { head_patience: Duration::from_millis(100), ..ServeOptions::default() };
        let (address, stop, _serving) = open(options).await;
        let reply = tokio::time::timeout(Duration::from_secs(5), talk(address, "GET /echo HTTP/1.1\r\nx-slow: ")).await;
        assert!(!reply.expect("dropped").contains("200 OK"));
        stop.cancel();
    }

    #[tokio::test]
    async fn says_which_address_is_taken() {
        let door = Door::open(([127, 0, 0, 1], 0).into(), ServeOptions::default()).await.expect("free port");
        let error = Door::open(door.address(), ServeOptions::default()).await.expect_err("taken");
        assert!(error.to_string().contains(&door.address().to_string()));
    }
}
