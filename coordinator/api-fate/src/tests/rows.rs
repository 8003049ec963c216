//! Requests for rows: which agent gets them, as whose, and what is refused.

use std::io::Read;

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};
use wire::agent_link::Caller;

use super::fixture::{TRAIN, World, party};

fn preview(role: &str, id: u32) -> Value {
    json!({"job_id": TRAIN, "component_name": "hetero_lr_0", "role": role, "party_id": id})
}

#[tokio::test]
async fn hands_a_preview_to_the_party_that_owns_the_rows() {
    let world = World::open().await;
    let (_, reply) = world
        .post("tracking/component/output/data", preview("host", 10000))
        .await;
    assert_eq!(
        (&reply["data"], &reply["meta"]["party_id"]),
        (&json!([[["1", 0.5]]]), &json!("10000"))
    );
    let (_, reply) = world
        .post(
            "tracking/component/output/data",
            json!({"job_id": TRAIN, "component_name": "hetero_lr_0"}),
        )
        .await;
    assert_eq!(
        (&reply["meta"]["role"], &reply["meta"]["party_id"]),
        (&json!("guest"), &json!("9999"))
    );
    let seen = world.agents.seen.lock().expect("lock").clone();
    assert!(seen.iter().all(|seen| seen.caller == Caller::Outsider));
    assert_eq!(
        seen.iter()
            .map(|seen| seen.party.as_str())
            .collect::<Vec<_>>(),
        ["10000", "9999"]
    );
}

#[tokio::test]
async fn asks_for_the_flat_preview_of_a_job_with_version_1_documents() {
    let world = World::open().await;
    let documents = json!({
        "job_dsl": {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}},
        "job_runtime_conf": {
            "initiator": {"role": "guest", "party_id": 9999},
            "role": {"guest": [9999], "host": [10000]},
            "job_parameters": {"work_mode": 1},
            "algorithm_parameters": {"secure_add_example_0": {"data_num": 1000}},
        },
    });
    let (_, submitted) = world.post("job/submit", documents).await;
    let of = json!({"job_id": submitted["jobId"], "component_name": "secure_add_example_0"});
    let (_, reply) = world
        .post("tracking/component/output/data", of.clone())
        .await;
    assert_eq!(reply["meta"]["flat"], json!(true), "{submitted} {reply}");
    let mut nested = of;
    nested["flat"] = json!(0);
    let (_, reply) = world.post("tracking/component/output/data", nested).await;
    assert_eq!(reply["meta"]["flat"], json!(0));
    let (_, reply) = world
        .post("tracking/component/output/data", preview("guest", 9999))
        .await;
    assert!(reply["meta"].get("flat").is_none(), "{reply}");
}

#[tokio::test]
async fn refuses_rows_of_a_party_that_keeps_them_and_names_its_endpoint() {
    let world = World::with_rows(false).await;
    let (status, reply) = world
        .post("tracking/component/output/data", preview("guest", 9999))
        .await;
    assert_eq!((status, reply["retcode"].as_i64()), (200, Some(108)));
    let text = reply["retmsg"].as_str().expect("text");
    assert!(
        text.contains("FF303") && text.contains("http://party-9999:9380"),
        "{text}"
    );
    let (status, reply) = world
        .post(
            "tracking/component/output/data/download",
            preview("guest", 9999),
        )
        .await;
    assert_ne!(status, 200, "{reply}");
    assert!(
        world.agents.seen.lock().expect("lock").is_empty(),
        "nothing reached an agent"
    );
}

#[tokio::test]
async fn lets_a_partys_user_at_its_own_rows_only() {
    let world = World::with_rows(false).await;
    let (_, reply) = world
        .post_as(
            Some("9999"),
            "tracking/component/output/data",
            preview("guest", 9999),
        )
        .await;
    assert_eq!(reply["retcode"], 0);
    assert_eq!(
        world.agents.seen.lock().expect("lock")[0].caller,
        Caller::PartyUser(party("9999"))
    );
    let (_, reply) = world
        .post_as(
            Some("9999"),
            "tracking/component/output/data",
            preview("host", 10000),
        )
        .await;
    assert_eq!(reply["retcode"], 108);
    let open = World::open().await;
    let (_, reply) = open
        .post_as(
            Some("9999"),
            "tracking/component/output/data",
            preview("host", 10000),
        )
        .await;
    assert_eq!(
        reply["retcode"], 108,
        "even where the policy lets people of no party in"
    );
    assert!(open.agents.seen.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn answers_downloads_without_rows_under_another_status_than_200() {
    let world = World::open().await;
    let path = "tracking/component/output/data/download";
    let mut none = preview("guest", 9999);
    none["limit"] = json!(0);
    assert_eq!(world.post(path, none).await.0, 210);
    let (status, reply) = world
        .post(
            path,
            json!({"job_id": "1", "component_name": "x", "role": "guest", "party_id": 1}),
        )
        .await;
    assert_eq!(status, 404);
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.starts_with("ValueError('no found task, "))
    );
    assert_ne!(world.post(path, json!(null)).await.0, 200);
    let (status, reply) = world.post(path, preview("host", 10000)).await;
    assert_eq!(
        (status, &reply["retcode"]),
        (403, &json!(108)),
        "an agent's refusal is not taken for an archive"
    );
    let request =
        Request::get(format!("/v1/{path}")).body(Body::from(preview("guest", 9999).to_string()));
    let (status, headers, bytes) = world.send(request.expect("request")).await;
    assert_eq!(
        (status, headers["content-disposition"].to_str().ok()),
        (200, Some("attachment; filename=rows.tar.gz"))
    );
    assert!(bytes.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn looks_for_a_table_at_every_open_party() {
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let body = json!({"namespace": "n", "table_name": "t"});
    assert_eq!(
        world.data("table/table_info", body.clone()).await["exist"],
        1
    );
    assert_eq!(
        world
            .data(
                "table/table_info",
                json!({"namespace": "n", "table_name": "other"})
            )
            .await["exist"],
        0
    );
    assert_eq!(
        world
            .data(
                "table/table_info",
                json!({"namespace": "n", "table_name": "t", "party_id": "10000"})
            )
            .await["exist"],
        0
    );
    assert_eq!(
        world.data("table/delete", body.clone()).await["table_name"],
        "t"
    );
    let (_, again) = world.post("table/delete", body).await;
    assert_eq!(again, json!({"retcode": 101, "retmsg": "no find table"}));
}

#[tokio::test]
async fn names_the_endpoints_when_no_party_is_open() {
    let world = World::with_rows(false).await;
    for path in ["table/table_info", "table/delete"] {
        let (_, reply) = world
            .post(path, json!({"namespace": "n", "table_name": "t"}))
            .await;
        let text = reply["retmsg"].as_str().expect("text");
        assert!(
            text.contains("party 9999 at http://party-9999:9380"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn collects_logs_and_takes_over_only_a_partys_own() {
    let world = World::open().await;
    world
        .agents
        .away
        .lock()
        .expect("lock")
        .insert("10000".into());
    let request = Request::post("/v1/job/log/download/")
        .body(Body::from(json!({"job_id": TRAIN}).to_string()))
        .expect("request");
    let (status, headers, bytes) = world.send(request).await;
    assert_eq!(
        (
            status,
            headers["content-disposition"].to_str().expect("text")
        ),
        (
            200,
            &*format!("attachment; filename=job_{TRAIN}_log.tar.gz")
        )
    );
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let members: std::collections::BTreeMap<String, String> = archive
        .entries()
        .expect("tar")
        .map(|entry| {
            let mut entry = entry.expect("entry");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            (entry.path().expect("path").display().to_string(), text)
        })
        .collect();
    assert_eq!(members["guest/9999/INFO.log"], "line of 9999\n");
    assert!(members["host/10000/ERROR.log"].contains("not connected"));
    assert!(
        members.contains_key("arbiter/10000/INFO.log")
            && !members.contains_key("guest/other/INFO.log")
    );
    assert!(members["fate_flow_schedule.log"].contains("job ended: Succeeded"));
    assert!(members["fate_flow_schedule_error.log"].contains("can not found table name"));
    let (status, reply) = world.post("job/log/download", json!({"job_id": "1"})).await;
    assert_eq!(status, 404);
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.ends_with("not found. Please check if the job id is valid."))
    );
}

#[tokio::test]
async fn lists_uploads_whose_table_is_there() {
    let world = World::open().await;
    assert_eq!(
        world.data("data/upload/history", json!({"limit": 2})).await,
        json!([]),
        "the table is gone"
    );
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "breast".into()));
    let rows = world.data("data/upload/history", json!({"limit": 2})).await;
    let row = &rows[0][super::fixture::UPLOAD];
    let rows = json!({"upload_count": 569, "actual_count": 569});
    let info = json!({
        "table_name": "breast", "namespace": "experiment", "partition": 4, "upload_count": 569, "actual_count": 569,
        "parties": {"9999": rows, "10000": rows},
    });
    assert_eq!(row["upload_info"], info);
    assert_eq!(
        world
            .data("data/upload/history", json!({"job_id": "5"}))
            .await,
        json!([])
    );
}

#[tokio::test]
async fn asks_every_open_party_about_tables_and_joins_the_answers() {
    let world = World::open().await;
    let disabled = world.data("table/disable", json!({"namespace": "n"})).await;
    let names: Vec<&str> = disabled
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["table_name"].as_str())
        .collect();
    assert_eq!(names, ["t of 10000", "t of 9999"]);
    let one = world
        .data("table/disable", json!({"namespace": "n", "party_id": 9999}))
        .await;
    assert_eq!(one.as_array().expect("a list").len(), 1);
    let named = json!({"namespace": "n", "table_name": "t"});
    assert_eq!(
        world.data("table/tracking/source", named.clone()).await,
        json!([]),
        "the second party knows it"
    );
    let jobs = world.data("table/tracking/job", named.clone()).await;
    assert_eq!(
        jobs,
        json!({"count": 3, "job": ["3", "2", "1"]}),
        "of both parties' tables, newest first"
    );
    let request = Request::get("/v1/table/download")
        .body(Body::from(named.to_string()))
        .expect("request");
    let (status, _, bytes) = world.send(request).await;
    assert!(
        status == 200 && bytes.starts_with(&[0x1f, 0x8b]),
        "{status}"
    );
    let (status, reply) = world
        .post(
            "table/download",
            json!({"namespace": "n", "table_name": "t", "party_id": 10000}),
        )
        .await;
    assert_eq!((status, &reply["retcode"]), (210, &json!(210)));
    let closed = World::with_rows(false).await;
    assert_eq!(
        closed
            .post("table/disable", json!({"namespace": "n"}))
            .await
            .1["retcode"],
        108
    );
    assert!(
        closed.agents.seen.lock().expect("lock").is_empty(),
        "nothing reached an agent"
    );
}

#[tokio::test]
async fn binds_where_no_party_has_the_table_and_says_what_kept_it() {
    let world = World::open().await;
    let body = json!({"engine": "PATH", "address": {"path": "/x"}, "namespace": "n", "name": "t", "table_name": "t"});
    assert_eq!(
        world.post("table/bind", body.clone()).await.1["retcode"],
        101
    );
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("10000".into(), "t".into()));
    let (_, reply) = world.post("table/bind", body.clone()).await;
    assert_eq!(
        (&reply["retcode"], &reply["retmsg"]),
        (&json!(100), &json!(rest::upload::TABLE_EXISTS))
    );
    let mut dropping = body;
    dropping["drop"] = json!(true);
    let (_, reply) = world.post("table/add", dropping).await;
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.ends_with("check failed")),
        "{reply}"
    );
    let (_, reply) = world.post("table/bind", json!({"engine": "PATH"})).await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: address,namespace,name; "
    );
}

#[tokio::test]
async fn leaves_permissions_to_the_parties_whatever_they_say_of_rows() {
    let world = World::with_rows(false).await;
    let (_, reply) = world
        .post(
            "permission/grant",
            json!({"party_id": "1", "component": "*"}),
        )
        .await;
    assert_eq!(reply["retcode"], 0, "one party lets it be: {reply}");
    let asked = |world: &World| {
        world
            .agents
            .targets()
            .into_iter()
            .map(|(party, _)| party)
            .collect::<Vec<_>>()
    };
    assert_eq!(asked(&world), ["10000", "9999"]);
    let (_, reply) = world
        .post(
            "permission/grant",
            json!({"party_id": "1", "component": "*", "owner": "10000"}),
        )
        .await;
    assert_eq!(reply["retcode"], 108);
    let (_, reply) = world
        .post(
            "permission/grant",
            json!({"party_id": "9999", "component": "*"}),
        )
        .await;
    assert_eq!(
        reply["retcode"], 108,
        "a party grants nothing to itself: {reply}"
    );
    assert_eq!(
        world
            .post("permission/grant", json!({"party_id": "1", "owner": "77"}))
            .await
            .1["retcode"],
        101
    );
    let own = world
        .post_as(Some("9999"), "permission/grant", json!({"party_id": "1"}))
        .await
        .1;
    assert_eq!(own["retcode"], 0);
    let missing = world
        .post("key/public/save", json!({"party_id": "1"}))
        .await
        .1;
    assert_eq!(missing["retmsg"], "required argument are missing: key; ");
}

#[tokio::test]
async fn starts_a_writer_job_at_the_party_that_has_the_table() {
    let world = World::open().await;
    world
        .agents
        .tables
        .lock()
        .expect("lock")
        .insert(("9999".into(), "t".into()));
    let body = json!({"namespace": "n", "table_name": "t", "output_namespace": "m", "output_name": "u", "task_cores": 3});
    let (_, reply) = world.post("data/writer", body).await;
    assert_eq!(
        (&reply["retcode"], &reply["data"]["table_name"]),
        (&json!(0), &json!("t")),
        "{reply}"
    );
    let job = vocabulary::JobId::new(reply["jobId"].as_str().expect("a job")).expect("valid");
    let job = world.coordinator.jobs().get(&job).await.expect("stored");
    assert_eq!(job.initiator.party, party("9999"));
    assert_eq!(
        job.definition.conf["job_parameters"]["common"]["task_cores"],
        3
    );
    for body in [
        json!({"namespace": "n", "table_name": "t"}),
        json!({"namespace": "n", "table_name": "t", "engine": "PATH"}),
    ] {
        let (_, reply) = world.post("data/writer", body).await;
        let text = "KeyError('required parameters are missing: output_name,output_namespace; ')";
        assert_eq!(
            (&reply["retcode"], &reply["retmsg"]),
            (&json!(100), &json!(text))
        );
    }
}
