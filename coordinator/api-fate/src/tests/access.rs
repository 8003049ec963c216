//! Every route of the table, for callers without a credential, with a wrong, an ended, another party's, and the right one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use rest::access::token;
use rest::{Access, AccessSettings};
use serde_json::{Map, Value, json};
use service::{JobFilter, TaskFilter};
use tower::ServiceExt;
use vocabulary::{ManualClock, Timestamp};

use super::fixture::{TRAIN, UPLOAD, WAITING, World};
use crate::{Kind, Method, ROUTES, Route};

/// What stands in the store and no request names.
const CANARIES: [&str; 7] = [
    UPLOAD,
    WAITING,
    "breast",
    "isConverged",
    "can not found table name",
    "is not connected",
    "\"coef\"",
];

fn guarded(router: Router) -> Router {
    let entry = |name: &str, holder: &str, expires: &str| {
        let hash = token::sha256(&daemon::Secret::new(name));
        format!("[[tokens]]\nsha256 = '{hash}'\n{holder}\nexpires = '{expires}'\n")
    };
    let text = [
        entry("own", "party = '9999'", "2030-01-01"),
        entry("other", "party = '30000'", "2030-01-01"),
        entry("operator", "operator = true", "2030-01-01"),
        entry("ended", "party = '9999'", "2020-01-01"),
    ];
    let settings: AccessSettings = toml::from_str(&text.concat()).expect("settings");
    let clock = Arc::new(ManualClock::at(Timestamp(1_795_000_000_000_000)));
    Access::open(settings, None, clock)
        .expect("settings")
        .protect(router)
}

/// A body that names what belongs to others, with every member that the route reads.
pub(super) fn body(route: &Route) -> Value {
    let mut body = Map::new();
    for name in route.members() {
        let value = match name {
            "job_id" | "model_version" => json!(TRAIN),
            "role" => json!("guest"),
            "party_id" => json!(9999),
            "component_name" => json!("hetero_lr_0"),
            "namespace" => json!("experiment"),
            "table_name" | "name" => json!("t"),
            "model_id" => json!("arbiter-10000#guest-9999#host-10000#model"),
            "job_runtime_conf" => json!({
                "dsl_version": 2, "initiator": {"role": "guest", "party_id": 9999},
                "role": {"guest": [9999], "host": [10000]},
            }),
            "job_dsl" => {
                json!({"components": {"secure_add_example_0": {"module": "SecureAddExample"}}})
            }
            "log_type" => json!("partyInfo"),
            "metric_name" => json!("loss"),
            "notes" => json!("planted"),
            _ => continue,
        };
        body.insert(name.to_owned(), value);
    }
    Value::Object(body)
}

async fn ask(
    router: &Router,
    route: &Route,
    method: Method,
    token: Option<&str>,
    body: &Value,
) -> (u16, String) {
    let path = ["{*rest}", "{name}", "{model}", "{version}"]
        .iter()
        .fold(route.path.to_owned(), |p, n| p.replace(n, "x"));
    let word = if method == Method::Get { "GET" } else { "POST" };
    let mut request = Request::builder().method(word).uri(format!("/v1/{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = router
        .clone()
        .oneshot(request.body(Body::from(body.to_string())).expect("request"))
        .await;
    let response = response.expect("infallible");
    let status = response.status().as_u16();
    let bytes = rest::lenient::whole_body(response.into_body())
        .await
        .expect("body");
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

fn each() -> impl Iterator<Item = (&'static Route, Method)> {
    ROUTES
        .iter()
        .flat_map(|route| route.methods.iter().map(move |method| (route, *method)))
}

#[tokio::test(start_paused = true)]
async fn asks_at_every_route_who_comes() {
    let world = World::open().await;
    let router = guarded(world.router.clone());
    for (route, method) in each() {
        for token in [None, Some("nobody's"), Some("ended"), Some("")] {
            let (status, reply) = ask(&router, route, method, token, &json!({})).await;
            let reply: Value = serde_json::from_str(&reply).expect("json");
            let expected = match route.mark.kind {
                Kind::File => 400,
                // what is not FATE's is answered as HTTP means it
                Kind::Json if route.path.starts_with("fedflow/") => 401,
                Kind::Json => 200,
            };
            assert_eq!(
                (status, &reply["retcode"]),
                (expected, &json!(109)),
                "{} {token:?}: {reply}",
                route.path
            );
        }
        for token in ["own", "operator"] {
            let (_, reply) = ask(&router, route, method, Some(token), &json!({})).await;
            assert!(
                !reply.contains("\"retcode\":109"),
                "{} {token}: {reply}",
                route.path
            );
        }
    }
    assert!(
        world
            .agents
            .seen
            .lock()
            .expect("lock")
            .iter()
            .all(|seen| seen.party != "30000")
    );
}

/// Everything about jobs in the store, as text.
async fn stored(world: &World) -> String {
    let jobs = world
        .coordinator
        .jobs()
        .find(&JobFilter::default())
        .await
        .expect("jobs")
        .0;
    let (tasks, _) = world
        .coordinator
        .jobs()
        .tasks(&TaskFilter {
            all_attempts: true,
            ..TaskFilter::default()
        })
        .await
        .expect("tasks");
    let mut text = format!("{jobs:?}{tasks:?}");
    for task in &tasks {
        text += &format!("{:?}", world.coordinator.jobs().metrics(&task.key.id).await);
    }
    for job in &jobs {
        text += &format!(
            "{:?}",
            world
                .coordinator
                .jobs()
                .notes(&job.id)
                .await
                .expect("notes")
        );
    }
    text
}

#[tokio::test(start_paused = true)]
async fn shows_and_changes_nothing_of_another_partys() {
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let router = guarded(world.router.clone());
    let before = stored(&world).await;
    for (route, method) in each() {
        let full = body(route);
        // once naming others, once leaving open who is meant, once with nothing
        let mut open = full.clone();
        for name in ["party_id", "role", "job_id"] {
            open.as_object_mut().expect("object").remove(name);
        }
        for body in [&full, &open, &json!({})] {
            let (_, reply) = ask(&router, route, method, Some("other"), body).await;
            for canary in CANARIES {
                assert!(
                    !reply.contains(canary),
                    "{} {body} tells {canary}: {reply}",
                    route.path
                );
            }
            let seen = std::mem::take(&mut *world.agents.seen.lock().expect("lock"));
            assert!(
                seen.iter().all(|seen| seen.party == "30000"),
                "{} {body} reached {seen:?}",
                route.path
            );
        }
        assert_eq!(stored(&world).await, before, "{}", route.path);
    }
    assert!(
        world
            .agents
            .tables
            .lock()
            .expect("lock")
            .contains(&("9999".into(), "t".into()))
    );
}

#[tokio::test]
async fn keeps_what_is_a_partys_own_from_those_it_works_with() {
    let world = World::open().await;
    let of = |role: &str, id: u32| json!({"job_id": TRAIN, "component_name": "hetero_lr_0", "role": role, "party_id": id});
    let (_, reply) = world
        .post_as(
            Some("9999"),
            "tracking/component/metric/all",
            of("arbiter", 10000),
        )
        .await;
    assert_eq!(
        (&reply["retmsg"], &reply["data"]),
        (&json!("no data"), &json!({}))
    );
    let (_, reply) = world
        .post_as(
            Some("10000"),
            "tracking/component/metric/all",
            of("arbiter", 10000),
        )
        .await;
    assert!(reply["data"]["train"]["loss"].is_object(), "{reply}");
    let (status, _) = world
        .post_as(
            Some("10000"),
            "tracking/component/summary/download",
            of("guest", 9999),
        )
        .await;
    assert_eq!(status, 210);
    let (_, reply) = world
        .post_as(
            Some("10000"),
            "tracking/component/output/model",
            of("guest", 9999),
        )
        .await;
    assert_eq!(reply["data"], json!({}));
    let mut note = of("guest", 9999);
    note["notes"] = json!("planted");
    assert_eq!(
        world
            .post_as(Some("10000"), "job/update", note.clone())
            .await
            .1["retcode"],
        101
    );
    assert_eq!(
        world.post_as(Some("9999"), "job/update", note).await.1["retcode"],
        0
    );
    // what all signed, and how far it is, all of them see
    let (_, reply) = world
        .post_as(Some("10000"), "job/query", json!({"job_id": TRAIN}))
        .await;
    assert_eq!(reply["data"].as_array().map(Vec::len), Some(3));

    let (_, reply) = world
        .post_as(
            Some("9999"),
            "tracking/component/metric/delete",
            json!({"job_id": TRAIN}),
        )
        .await;
    assert_eq!(
        reply["data"], "delete status: False",
        "the metrics are the arbiter's"
    );
    let (_, reply) = world
        .post_as(
            Some("10000"),
            "tracking/component/metric/all",
            of("arbiter", 10000),
        )
        .await;
    assert!(reply["data"]["train"]["loss"].is_object());
    let (_, reply) = world
        .post_as(
            Some("10000"),
            "tracking/component/metric/delete",
            json!({"job_id": TRAIN}),
        )
        .await;
    assert_eq!(reply["data"], "delete status: True");
}

#[test]
fn knows_every_route_that_answers_with_a_file() {
    let files: Vec<String> = ROUTES
        .iter()
        .filter(|route| route.mark.kind == Kind::File)
        .map(|route| format!("/v1/{}", route.path))
        .collect();
    for path in &files {
        assert!(
            rest::fate_reply::answers_with_a_file(path),
            "{path} belongs into FILE_ROUTES"
        );
    }
    for path in rest::fate_reply::FILE_ROUTES {
        assert!(
            files.iter().any(|file| file == path),
            "{path} is not a file route"
        );
    }
}
