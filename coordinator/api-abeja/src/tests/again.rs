//! What is asked for once more because its answer was lost: one thing, and not two.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{World, below};
use api_kit::{ApiContext, Authenticator};

/// Posts with headers beside the usual ones.
async fn post(world: &World, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, _, bytes) = world
        .send(request.body(Body::from(body.to_string())).expect("request"))
        .await;
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

/// The same after a restart: what the API held in memory is gone.
fn restarted(world: &mut World) {
    let context = ApiContext {
        coordinator: world.coordinator.clone(),
        rows: world.agents.clone(),
        authenticator: Authenticator::new(None, service::Principal::anyone()),
    };
    world.router = crate::router(context);
}

const BETWEEN: &[(&str, &str)] = &[("via", "1.1 proxy")];

#[tokio::test(start_paused = true)]
async fn a_run_is_made_once_where_somebody_between_may_have_lost_the_answer() {
    let mut world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let body = json!({"version_id": version, "distribution": 3});
    let (status, first) = post(&world, &runs, &body, BETWEEN).await;
    assert_eq!(status, 201, "{first}");
    for _ in 0..2 {
        let (status, again) = post(&world, &runs, &body, BETWEEN).await;
        assert_eq!(
            (status, &again),
            (201, &first),
            "the same answer, word for word"
        );
        restarted(&mut world);
    }
    let (_, other) = post(
        &world,
        &runs,
        &json!({"version_id": version, "distribution": 4}),
        BETWEEN,
    )
    .await;
    assert_ne!(other["run_id"], first["run_id"], "another request");
    let (elsewhere, _) = world.deployed("two").await;
    assert_eq!(
        post(&world, &elsewhere, &body, BETWEEN).await.0,
        404,
        "another deployment"
    );
    assert_eq!(
        world.get(&runs).await["entries"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_is_answered_himself_gets_what_he_asks_for() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let of = async |body: &Value| post(&world, &runs, body, &[]).await.1["run_id"].clone();
    // A hundred equal ones are a hundred, in a queue or not.
    for body in [
        json!({"version_id": version, "distribution": 3}),
        json!({"version_id": version}),
    ] {
        assert_ne!(of(&body).await, of(&body).await, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_the_clients_own_says_what_is_the_same() {
    let world = World::open().await;
    let (runs, version) = world.deployed("one").await;
    let body = json!({"version_id": version});
    let with = |key: &'static str| [("idempotency-key", key)];
    let first = post(&world, &runs, &body, &with("a")).await.1["run_id"].clone();
    assert_eq!(
        post(&world, &runs, &body, &with("a")).await.1["run_id"],
        first
    );
    assert_ne!(
        post(&world, &runs, &body, &with("b")).await.1["run_id"],
        first,
        "asked for twice, and said so"
    );
    let other = json!({"version_id": version, "retry_count": 1});
    assert_eq!(
        post(&world, &runs, &other, &with("a")).await.0,
        409,
        "a key stands for one request"
    );
    assert_eq!(post(&world, &runs, &body, &with("")).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn other_things_are_made_once_too() {
    let mut world = World::open().await;
    let organization = below("");
    let deployments = format!("{organization}deployments");
    let deployment = post(&world, &deployments, &json!({"name": "d"}), BETWEEN)
        .await
        .1;
    let versions = format!(
        "{deployments}/{}/versions",
        deployment["deployment_id"].as_str().expect("an id")
    );
    for (path, body, id) in [
        (deployments.clone(), json!({"name": "d"}), "deployment_id"),
        (
            versions,
            json!({"version": "1", "user_parameters": {"a": 1}}),
            "version_id",
        ),
        (
            format!("{organization}training/definitions"),
            json!({"name": "own"}),
            "job_definition_id",
        ),
        (
            format!("{organization}channels"),
            json!({"name": "c", "description": "x"}),
            "channel",
        ),
    ] {
        let id_of = |reply: &Value| reply[id].get("channel_id").unwrap_or(&reply[id]).clone();
        let (status, first) = post(&world, &path, &body, BETWEEN).await;
        assert_eq!(status, 201, "{path}: {first}");
        restarted(&mut world);
        let (status, again) = post(&world, &path, &body, BETWEEN).await;
        assert_eq!((status, id_of(&again)), (201, id_of(&first)), "{path}");
        if let Some(uri) = again["upload_url"].as_str() {
            assert_eq!(Some(uri), first["upload_url"].as_str(), "{path}");
        }
        let mut other = body.clone();
        let changed = if id == "job_definition_id" {
            "name"
        } else {
            "description"
        };
        other[changed] = json!("another");
        other["handler"] = json!("another:one");
        let (status, other) = post(&world, &path, &other, BETWEEN).await;
        assert!(
            status != 201 || id_of(&other) != id_of(&first),
            "{path}: {other}"
        );
    }
    // The name of a deployment is taken for whoever asks himself, as before; a channel's may repeat.
    assert_eq!(
        post(&world, &deployments, &json!({"name": "d"}), &[])
            .await
            .0,
        400
    );
    let channels = format!("{organization}channels");
    let channel = async || {
        post(&world, &channels, &json!({"name": "own"}), &[])
            .await
            .1["channel"]["channel_id"]
            .clone()
    };
    let (one, two) = (channel().await, channel().await);
    assert_ne!(one, two);
    // A file that comes again is kept once.
    let upload = format!("/channels/{}/upload", one.as_str().expect("an id"));
    let first = post(&world, &upload, &json!("content"), BETWEEN).await.1;
    let kept = world.agents.files.lock().expect("lock").len();
    let again = post(&world, &upload, &json!("content"), BETWEEN).await.1;
    assert_eq!(
        (&first["file_id"], kept),
        (
            &again["file_id"],
            world.agents.files.lock().expect("lock").len()
        )
    );
    let twice = post(&world, &upload, &json!("content"), &[]).await.1;
    assert_ne!(
        first["file_id"], twice["file_id"],
        "whoever is answered himself may send a file twice"
    );
}

#[tokio::test(start_paused = true)]
async fn the_store_holds_no_secret_of_an_address() {
    let world = World::open().await;
    let made = world.made(&below("channels"), json!({"name": "c"})).await;
    let channel = made["channel"]["channel_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let announced = world.made(&format!("/channels/{channel}"), json!({})).await;
    let (_, version) = world.deployed("one").await;
    let uri = announced["upload_url"]
        .as_str()
        .expect("an address")
        .to_owned();
    let secret = uri.split_once("secret=").expect("a secret").1.to_owned();
    for (kind, id) in [
        (
            domain::EntityKind::ChannelFile,
            announced["file_id"].as_str().expect("an id"),
        ),
        (domain::EntityKind::DeploymentVersion, version.as_str()),
    ] {
        let kept = world
            .coordinator
            .entities()
            .get(kind, None, id)
            .await
            .expect("kept")
            .body;
        let handle = kept["secret"].as_str().expect("a handle");
        assert!(
            !kept.to_string().contains(&secret) && world.coordinator.secret_of(handle) != handle,
            "{kept}"
        );
        // what the store holds opens nothing
        let path = format!("/channels/{channel}/{id}/content?secret={handle}");
        let (status, _, _) = world
            .send(Request::put(&path).body(Body::from("x")).expect("request"))
            .await;
        assert_eq!(status, 401);
    }
    let path = uri
        .split_once("//")
        .and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
    let sent = Request::put(path.expect("a path"))
        .body(Body::from("x"))
        .expect("request");
    assert_eq!(world.send(sent).await.0, 200);
    // An address that an earlier release gave out still opens what it opened.
    let plain = "0".repeat(64);
    let earlier = plain.clone();
    let change = move |entity: &mut domain::Entity| {
        entity.body["secret"] = json!(earlier);
        Ok(())
    };
    let id = announced["file_id"].as_str().expect("an id");
    world
        .coordinator
        .entities()
        .change(domain::EntityKind::ChannelFile, None, id, change)
        .await
        .expect("changed");
    let path = format!("/channels/{channel}/{id}/content?secret={plain}");
    assert_eq!(
        world
            .send(Request::get(path).body(Body::empty()).expect("request"))
            .await
            .0,
        200
    );
}
