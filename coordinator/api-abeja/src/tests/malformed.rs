//! Ten thousand malformed requests, made from the table of routes: every answer keeps the API's form, and none is the server's
//! fault.

use serde_json::Value;

use super::fixture::{ORGANIZATION, World};
use crate::ROUTES;
use api_fixture::TRAIN;

#[path = "../../../../common/rest/src/junk.rs"]
mod junk;

const REQUESTS: usize = 10_000;

#[tokio::test(start_paused = true)]
async fn answers_ten_thousand_malformed_requests_in_the_form_of_the_api() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let target = runs.split('/').nth(4).expect("an id").to_owned();
    let likely = [
        version.as_str(),
        target.as_str(),
        TRAIN,
        "True",
        "include_archived",
        "$datalake:1",
        "2020-01-02T03:04:05",
    ];
    let mut junk = junk::Junk::seeded(0x5eed_abe1);
    for index in 0..REQUESTS {
        // every route in turn, so that none is left out
        let route = &ROUTES[index % ROUTES.len()];
        let mut path = route.path.to_owned();
        for part in route.path.split('/').filter(|part| part.starts_with('{')) {
            let with = match part {
                "{organization}" => ORGANIZATION,
                "{deployment}" => target.as_str(),
                "{version}" => version.as_str(),
                _ => junk.pick::<&str>(&[
                    "x",
                    "..",
                    "%2e%2e%2f",
                    "1234567890123",
                    "a%00",
                    "%ff",
                    "-",
                    "run-0",
                    "%F0%9F%98%80",
                ]),
            };
            path = path.replacen(part, with, 1);
        }
        let names = route
            .members()
            .chain(route.query.iter().copied())
            .map(str::to_owned);
        let (told, request) = junk.request(&path, &names.collect::<Vec<_>>(), &likely);
        let is_head = request.method() == axum::http::Method::HEAD;
        let (status, _, body) = world.send(request).await;
        assert!(
            status < 500,
            "{status} {}: {told}",
            String::from_utf8_lossy(&body)
        );
        let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
        let refused = reply["error"].is_string() && reply["error_description"].is_string();
        assert!(
            is_head || reply.is_object(),
            "{status} {}: {told}",
            String::from_utf8_lossy(&body)
        );
        assert!(
            is_head || refused == (status >= 400),
            "{status} {reply}: {told}"
        );
        for target in std::mem::take(&mut *world.agents.targets.lock().expect("lock")) {
            assert!(
                target.starts_with("/v1/") && !target.contains(".."),
                "{target}: {told}"
            );
        }
    }
}
