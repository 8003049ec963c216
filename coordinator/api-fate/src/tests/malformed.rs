//! Ten thousand malformed requests, made from the table of routes and the OpenAPI document: every answer keeps the API's form.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::fixture::{TRAIN, UPLOAD, WAITING, World};
use crate::{Kind, ROUTES, Route, Status, openapi};

#[path = "../../../../common/rest/src/junk.rs"]
mod junk;

const REQUESTS: usize = 10_000;
const LIKELY: [&str; 16] = [
    TRAIN,
    UPLOAD,
    WAITING,
    "guest",
    "host",
    "local",
    "9999",
    "10000",
    "hetero_lr_0",
    "reader_0",
    "experiment",
    "breast",
    "arbiter-10000#guest-9999#host-10000#model",
    "[\"a\", {\"b\": 1}]",
    "2026-11-23",
    "success",
];

/// The members of a route's body, as the document tells them.
fn members(document: &Value, route: &Route) -> Vec<String> {
    let path = &document["paths"][format!("/v1/{}", route.path.replace("{*", "{"))];
    let operation = if path["post"].is_object() {
        &path["post"]
    } else {
        &path["get"]
    };
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
    schema
        .as_object()
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// Whether an answer has the API's form. `is_near` tells that the path is only near the route's.
fn is_in_form(
    route: &Route,
    is_near: bool,
    status: u16,
    headers: &axum::http::HeaderMap,
    body: &[u8],
    is_head: bool,
) -> bool {
    let is_file = headers.contains_key("content-disposition");
    if is_file {
        return status == 200;
    }
    // a file route that answered with HTTP 200 and no file would be unpacked; its other methods are no file routes
    let reply: Value = serde_json::from_slice(body).unwrap_or_default();
    let unknown = reply["retmsg"]
        .as_str()
        .is_some_and(|text| text.starts_with('<'));
    if route.mark.kind == Kind::File
        && !is_near
        && status == 200
        && reply["retcode"] != 0
        && !unknown
        && !is_head
    {
        return false;
    }
    is_head || (reply["retcode"].is_i64() && reply["retmsg"].is_string())
}

#[tokio::test(start_paused = true)]
async fn answers_ten_thousand_malformed_requests_in_the_form_of_the_api() {
    let world = World::open().await;
    let stop = CancellationToken::new();
    let (coordinator, ended) = (world.coordinator.clone(), stop.clone());
    let looping = tokio::task::spawn(async move { coordinator.run(ended).await });
    let (document, mut junk) = (openapi(), junk::Junk::seeded(0x5eed_2026));
    let known: Vec<Vec<String>> = ROUTES
        .iter()
        .map(|route| members(&document, route))
        .collect();
    for index in 0..REQUESTS {
        // every route in turn, so that none is left out
        let at = index % ROUTES.len();
        let route = &ROUTES[at];
        let mut path = route.path.replace("{*rest}", "x/y");
        for name in ["{name}", "{model}", "{version}"] {
            path = path.replace(
                name,
                junk.pick::<&str>(&[
                    "x",
                    "..",
                    "%2e%2e%2f",
                    "hetero_lr",
                    "a%00",
                    "%ff",
                    "-",
                    "guest~9999",
                ]),
            );
        }
        let (told, request) = junk.request(&format!("/v1/{path}"), &known[at], &LIKELY);
        let is_head = request.method() == axum::http::Method::HEAD;
        let is_near = request.uri().path().trim_end_matches('/') != format!("/v1/{path}");
        let (status, headers, body) = world.send(request).await;
        let unsupported = status == 501 && route.mark.status == Status::Unsupported;
        assert!(status < 500 || unsupported, "{status}: {told}");
        assert!(
            is_in_form(route, is_near, status, &headers, &body, is_head),
            "{status} {}: {told}",
            String::from_utf8_lossy(&body)
        );
        for (_, target) in world.agents.targets() {
            assert!(
                target.starts_with("/v1/") && !target.contains(".."),
                "{target}: {told}"
            );
        }
        world.agents.seen.lock().expect("lock").clear();
    }
    stop.cancel();
    looping.await.expect("ended");
}
