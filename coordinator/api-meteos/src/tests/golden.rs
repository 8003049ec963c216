//! Recorded replies of every route. `BLESS=1` records them anew; the difference is then read by a person.

use std::path::Path;

use api_fixture::golden::{Recorder, Reply, agrees, kind_of};
use axum::body::Body;
use axum::extract::Request;
use serde_json::json;

use super::access::{access, body_of, filled, path_of};
use super::world::World;
use crate::{Options, ROUTES, openapi};

#[tokio::test(start_paused = true)]
async fn every_route_replies_as_recorded() {
    let mut recorder = Recorder::of("golden/routes");
    for route in ROUTES {
        // one world for each: what one route removes would be missing for the next
        let world = World::without_agents(Some(access()), Options::default());
        world.connect().await;
        let made = filled(&world).await;
        let (path, body) = (path_of(route, "9999", &made), body_of(route, &made));
        for (plural, id) in &made {
            recorder.name(id, plural);
        }
        let word = route.method().word();
        let request = Request::builder()
            .method(word)
            .uri(&path)
            .header("host", "here:8989")
            .header("x-auth-token", "own")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let (status, headers, reply) = world.send(request.expect("a request")).await;
        let reply = Reply {
            status,
            kind: kind_of(&headers),
            body: &reply,
        };
        let file = route.path.replace(['{', '}'], "").replace('/', "-");
        let asked = json!({"method": word, "path": path, "body": body});
        recorder.check(&format!("{word}{file}"), &asked, &reply);
    }
    recorder.finish();
}

#[test]
fn the_document_is_as_recorded() {
    agrees(Path::new("golden/openapi.json"), &openapi());
}
