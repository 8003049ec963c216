//! Serving: both versions of HTTP, a graceful end, and the bounds on what a connection may cost.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::fate_reply::Failure;

async fn open(
    options: ServeOptions,
) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let server = RestServer::open(([127, 0, 0, 1], 0).into(), options)
        .await
        .expect("free port");
    let echo = |request: Request| async move {
        let body = crate::lenient::whole_body(request.into_body()).await?;
        Ok::<_, Failure>(crate::lenient::read_json(&body).to_string())
    };
    let router = Router::new()
        .route("/echo", get(echo))
        .route("/much", get(|| async { vec![0_u8; 64 << 20] }));
    let (address, stop) = (server.address(), CancellationToken::new());
    (
        address,
        stop.clone(),
        tokio::task::spawn(server.run(router, stop)),
    )
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
    let request = "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
    let reply = talk(address, request).await;
    assert!(
        reply.starts_with("HTTP/1.1 200") && reply.ends_with("{\"a\":1}"),
        "{reply}"
    );
    stop.cancel();
    serving.await.expect("ended");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn speaks_cleartext_http2() {
    let (address, stop, serving) = open(ServeOptions::default()).await;
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let request = http::Request::builder()
        .uri(format!("http://{address}/echo"))
        .body(axum::body::Body::from("[2]"))
        .expect("request");
    let response = client.request(request).await.expect("answered");
    assert_eq!(response.version(), http::Version::HTTP_2);
    let body = crate::lenient::whole_body(axum::body::Body::new(response.into_body()))
        .await
        .expect("body");
    assert_eq!(body, "[2]");
    stop.cancel();
    serving.await.expect("ended");
}

#[tokio::test]
async fn judges_the_name_that_http2_asks_under() {
    let (address, stop, _serving) = open(ServeOptions {
        names: vec!["own.example".into()],
        ..Default::default()
    })
    .await;
    let connect = tower::service_fn(move |_: http::Uri| {
        Box::pin(async move { TcpStream::connect(address).await.map(TokioIo::new) })
    });
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connect);
    for (name, status) in [
        ("evil.example", 403),
        ("own.example", 200),
        ("localhost", 200),
        ("127.1", 403),
    ] {
        let request = http::Request::builder().uri(format!("http://{name}:9380/echo"));
        let response = client
            .request(request.body(Body::from("[2]")).expect("request"))
            .await
            .expect("answered");
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (status, http::Version::HTTP_2),
            "{name}"
        );
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{name}"
        );
    }
    stop.cancel();
}

#[tokio::test]
async fn drops_a_connection_whose_head_does_not_end() {
    let options = ServeOptions {
        head_patience: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let (address, stop, _serving) = open(options).await;
    let reply = tokio::time::timeout(
        Duration::from_secs(5),
        talk(address, "GET /echo HTTP/1.1\r\nx-slow: "),
    )
    .await;
    assert!(!reply.expect("dropped").contains("200 OK"));
    stop.cancel();
}

#[tokio::test]
async fn says_which_address_is_taken() {
    let server = RestServer::open(([127, 0, 0, 1], 0).into(), ServeOptions::default())
        .await
        .expect("free port");
    let error = RestServer::open(server.address(), ServeOptions::default())
        .await
        .expect_err("taken");
    assert!(error.to_string().contains(&server.address().to_string()));
}

#[tokio::test]
async fn refuses_a_head_that_is_too_long_or_has_too_many_lines() {
    let (address, stop, _serving) = open(ServeOptions {
        most_head_bytes: 16 << 10,
        ..ServeOptions::default()
    })
    .await;
    for junk in [
        format!("x-long: {}\r\n", "a".repeat(64 << 10)),
        "x: 1\r\n".repeat(2_000),
    ] {
        let reply = talk(
            address,
            &format!("GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\n{junk}\r\n"),
        )
        .await;
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 431"),
            "{reply}"
        );
    }
    let fine = talk(
        address,
        "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    stop.cancel();
}

#[tokio::test]
async fn answers_a_sender_that_falls_silent() {
    let options = ServeOptions {
        body_patience: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let (address, stop, _serving) = open(options).await;
    let request = "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"a\"";
    let reply = tokio::time::timeout(Duration::from_secs(5), talk(address, request))
        .await
        .expect("answered");
    assert!(
        reply.starts_with("HTTP/1.1 400") && reply.contains("\"retcode\":400"),
        "{reply}"
    );
    stop.cancel();
}

#[tokio::test]
async fn drops_a_receiver_that_does_not_read() {
    let options = ServeOptions {
        reply_patience: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let (address, stop, serving) = open(options).await;
    let mut stream = TcpStream::connect(address).await.expect("connect");
    stream
        .write_all(b"GET /much HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        .await
        .expect("write");
    // an end that is asked for waits for running requests, so it shows that this one is over
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .expect("nothing runs any more")
        .expect("ended");
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    assert!(read.len() < 64 << 20, "the reply was cut");
}

#[tokio::test]
async fn silent_connections_make_space_and_end_by_themselves() {
    let options = ServeOptions {
        most_connections: 2,
        first_patience: Duration::from_millis(300),
        ..Default::default()
    };
    let (address, stop, _serving) = open(options).await;
    let request = "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    let mut idle = TcpStream::connect(address).await.expect("connect");
    let mut other = TcpStream::connect(address).await.expect("connect");
    let patience = Duration::from_secs(5);
    let reply = tokio::time::timeout(patience, talk(address, request))
        .await
        .expect("space is made");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let mut nothing = [0_u8; 1];
    let read = tokio::time::timeout(patience, idle.read(&mut nothing))
        .await
        .expect("the oldest silent one left");
    assert!(matches!(read, Ok(0) | Err(_)));
    let read = tokio::time::timeout(patience, other.read(&mut nothing))
        .await
        .expect("its time is over");
    assert!(matches!(read, Ok(0) | Err(_)));
    stop.cancel();
}

#[tokio::test]
async fn a_body_that_trickles_ends() {
    let options = ServeOptions {
        body_patience: Duration::from_millis(300),
        ..ServeOptions::default()
    };
    let (address, stop, _serving) = open(options).await;
    let mut stream = TcpStream::connect(address).await.expect("connect");
    let head = "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("write");
    // never silent for long, and never done
    let trickle = async {
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if stream.write_all(b" ").await.is_err() {
                return;
            }
            let mut piece = [0_u8; 64];
            if tokio::time::timeout(Duration::from_millis(1), stream.read(&mut piece))
                .await
                .is_ok()
            {
                return;
            }
        }
        panic!("the sender was listened to for five seconds");
    };
    trickle.await;
    stop.cancel();
}

#[tokio::test]
async fn answers_what_is_hardly_http_and_goes_on() {
    let (address, stop, _serving) = open(ServeOptions::default()).await;
    for junk in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /echo HTTP/9.9\r\n\r\n",
        "GET /echo HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "GET /echo HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "GET /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "GET /echo HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /\u{0}echo HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
    ] {
        let mut stream = TcpStream::connect(address).await.expect("connect");
        stream.write_all(junk.as_bytes()).await.expect("write");
        stream.shutdown().await.expect("half closed");
        let mut reply = Vec::new();
        let read =
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut reply)).await;
        assert!(read.is_ok(), "{junk:?} hangs");
        assert!(
            !String::from_utf8_lossy(&reply).starts_with("HTTP/1.1 5"),
            "{junk:?}"
        );
    }
    let fine = talk(
        address,
        "GET /echo HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    stop.cancel();
}
