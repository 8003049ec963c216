//! REST requests that no honest client makes; for all others there is [`crate::rest::RestClient`].

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PATIENCE;

/// The longest that a daemon may take to answer, or to hang up on, bytes that are no request.
const SILENCE: Duration = Duration::from_secs(5);

/// Sends a request as it is given, with no header but its own (and `host`); its URI is absolute.
pub async fn ask(request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let asked = client.request(request.map(Full::new));
    let answered = tokio::time::timeout(PATIENCE, asked)
        .await
        .map_err(|_| "no answer".to_owned())?;
    let (head, body) = answered.map_err(|error| format!("{error:?}"))?.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect())
        .await
        .map_err(|_| "the answer does not end".to_owned())?;
    Ok(Response::from_parts(
        head,
        body.map_err(|error| error.to_string())?.to_bytes(),
    ))
}

/// Writes bytes to a port and reads what comes back, until the other side hangs up or is silent for five seconds.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // The other side may have had enough before all is written.
    let _ = tokio::time::timeout(SILENCE, stream.write_all(bytes)).await;
    let (mut reply, mut piece) = (Vec::new(), [0_u8; 4096]);
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(SILENCE, stream.read(&mut piece)).await {
        reply.extend_from_slice(&piece[..read]);
    }
    reply
}
