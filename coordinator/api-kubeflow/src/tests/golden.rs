//! Recorded replies of every route. `BLESS=1` records them anew; the difference is then read by a person.

use std::path::Path;

use api_fixture::golden::{Recorder, Reply, agrees};
use serde_json::json;

use super::fixture::World;
use crate::{ROUTES, openapi};

#[tokio::test]
async fn every_route_replies_as_recorded() {
    let mut recorder = Recorder::of("golden/routes");
    for route in ROUTES {
        let world = World::open().await;
        let id = world.make("planted").await;
        recorder.name(&id, "id");
        let path = route.path.replace("{id}", &id);
        let word = route.method().word();
        let body = if word == "POST" {
            json!({"name": "another", "description": "d"})
        } else {
            json!(null)
        };
        let (status, kind, reply) = world.whole(word, &path, &body.to_string()).await;
        let reply = Reply {
            status,
            kind: &kind,
            body: reply.as_bytes(),
        };
        let file = route.path.replace(['{', '}'], "").replace(['/', ':'], "-");
        let asked = json!({"method": word, "path": path, "body": body});
        recorder.check(&format!("{word}{file}"), &asked, &reply);
    }
    recorder.finish();
}

#[test]
fn the_document_is_as_recorded() {
    let mut document = openapi();
    document["info"]["version"] = json!("OUR.VERSION");
    agrees(Path::new("golden/openapi.json"), &document);
}
