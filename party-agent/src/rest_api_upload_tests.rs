//! Files that are sent to the REST endpoint.

use super::*;

fn upload(query: &str, content: &str) -> Request {
    let form = format!(
        "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"g.csv\"\r\n\r\n{content}\r\n--X--\r\n"
    );
    Request::builder()
        .method("POST")
        .uri(format!("/v1/data/upload?{query}"))
        .header("content-type", "multipart/form-data; boundary=X")
        .body(Body::from(form))
        .unwrap()
}

const FIELDS: &str = "namespace=n&table_name=t&head=1&partition=4&verbose=1&drop=0";

#[tokio::test]
async fn keeps_an_uploaded_file_here_and_tells_only_its_name() {
    let bench = bench("").await;
    bench.answers(
        200,
        &json!({"retcode": 0, "retmsg": "success", "jobId": "77"}),
    );
    let (status, bytes) = bench
        .send(Side::Own, upload(FIELDS, "id,x\nsecret,1"))
        .await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((status, &reply["jobId"]), (200, &json!("77")), "{reply}");
    let (head, body) = bench.asked().pop().unwrap();
    assert_eq!(
        (head.target.as_str(), head.caller),
        (
            "/v1/data/upload",
            Caller::PartyUser(bench.handler.agent_state.me.clone())
        )
    );
    assert!(!String::from_utf8(body.clone()).unwrap().contains("secret"));
    let told: Value = serde_json::from_slice(&body).unwrap();
    let staged = bench
        .handler
        .agent_state
        .staging
        .find(told["staged"].as_str().unwrap())
        .unwrap();
    assert_eq!(std::fs::read(staged).unwrap(), b"id,x\nsecret,1");
    assert_eq!(
        (&told["party_id"], &told["partition"]),
        (&json!("1"), &json!(4))
    );
}

#[tokio::test]
async fn forgets_a_file_whose_job_was_refused() {
    let bench = bench("").await;
    bench.answers(200, &json!({"retcode": 103, "retmsg": "no such thing"}));
    let (_, bytes) = bench.send(Side::Own, upload(FIELDS, "id\n1")).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(103), &json!("no such thing"))
    );
    let (status, _) = bench.send(Side::Own, upload(FIELDS, "id\n1")).await;
    assert_eq!(status, 503);
    assert_eq!(
        std::fs::read_dir(bench.folder.path().join("staging"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn refuses_an_upload_over_an_existing_table_or_for_another_party() {
    let bench = bench("").await;
    bench
        .handler
        .agent_state
        .table_store
        .write(&TableRef::new("n", "t"), &table(1), 1)
        .unwrap();
    let (_, bytes) = bench.send(Side::Own, upload(FIELDS, "id\n1")).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(100), &json!(rest::upload::TABLE_EXISTS))
    );
    let other = FIELDS.replace("table_name=t", "table_name=u") + "&party_id=2";
    let (_, bytes) = bench.send(Side::Own, upload(&other, "id\n1")).await;
    assert!(String::from_utf8(bytes).unwrap().contains("not of party 2"));
    assert!(bench.asked().is_empty());
}

#[tokio::test]
async fn takes_files_of_outsiders_where_the_policy_allows_it() {
    let name = "0123456789abcdef0123456789abcdef";
    let put = |name: &str| {
        Request::builder()
            .method("PUT")
            .uri(format!("/v1/fedflow/staging/{name}"))
            .body(Body::from("id\n1"))
            .unwrap()
    };
    let open = bench(OPEN).await;
    let (status, bytes) = open.send(Side::Outside, put(name)).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (status, &reply["data"]),
        (200, &json!({"staged": name, "bytes": 4}))
    );
    assert_eq!(open.send(Side::Outside, put(name)).await.0, 400);
    assert_eq!(open.send(Side::Outside, put("..%2f..%2fetc")).await.0, 400);
    let closed = bench("").await;
    assert_eq!(closed.send(Side::Outside, put(name)).await.0, 403);
    assert!(closed.handler.agent_state.staging.find(name).is_none());
}

#[tokio::test]
async fn tells_a_coordinator_that_knows_uploads_by_a_message() {
    let envelope =
        json!({"retcode": 0, "retmsg": "success", "data": {"b": 1, "a": 0.1}, "jobId": "77"});
    let mut replies = Vec::new();
    for knows in [false, true] {
        let bench = bench("").await;
        bench
            .coordinator
            .knows_uploads
            .store(knows, Ordering::Relaxed);
        bench.answers(200, &envelope);
        let reply = bench
            .send(Side::Own, upload(FIELDS, "id,x\nsecret,1"))
            .await;
        let told = bench.coordinator.uploads.lock().unwrap().clone();
        assert_eq!(
            (told.len(), bench.asked().len()),
            (usize::from(knows), usize::from(!knows))
        );
        if let Some(call) = told.first() {
            let me = &bench.handler.agent_state.me;
            assert_eq!(call.config.party_id.as_deref(), Some(me.as_str()));
            assert_eq!(call.config.existing, rest::Existing::Replace);
            let staging = &bench.handler.agent_state.staging;
            let staged = staging.find(call.config.staged.as_ref().unwrap()).unwrap();
            assert_eq!(std::fs::read(staged).unwrap(), b"id,x\nsecret,1");
            // The ticket holds the request that the message stands for.
            let ticket = call.ticket.as_ref().expect("a ticket");
            assert_eq!(ticket.signer, *me);
            let ticket: vocabulary::Ticket = wire::frame::decode(&ticket.bytes).unwrap();
            assert_eq!(ticket.path, "/v1/data/upload");
            let document: Value = serde_json::from_str(&ticket.document).unwrap();
            assert_eq!(document, call.config.as_request());
        }
        replies.push(reply);
    }
    assert_eq!(replies[0], replies[1], "the user sees no difference");
}

#[tokio::test]
async fn refusals_by_a_message_are_the_coordinators_own() {
    let bench = bench("").await;
    bench
        .coordinator
        .knows_uploads
        .store(true, Ordering::Relaxed);
    bench.answers(200, &json!({"retcode": 103, "retmsg": "no such thing"}));
    let (_, bytes) = bench.send(Side::Own, upload(FIELDS, "id\n1")).await;
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(103), &json!("no such thing"))
    );
    let (status, _) = bench.send(Side::Own, upload(FIELDS, "id\n1")).await;
    assert_eq!(status, 503, "no link");
    let staged = std::fs::read_dir(bench.folder.path().join("staging")).unwrap();
    assert_eq!(staged.count(), 0, "nothing stays");
}

#[tokio::test]
async fn a_configuration_too_large_for_a_message_goes_by_a_request() {
    let bench = bench("").await;
    bench
        .coordinator
        .knows_uploads
        .store(true, Ordering::Relaxed);
    bench.answers(200, &json!({"retcode": 0, "retmsg": "success"}));
    let body = json!({
        "use_local_data": 0, "file": "a.csv", "namespace": "n", "table_name": "t", "head": 1, "partition": 4,
        "schema": {"sid": "x".repeat(LARGEST_UPLOAD)},
    });
    let (status, _) = bench.ask(Side::Own, "/v1/data/upload", body).await;
    assert_eq!((status, bench.asked().len()), (200, 1));
    assert!(bench.coordinator.uploads.lock().unwrap().is_empty());
}
