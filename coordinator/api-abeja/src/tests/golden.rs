//! Recorded replies of every route. `BLESS=1` records them anew; the difference is then read by a person.

use std::path::Path;

use api_fixture::golden::{Recorder, Reply, agrees, kind_of};
use axum::body::Body;
use axum::extract::Request;
use serde_json::json;

use super::access::Own;
use super::fixture::World;
use crate::{ROUTES, openapi};

#[tokio::test(start_paused = true)]
async fn every_route_replies_as_recorded() {
    let mut recorder = Recorder::of("golden/routes").whatever_the_order();
    for route in ROUTES {
        // one world for each: what one route removes would be missing for the next
        let world = World::guarded().await;
        let own = Own::of(&world).await;
        let (path, body) = (own.path(route, "9999"), own.body(route));
        for (name, id) in &own.ids {
            if name.len() > 2 && id.len() > 8 {
                recorder.name(id, name.trim_matches(['{', '}']));
            }
        }
        let word = route.method().word();
        let request = Request::builder()
            .method(word)
            .uri(&path)
            .header("authorization", "Bearer own")
            .body(Body::from(body.to_string()));
        let (status, headers, reply) = world.send(request.expect("a request")).await;
        let reply = Reply {
            status,
            kind: kind_of(&headers),
            body: &reply,
        };
        let file = format!(
            "{word}{}",
            route.path.replace(['{', '}'], "").replace('/', "-")
        );
        let asked = json!({"method": word, "path": path, "body": body});
        recorder.check(
            &file.replace("-organizations-organization", "-organization"),
            &asked,
            &reply,
        );
    }
    recorder.finish();
}

#[test]
fn the_document_is_as_recorded() {
    let mut document = openapi();
    document["info"]["version"] = json!("OUR.VERSION");
    agrees(Path::new("golden/openapi.json"), &document);
}
