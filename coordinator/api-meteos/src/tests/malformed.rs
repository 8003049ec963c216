//! Ten thousand malformed requests, made from the table of routes: every answer keeps the API's form, and none is a 5xx.

use serde_json::Value;

use super::world::World;
use crate::{Action, ROUTES};

#[path = "../../../../common/rest/src/junk.rs"]
mod junk;

use junk::Junk;

const REQUESTS: usize = 10_000;

/// Whether an answer has the API's form.
fn is_in_form(status: u16, body: &[u8], is_head: bool) -> bool {
    let is_page = status == 200 && body.starts_with(b"<!doctype html>");
    if is_head || is_page || (status == 202 && body.is_empty()) {
        return true;
    }
    let Ok(reply) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let Some(members) = reply.as_object() else {
        return false;
    };
    if status < 400 {
        return !members.is_empty();
    }
    let fault = members.values().next().filter(|_| members.len() == 1);
    fault.is_some_and(|fault| fault["code"] == status && fault["message"].is_string())
}

#[tokio::test]
async fn answers_ten_thousand_malformed_requests_in_the_form_of_the_api() {
    let world = World::open().await;
    let experiment = world.experiment().await;
    let likely = [
        experiment.as_str(),
        "internal://x",
        "swift://c/o",
        "predict",
        "split",
        "0.5",
        "Tm9uZQ==",
        "os-load",
        "p",
    ];
    let (routes, mut junk) = (ROUTES, Junk::seeded(0x5eed_2026));
    for index in 0..REQUESTS {
        // every route in turn, so that none is left out
        let route = &routes[index % routes.len()];
        let mut members: Vec<String> = vec!["auth".to_owned()];
        if let Action::Create(collection) = route.mark {
            members = collection
                .fields
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
            members.push(collection.singular.to_owned());
        }
        let id = *junk.pick::<&str>(&[
            "x",
            "..",
            "%2e%2e%2f",
            "a%00",
            "%ff",
            "-",
            "detail",
            experiment.as_str(),
        ]);
        let project = *junk.pick::<&str>(&["p", "%ff", "..", "a%2fb", "%00"]);
        let path = route.path.replace("{project}", project).replace("{id}", id);
        let (told, request) = junk.request(&path, &members, &likely);
        let is_head = request.method() == axum::http::Method::HEAD;
        let (status, headers, body) = world.send(request).await;
        assert!(
            status < 500,
            "{status} {}: {told}",
            String::from_utf8_lossy(&body)
        );
        assert!(
            is_in_form(status, &body, is_head),
            "{status} {}: {told}",
            String::from_utf8_lossy(&body)
        );
        assert!(
            headers.contains_key("x-openstack-meteos-api-version"),
            "{told}"
        );
    }
}
