//! Every route for callers without a credential, with a wrong, an ended, another tenant's, and the right one.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use rest::access::token;
use rest::{Access, AccessSettings};
use serde_json::{Value, json};
use vocabulary::ManualClock;

use super::world::{START, World};
use crate::{Action, Options, ROUTES, Route};

pub(super) fn access() -> Access {
    let entry = |name: &str, holder: &str, expires: &str| {
        let hash = token::sha256(&daemon::Secret::new(name));
        format!("[[tokens]]\nsha256 = '{hash}'\n{holder}\nexpires = '{expires}'\n")
    };
    let text = [
        entry("own", "party = '9999'", "2030-01-01"),
        entry("other", "party = '10000'", "2030-01-01"),
        entry("operator", "operator = true", "2030-01-01"),
        entry("ended", "party = '9999'", "2020-01-01"),
    ];
    let settings: AccessSettings = toml::from_str(&text.concat()).expect("settings");
    Access::open(settings, None, Arc::new(ManualClock::at(START))).expect("settings")
}

async fn ask(
    world: &World,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> (u16, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("x-auth-token", token);
    }
    let (status, _, bytes) = world
        .send(request.body(Body::from(body.to_string())).expect("request"))
        .await;
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// Something of each collection, of the tenant 9999: ids by collection.
pub(super) async fn filled(world: &World) -> Vec<(&'static str, String)> {
    let mut made: Vec<(&'static str, String)> = Vec::new();
    let id = |text: &str, singular: &str| {
        let body: Value = serde_json::from_str(text).expect("json");
        body[singular]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    };
    let mut make = async |plural: &'static str, singular: &str, fields: Value| {
        let (_, text) = ask(
            world,
            "POST",
            &format!("/v1/9999/{plural}"),
            Some("own"),
            &json!({singular: fields}),
        )
        .await;
        let id = id(&text, singular);
        made.push((plural, id.clone()));
        id
    };
    let template = make("templates", "template", json!({"display_name": "planted"})).await;
    let experiment = make(
        "experiments",
        "experiment",
        json!({"template_id": template, "display_name": "planted"}),
    )
    .await;
    let source = json!({"experiment_id": experiment, "source_dataset_url": "swift://c/o", "method": "download", "display_name": "planted"});
    make("datasets", "dataset", source.clone()).await;
    make("models", "model", source).await;
    made
}

pub(super) fn path_of(route: &Route, project: &str, made: &[(&'static str, String)]) -> String {
    let id = made
        .iter()
        .find(|(plural, _)| route.path.contains(&format!("/{plural}/")));
    let id = id.map_or("none", |(_, id)| id.as_str());
    route.path.replace("{project}", project).replace("{id}", id)
}

pub(super) fn body_of(route: &Route, made: &[(&'static str, String)]) -> Value {
    let id = |plural: &str| {
        made.iter()
            .find(|(name, _)| *name == plural)
            .map_or("x", |(_, id)| id.as_str())
    };
    match route.mark {
        Action::Create(collection) => {
            json!({collection.singular: {"display_name": "n", "experiment_id": id("experiments"), "model_id": id("models"),
                "template_id": id("templates")}})
        }
        Action::Act => json!({"os-load": null}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn nobody_passes_without_a_credential_that_counts() {
    let world = World::without_agents(Some(access()), Options::default());
    world.connect().await;
    let made = filled(&world).await;
    for route in ROUTES.iter().filter(|route| !route.open) {
        let path = path_of(route, "9999", &made);
        for token in [None, Some(""), Some("wrong"), Some("ended")] {
            let (status, text) = ask(
                &world,
                route.method().word(),
                &path,
                token,
                &body_of(route, &made),
            )
            .await;
            assert_eq!(
                status,
                401,
                "{} {path} {token:?}: {text}",
                route.method().word()
            );
            assert!(
                text.contains("\"unauthorized\"") && !text.contains("planted"),
                "{text}"
            );
        }
    }
    let list = ask(&world, "GET", "/v1/9999/templates", Some("own"), &json!({})).await;
    assert!(list.0 == 200 && list.1.contains("planted"));
}

#[tokio::test]
async fn another_tenants_things_are_neither_seen_nor_touched() {
    let world = World::without_agents(Some(access()), Options::default());
    world.connect().await;
    let made = filled(&world).await;
    for route in ROUTES.iter().filter(|route| !route.open) {
        // by the owner's path, and by its own with the owner's ids
        let foreign = path_of(route, "9999", &made);
        let (status, text) = ask(
            &world,
            route.method().word(),
            &foreign,
            Some("other"),
            &body_of(route, &made),
        )
        .await;
        assert_eq!(status, 400, "{foreign}: {text}");
        assert!(text.contains("Malformed request url"), "{text}");
        let own = path_of(route, "10000", &made);
        let (status, text) = ask(
            &world,
            route.method().word(),
            &own,
            Some("other"),
            &body_of(route, &made),
        )
        .await;
        assert!(!text.contains("planted"), "{own}: {text}");
        // a new thing of the own project that names one of the other's is none, too; templates and lists name none
        let names_another = match route.mark {
            Action::Create(collection) => collection.plural != "templates",
            _ => route.path.contains("{id}"),
        };
        if names_another {
            assert_eq!(status, 404, "{own}: {text}");
        }
    }
    let dataset = made
        .iter()
        .find(|(plural, _)| *plural == "datasets")
        .map(|(_, id)| id.clone())
        .expect("a dataset");
    let post = async |plural: &str, body: Value| {
        ask(
            &world,
            "POST",
            &format!("/v1/10000/{plural}"),
            Some("other"),
            &body,
        )
        .await
    };
    let template = post("templates", json!({"template": {}})).await.1;
    let template: Value = serde_json::from_str(&template).expect("json");
    let experiment = post(
        "experiments",
        json!({"experiment": {"template_id": template["template"]["id"]}}),
    )
    .await
    .1;
    let experiment: Value = serde_json::from_str(&experiment).expect("json");
    let source = json!({"experiment_id": experiment["experiment"]["id"], "method": "download", "model_type": "KMeans",
        "source_dataset_url": format!("internal://{dataset}")});
    for (plural, singular) in [("datasets", "dataset"), ("models", "model")] {
        let (status, text) = post(plural, json!({singular: source})).await;
        assert_eq!(status, 404, "a source of another tenant's: {text}");
    }
    for (plural, id) in &made {
        let (status, text) = ask(
            &world,
            "GET",
            &format!("/v1/9999/{plural}/{id}"),
            Some("own"),
            &json!({}),
        )
        .await;
        assert!(status == 200 && text.contains("planted"), "{text}");
    }
}

#[tokio::test]
async fn the_identity_service_gives_the_endpoints_own_tokens() {
    let world = World::without_agents(Some(access()), Options { identity: true });
    let login = |password: &str, project: &str| {
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "u", "password": password}}},
            "scope": {"project": {"name": project, "domain": {"id": "default"}}}}})
    };
    let ask_token = async |body: &Value| {
        let request = Request::builder()
            .method("POST")
            .uri("/identity/v3/auth/tokens")
            .header("content-type", "application/json");
        let request = request
            .header("host", "here:1")
            .body(Body::from(body.to_string()))
            .expect("request");
        world.send(request).await
    };
    let (status, headers, body) = ask_token(&login("own", "9999")).await;
    let token: Value = serde_json::from_slice(&body).expect("json");
    assert_eq!(
        (status, headers["x-subject-token"].to_str().expect("text")),
        (201, "own")
    );
    assert_eq!(token["token"]["project"]["id"], json!("9999"));
    assert_eq!(
        token["token"]["catalog"][0]["type"],
        json!("machine-learning")
    );
    assert_eq!(
        token["token"]["catalog"][0]["endpoints"][0]["url"],
        json!("http://here:1/v1/9999")
    );
    for (password, project) in [
        ("wrong", "9999"),
        ("ended", "9999"),
        ("own", "10000"),
        ("a\nb", "9999"),
    ] {
        assert_eq!(
            ask_token(&login(password, project)).await.0,
            401,
            "{password} {project}"
        );
    }
    assert_eq!(ask_token(&json!({"auth": {}})).await.0, 400);
    let (status, text) = ask(&world, "GET", "/identity/v3", None, &json!({})).await;
    assert!(status == 200 && text.contains("v3.14"), "{text}");
}
