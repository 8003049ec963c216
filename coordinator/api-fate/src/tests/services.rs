//! What is told of components, providers, the server and its resources.

use std::io::Read;

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{TRAIN, WAITING, World};

#[tokio::test]
async fn lists_components_under_every_spelling_and_their_providers() {
    let world = World::open().await;
    let all = world.data("component/get", json!({})).await;
    assert_eq!(
        (&all["HeteroLR"], &all["heterolr"]["default_provider"]),
        (&all["heterolr"], &json!("fate"))
    );
    assert_eq!(all["upload"]["support_provider"], json!(["fate_flow"]));
    assert_eq!(all["heterolr"]["parties"], json!(["10000", "9999"]));
    assert_eq!(
        world.data("component/HeteroLR/get", json!({})).await,
        all["HeteroLR"]
    );
    let (_, reply) = world.post("component/nothing/get", json!({})).await;
    assert_eq!(reply, json!({"retcode": 0, "retmsg": "success"}));

    let providers = world.data("provider/get", json!({})).await;
    let version = providers["fate"]["default"]["version"]
        .as_str()
        .expect("version");
    let listed = providers["fate"][version]["components"]
        .as_array()
        .expect("list");
    assert!(
        listed.contains(&json!("heterolr")) && !listed.contains(&json!("upload")),
        "{listed:?}"
    );
    let one = world.data("provider/fate_flow/get", json!({})).await;
    let version = one["default"]["version"].as_str().expect("version");
    assert_eq!(
        one[version]["components"]["upload"]["module_path"],
        "upload"
    );
    let (_, reply) = world.post("provider/other/get", json!({})).await;
    assert_eq!(reply, json!({"retcode": 0, "retmsg": "success"}));
}

#[tokio::test]
async fn registers_no_provider_and_says_why() {
    let world = World::open().await;
    let (_, reply) = world
        .post("provider/register", json!({"name": "mine"}))
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 101, "retmsg": "required argument are missing: version,path; "})
    );
    let (_, reply) = world
        .post(
            "provider/register",
            json!({"name": "mine", "version": "1", "path": "/p"}),
        )
        .await;
    assert_eq!(reply["retcode"], 103);
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.starts_with("register failed:\n")),
        "{reply}"
    );
}

#[tokio::test]
async fn validates_the_parameters_of_one_component() {
    let world = World::open().await;
    let with = |parameters: Value| {
        json!({
            "dsl_version": 2,
            "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
            "component_name": "hetero_lr_0",
            "component_module_name": "HeteroLR",
            "component_parameters": {"common": {"hetero_lr_0": parameters}},
        })
    };
    assert_eq!(
        world
            .post("component/validate", with(json!({"max_iter": 3})))
            .await
            .1["retcode"],
        0
    );
    let (status, reply) = world
        .post("component/validate", with(json!({"surprise": 3})))
        .await;
    assert_eq!(status, 400);
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("redundant parameters: `[['surprise']]`"))
    );
    for (body, text) in [
        (json!(null), "bad request"),
        (json!({"dsl_version": 7}), "unsupported dsl_version"),
        (
            json!({"dsl_version": "2", "role": {}}),
            "'required parameters are missing: component_name,component_module_name,component_parameters; '",
        ),
    ] {
        let (status, reply) = world.post("component/validate", body).await;
        assert_eq!(
            (status, reply),
            (400, json!({"retcode": 400, "retmsg": text}))
        );
    }
}

#[tokio::test]
async fn says_of_itself_what_it_knows() {
    let world = World::open().await;
    let reloaded = world.data("server/reload", json!(null)).await;
    assert_eq!(
        reloaded["job_default_config"],
        world.data("server/config/job/default", json!({})).await
    );
    assert_eq!(reloaded["job_default_config"]["task_parallelism"], 1);
    assert_eq!(
        reloaded["server_registry"],
        world.data("server/get", json!({})).await
    );
    let services = world.data("server/service/get", json!({})).await;
    assert_eq!(
        world.data("server/fateflow/get", json!({})).await,
        services["FATEFLOW"]
    );
    assert_eq!(
        world
            .data("service/query", json!({"server_name": "fateflow"}))
            .await,
        services["FATEFLOW"]
    );
    assert_eq!(
        world
            .data("service/query", json!({"server_name": "other"}))
            .await,
        json!([])
    );
    let instances = world.data("server/fateflow/info", json!({})).await;
    let (id, instance) = instances
        .as_object()
        .and_then(|all| all.iter().next())
        .expect("one");
    assert_eq!(
        (&instance["instance_id"], &instance["http_port"]),
        (&json!(id), &json!(9380))
    );
    for (path, text) in [
        ("info/fateboard", "fateboard is not configured"),
        ("info/eggroll", "eggroll is not configured"),
        ("info/party/7", "party 7 is not known"),
    ] {
        let (status, reply) = world.post(path, json!({})).await;
        assert_eq!(
            (status, reply),
            (404, json!({"retcode": 404, "retmsg": text}))
        );
    }
    assert_eq!(
        world.data("info/party/9999", json!({})).await["online"],
        true
    );
    assert_eq!(
        world.data("version/get", json!(null)).await,
        json!({"FATE": "1.11.4", "API": "v1"})
    );
    let (status, reply) = world.post("version/get", json!({"module": "X"})).await;
    assert_eq!(
        (status, reply["retmsg"].as_str()),
        (404, Some("unknown module X"))
    );
}

#[tokio::test]
async fn counts_the_cores_of_the_agents() {
    let world = World::open().await;
    let resources = world.data("resource/query", json!({})).await;
    assert_eq!(resources["use_resource_job"], json!([]));
    let of = &resources["computing_engine_resource"];
    assert_eq!(
        (&of["f_cores"], &of["f_remaining_cores"]),
        (&json!(2 * 64 * 4), &json!(2 * 64 * 4))
    );
    let (_, reply) = world.post("resource/return", json!({})).await;
    assert_eq!(reply["retmsg"], "required argument are missing: job_id; ");
    let (_, reply) = world.post("resource/return", json!({"job_id": "1"})).await;
    assert_eq!(
        (reply["retcode"].as_i64(), &reply["retmsg"]),
        (Some(100), &json!("Exception('no found job 1')"))
    );
    let rows = world
        .data("resource/return", json!({"job_id": TRAIN}))
        .await;
    assert_eq!(rows[0]["resource_in_use"], false);
    assert_eq!(rows[0]["resource_return_status"], true);
}

#[tokio::test]
async fn reports_times_and_pages_of_a_job() {
    let world = World::open().await;
    let report = world.data("job/report", json!({"job_id": TRAIN})).await;
    let names: Vec<&str> = report
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|entry| entry["component_name"].as_str())
        .collect();
    assert_eq!(names, ["reader_0", "hetero_lr_0"]);
    assert_eq!(
        (&report[1]["status"], &report[1]["index"]),
        (&json!("success"), &json!(1))
    );
    let arbiter = json!({"job_id": TRAIN, "role": "arbiter", "party_id": 10000});
    assert_eq!(
        world
            .data("job/report", arbiter)
            .await
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let (_, reply) = world.post("job/report", json!({"job_id": "1"})).await;
    assert_eq!(reply, json!({"retcode": 101, "retmsg": "find task failed"}));

    let pages = world
        .data(
            "job/url/get",
            json!({"job_id": TRAIN, "role": "host", "party_id": 10000}),
        )
        .await;
    let page = format!(
        "http://127.0.0.1:8080/index.html#/dashboard?job_id={TRAIN}&role=host&party_id=10000"
    );
    assert_eq!(pages, json!({"board_url": [page]}));
    let (_, reply) = world
        .post(
            "job/url/get",
            json!({"job_id": TRAIN, "role": "host", "party_id": 1}),
        )
        .await;
    assert_eq!(reply, json!({"retcode": 101, "retmsg": "no found job"}));
    let (_, reply) = world.post("job/url/get", json!({"job_id": WAITING})).await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: role,party_id; "
    );
}

#[tokio::test]
async fn sends_the_examples_with_their_data() {
    let world = World::open().await;
    let mut counts = Vec::new();
    for body in ["{}", "{\"min_data\": true}"] {
        let request = Request::post("/v1/template/download")
            .body(Body::from(body))
            .expect("request");
        let (status, headers, bytes) = world.send(request).await;
        assert_eq!(status, 200);
        assert_eq!(
            headers["content-disposition"],
            "attachment; filename=template.tar.gz"
        );
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().expect("archive") {
            let mut entry = entry.expect("entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            assert!(!content.is_empty());
            names.push(entry.path().expect("path").display().to_string());
        }
        assert!(
            names.contains(&"examples/data/bank.csv".to_owned()),
            "{names:?}"
        );
        counts.push(names.len());
    }
    assert!(counts[0] > counts[1], "{counts:?}");
}
