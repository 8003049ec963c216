//! Recorded requests and replies. `BLESS=1` records the replies anew; the difference is then read by a person.

use std::path::Path;

use serde_json::{Value, json};

use super::fixture::World;

#[tokio::test]
async fn replies_as_recorded() {
    let folder = Path::new("golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
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
