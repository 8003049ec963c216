//! Recorded requests and replies. `BLESS=1` records the replies anew; the difference is then read by a person.

use std::path::Path;

use api_fixture::golden::{Recorder, Reply, agrees, kind_of};
use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::access;
use super::fixture::World;
use crate::{Method, ROUTES, openapi};

#[tokio::test]
async fn replies_as_recorded() {
    let folder = Path::new("golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_file() && !path.ends_with("openapi.json"))
        .collect();
    files.sort();
    assert!(files.len() >= 12, "records are missing");
    for file in files {
        let world = World::open().await;
        world
            .agents
            .tables
            .lock()
            .expect("lock")
            .insert(("9999".into(), "breast".into()));
        let mut record: Value =
            serde_json::from_slice(&std::fs::read(&file).expect("file")).expect("json");
        let path = record["path"].as_str().expect("path").to_owned();
        let (status, mut reply) = world.post(&path, record["request"].clone()).await;
        hide(&mut reply);
        let reply = json!({"status": status, "body": reply});
        if std::env::var_os("BLESS").is_some() {
            record["reply"] = reply;
            std::fs::write(&file, format!("{record:#}\n")).expect("written");
        } else {
            assert_eq!(record["reply"], reply, "{}", file.display());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_route_replies_as_recorded() {
    let mut recorder = Recorder::of("golden/routes");
    for route in ROUTES {
        let world = World::open().await;
        let table = ("9999".to_owned(), "t".to_owned());
        world.agents.tables.lock().expect("lock").insert(table);
        let path = ["{*rest}", "{name}", "{model}", "{version}"]
            .iter()
            .fold(route.path.to_owned(), |path, name| path.replace(name, "x"));
        let method = if route.methods.contains(&Method::Post) {
            "POST"
        } else {
            "GET"
        };
        let body = access::body(route);
        let request = Request::builder().method(method).uri(format!("/v1/{path}"));
        let request = request.body(Body::from(body.to_string()));
        let (status, headers, reply) = world.send(request.expect("a request")).await;
        let reply = Reply {
            status,
            kind: kind_of(&headers),
            body: &reply,
        };
        let asked = json!({"method": method, "path": path, "body": body});
        recorder.check(&path.replace('/', "-"), &asked, &reply);
    }
    recorder.finish();
}

#[test]
fn the_document_is_as_recorded() {
    let mut document = openapi();
    document["info"]["version"] = json!("OUR.VERSION");
    agrees(Path::new("golden/openapi.json"), &document);
}

/// Dates are local time and our version moves: the record holds their form only.
fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name.ends_with("_date") => {
                        assert!(
                            chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
                                .is_ok(),
                            "{name}: {text}"
                        );
                        *text = "YYYY-MM-DD HH:MM:SS".to_owned();
                    }
                    Value::String(text)
                        if matches!(name.as_str(), "version" | "FEDFLOW")
                            && *text == env!("CARGO_PKG_VERSION") =>
                    {
                        *text = "OUR VERSION".to_owned();
                    }
                    other => hide(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        _ => {}
    }
}
