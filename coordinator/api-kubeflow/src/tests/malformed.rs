//! Ten thousand requests and ten thousand messages of which hardly one is well formed: each is answered, none by 5xx.

use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use prost::Message;
use serde_json::Value;
use tower::ServiceExt;

use super::fixture::World;
use crate::proto::{CreateExperimentRequest, Experiment, ListExperimentsRequest, ResourceKey};

const MANY: usize = 10_000;

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).expect("small")
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    /// Changes, drops, repeats or inserts some bytes.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] = self.byte(),
                1 => bytes.truncate(at),
                2 => {
                    let byte = self.byte();
                    bytes.insert(at, byte);
                }
                _ => {
                    let copy = bytes[at..].to_vec();
                    bytes.extend(copy);
                }
            }
        }
    }
}

const PARTS: [&str; 24] = [
    "experiments",
    "x",
    ":",
    "archive",
    "%",
    "%00",
    "%ff",
    "..",
    "page_size=",
    "-1",
    "9999999999",
    "filter=",
    "{\"predicates\":[",
    "{\"op\":1,\"key\":\"name\"}",
    "]}",
    "sort_by=",
    "name desc",
    "page_token=",
    "eyJvIjoxfQ",
    "resource_reference_key.type=",
    "&",
    "=",
    "[[[[[[[[",
    "\u{e4}",
];

fn target(numbers: &mut Numbers) -> String {
    let mut target = String::from("/apis/v1beta1/");
    if numbers.below(3) > 0 {
        target.push_str("experiments");
    }
    for join in ["/", "?", "&"] {
        for _ in 0..numbers.below(4) {
            target.push_str(join);
            for _ in 0..=numbers.below(2) {
                target.push_str(&numbers.of(&PARTS).replace(' ', "%20").replace('"', "%22"));
            }
        }
    }
    target
}

#[tokio::test]
async fn answers_ten_thousand_malformed_requests() {
    let world = World::open().await;
    world.make("x").await;
    let mut numbers = Numbers(0x5eed_0001);
    let body = br#"{"name":"n","storage_state":1,"resource_references":[{"key":{"type":"NAMESPACE","id":"a"}}],"created_at":"2026-01-01T00:00:00Z"}"#;
    for _ in 0..MANY {
        let mut sent = body.to_vec();
        numbers.spoil(&mut sent);
        let method = numbers.of(&["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"]);
        let target = target(&mut numbers);
        let Ok(request) = Request::builder()
            .method(method)
            .uri(&target)
            .body(Body::from(sent))
        else {
            continue;
        };
        let response = world
            .server
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (status, kind) = (
            response.status().as_u16(),
            response.headers()["content-type"].clone(),
        );
        let answer = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        match status {
            404 | 405 if kind == "text/plain; charset=utf-8" => {}
            200 | 400 | 404 | 409 => {
                let answer: Value =
                    serde_json::from_slice(&answer).unwrap_or_else(|_| panic!("{method} {target}"));
                assert_eq!(
                    answer["code"].is_number(),
                    status != 200,
                    "{method} {target}: {answer}"
                );
            }
            other => panic!("{method} {target} is answered with {other}"),
        }
    }
}

#[tokio::test]
async fn answers_ten_thousand_malformed_messages() {
    let world = World::open().await;
    let mut numbers = Numbers(0x5eed_0002);
    let create = Experiment {
        name: "n".to_owned(),
        description: "d".to_owned(),
        ..Experiment::default()
    };
    let create = CreateExperimentRequest {
        experiment: Some(create),
    }
    .encode_to_vec();
    let list = ListExperimentsRequest {
        page_token: "eyJvIjoxfQ".to_owned(),
        page_size: 7,
        sort_by: "name".to_owned(),
        filter: r#"{"predicates":[{"op":1,"key":"name","string_value":"x"}]}"#.to_owned(),
        resource_reference_key: Some(ResourceKey {
            r#type: 5,
            id: String::new(),
        }),
    }
    .encode_to_vec();
    for _ in 0..MANY {
        let method = numbers.of(&[
            "CreateExperiment",
            "ListExperiment",
            "GetExperiment",
            "DeleteExperiment",
            "ArchiveExperiment",
            "Frob",
        ]);
        let mut message = numbers.of(&[&create[..], &list[..]]).to_vec();
        numbers.spoil(&mut message);
        let length = u32::try_from(message.len()).expect("short").to_be_bytes();
        let mut frame = [&[0][..], &length, &message].concat();
        if numbers.below(4) == 0 {
            numbers.spoil(&mut frame);
        }
        let request = Request::builder()
            .method(numbers.of(&["POST", "POST", "POST", "GET"]))
            .uri(format!("/api.ExperimentService/{method}"))
            .header("content-type", "application/grpc")
            .body(Body::from(frame))
            .expect("a request");
        let response = world
            .server
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        assert!(
            response.status().as_u16() < 500,
            "{method}: {:?}",
            response.status()
        );
        let in_headers = response.headers().get("grpc-status").cloned();
        let trailers = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .trailers()
            .cloned();
        let status = in_headers
            .or_else(|| trailers.and_then(|trailers| trailers.get("grpc-status").cloned()));
        let status = status.expect("a status").to_str().expect("text").to_owned();
        let expected = ["0", "3", "5", "6", "12"];
        assert!(
            expected.contains(&status.as_str()),
            "{method} is answered with {status}"
        );
    }
}
