//! The check at a REST endpoint: tokens, signatures as FATE's clients make them, and everything that does not count.

use std::sync::Arc;

use axum::Extension;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use tower::ServiceExt;
use vocabulary::{ManualClock, Timestamp};

use super::*;
use crate::lenient::whole_body;

const NOW: i64 = 1_795_000_060_000;
const TOKEN: &str = "fedflow_canary";

struct Bench {
    router: Router,
    clock: Arc<ManualClock>,
    access: Access,
}

/// Answers who came, by which credential and with which headers, and what the body was.
async fn echo(
    Extension(caller): Extension<Caller>,
    Extension(CredentialName(by)): Extension<CredentialName>,
    request: Request,
) -> Response {
    let names: Vec<String> = request.headers().keys().map(ToString::to_string).collect();
    let body = whole_body(request.into_body())
        .await
        .map(|body| String::from_utf8_lossy(&body).into_owned());
    let body = body.unwrap_or_default();
    let seen = serde_json::json!({"caller": format!("{caller:?}"), "by": &*by, "headers": names, "body": body});
    axum::Json(seen).into_response()
}

fn settings() -> AccessSettings {
    let text = format!(
        "[[clients]]\napp_key = 'ak'\nsecret = 'sk'\nparty = '9999'\n\
         [[clients]]\napp_key = 'old'\nsecret = 'sk'\nparty = '9999'\nexpires = '2026-01-01'\n\
         [[tokens]]\nname = 'ops'\nsha256 = '{}'\noperator = true\nexpires = '2027-01-01T00:00:00Z'\n\
         [[tokens]]\nsha256 = '{}'\nparty = '10000'\nexpires = '2026-11-19'\n",
        token::sha256(&daemon::Secret::new(TOKEN)),
        token::sha256(&daemon::Secret::new("ended")),
    );
    toml::from_str(&text).expect("settings")
}

fn bench() -> Bench {
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000)));
    let access = Access::open(settings(), None, clock.clone()).expect("settings");
    Bench {
        router: access.protect(Router::new().fallback(echo)),
        clock,
        access,
    }
}

impl Bench {
    async fn send(&self, request: Request) -> (u16, Value) {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let status = response.status().as_u16();
        let body = whole_body(response.into_body()).await.expect("body");
        (
            status,
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body))),
        )
    }

    async fn refusal(&self, request: Request) -> String {
        let (status, reply) = self.send(request).await;
        assert_eq!(
            (status, &reply["retcode"]),
            (200, &Value::from(109)),
            "{reply}"
        );
        assert_eq!(reply["fault"]["code"], "FF305");
        reply["retmsg"].as_str().expect("text").to_owned()
    }
}

fn with_token(token: &str) -> Request {
    let request = Request::post("/v1/job/query").header("authorization", format!("Bearer {token}"));
    request.body(Body::from("{}")).expect("request")
}

struct Signed<'a> {
    time: i64,
    nonce: &'a str,
    key: &'a str,
    secret: &'a str,
    target: &'a str,
    body: &'a str,
    form: &'a str,
}

impl Default for Signed<'_> {
    fn default() -> Self {
        Self {
            time: NOW,
            nonce: "b3a9",
            key: "ak",
            secret: "sk",
            target: "/v1/job/query",
            body: "",
            form: "",
        }
    }
}

impl Signed<'_> {
    fn signature(&self) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).expect("any length");
        let time = self.time.to_string();
        mac.update(
            [
                &*time,
                self.nonce,
                self.key,
                self.target,
                self.body,
                self.form,
            ]
            .join("\n")
            .as_bytes(),
        );
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// A request to the signed target with this content.
    fn request(&self, content_type: Option<&str>, body: impl Into<Body>) -> Request {
        let mut request = Request::post(self.target)
            .header("TIMESTAMP", self.time.to_string())
            .header("NONCE", self.nonce)
            .header("APP_KEY", self.key)
            .header("SIGNATURE", self.signature());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        request.body(body.into()).expect("request")
    }
}

#[test]
fn signs_as_the_client_does() {
    // made with the client's own lines
    let document = Signed {
        body: "{\"job_id\": \"1\"}",
        ..Signed::default()
    };
    assert_eq!(document.signature(), "FF8Ou4Z0u78RjVMcaswLm0s9Jko=");
    let nothing = Signed {
        target: "/v1/job/clean/queue",
        ..Signed::default()
    };
    assert_eq!(nothing.signature(), "AGcVmhTh3RKmwX3kprx+ORsLBJ4=");
}

#[tokio::test]
async fn takes_a_token_and_keeps_it_to_itself() {
    let bench = bench();
    let (status, seen) = bench.send(with_token(TOKEN)).await;
    assert_eq!(
        (status, &seen["caller"], &seen["body"]),
        (200, &"Outsider".into(), &"{}".into())
    );
    assert_eq!(seen["by"], "ops");
    assert!(!seen["headers"].to_string().contains("authorization"));
    assert_eq!(
        bench.refusal(with_token("fedflow_other")).await,
        "the bearer token is not known here"
    );
    let (_, seen) = bench.send(with_token("ended")).await;
    assert_eq!(
        (&seen["caller"], &seen["by"]),
        (&"PartyUser(PartyId(\"10000\"))".into(), &"token 2".into())
    );
    bench.clock.advance_millis(24 * 3_600_000);
    assert_eq!(
        bench.refusal(with_token("ended")).await,
        "the bearer token's time is over"
    );
}

#[tokio::test]
async fn takes_signed_requests_once() {
    let bench = bench();
    let signed = Signed {
        body: "{\"job_id\": \"1\"}",
        ..Signed::default()
    };
    let (_, seen) = bench
        .send(signed.request(Some("application/json"), signed.body))
        .await;
    assert_eq!(
        (&seen["caller"], &seen["body"]),
        (&"PartyUser(PartyId(\"9999\"))".into(), &signed.body.into())
    );
    assert_eq!(seen["by"], "ak");
    assert!(!seen["headers"].to_string().contains("signature"), "{seen}");
    assert_eq!(
        bench.refusal(signed.request(None, signed.body)).await,
        "Invalid NONCE"
    );
    bench.clock.advance_millis(60_000);
    assert_eq!(
        bench.refusal(signed.request(None, signed.body)).await,
        "Invalid NONCE",
        "as long as it would count"
    );
    bench.clock.advance_millis(1);
    let far = "TIMESTAMP is more than 60 seconds away from the server time";
    assert_eq!(bench.refusal(signed.request(None, signed.body)).await, far);
}

#[tokio::test]
async fn remembers_nonces_for_as_long_as_their_time_stamp_counts() {
    // wherever in a span of remembering it falls
    for phase in 0..8 {
        let bench = bench();
        bench.clock.advance_millis(phase * 17_000);
        let time = NOW + phase * 17_000 + 60_000;
        let signed = || {
            Signed {
                time,
                ..Signed::default()
            }
            .request(None, "")
        };
        assert!(
            bench.send(signed()).await.1["caller"].is_string(),
            "{phase}"
        );
        for _ in 0..12 {
            bench.clock.advance_millis(10_000);
            assert_eq!(bench.refusal(signed()).await, "Invalid NONCE", "{phase}");
        }
        bench.clock.advance_millis(1);
        assert!(
            bench
                .refusal(signed())
                .await
                .starts_with("TIMESTAMP is more")
        );
    }
}

#[tokio::test]
async fn says_in_the_words_of_the_reference_what_does_not_count() {
    let bench = bench();
    let plain = Request::post("/v1/job/query")
        .body(Body::empty())
        .expect("request");
    let needed = "requirement headers parameters: ['TIMESTAMP', 'NONCE', 'APP_KEY', 'SIGNATURE']";
    assert_eq!(bench.refusal(plain).await, needed);
    let mut no_number = Signed::default().request(None, "");
    no_number
        .headers_mut()
        .insert("timestamp", "soon".parse().expect("header"));
    assert_eq!(bench.refusal(no_number).await, "Invalid TIMESTAMP");
    for time in [NOW - 60_001, NOW + 60_001, i64::MAX, i64::MIN] {
        let text = bench
            .refusal(
                Signed {
                    time,
                    ..Signed::default()
                }
                .request(None, ""),
            )
            .await;
        assert_eq!(
            text, "TIMESTAMP is more than 60 seconds away from the server time",
            "{time}"
        );
    }
    for nonce in ["", &"n".repeat(257)] {
        assert_eq!(
            bench
                .refusal(
                    Signed {
                        nonce,
                        ..Signed::default()
                    }
                    .request(None, "")
                )
                .await,
            "Invalid NONCE"
        );
    }
    assert_eq!(
        bench
            .refusal(
                Signed {
                    key: "who",
                    ..Signed::default()
                }
                .request(None, "")
            )
            .await,
        "Unknown APP_KEY"
    );
    let text = bench
        .refusal(
            Signed {
                key: "old",
                ..Signed::default()
            }
            .request(None, ""),
        )
        .await;
    assert!(text.starts_with("Unknown APP_KEY"), "{text}");
    let wrong = "signature authentication failed";
    assert_eq!(
        bench
            .refusal(
                Signed {
                    secret: "no",
                    ..Signed::default()
                }
                .request(None, "")
            )
            .await,
        wrong
    );
    let mut torn = Signed::default().request(None, "");
    torn.headers_mut()
        .insert("signature", "%%%".parse().expect("header"));
    assert_eq!(bench.refusal(torn).await, wrong);
    // none of them used the nonce up
    assert!(bench.send(Signed::default().request(None, "")).await.1["caller"].is_string());
}

#[tokio::test]
async fn refuses_what_was_changed_on_the_way() {
    let bench = bench();
    let wrong = "signature authentication failed";
    let signed = Signed {
        body: "{\"job_id\": \"1\"}",
        ..Signed::default()
    };
    for kind in [
        None,
        Some("application/json"),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        assert_eq!(
            bench
                .refusal(signed.request(kind, "{\"job_id\": \"2\"}"))
                .await,
            wrong,
            "{kind:?}"
        );
        // what was signed as empty gains no document, whatever its type says
        assert_eq!(
            bench
                .refusal(Signed::default().request(kind, "{\"job_id\": \"2\"}"))
                .await,
            wrong,
            "{kind:?}"
        );
    }
    let form = Some("multipart/form-data; boundary=X");
    assert_eq!(
        bench
            .refusal(Signed::default().request(form, "{\"job_id\": \"2\"}"))
            .await,
        wrong
    );
    let mut elsewhere = signed.request(None, signed.body);
    *elsewhere.uri_mut() = "/v1/job/stop".parse().expect("path");
    assert_eq!(bench.refusal(elsewhere).await, wrong);
    let mut asked = signed.request(None, signed.body);
    *asked.uri_mut() = "/v1/job/query?drop=1".parse().expect("path");
    assert_eq!(bench.refusal(asked).await, wrong);
}

#[tokio::test]
async fn takes_an_empty_object_signed_or_not() {
    let bench = bench();
    for (nonce, body) in [("1", ""), ("2", "{}")] {
        let signed = Signed {
            nonce,
            body,
            ..Signed::default()
        };
        assert!(
            bench
                .send(signed.request(Some("application/json"), "{}"))
                .await
                .1["caller"]
                .is_string(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn compares_a_body_as_it_came_and_takes_a_small_one_only() {
    let bench = bench();
    let wrong = "signature authentication failed";
    // What is no JSON is no empty document: it is signed like any other body.
    for (nonce, body) in ["{\"a\": ", "nothing", &"[".repeat(100), "{\"a\": 1} x"]
        .into_iter()
        .enumerate()
    {
        let nonce = nonce.to_string();
        let unsigned = Signed {
            nonce: &nonce,
            ..Signed::default()
        };
        assert_eq!(
            bench.refusal(unsigned.request(None, body.to_owned())).await,
            wrong,
            "{body}"
        );
        let signed = Signed {
            nonce: &nonce,
            body,
            ..Signed::default()
        };
        assert!(
            bench.send(signed.request(None, body.to_owned())).await.1["caller"].is_string(),
            "{body}"
        );
    }
    let most = " ".repeat(content::MOST);
    let signed = Signed {
        nonce: "most",
        body: &most,
        ..Signed::default()
    };
    assert!(bench.send(signed.request(None, most.clone())).await.1["caller"].is_string());
    let more = format!("{most} ");
    let signed = Signed {
        nonce: "more",
        body: &more,
        ..Signed::default()
    };
    let (status, reply) = bench.send(signed.request(None, more.clone())).await;
    assert_eq!(status, 413, "{reply}");
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("bearer token")),
        "{reply}"
    );
    // a token says at once who it is, so what comes with it is bounded where it is read
    let request = Request::post("/v1/job/query").header("authorization", format!("Bearer {TOKEN}"));
    let (_, seen) = bench
        .send(request.body(Body::from(more.clone())).expect("request"))
        .await;
    assert_eq!(seen["body"].as_str().map(str::len), Some(more.len()));
}

#[tokio::test]
async fn a_signed_request_counts_once_across_a_restart() {
    let folder = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000)));
    let started = || {
        let access =
            Access::open_in(folder.path(), settings(), None, clock.clone()).expect("opened");
        Bench {
            router: access.protect(Router::new().fallback(echo)),
            clock: clock.clone(),
            access,
        }
    };
    let signed = |nonce: &str, time: i64| {
        Signed {
            nonce,
            time,
            ..Signed::default()
        }
        .request(None, "")
    };
    let bench = started();
    assert!(bench.send(signed("first", NOW + 60_000)).await.1["caller"].is_string());
    for _ in 0..3 {
        let again = started();
        assert_eq!(
            again.refusal(signed("first", NOW + 60_000)).await,
            "Invalid NONCE"
        );
        clock.advance_millis(30_000);
    }
    let bench = started();
    assert!(
        bench.send(signed("second", NOW + 100_000)).await.1["caller"].is_string(),
        "others count"
    );
    // the span turns, and the line that a crash tears is none
    clock.advance_millis(30_000);
    std::fs::OpenOptions::new()
        .append(true)
        .open(folder.path().join("nonces"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"00000"))
        .expect("written");
    let bench = started();
    assert_eq!(
        bench.refusal(signed("second", NOW + 100_000)).await,
        "Invalid NONCE"
    );
    assert_eq!(
        bench.refusal(signed("first", NOW + 60_000)).await,
        "Invalid NONCE",
        "as long as it would count"
    );
    drop(bench);
    std::fs::remove_file(folder.path().join("nonces")).expect("removed");
    std::fs::create_dir(folder.path().join("nonces")).expect("made");
    let opened = Access::open_in(folder.path(), settings(), None, clock.clone());
    assert!(
        opened
            .expect_err("it cannot be kept")
            .message
            .contains("used nonces")
    );
}

#[tokio::test]
async fn takes_forms_whose_file_is_not_signed_and_passes_them_on_whole() {
    let bench = bench();
    let form = Some("multipart/form-data; boundary=X");
    let file = format!(
        "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"g.csv\"\r\n\r\n{}\r\n--X--\r\n",
        "1,0\n".repeat(1 << 20)
    );
    let pieces = |text: &str| {
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(100_003)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    let target = "/v1/data/upload?%7B%22file%22:%20%22/data/g.csv%22,%20%22head%22:%201%7D";
    let (_, seen) = bench
        .send(
            Signed {
                target,
                ..Signed::default()
            }
            .request(form, pieces(&file)),
        )
        .await;
    assert!(seen["body"] == file.as_str(), "nothing of the body is lost");

    let import = "--X\r\ncontent-disposition: form-data; name=\"role\"\r\n\r\nguest\r\n\
         --X\r\ncontent-disposition: form-data; name=\"party_id\"\r\n\r\n9999\r\n\
         --X\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n/tmp/a b/x~y.zip\r\n\
         --X\r\ncontent-disposition: form-data; name=\"model_id\"\r\n\r\nguest-9999#host-10000#model\r\n\
         --X\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nä/+&\r\n"
        .to_owned()
        + &file;
    let bench = self::bench();
    let target = "/v1/model/import";
    let mut request = Signed {
        target,
        ..Signed::default()
    }
    .request(form, import.clone());
    assert_eq!(
        bench.refusal(request).await,
        "signature authentication failed",
        "the fields are signed, too"
    );
    request = Signed {
        target,
        ..Signed::default()
    }
    .request(form, import.clone());
    // made with the client's own lines
    request.headers_mut().insert(
        "signature",
        "QYZOBNT0vGGqTPqAFlpIz/DLGx0=".parse().expect("header"),
    );
    let (_, seen) = bench.send(request).await;
    assert!(seen["body"] == import.as_str(), "{}", seen["retmsg"]);

    // A form that is read to its end while its fields are looked for; its stream may not be asked again behind that end.
    let short = Signed {
        target,
        nonce: "short",
        form: "role=guest",
        ..Signed::default()
    };
    let whole = "--X\r\ncontent-disposition: form-data; name=\"role\"\r\n\r\nguest\r\n--X--\r\n";
    let once = futures_util::stream::unfold(Some(whole), |left| async move {
        Some((Ok::<_, std::io::Error>(left?), None))
    });
    let (_, seen) = bench
        .send(short.request(form, Body::from_stream(once)))
        .await;
    assert!(seen["body"] == whole, "{}", seen["retmsg"]);
}

#[tokio::test]
async fn refuses_fields_beyond_their_bound() {
    let bench = bench();
    let form = Some("multipart/form-data; boundary=X");
    let pieces =
        (0..200).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'a'; 16 << 10])));
    let opening = "--X\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n";
    let body = std::iter::once(Ok(bytes::Bytes::from(opening))).chain(pieces);
    let body = Body::from_stream(futures_util::stream::iter(body.collect::<Vec<_>>()));
    assert_eq!(
        bench.refusal(Signed::default().request(form, body)).await,
        "signature authentication failed"
    );
}

#[tokio::test]
async fn answers_file_routes_with_another_status_and_open_pages_to_everybody() {
    let bench = bench();
    for path in crate::fate_reply::FILE_ROUTES {
        let request = Request::get(format!("{path}/"))
            .body(Body::empty())
            .expect("request");
        let (status, reply) = bench.send(request).await;
        assert_eq!(
            (status, &reply["retcode"]),
            (400, &Value::from(109)),
            "{path}"
        );
    }
    let open = Router::new().fallback(|| async { axum::Json("page") });
    let open = Bench {
        router: bench.access.protect(open),
        ..bench
    };
    for path in OPEN {
        let request = Request::get(path).body(Body::empty()).expect("request");
        assert_eq!(open.send(request).await, (200, "page".into()), "{path}");
    }
}

#[test]
fn says_what_is_wrong_with_the_settings() {
    let hash = token::sha256(&daemon::Secret::new(TOKEN));
    let read = |text: &str, own: Option<&str>| {
        let settings: AccessSettings =
            toml::from_str(&text.replace("HASH", &hash)).expect("well formed");
        let own = own.map(|own| PartyId::new(own).expect("valid"));
        let opened = Access::open(settings, own, Arc::new(ManualClock::default()));
        opened.map(|_| ()).map_err(|fault| fault.message)
    };
    let client = "[[clients]]\napp_key = 'ak'\nsecret = 'sk'\n";
    let token = "[[tokens]]\nsha256 = 'HASH'\nexpires = '2027-01-01'\n";
    for (text, own, part) in [
        (String::new(), None, "nobody is named"),
        (client.to_owned(), None, "is nobody's"),
        (
            format!("{client}party = '1'\noperator = true\n"),
            None,
            "not of both",
        ),
        (
            format!("{client}operator = true\n"),
            Some("1"),
            "there is no operator",
        ),
        (
            format!("{client}party = '2'\n"),
            Some("1"),
            "this is the REST endpoint of party 1",
        ),
        (format!("{client}{client}"), Some("1"), "twice"),
        (
            "[[clients]]\napp_key = 'ak'\n".to_owned(),
            Some("1"),
            "no secret",
        ),
        (
            "[[clients]]\napp_key = 'ak'\nsecret = ''\n".to_owned(),
            Some("1"),
            "empty",
        ),
        (
            format!("{client}secret_file = 'x'\n"),
            Some("1"),
            "two secrets",
        ),
        (
            "[[clients]]\napp_key = 'ak'\nsecret_file = '/none/such'\n".to_owned(),
            Some("1"),
            "/none/such",
        ),
        (
            format!("{client}expires = 'never'\n"),
            Some("1"),
            "not a date",
        ),
        (
            "[[tokens]]\nsha256 = 'ab'\nexpires = '2027-01-01'\n".to_owned(),
            Some("1"),
            "64 hexadecimal digits",
        ),
        (format!("{token}{token}"), Some("1"), "twice"),
        ("file = '/none/such'\n".to_owned(), Some("1"), "/none/such"),
    ] {
        let message = read(&text, own).expect_err(part);
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(read(client, Some("1")), Ok(()));
    assert_eq!(read(&format!("{token}party = '1'\n"), Some("1")), Ok(()));
}

#[tokio::test]
async fn reads_a_file_of_tokens_again() {
    let folder = tempfile::tempdir().expect("folder");
    let line = |token: &str| {
        let hash = token::sha256(&daemon::Secret::new(token));
        format!("[[tokens]]\nsha256 = '{hash}'\nparty = '1'\nexpires = '2030-01-01'\n")
    };
    let path = folder.path().join("access.toml");
    std::fs::write(&path, line("first")).expect("written");
    std::fs::write(folder.path().join("secret"), "sk\n").expect("written");
    let settings: AccessSettings = toml::from_str(
        "file = 'access.toml'\n[[clients]]\napp_key = 'ak'\nsecret_file = 'secret'\nparty = '1'\n",
    )
    .expect("settings");
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000)));
    let access =
        Access::open(settings.below(folder.path()), None, clock.clone()).expect("settings");
    let bench = Bench {
        router: access.protect(Router::new().fallback(echo)),
        clock,
        access,
    };
    assert_eq!(bench.send(with_token("first")).await.0, 200);
    assert!(
        bench.send(Signed::default().request(None, "")).await.1["caller"].is_string(),
        "the file's secret"
    );
    // A file that is being written counts as before, for a minute; a removal must not wait for longer.
    std::fs::write(&path, "[[tokens").expect("written");
    bench.access.reload().expect_err("unusable");
    bench.clock.advance_millis(GRACE_MILLIS - 1);
    bench.access.reload().expect_err("unusable");
    assert!(bench.send(with_token("first")).await.1["caller"].is_string());
    bench.clock.advance_millis(1);
    bench.access.reload().expect_err("unusable");
    assert_eq!(
        bench.refusal(with_token("first")).await,
        "the bearer token is not known here"
    );
    assert!(bench.access.refused().1);
    assert!(
        bench.send(Signed::default().request(None, "")).await.0 == 200,
        "the settings' own client counts"
    );
    std::fs::write(&path, line("second")).expect("written");
    bench.access.reload().expect("usable");
    assert!(bench.send(with_token("second")).await.1["caller"].is_string());
    assert_eq!(
        bench.refusal(with_token("first")).await,
        "the bearer token is not known here"
    );
}

#[tokio::test]
async fn a_wrong_entry_of_the_file_keeps_no_other_from_being_added_or_removed() {
    let folder = tempfile::tempdir().expect("folder");
    let line = |name: &str| {
        let hash = token::sha256(&daemon::Secret::new(name));
        format!(
            "[[tokens]]\nname = '{name}'\nsha256 = '{hash}'\nparty = '1'\nexpires = '2030-01-01'\n"
        )
    };
    let path = folder.path().join("access.toml");
    std::fs::write(&path, [line("leaves"), line("stays")].concat()).expect("written");
    let settings = AccessSettings {
        file: Some(path.clone()),
        ..AccessSettings::default()
    };
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000)));
    let access = Access::open(settings.clone(), None, clock.clone()).expect("settings");
    let bench = Bench {
        router: access.protect(Router::new().fallback(echo)),
        clock: clock.clone(),
        access,
    };
    assert_eq!(bench.send(with_token("leaves")).await.0, 200);
    // One leaves, one comes, and every kind of mistake stands between them.
    let wrong = "[[tokens]]\nname = 'short'\nsha256 = 'ab'\nparty = '1'\nexpires = '2030-01-01'\n\
                 [[tokens]]\nsha256 = 5\n\
                 [[clients]]\napp_key = 'torn'\nsecret_file = 'none'\nparty = '1'\n\
                 [[clients]]\napp_key = 'odd'\nsecret = 'sk'\nparty = '1'\ncolour = 'red'\n\
                 [[clients]]\nsecret = 'sk'\n";
    let twice = line("stays").replace("name = 'stays'", "name = 'again'");
    std::fs::write(
        &path,
        [&line("stays"), wrong, &twice, &line("comes")].concat(),
    )
    .expect("written");
    bench.access.reload().expect("what can be used is used");
    for token in ["stays", "comes"] {
        assert!(
            bench.send(with_token(token)).await.1["caller"].is_string(),
            "{token}"
        );
    }
    assert_eq!(
        bench.refusal(with_token("leaves")).await,
        "the bearer token is not known here"
    );
    let (mut names, unreadable) = bench.access.refused();
    names.sort();
    assert_eq!(
        names,
        [
            "client 3",
            "client odd",
            "client torn",
            "token 3",
            "token again",
            "token short"
        ]
    );
    assert!(!unreadable);
    // The last of them is taken out: nobody comes in, and nothing holds the removal up.
    std::fs::write(&path, "").expect("written");
    bench.access.reload().expect("an empty list is one");
    assert_eq!(
        bench.refusal(with_token("stays")).await,
        "the bearer token is not known here"
    );
    assert!(bench.access.refused().0.is_empty());
    // A daemon starts over such a file, with the REST endpoint shut for those whom it would name.
    std::fs::write(&path, "[[tokens").expect("written");
    let access = Access::open(settings, None, clock).expect("starts");
    assert!(access.refused().1);
}

#[tokio::test]
async fn takes_the_headers_of_a_signature_in_every_spelling_but_never_twice() {
    let bench = bench();
    for (number, name) in ["APP-KEY", "app-key", "App_Key"].into_iter().enumerate() {
        let nonce = format!("n{number}");
        let mut request = Signed {
            nonce: &nonce,
            ..Signed::default()
        }
        .request(None, "");
        request.headers_mut().remove("app_key");
        request.headers_mut().insert(
            http::HeaderName::try_from(name).expect("name"),
            "ak".parse().expect("header"),
        );
        let (status, seen) = bench.send(request).await;
        assert_eq!(status, 200);
        assert!(seen["caller"].is_string(), "{name}: {seen}");
    }
    let needed = "requirement headers parameters: ['TIMESTAMP', 'NONCE', 'APP_KEY', 'SIGNATURE']";
    // Whichever of two is looked at, somebody on the way may have added it.
    for (name, value) in [
        ("app-key", "ak"),
        ("app-key", "who"),
        ("app_key", "ak"),
        ("nonce", "b3a9"),
        ("timestamp", "1"),
        ("signature", "AA=="),
    ] {
        let mut request = Signed::default().request(None, "");
        request.headers_mut().append(
            http::HeaderName::from_static(name),
            value.parse().expect("header"),
        );
        assert_eq!(bench.refusal(request).await, needed, "{name}: {value}");
    }
    assert!(
        bench.send(Signed::default().request(None, "")).await.1["caller"].is_string(),
        "no nonce was used up"
    );
}

/// A body that never ends, of a request whose length nobody knows.
fn trickle() -> Body {
    let begin = futures_util::stream::iter([Ok::<_, std::io::Error>("{".to_owned())]);
    Body::from_stream(begin.chain(futures_util::stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn whoever_trickles_bodies_in_a_clients_name_keeps_nobody_out() {
    let text = "[[clients]]\napp_key = 'ak'\nsecret = 'sk'\nparty = '9999'\n\
                [[clients]]\napp_key = 'other'\nsecret = 'sk'\nparty = '10000'\n";
    let clock = Arc::new(ManualClock::at(Timestamp(NOW * 1_000)));
    let access = Access::open(toml::from_str(text).expect("settings"), None, clock.clone())
        .expect("settings");
    let bench = Bench {
        router: access.protect(Router::new().fallback(echo)),
        clock,
        access,
    };
    let mut slow = tokio::task::JoinSet::new();
    for number in 0..2 * turns::AT_ONCE {
        // the name is known to all, the secret is not
        let nonce = format!("slow {number}");
        let request = Signed {
            nonce: &nonce,
            secret: "guessed",
            ..Signed::default()
        }
        .request(None, trickle());
        slow.spawn(bench.router.clone().oneshot(request));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = tokio::time::Instant::now();
    let body = "{\"job_id\": \"1\"}";
    // a small document of the same client, and one of unknown length of another
    let mut small = Signed {
        nonce: "small",
        body,
        ..Signed::default()
    }
    .request(None, body);
    small
        .headers_mut()
        .insert("content-length", body.len().into());
    assert_eq!(bench.send(small).await.1["by"], "ak");
    let other = Signed {
        nonce: "other",
        key: "other",
        body,
        ..Signed::default()
    };
    assert_eq!(bench.send(other.request(None, body)).await.1["by"], "other");
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    // a large one of the same client waits for its turn and is told so
    let large = Signed {
        nonce: "large",
        body,
        ..Signed::default()
    };
    let (status, reply) = bench.send(large.request(None, body)).await;
    assert_eq!(status, BUSY, "{reply}");
}
