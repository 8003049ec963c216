//! Every route of the table, for callers without a credential, with a wrong, an ended and another organization's.

use axum::body::Body;
use axum::extract::Request;
use base64::Engine;
use domain::EntityKind;
use serde_json::{Map, Value, json};
use service::EntityFilter;

use super::fixture::{World, below};
use crate::{ROUTES, Route};

/// Everything of organization 9999 that a path can name.
pub(super) struct Own {
    pub(super) ids: Vec<(&'static str, String)>,
}

impl Own {
    pub(super) async fn of(world: &World) -> Self {
        let make = async |path: &str, body: Value| {
            let request = Request::builder()
                .method("POST")
                .uri(path)
                .header("authorization", "Bearer own");
            let (status, _, bytes) = world
                .send(request.body(Body::from(body.to_string())).expect("request"))
                .await;
            let reply: Value = serde_json::from_slice(&bytes).expect("json");
            assert_eq!(status, 201, "{path}: {reply}");
            reply
        };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let deployment =
            text(&make(&below("deployments"), json!({"name": "canary"})).await["deployment_id"]);
        let path = below(&format!("deployments/{deployment}"));
        let version = text(
            &make(&format!("{path}/versions"), json!({"version": "canary"})).await["version_id"],
        );
        let run =
            text(&make(&format!("{path}/runs"), json!({"version_id": version})).await["run_id"]);
        let definition = text(
            &make(&below("training/definitions"), json!({"name": "canary"})).await["job_definition_id"],
        );
        let channel = json!({"name": "canary", "description": "", "storage_type": "datalake"});
        let channel = text(&make(&below("channels"), channel).await["channel"]["channel_id"]);
        let file =
            text(&make(&format!("/channels/{channel}/upload"), json!("canary")).await["file_id"]);
        let model = "1234567890123".to_owned();
        let names = [
            ("{organization}", "9999".to_owned()),
            ("{deployment}", deployment),
            ("{version}", version),
            ("{run}", run),
            ("{definition}", definition),
            ("{model}", model),
            ("{channel}", channel),
            ("{file}", file),
        ];
        Self {
            ids: names.to_vec(),
        }
    }

    pub(super) fn path(&self, route: &Route, organization: &str) -> String {
        let path = route.path.replace("{organization}", organization);
        self.ids
            .iter()
            .fold(path, |path, (name, id)| path.replace(name, id))
    }

    pub(super) fn body(&self, route: &Route) -> Value {
        let version = &self.ids[2].1;
        let member = |name: &'static str| {
            let value = match name {
                "version_id" => json!(version),
                "name" | "version" | "description" => json!("planted"),
                "lifetime" => json!("1day"),
                _ => return None,
            };
            Some((name.to_owned(), value))
        };
        Value::Object(route.members().filter_map(member).collect::<Map<_, _>>())
    }
}

async fn ask(
    world: &World,
    route: &Route,
    path: &str,
    credential: Option<&str>,
    body: &Value,
) -> (u16, String) {
    let mut request = Request::builder().method(route.method().word()).uri(path);
    if let Some(credential) = credential {
        request = request.header("authorization", credential);
    }
    let (status, _, bytes) = world
        .send(request.body(Body::from(body.to_string())).expect("request"))
        .await;
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

fn basic(user: &str, token: &str) -> String {
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(format!("{user}:{token}"))
    )
}

#[tokio::test(start_paused = true)]
async fn asks_at_every_route_who_comes() {
    let world = World::guarded().await;
    let own = Own::of(&world).await;
    for route in ROUTES {
        let (path, body) = (own.path(route, "9999"), own.body(route));
        let wrong = [
            None,
            Some("Bearer nobody's"),
            Some("Bearer ended"),
            Some("Bearer "),
            Some("Digest own"),
            Some("Basic own"),
        ];
        let nobody = basic("user-1", "nobody's");
        for credential in wrong.into_iter().chain([Some(nobody.as_str())]) {
            let (status, reply) = ask(&world, route, &path, credential, &body).await;
            let reply: Value = serde_json::from_str(&reply).expect("json");
            assert_eq!(
                (status, &reply["error"]),
                (401, &json!("unauthorized")),
                "{} {credential:?}: {reply}",
                route.path
            );
        }
        if !route.open && route.method().word() == "GET" {
            for credential in [
                "Bearer own",
                &basic("user-1234567890123", "own"),
                &basic("datasource-1", "own"),
                "Bearer operator",
            ] {
                let (status, reply) = ask(&world, route, &path, Some(credential), &body).await;
                assert!(
                    status != 401 && status != 403,
                    "{} {credential}: {reply}",
                    route.path
                );
            }
        }
    }
    let nowhere = Request::builder()
        .uri(below("nothing"))
        .body(Body::empty())
        .expect("request");
    assert_eq!(
        world.send(nowhere).await.0,
        401,
        "who may not come in is not told what is there"
    );
}

/// Everything that the API keeps, as text.
async fn kept(world: &World) -> String {
    let mut text = String::new();
    for kind in EntityKind::ALL {
        let filter = EntityFilter {
            deleted: true,
            ..EntityFilter::of(kind)
        };
        let (entities, _) = world
            .coordinator
            .entities()
            .find(&filter)
            .await
            .expect("entities");
        let own = entities
            .into_iter()
            .filter(|entity| entity.tenant.as_str() == "9999");
        text += &format!("{:?}", own.collect::<Vec<_>>());
    }
    text
}

#[tokio::test(start_paused = true)]
async fn shows_and_changes_nothing_of_another_organizations() {
    let world = World::guarded().await;
    let own = Own::of(&world).await;
    let before = kept(&world).await;
    for route in ROUTES.iter().filter(|route| !route.open) {
        let body = own.body(route);
        let (status, reply) = ask(
            &world,
            route,
            &own.path(route, "9999"),
            Some("Bearer other"),
            &body,
        )
        .await;
        if route.path.contains("{organization}") {
            assert_eq!(status, 403, "{}: {reply}", route.path);
        } else {
            assert!(
                matches!(status, 400 | 404),
                "{} {status}: {reply}",
                route.path
            );
        }
        assert!(!reply.contains("canary"), "{}: {reply}", route.path);
        // by its own name, another's ids name nothing
        let (status, reply) = ask(
            &world,
            route,
            &own.path(route, "30000"),
            Some("Bearer other"),
            &body,
        )
        .await;
        assert!(
            status < 500 && !reply.contains("canary"),
            "{} {status}: {reply}",
            route.path
        );
        assert_eq!(
            kept(&world).await,
            before,
            "{} {}",
            route.method().word(),
            route.path
        );
    }
    assert!(before.contains("canary"));
}
