//! HTTP of the object store, through the HTTP and TLS crates that the rest of the program uses.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes clients whose TLS is rustls with ring, trusting the machine's own roots.
#[derive(Debug)]
pub(super) struct RingConnector;

#[derive(Debug)]
struct Ring(Client<HttpsConnector<Tcp>, HttpRequestBody>);

impl HttpConnector for RingConnector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let roots = HttpsConnectorBuilder::new().with_native_roots();
        // A machine without roots can still speak to its own network in clear.
        let builder = match roots {
            Ok(builder) => builder,
            Err(_) => HttpsConnectorBuilder::new().with_tls_config(without_roots()?),
        };
        let mut tcp = Tcp::new();
        // Otherwise it would refuse the https addresses that the TLS layer above it passes on.
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = builder.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(HttpClient::new(Ring(
            Client::builder(TokioExecutor::new()).build(connector),
        )))
    }
}

fn without_roots() -> object_store::Result<rustls::ClientConfig> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.map_err(|error| object_store::Error::Generic {
        store: "S3",
        source: Box::new(error),
    })?;
    Ok(config
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

#[async_trait]
impl HttpService for Ring {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let late = |_| {
            HttpError::new(
                HttpErrorKind::Timeout,
                std::io::Error::from(std::io::ErrorKind::TimedOut),
            )
        };
        // Only the head has a limit: a large archive over a slow line may take its time.
        let answered = tokio::time::timeout(PATIENCE, self.0.request(request))
            .await
            .map_err(late)?;
        let response = answered.map_err(|error| HttpError::new(kind_of(&error), error))?;
        let (head, body) = response.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

fn kind_of(error: &Error) -> HttpErrorKind {
    if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Request
    }
}
