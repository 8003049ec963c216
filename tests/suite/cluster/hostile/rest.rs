//! The REST endpoints against those who hold no credential: pages of a browser that a name leads here, floods, and files that
//! would be pages.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use fedflow_tests::cluster::Program;
use fedflow_tests::hostile::{ALL_MINE, CoordinatorDaemon, Federation, client, until};
use fedflow_tests::rest::RestClient;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::program;

const PATIENCE: Duration = Duration::from_secs(20);

/// A coordinator that the token `opened` opens, and a client that signs.
const GUARDED: &str = "[access]\n\
    tokens = [{ sha256 = \"SHA256\", operator = true, expires = \"2100-01-01\" }]\n\
    clients = [{ app_key = \"ak\", secret = \"sk\", operator = true }]\n";
/// SHA-256 of `opened`.
const OPENED: &str = "5023662705d96810758a40e018035f9a90b8df6e8250eb522e9ba9e188443ba7";

fn guarded() -> String {
    GUARDED.replace("SHA256", OPENED)
}

fn address(rest: &RestClient) -> SocketAddr {
    rest.base
        .trim_start_matches("http://")
        .parse()
        .expect("an address")
}

/// Sends bytes and gives the answer's first line and its body.
async fn talk(rest: &RestClient, text: &str) -> (String, String) {
    let reply =
        String::from_utf8_lossy(&client::raw(address(rest), text.as_bytes()).await).into_owned();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    (
        head.lines().next().unwrap_or_default().to_owned(),
        body.to_owned(),
    )
}

fn get(path: &str, target: &str, hosts: &[&str]) -> String {
    let hosts: String = hosts
        .iter()
        .map(|host| format!("Host: {host}\r\n"))
        .collect();
    format!("GET {target}{path} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")
}

/// Routes that a page may ask for without a question to the REST endpoint, and what it would read there.
const READ: &[&str] = &[
    "/v1/fedflow/health",
    "/apis/v1beta1/experiments",
    "/organizations/1234567890123/deployments",
    "/v1/p/models",
];

#[tokio::test]
async fn a_name_that_leads_here_reads_nothing() {
    let federation = Federation::new(&program());
    // With the rule off for that name, its page reads everything: the REST endpoint asks nobody who he is.
    let mut daemon = federation.coordinator("names = [\"evil.example\"]");
    for path in READ {
        let (status, body) = talk(&daemon.rest(), &get(path, "", &["evil.example:9380"])).await;
        assert!(
            status.contains("200") && body.len() > 2,
            "{path}: {status} {body}"
        );
    }
    daemon.stop();
    let settings = daemon.home().join("coordinator.toml");
    let text = std::fs::read_to_string(&settings)
        .expect("settings")
        .replace("evil.example", "fedflow.bank.example");
    std::fs::write(&settings, text).expect("written");
    daemon.start_again();
    let (rest, own) = (daemon.rest(), address(&daemon.rest()).to_string());
    for path in READ
        .iter()
        .chain(&["/livez", "/docs", "/", "/v1/openapi.json"])
    {
        for hosts in [
            &["evil.example:9380"] as &[&str],
            &["fedflow.bank.example.evil.example"],
            &[],
            &["127.1"],
            &[&own, &own],
        ] {
            let (status, body) = talk(&rest, &get(path, "", hosts)).await;
            assert!(
                status.contains("403") && body.contains("FF"),
                "{path} as {hosts:?}: {status} {body}"
            );
        }
        for (target, host) in [
            ("http://evil.example", own.as_str()),
            (&*format!("http://{own}"), "evil.example"),
        ] {
            let (status, _) = talk(&rest, &get(path, target, &[host])).await;
            assert!(
                status.contains("403"),
                "{path} at {target} as {host}: {status}"
            );
        }
        for host in [own.as_str(), "localhost:1", "[::1]", "FEDFLOW.bank.example"] {
            let (status, _) = talk(&rest, &get(path, "", &[host])).await;
            assert!(
                status.contains("200") || (*path == "/" && status.contains("300")),
                "{path} as {host}: {status}"
            );
        }
    }
    // gRPC comes by the same REST endpoint.
    let call = |host: &str| {
        format!(
            "POST /api.ExperimentService/ListExperiment HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/grpc\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
    };
    assert!(talk(&rest, &call("evil.example")).await.0.contains("403"));
    assert!(!talk(&rest, &call(&own)).await.0.contains("403"));
}

#[tokio::test]
async fn a_party_s_endpoint_judges_the_name_too() {
    let federation = Federation::new(&program());
    let agent = federation.agent("9999", ALL_MINE);
    let rest = agent.rest();
    let own = address(&rest).to_string();
    assert!(
        talk(&rest, &get("/livez", "", &[&own]))
            .await
            .0
            .contains("200")
    );
    for path in ["/livez", "/v1/fedflow/audit", "/v1/fedflow/files/a"] {
        assert!(
            talk(&rest, &get(path, "", &["evil.example"]))
                .await
                .0
                .contains("403"),
            "{path}"
        );
    }
}

/// The most memory that a process held at a time, in megabytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("readable");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a figure");
    line.split_whitespace()
        .next()
        .and_then(|text| text.parse::<u64>().ok())
        .expect("a figure")
        / 1_024
}

fn now() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a moment")
        .as_millis()
}

/// A large document under a signature that nobody made.
async fn forge(address: SocketAddr, nonce: usize, mut body: Vec<u8>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!(
        "POST /v1/job/submit HTTP/1.1\r\nHost: {address}\r\nTIMESTAMP: {}\r\nNONCE: {nonce}\r\nAPP_KEY: ak\r\nSIGNATURE: AAAA\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        now(),
        body.len()
    );
    body.splice(..0, head.into_bytes());
    let _ = tokio::time::timeout(PATIENCE, stream.write_all(&body)).await;
    let mut reply = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut reply)).await;
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn strangers_cost_little_memory_before_their_signature_is_looked_at() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator(&guarded());
    let rest = daemon.rest().with_token("opened");
    let mut document = vec![b'['; 1];
    document.extend(b"[],".repeat(5_000_000));
    document.extend(b"[]]");
    // Who is known sends as much as he needs, and is answered as to what it says.
    let known = rest
        .send(
            Method::POST,
            "/v1/job/submit",
            "application/json",
            document.clone(),
        )
        .await
        .expect("answered");
    assert!(
        !String::from_utf8_lossy(&known.1).contains("FF305"),
        "{known:?}"
    );
    let mut daemon = daemon;
    daemon.stop();
    daemon.start_again();
    let before = peak(daemon.process());
    let at = address(&daemon.rest());
    let forged: Vec<_> = (0..24)
        .map(|nonce| tokio::spawn(forge(at, nonce, document.clone())))
        .collect();
    for reply in forged {
        let reply = reply.await.expect("it ends");
        assert!(
            reply.is_empty() || reply.contains("413") || reply.contains("109"),
            "{reply}"
        );
    }
    let after = peak(daemon.process());
    assert!(
        after < before + 96,
        "24 strangers with 15 MB each cost {} MB",
        after - before
    );
    let rest = daemon.rest().with_token("opened");
    assert_eq!(
        rest.send(Method::GET, "/v1/fedflow/health", "", "")
            .await
            .expect("answered")
            .0,
        200
    );
}

async fn serves(daemon: &CoordinatorDaemon) -> bool {
    let rest = daemon.rest().with_token("opened");
    let asked = rest.send(Method::GET, "/v1/fedflow/health", "", "");
    matches!(
        tokio::time::timeout(Duration::from_secs(5), asked).await,
        Ok(Ok((200, _)))
    )
}

/// Connections that say `text` and nothing more.
async fn flood(at: SocketAddr, count: usize, text: &str) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let Ok(Ok(mut stream)) =
            tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(at)).await
        else {
            break;
        };
        let _ = stream.write_all(text.as_bytes()).await;
        open.push(stream);
    }
    open
}

#[tokio::test]
async fn whoever_holds_connections_keeps_nobody_out() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator(&guarded());
    assert!(serves(&daemon).await);
    let at = address(&daemon.rest());
    let slow =
        format!("POST /v1/job/submit HTTP/1.1\r\nHost: {at}\r\nContent-Length: 100000\r\n\r\n{{");
    let signed = slow.replace(
        "Content-Length",
        &format!(
            "TIMESTAMP: {}\r\nNONCE: n\r\nAPP_KEY: ak\r\nSIGNATURE: AAAA\r\nContent-Length",
            now()
        ),
    );
    for text in [
        "",
        "GET /v1/fedflow/health HTT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &slow,
        &signed,
    ] {
        let open = flood(at, 1_300, text).await;
        assert!(open.len() > 1_024, "{} connections", open.len());
        assert!(
            serves(&daemon).await,
            "behind {} times {text:?}",
            open.len()
        );
        drop(open);
    }
    assert!(daemon.lives());
}

#[tokio::test]
async fn a_system_that_lends_few_files_is_no_way_to_keep_others_out() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("fedflow");
    let text = format!(
        "#!/bin/sh\nulimit -n 160\nexec {} \"$@\"\n",
        program().path().display()
    );
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("runnable");
    let federation = Federation::new(&Program::new(path.to_str().expect("a path")));
    let daemon = federation.coordinator(&guarded());
    assert!(serves(&daemon).await);
    let open = flood(address(&daemon.rest()), 300, "").await;
    assert!(
        serves(&daemon).await,
        "behind {} silent ones, with 160 files",
        open.len()
    );
    assert!(daemon.lives());
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "one file by every way in and out")]
async fn a_file_comes_back_as_a_file_whatever_its_sender_called_it() {
    let federation = Federation::new(&program());
    let daemon = federation.coordinator("");
    let agent = federation.agent("9999", ALL_MINE);
    until("the agent", || agent.is_linked().then_some(())).await;
    let (rest, page) = (
        daemon.rest(),
        "<script>fetch('/v1/fedflow/health')</script>",
    );
    let organization = "/organizations/1234567890123";
    let wanted = json!({"name": "c", "storage_type": "datalake"}).to_string();
    let made = rest
        .send(
            Method::POST,
            &format!("{organization}/channels"),
            "application/json",
            wanted,
        )
        .await
        .expect("made");
    let made: Value = serde_json::from_slice(&made.1).expect("JSON");
    let channel = made["channel"]["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let file = rest
        .send(
            Method::POST,
            &format!("/channels/{channel}/upload"),
            "text/html",
            page,
        )
        .await
        .expect("kept");
    let file: Value = serde_json::from_slice(&file.1).expect("JSON");
    let file = file["file_id"].as_str().expect("an id").to_owned();
    let seen = rest
        .send(Method::GET, &format!("/channels/{channel}/{file}"), "", "")
        .await
        .expect("shown");
    let seen: Value = serde_json::from_slice(&seen.1).expect("JSON");
    let uri = seen["download_uri"]
        .as_str()
        .expect("an address")
        .to_owned();
    let put = agent
        .rest()
        .send(
            Method::PUT,
            "/v1/fedflow/files/a/page.html",
            "text/html",
            page,
        )
        .await
        .expect("kept");
    assert!(put.0 < 300, "{put:?}");
    for uri in [
        uri,
        format!("{}/v1/fedflow/files/a/page.html", agent.rest().base),
    ] {
        let reply = client::ask(Request::get(&uri).body(Bytes::new()).expect("a request"))
            .await
            .expect("answered");
        assert_eq!(
            (reply.status().as_u16(), reply.body().as_ref()),
            (200, page.as_bytes()),
            "it comes back whole"
        );
        let header = |name: &str| {
            reply
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{uri}");
        assert!(
            header("content-disposition").starts_with("attachment"),
            "{uri}: {:?}",
            reply.headers()
        );
        assert!(
            header("content-security-policy").contains("sandbox"),
            "{uri}: {:?}",
            reply.headers()
        );
    }
}

#[tokio::test]
async fn health_and_paths_tell_the_truth() {
    let federation = Federation::new(&program());
    let mut daemon = federation.coordinator(&guarded());
    let agent = federation.agent("9999", ALL_MINE);
    until("the agent", || agent.is_linked().then_some(())).await;
    let status = async |rest: &RestClient, path: &str| {
        rest.send(Method::GET, path, "", "")
            .await
            .expect("answered")
            .0
    };
    let (stranger, known, party) = (
        daemon.rest(),
        daemon.rest().with_token("opened"),
        agent.rest(),
    );
    for (path, to_stranger, to_known, at_party) in [
        ("/livez", 200, 200, 200),
        ("/readyz", 200, 200, 200),
        ("/v1/fedflow/health", 401, 200, 200),
        ("/nothing", 401, 404, 404),
        ("/pipeline/nothing", 401, 404, 404),
        ("/v1/fedflow/nothing", 401, 404, 404),
        ("/apis/v1beta1/nothing", 404, 404, 404),
        ("/pipeline/apis/v1beta1/healthz", 200, 200, 200),
        ("/pipeline/apis/v1beta1/experiments", 401, 200, 200),
        // FATE's clients look at the code within
        ("/v1/job/query", 200, 200, 200),
        ("/v1/no/such", 200, 200, 200),
    ] {
        let seen = (
            status(&stranger, path).await,
            status(&known, path).await,
            status(&party, path).await,
        );
        assert_eq!(seen, (to_stranger, to_known, at_party), "{path}");
    }
    // A disk on which nothing can be written.
    for (rest, data) in [(&known, daemon.home().join("data")), (&party, agent.data())] {
        std::fs::create_dir(data.join(".room")).expect("made");
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        for path in ["/readyz", "/v1/fedflow/health"] {
            assert_eq!(status(rest, path).await, 503, "{path} at {}", rest.base);
        }
        assert_eq!(status(rest, "/livez").await, 200);
        std::fs::remove_dir(data.join(".room")).expect("removed");
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(status(rest, "/readyz").await, 200, "at {}", rest.base);
    }
    daemon.kill();
    let mut last = 0;
    for _ in 0..200 {
        last = status(&party, "/readyz").await;
        if last == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        (
            last,
            status(&party, "/v1/fedflow/health").await,
            status(&party, "/livez").await
        ),
        (503, 503, 200)
    );
}
