//! Bytes that mean nothing, at every port.

use std::time::{Duration, Instant};

use api_fate::{Kind, ROUTES};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair};
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::loaded;
use super::{Dice, lives, no_panics, quic_of};

/// What may take this long is no hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Datagrams that are noise, and some that begin as QUIC does.
async fn throw_datagrams(address: &str, dice: &mut Dice) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    for number in 0..2_000 {
        let mut packet = dice.bytes(1_400);
        if number % 3 == 0 && packet.len() > 5 {
            packet[..5].copy_from_slice(&[0xc3, 0, 0, 0, u8::from(number % 2 == 0)]);
            packet.resize(1_200, 7);
        }
        // What the system does not send is no matter.
        let _ = socket.send_to(&packet, address).await;
    }
}

/// Sends bytes, and reads what comes back until the end or for a while.
async fn talk(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let mut reply = Vec::new();
    let talked = async {
        // The other side may have had enough.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut reply).await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), talked).await;
    String::from_utf8_lossy(&reply).into_owned()
}

async fn speak_bad_http(rest: &RestClient, dice: &mut Dice) -> Vec<TcpStream> {
    let address = rest.base.trim_start_matches("http://").to_owned();
    for _ in 0..20 {
        let noise = dice.bytes(3_000);
        let reply = tokio::time::timeout(PATIENCE, talk(&address, &noise))
            .await
            .expect("it ends");
        assert!(!reply.starts_with("HTTP/1.1 5"), "{reply}");
    }
    let header = format!(
        "GET /v1/fedflow/health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: {}\r\n\r\n",
        "x".repeat(2 << 20)
    );
    let reply = talk(&address, header.as_bytes()).await;
    assert!(
        !reply.starts_with("HTTP/1.1 200") && !reply.starts_with("HTTP/1.1 5"),
        "{reply}"
    );
    let target = format!(
        "GET /v1/{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        "y".repeat(100_000)
    );
    let reply = talk(&address, target.as_bytes()).await;
    assert!(!reply.starts_with("HTTP/1.1 5"), "{reply}");
    let smuggled = "POST /v1/job/query HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let reply = talk(&address, smuggled.as_bytes()).await;
    assert!(!reply.starts_with("HTTP/1.1 5"), "{reply}");
    // Requests that never end stay open to the end of the test.
    let mut open = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(&address).await.expect("connected");
        stream
            .write_all(b"POST /v1/job/submit HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n{\"job")
            .await
            .expect("written");
        open.push(stream);
    }
    open
}

async fn status(
    rest: &RestClient,
    method: Method,
    path: &str,
    body: impl Into<bytes::Bytes>,
) -> u16 {
    let began = Instant::now();
    let sent = tokio::time::timeout(
        PATIENCE,
        rest.send(method.clone(), path, "application/json", body),
    )
    .await;
    let sent = sent.unwrap_or_else(|_| panic!("{method} {path} hangs"));
    let (status, body) =
        sent.unwrap_or_else(|error| panic!("{method} {path} after {:?}: {error}", began.elapsed()));
    let fine = status < 500 || status == 501 || status == 503;
    assert!(
        fine,
        "{method} {path} answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    status
}

async fn send_bad_bodies(rest: &RestClient) {
    let nested = |open: &str, depth: usize| open.repeat(depth).into_bytes();
    for path in [
        "/v1/job/submit",
        "/v1/job/query",
        "/v1/data/upload",
        "/v1/table/table_info",
        "/v1/log/cat",
    ] {
        status(rest, Method::POST, path, "no JSON at all").await;
        status(rest, Method::POST, path, vec![0xff_u8; 1_000]).await;
        status(rest, Method::POST, path, nested("[", 1_000_000)).await;
        status(rest, Method::POST, path, nested("{\"a\":", 300_000)).await;
        status(rest, Method::POST, path, "").await;
        let large = json!({"job_id": "x".repeat(20 << 20)}).to_string();
        assert_eq!(status(rest, Method::POST, path, large).await, 413, "{path}");
    }
    let deep = (0..100).fold(json!(1), |inner, _| json!({"a": [inner]}));
    status(
        rest,
        Method::POST,
        "/v1/job/submit",
        json!({"job_dsl": deep, "job_runtime_conf": deep}).to_string(),
    )
    .await;
    for path in [
        "/v1/../../etc/passwd",
        "/v1/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/v1/fedflow/staging/..%2f..%2fx",
        "/",
        "/%00",
    ] {
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE] {
            status(rest, method, path, "{}").await;
        }
    }
}

const KEYS: &[&str] = &[
    "job_id",
    "role",
    "party_id",
    "component_name",
    "namespace",
    "table_name",
    "name",
    "job_dsl",
    "job_runtime_conf",
    "limit",
    "page",
    "head",
    "partition",
    "file",
    "use_local_data",
    "output_path",
    "metric_name",
    "metric_namespace",
    "log_type",
    "begin",
    "end",
    "status",
    "job",
    "order_by",
    "order",
    "notes",
    "staged",
    "drop",
    "id_delimiter",
    "task_version",
    "model_id",
    "force",
];

fn value(dice: &mut Dice, depth: u32) -> Value {
    let texts = [
        "",
        "..",
        "../../etc/passwd",
        "9999",
        "guest",
        "local",
        "arbiter",
        "\0",
        "\u{1F600}'\";--",
        "202611230000000000000",
        "partyInfo",
        "%s%s%n",
        "NaN",
        "-1",
        "99999999999999999999999999",
    ];
    match dice.below(if depth > 3 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => json!(dice.roll()),
        2 => json!(-(i64::try_from(dice.below(1 << 40)).expect("small"))),
        3 => json!(1e308),
        4 => json!("x".repeat(usize::try_from(dice.below(5_000)).expect("small"))),
        5 => json!(dice.below(2) == 0),
        7 => Value::Array((0..dice.below(5)).map(|_| value(dice, depth + 1)).collect()),
        8 | 9 => object(dice, depth + 1),
        _ => json!(dice.pick(&texts)),
    }
}

fn object(dice: &mut Dice, depth: u32) -> Value {
    let members = 1 + dice.below(8);
    Value::Object(
        (0..members)
            .map(|_| ((*dice.pick(KEYS)).to_owned(), value(dice, depth)))
            .collect::<Map<_, _>>(),
    )
}

/// Random bodies over every route of FATE's API; gives how many there were.
async fn try_every_route(rest: &RestClient, dice: &mut Dice) -> usize {
    let mut sent = 0;
    for route in ROUTES {
        let path = format!(
            "/v1/{}",
            route.path.replace("{*rest}", "a/b").replace(['{', '}'], "")
        );
        for _ in 0..3 {
            let mut body = object(dice, 0);
            for key in route.needs {
                body[key] = value(dice, 1);
            }
            for method in [Method::POST, Method::GET] {
                let found = status(rest, method, &path, body.to_string()).await;
                assert!(found != 501 || route.mark.kind == Kind::File, "{path}");
                sent += 1;
            }
        }
        status(rest, Method::DELETE, &path, "{}").await;
        status(rest, Method::PATCH, &path, "{}").await;
    }
    sent
}

#[tokio::test]
async fn noise_at_every_port_disturbs_nobody() {
    let cluster = loaded().await;
    let before = lives(&cluster);
    let mut dice = Dice(0x5eed_0001);
    let mut open = Vec::new();
    for (folder, file) in [
        ("coordinator", "coordinator.toml"),
        ("party-9999", "agent.toml"),
        ("party-10000", "agent.toml"),
    ] {
        throw_datagrams(
            &quic_of(&cluster.dir.path().join(folder).join(file)),
            &mut dice,
        )
        .await;
    }
    for rest in [&cluster.rest, &cluster.party("9999")] {
        open.extend(speak_bad_http(rest, &mut dice).await);
        send_bad_bodies(rest).await;
        let sent = try_every_route(rest, &mut dice).await;
        assert!(sent > 500, "{sent}");
    }
    // Some of the noise may have removed tables or filled the queue.
    cluster.rest.post("/v1/job/clean/queue", &json!({})).await;
    let tables = pair(200);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    cluster.rest.succeeded(&job).await;
    assert_eq!(lives(&cluster), before, "a daemon was started again");
    no_panics(cluster.dir.path());
    drop(open);
    cluster.end();
}
