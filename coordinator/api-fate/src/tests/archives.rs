//! Models as archives: what reaches which agent, and what is refused here.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{TRAIN, World};

const MODEL: &str = "arbiter-10000#guest-9999#host-10000#model";

fn of_part() -> Value {
    json!({"model_id": MODEL, "model_version": TRAIN, "role": "guest", "party_id": 9999})
}

fn form(fields: &Value, file: Option<&str>) -> Request {
    let mut body = String::new();
    for (name, value) in fields.as_object().expect("fields") {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        body +=
            &format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    }
    if let Some(file) = file {
        body += "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\n\r\n";
        body += &format!("{file}\r\n");
    }
    Request::builder()
        .method("POST")
        .uri("/v1/model/import")
        .header("content-type", "multipart/form-data; boundary=X")
        .body(Body::from(body + "--X--\r\n"))
        .expect("request")
}

#[tokio::test]
async fn passes_an_export_on_and_leaves_the_answer_to_the_agent() {
    // rows may not pass here, which is not what is asked for: the agent's policy on models judges
    let world = World::with_rows(false).await;
    let request = Request::get("/v1/model/export")
        .body(Body::from(of_part().to_string()))
        .expect("request");
    let (status, headers, bytes) = world.send(request).await;
    let name = format!("attachment; filename=guest#9999#{MODEL}_{TRAIN}.zip");
    assert_eq!(
        (status, headers["content-disposition"].to_str().ok()),
        (200, Some(name.as_str()))
    );
    assert_eq!(bytes, b"PK");
    let mut other = of_part();
    other["party_id"] = json!("777");
    let (status, reply) = world.post("model/export", other).await;
    let text = format!("Model guest#777#{MODEL} {TRAIN} does not exist.");
    assert_eq!(
        (status, reply["retmsg"].as_str()),
        (404, Some(text.as_str()))
    );
}

#[tokio::test]
async fn streams_an_imports_file_to_the_agent_and_keeps_the_rest_back() {
    let world = World::with_rows(false).await;
    let mut fields = of_part();
    for (name, value) in [
        ("file", json!("/tmp/m.zip")),
        ("force_update", json!("1")),
        ("conf_path", json!("/tmp/c")),
    ] {
        fields[name] = value;
    }
    let (status, _, bytes) = world.send(form(&fields, Some("PK archive"))).await;
    let reply: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!((status, &reply["retcode"]), (200, &json!(0)), "{reply}");
    let seen = world.agents.seen.lock().expect("lock")[0].clone();
    assert_eq!(
        (seen.party.as_str(), seen.body.as_slice()),
        ("9999", b"PK archive".as_slice())
    );
    let sent = rest::upload::read_query(seen.target.split_once('?').expect("a query").1);
    assert_eq!(
        (&sent["force_update"], &sent["role"]),
        (&json!("1"), &json!("guest"))
    );
    assert!(!sent.contains_key("conf_path") && !sent.contains_key("file"));
}

#[tokio::test]
async fn refuses_imports_without_a_file_or_a_known_party() {
    let world = World::open().await;
    let answered = async |fields: &Value, file: Option<&str>| {
        let (status, _, bytes) = world.send(form(fields, file)).await;
        let reply: Value = serde_json::from_slice(&bytes).expect("JSON");
        (status, reply["retmsg"].as_str().expect("text").to_owned())
    };
    assert_eq!(
        answered(&of_part(), None).await,
        (400, "`file` is required.".to_owned())
    );
    let (status, text) = answered(&json!({"role": "guest"}), Some("PK")).await;
    assert_eq!(
        (status, text.as_str()),
        (
            200,
            "required argument are missing: model_id,model_version,party_id; "
        )
    );
    let mut foreign = of_part();
    foreign["party_id"] = json!("777");
    let (status, text) = answered(&foreign, Some("PK")).await;
    let expected = "Party id \"777\" is not in role \"guest\", please check if the party id and role is valid.";
    assert_eq!((status, text.as_str()), (400, expected));
    assert!(world.agents.seen.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn finds_the_owner_of_a_transfer_in_body_and_path() {
    let world = World::open().await;
    let body = json!({"namespace": format!("host#10000#{MODEL}"), "name": TRAIN});
    assert_eq!(world.data("model/transfer", body).await["x"], "eA==");
    let path = format!(
        "model/transfer/guest~9999~{}/{TRAIN}",
        MODEL.replace('#', "~")
    );
    assert_eq!(world.data(&path, json!({})).await["x"], "eA==");
    let parties: Vec<String> = world
        .agents
        .targets()
        .into_iter()
        .map(|(party, _)| party)
        .collect();
    assert_eq!(parties, ["10000", "9999"]);
    let (status, reply) = world.post("model/transfer", json!({"name": "1"})).await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (400, &json!("namespace and name are required"))
    );
    let (status, reply) = world
        .post(
            "model/transfer",
            json!({"namespace": "guest#777#m", "name": "1"}),
        )
        .await;
    assert_eq!((status, &reply["retmsg"]), (404, &json!("model not found")));
}

fn migration(changes: Value) -> Value {
    let mut body = json!({
        "job_parameters": {"federated_mode": "MULTIPLE"},
        "migrate_initiator": {"role": "guest", "party_id": 99},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "migrate_role": {"guest": [99], "host": [100], "arbiter": [100]},
        "execute_party": {"guest": [9999], "host": ["10000"]},
        "model_id": MODEL, "model_version": TRAIN,
    });
    body.as_object_mut()
        .expect("object")
        .extend(changes.as_object().expect("object").clone());
    body
}

#[tokio::test]
async fn has_every_party_migrate_its_part() {
    let world = World::open().await;
    let (_, reply) = world
        .post(
            "model/migrate",
            migration(json!({"unify_model_version": "7"})),
        )
        .await;
    assert_eq!(
        (
            reply["retcode"].as_i64(),
            reply["jobId"].as_str().map(|id| id.len() >= 21)
        ),
        (Some(0), Some(true))
    );
    assert_eq!(
        (
            &reply["data"]["guest"]["9999"],
            &reply["data"]["host"]["10000"]
        ),
        (&json!(0), &json!(0)),
        "{reply}"
    );
    assert_eq!(
        reply["data"]["detail"]["guest"]["9999"]["retmsg"],
        "Migrating model successfully."
    );
    let seen = world.agents.seen.lock().expect("lock").clone();
    let asked: Value = serde_json::from_slice(&seen[0].body).expect("JSON");
    assert_eq!(
        asked["to"]["model_id"],
        "arbiter-100#guest-99#host-100#model"
    );
    assert_eq!(
        (&asked["to"]["model_version"], &asked["to"]["roles"]["host"]),
        (&json!("7"), &json!([100]))
    );
    world
        .agents
        .away
        .lock()
        .expect("lock")
        .insert("10000".into());
    let (_, reply) = world.post("model/migrate", migration(json!({}))).await;
    assert_eq!(
        (reply["retcode"].as_i64(), reply["retmsg"].as_str()),
        (Some(101), Some("failed"))
    );
    assert_eq!(
        (
            &reply["data"]["guest"]["9999"],
            &reply["data"]["host"]["10000"]
        ),
        (&json!(0), &json!(105))
    );
}

#[tokio::test]
async fn refuses_migrations_that_make_no_sense() {
    let world = World::open().await;
    let text = async |changes: Value| {
        let (status, reply) = world.post("model/migrate", migration(changes)).await;
        (
            status,
            reply["retcode"].as_i64().expect("a code"),
            reply["retmsg"].as_str().expect("text").to_owned(),
        )
    };
    let same = json!({"migrate_role": {"arbiter": ["10000"], "guest": ["9999"], "host": [10000]}});
    let (status, code, told) = text(same).await;
    assert!(
        (status, code) == (200, 100) && told.contains("There is no need to migrate model"),
        "{told}"
    );
    let (status, code, told) = text(json!({"migrate_role": {"guest": [99]}})).await;
    assert!(
        (status, code) == (200, 100) && told.starts_with("The structure of roles data of local"),
        "{told}"
    );
    assert_eq!(text(json!({"role": null})).await.1, 101);
    let (_, code, told) = text(json!({"job_parameters": {}})).await;
    assert_eq!(
        (code, told.as_str()),
        (101, "required argument are missing: federated_mode; ")
    );
    assert_eq!(
        text(json!({"migrate_initiator": {"role": "guest", "party_id": 5}}))
            .await
            .1,
        100
    );
    assert!(world.agents.seen.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn asks_the_party_before_a_copy_to_its_store_starts() {
    let world = World::open().await;
    let (_, reply) = world.post("model/store", of_part()).await;
    assert_eq!(reply["retcode"], 108, "the agent refused: {reply}");
    assert_eq!(world.agents.targets()[0].1, "/v1/fedflow/model/permitted");
    let (_, reply) = world.post("model/restore", json!({"role": "guest"})).await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: model_id,model_version,party_id; "
    );
}
