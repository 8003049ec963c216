//! The same contract for a folder and for a small server that speaks as much S3 as is used here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::*;

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// Answers PUT (with `If-None-Match: *`), GET and HEAD of signed requests; others are refused as S3 refuses them.
async fn s3(State(objects): State<Objects>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !is_signed(&head.headers) {
        let text = "<Error><Code>AccessDenied</Code><Message>not signed by AKID</Message></Error>";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let path = head.uri.path().to_owned();
    let content = body.collect().await.expect("a body").to_bytes();
    let mut objects = objects.lock().expect("lock");
    match head.method.as_str() {
        "PUT" if head.headers.contains_key("if-none-match") && objects.contains_key(&path) => (
            StatusCode::PRECONDITION_FAILED,
            "<Error><Code>PreconditionFailed</Code></Error>",
        )
            .into_response(),
        "PUT" => {
            objects.insert(path, content);
            (StatusCode::OK, [("etag", "\"1\"")], Body::empty()).into_response()
        }
        _ => match objects.get(&path) {
            Some(found) => {
                let stamps = [
                    ("etag", "\"1\""),
                    ("last-modified", "Fri, 27 Nov 2026 12:00:00 GMT"),
                ];
                (StatusCode::OK, stamps, found.clone()).into_response()
            }
            None => (
                StatusCode::NOT_FOUND,
                "<Error><Code>NoSuchKey</Code></Error>",
            )
                .into_response(),
        },
    }
}

fn is_signed(headers: &HeaderMap) -> bool {
    let signature = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") && headers.contains_key("x-amz-date")
}

async fn server() -> (String, Objects) {
    let objects = Objects::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(s3).with_state(objects.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, objects)
}

fn settings(url: &str, endpoint: Option<&str>) -> ModelStoreSettings {
    ModelStoreSettings {
        url: url.to_owned(),
        endpoint: endpoint.map(str::to_owned),
        region: None,
        credentials: None,
    }
}

fn keys(id: &'static str) -> impl Fn(&str) -> Option<String> {
    move |name| match name {
        "AWS_ACCESS_KEY_ID" => Some(id.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("s3cr3t".to_owned()),
        _ => None,
    }
}

fn subject() -> Subject {
    Subject::of_party_model("guest#9999#guest-9999#host-10000#model", "2026").expect("a part")
}

async fn keeps_the_contract(store: &ModelStore) {
    let subject = subject();
    assert!(matches!(
        store.fetch(&subject).await,
        Err(ArchiveError::Missing(_))
    ));
    let place = store
        .keep(&subject, Bytes::from_static(b"one"), false)
        .await
        .expect("kept");
    assert!(
        place.starts_with(store.url()) && place.ends_with("/2026.zip"),
        "{place}"
    );
    assert_eq!(store.fetch(&subject).await.expect("fetched"), "one");
    assert!(matches!(
        store
            .keep(&subject, Bytes::from_static(b"two"), false)
            .await,
        Err(ArchiveError::Exists(_))
    ));
    assert_eq!(store.fetch(&subject).await.expect("fetched"), "one");
    store
        .keep(&subject, Bytes::from_static(b"three"), true)
        .await
        .expect("replaced");
    assert_eq!(store.fetch(&subject).await.expect("fetched"), "three");
    let other = Subject {
        model_version: "../../2026".to_owned(),
        ..subject
    };
    assert!(matches!(
        store.fetch(&other).await,
        Err(ArchiveError::Missing(_))
    ));
}

#[tokio::test]
async fn keeps_archives_in_a_folder_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("a/b");
    let store =
        ModelStore::open(&settings(&format!("file://{}", inner.display()), None)).expect("opened");
    keeps_the_contract(&store).await;
    let climbing = Subject {
        model_version: "../../../x".to_owned(),
        ..subject()
    };
    store
        .keep(&climbing, Bytes::from_static(b"x"), false)
        .await
        .expect("kept");
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
}

#[tokio::test]
async fn keeps_archives_in_a_bucket() {
    let (address, objects) = server().await;
    let store = ModelStore::open_with(&settings("s3://models/fed/x", Some(&address)), keys("AKID"))
        .expect("opened");
    keeps_the_contract(&store).await;
    let names: Vec<String> = objects.lock().expect("lock").keys().cloned().collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("/models/fed/x/guest%")),
        "{names:?}"
    );
}

#[tokio::test]
async fn says_what_the_server_says_and_never_the_keys() {
    let (address, _) = server().await;
    let store = ModelStore::open_with(&settings("s3://models", Some(&address)), keys("OTHER"))
        .expect("opened");
    let error = store
        .fetch(&subject())
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("not signed by AKID") && !error.contains("s3cr3t"),
        "{error}"
    );
}

#[test]
fn refuses_settings_that_name_no_place() {
    for url in [
        "",
        "models",
        "http://x/y",
        "file://models",
        "s3://",
        "s3:///x",
    ] {
        assert!(
            matches!(
                ModelStore::open_with(&settings(url, None), keys("AKID")),
                Err(ArchiveError::Settings(_))
            ),
            "{url}"
        );
    }
    let without = ModelStore::open_with(&settings("s3://models", None), |_| None);
    assert!(matches!(without, Err(ArchiveError::Settings(_))));
}
