//! Models as archives at the REST endpoint, with documents as the coordinator gives them.

use archives::Archive;
use records::ModelRecord;
use vocabulary::{ModelRef, Participant, PartyId, StepName};

use super::*;
use crate::model_archive::ModelArchive;

const MODEL: &str = "guest-1#host-2#model";
const VERSION: &str = "20260101120000000000";

fn of_part() -> Value {
    json!({"model_id": MODEL, "model_version": VERSION, "role": "guest", "party_id": "1"})
}

fn with(changes: Value) -> Value {
    let mut body = of_part();
    body.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    body
}

fn documents() -> Value {
    json!({"retcode": 0, "retmsg": "success", "data": with(json!({
        "roles": {"guest": [1], "host": [2]}, "initiator": {"role": "guest", "party_id": "1"}, "parent": true,
        "parent_info": {}, "stored_version": VERSION, "train_dsl": {}, "train_runtime_conf": {"role": {}}, "inference_dsl": {},
        "components": [{"step": "scripted_0", "component": "scripted", "component_version": 1, "module": "HeteroLR",
            "alias": "model", "stored_version": VERSION, "size": 3, "view": {"meta": {}, "param": {"iters": 2}}}],
    }))})
}

fn done() -> Value {
    json!({"retcode": 0, "retmsg": "success"})
}

impl Bench {
    fn at(&self) -> ModelRef {
        let owner = Participant::new(Role::Guest, PartyId::new("1").unwrap());
        ModelRef {
            version: VERSION.to_owned(),
            step: StepName::new("scripted_0").unwrap(),
            owner,
        }
    }

    async fn keeps(&self, content: &[u8]) {
        let record = ModelRecord {
            component: "scripted".to_owned(),
            component_version: 1,
            content: content.to_vec(),
        };
        self.handler
            .agent_state
            .records
            .save_model(&self.at(), &record, self.handler.agent_state.now())
            .await
            .unwrap();
    }

    async fn content(&self) -> Option<Vec<u8>> {
        self.handler
            .agent_state
            .records
            .model(&self.at())
            .await
            .unwrap()
            .map(|record| record.content)
    }

    async fn exported(&self) -> Vec<u8> {
        self.answers(200, &documents());
        let body = Body::from(of_part().to_string());
        let request = Request::builder()
            .method("GET")
            .uri("/v1/model/export")
            .body(body)
            .unwrap();
        let (status, bytes) = self.send(Side::Own, request).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
        bytes
    }

    async fn import(&self, fields: Value, archive: &[u8]) -> (u16, Value) {
        let mut body = Vec::new();
        for (name, value) in fields.as_object().unwrap() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let part =
                format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        body.extend_from_slice(
            b"--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"m.zip\"\r\n\r\n",
        );
        body.extend_from_slice(archive);
        body.extend_from_slice(b"\r\n--X--\r\n");
        let request = Request::builder()
            .method("POST")
            .uri("/v1/model/import")
            .header("content-type", "multipart/form-data; boundary=X")
            .body(Body::from(body))
            .unwrap();
        let (status, bytes) = self.send(Side::Own, request).await;
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }
}

#[tokio::test]
async fn exports_the_partys_part_and_takes_it_in_elsewhere() {
    let bench = bench("").await;
    bench.keeps(b"abc").await;
    let archive = bench.exported().await;
    let (asked, _) = bench.asked()[0].clone();
    assert_eq!(
        (asked.target.as_str(), asked.caller),
        (
            "/v1/fedflow/model/documents",
            Caller::PartyUser(crate::trial::party("1"))
        )
    );
    let read = Archive::read(std::io::Cursor::new(&archive)).unwrap();
    assert_eq!(
        (
            read.models[0].content.as_slice(),
            &read.models[0].view["param"]["iters"]
        ),
        (b"abc".as_slice(), &json!(2))
    );

    let other = self::bench("").await;
    // asked twice: whether it could be done, and to write it down
    other.answers(200, &done());
    other.answers(200, &done());
    // the client sends its whole configuration as texts, the file's path under the file's own name
    let (status, reply) = other
        .import(
            with(json!({"file": "/tmp/m.zip", "force_update": "0"})),
            &archive,
        )
        .await;
    assert_eq!(
        (status, reply["retcode"].as_i64()),
        (200, Some(0)),
        "{reply}"
    );
    assert_eq!(
        (&reply["data"]["party_id"], &reply["data"]["job_id"]),
        (&json!("1"), &json!(VERSION))
    );
    assert_eq!(other.content().await.unwrap(), b"abc");
    let told: Vec<Value> = other
        .asked()
        .iter()
        .map(|(_, body)| serde_json::from_slice(body).unwrap())
        .collect();
    assert_eq!(
        (&told[0]["check_only"], &told[1]["check_only"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(told[1]["components"][0]["stored_version"], VERSION);
    assert_eq!(
        told[1]["components"][0]["view"],
        Value::Null,
        "the policy tells no views"
    );
    assert_eq!(told[1]["archive_sha256"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn refuses_archives_that_are_torn_foreign_or_taken() {
    let bench = bench("").await;
    bench.keeps(b"abc").await;
    let archive = bench.exported().await;
    bench.keeps(b"abd").await;
    bench.answers(200, &done());
    let (status, reply) = bench.import(of_part(), &archive).await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (409, &json!("Model already exists.")),
        "another model stands there"
    );
    let told = json!({"retcode": 409, "retmsg": "Model already exists."});
    bench.answers(409, &told);
    let (status, reply) = bench.import(of_part(), &archive).await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (409, &json!("Model already exists.")),
        "the coordinator says so"
    );
    for (fields, bytes) in [
        (with(json!({"hash": "00"})), archive.as_slice()),
        (of_part(), b"PK no zip".as_slice()),
        (
            with(json!({"model_version": "20260101120000000001"})),
            archive.as_slice(),
        ),
    ] {
        let (status, reply) = bench.import(fields, bytes).await;
        assert_eq!(
            (status, reply["retcode"].as_i64()),
            (200, Some(100)),
            "{reply}"
        );
    }
    let (status, reply) = bench.import(with(json!({"party_id": "2"})), &archive).await;
    let text =
        "Party id \"2\" is not in role \"guest\", please check if the party id and role is valid.";
    assert_eq!((status, &reply["retmsg"]), (400, &json!(text)));
    assert_eq!(
        bench.content().await.unwrap(),
        b"abd",
        "nothing was replaced"
    );
    bench.answers(200, &done());
    bench.answers(200, &done());
    assert_eq!(
        bench
            .import(with(json!({"force_update": "1"})), &archive)
            .await
            .0,
        200
    );
    assert_eq!(bench.content().await.unwrap(), b"abc");
    let (_, reply) = bench
        .ask(Side::Own, "/v1/model/import", json!({"role": "guest"}))
        .await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: model_id,model_version,party_id; "
    );
    let (status, reply) = bench.ask(Side::Own, "/v1/model/import", of_part()).await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (400, &json!("`file` is required."))
    );
}

#[tokio::test]
async fn knows_models_that_do_not_exist() {
    let bench = bench("").await;
    let fault = Fault::new(ErrorCode::ModelMissing, "model … does not exist");
    bench.answers(200, &json!({"retcode": 101, "retmsg": "x", "fault": fault}));
    let (status, reply) = bench.ask(Side::Own, "/v1/model/export", of_part()).await;
    let text = format!("Model guest#1#{MODEL} {VERSION} does not exist.");
    assert_eq!(
        (status, reply["retmsg"].as_str()),
        (404, Some(text.as_str()))
    );
    let (status, _) = bench.ask(Side::Own, "/v1/model/export", of_part()).await;
    assert_eq!(status, 503, "no coordinator, no documents");
    let (status, reply) = bench
        .ask(
            Side::Own,
            "/v1/model/transfer",
            json!({"namespace": "guest#1"}),
        )
        .await;
    assert_eq!(
        (status, &reply["retmsg"]),
        (400, &json!("namespace and name are required"))
    );
    let (status, reply) = bench
        .ask(
            Side::Own,
            "/v1/model/transfer",
            json!({"namespace": "x", "name": "1"}),
        )
        .await;
    assert_eq!((status, &reply["retmsg"]), (404, &json!("model not found")));
}

#[tokio::test]
async fn hands_content_over_in_pieces() {
    let bench = bench(OPEN).await;
    bench.keeps(b"abc").await;
    bench.answers(200, &documents());
    let path = format!(
        "/v1/model/transfer/guest~1~{}/{VERSION}",
        MODEL.replace('#', "~")
    );
    let (status, reply) = bench.ask(Side::Outside, &path, json!({})).await;
    assert_eq!(status, 200, "{reply}");
    let data = reply["data"].as_object().unwrap();
    assert!(
        data.contains_key("scripted_0.model:HeteroLogisticRegressionParam")
            && data.contains_key("pipeline.pipeline:Pipeline")
    );
}

#[tokio::test]
async fn keeps_models_from_outsiders_unless_the_policy_opens_them() {
    let bench = bench("").await;
    bench.keeps(b"abc").await;
    let transfer = json!({"namespace": format!("guest#1#{MODEL}"), "name": VERSION});
    for (path, body) in [
        ("/v1/model/export", of_part()),
        ("/v1/model/transfer", transfer),
        ("/v1/fedflow/model/migrate", of_part()),
    ] {
        let (status, reply) = bench.ask(Side::Outside, path, body).await;
        assert_eq!(
            (status, reply["retcode"].as_i64()),
            (403, Some(108)),
            "{path}: {reply}"
        );
        assert!(
            reply["retmsg"]
                .as_str()
                .unwrap()
                .contains("http://own.endpoint:9380"),
            "{reply}"
        );
    }
    let config: String = of_part()
        .to_string()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let request = Request::builder()
        .method("PUT")
        .uri(format!("/v1/fedflow/model/import?{config}"))
        .body(Body::from("PK"));
    let (_, bytes) = bench.send(Side::Outside, request.unwrap()).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes).unwrap()["retcode"],
        108
    );
    assert!(
        bench
            .told()
            .await
            .iter()
            .all(|(_, rule)| rule.as_deref() == Some("disclosure.models_through_coordinator"))
    );
    assert!(
        bench.asked().is_empty(),
        "the coordinator was not asked for anything"
    );
}

#[tokio::test]
async fn writes_a_part_for_other_parties() {
    let bench = bench(OPEN).await;
    bench.keeps(b"abc").await;
    bench.answers(200, &documents());
    let to = json!({
        "roles": {"guest": [9], "host": [8]}, "initiator": {"role": "guest", "party_id": "9"},
        "model_id": "guest-9#host-8#model", "model_version": "20270101120000000000",
    });
    let (_, reply) = bench
        .ask(
            Side::Outside,
            "/v1/fedflow/model/migrate",
            with(json!({"to": to})),
        )
        .await;
    let text = reply["retmsg"].as_str().unwrap();
    assert!(
        text.starts_with("Migrating model successfully.") && text.ends_with(".zip'."),
        "{reply}"
    );
    let path = reply["data"]["path"].as_str().unwrap();
    assert!(path.starts_with(bench.folder.path().to_str().unwrap()));
    let archive = Archive::read(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!(
        (
            archive.subject.party_id.as_str(),
            &archive.documents["stored_version"]
        ),
        ("9", &json!("20270101120000000000"))
    );
    assert_eq!(archive.models[0].content, b"abc");
    let fault = Fault::new(ErrorCode::ModelMissing, "gone");
    bench.answers(200, &json!({"retcode": 101, "retmsg": "x", "fault": fault}));
    let (_, reply) = bench
        .ask(
            Side::Outside,
            "/v1/fedflow/model/migrate",
            with(json!({"to": to})),
        )
        .await;
    assert_eq!(
        (
            reply["retcode"].as_i64(),
            reply["retmsg"]
                .as_str()
                .unwrap()
                .ends_with("does not exist.")
        ),
        (Some(100), true)
    );
}

#[tokio::test]
async fn copies_a_part_to_the_store_and_brings_it_back() {
    let bench = bench("").await;
    bench.keeps(b"abc").await;
    let without = ModelArchive {
        agent_state: bench.handler.agent_state.clone(),
        coordinator: bench.coordinator.clone(),
        store: None,
        folder: "x".into(),
    };
    let subject = archives::Subject::of_party_model(&format!("guest#1#{MODEL}"), VERSION).unwrap();
    let fault = without.keep(&subject, false).await.unwrap_err();
    assert!(
        fault.code == ErrorCode::ConfigInvalid && fault.message.contains("no model store"),
        "{fault}"
    );
    let settings = archives::ModelStoreSettings {
        url: format!("file://{}/store", bench.folder.path().display()),
        endpoint: None,
        region: None,
        credentials: None,
    };
    let model_archive = ModelArchive {
        store: Some(archives::ModelStore::open(&settings).unwrap()),
        ..without
    };
    bench.answers(200, &documents());
    let (place, bytes, sha256) = model_archive.keep(&subject, false).await.unwrap();
    assert!(
        place.ends_with(".zip") && bytes > 0 && sha256.len() == 64,
        "{place}"
    );
    bench.answers(200, &documents());
    assert_eq!(
        model_archive.keep(&subject, false).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    bench.keeps(b"other").await;
    bench.answers(200, &done());
    assert_eq!(
        model_archive
            .bring_back(&subject, false)
            .await
            .unwrap_err()
            .code,
        ErrorCode::Conflict
    );
    assert_eq!(bench.content().await.unwrap(), b"other");
    bench.answers(200, &done());
    bench.answers(200, &done());
    assert_eq!(
        model_archive.bring_back(&subject, true).await.unwrap().1,
        bytes
    );
    assert_eq!(bench.content().await.unwrap(), b"abc");
    let other = archives::Subject {
        model_version: "20260101120000000009".to_owned(),
        ..subject
    };
    assert_eq!(
        model_archive
            .bring_back(&other, true)
            .await
            .unwrap_err()
            .code,
        ErrorCode::ModelMissing
    );
}
