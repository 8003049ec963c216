//! Rules that hold on every route: forms of errors, slashes, methods, broken bodies, and the table itself.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::Request;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::World;
use crate::{Kind, Method, ROUTES, Status, coverage, openapi};

/// Every path of FATE-Flow 1.11 that its clients, its board or its tests call.
const KNOWN: &str = "data/upload data/download data/writer data/upload/history job/submit job/stop job/rerun job/query \
    job/list/job job/list/task job/update job/parameter/update job/config job/log/download job/log/path job/task/query \
    job/data/view/query job/clean job/clean/queue job/dsl/generate job/report job/url/get tracking/job/data_view \
    tracking/component/metric/all tracking/component/metrics tracking/component/metric_data \
    tracking/component/metric/delete tracking/component/parameters tracking/component/output/model \
    tracking/component/output/data tracking/component/output/data/download tracking/component/output/data/table \
    tracking/component/summary/download tracking/component/list pipeline/dag/dependency model/load model/bind \
    model/transfer model/import model/export model/store model/restore model/migrate model/deploy \
    model/get/predict/dsl model/get/predict/conf model/query model/query/detail model/model_tag/create \
    model/model_tag/remove model/model_tag/retrieve model/tag/create model/tag/retrieve model/tag/update \
    model/tag/destroy model/tag/list model/homo/convert model/homo/deploy model/archive/packaging \
    model/service/register table/table_info table/delete table/bind table/add table/enable table/disable \
    table/disable/delete table/connector/create table/connector/query table/tracking/source table/tracking/job \
    table/list table/preview table/schema/update table/schema/anonymous/migrate table/download checkpoint/list \
    checkpoint/get component/get component/{name}/get component/validate component/hetero/merge \
    component/woe_array/extract component/woe_array/merge provider/get provider/{name}/get provider/register \
    resource/query resource/return permission/grant permission/delete permission/query permission/grant/privilege \
    permission/delete/privilege permission/query/privilege key/public/save key/query key/public/delete \
    server/version/get server/reload server/service/get server/get server/fateflow/info server/config/job/default \
    server/{name}/get version/get info/version template/download info/common info/fateboard info/eggroll log/size \
    log/cat service/registry service/query";

#[test]
fn lists_every_known_path_once_and_on_the_coverage_page() {
    let paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    let distinct: BTreeSet<&str> = paths.iter().copied().collect();
    assert_eq!(distinct.len(), paths.len());
    let page = coverage();
    for path in KNOWN.split_whitespace() {
        assert!(distinct.contains(path), "{path} is not routed");
        assert!(
            page.contains(&format!("| `{path}` |")),
            "{path} is not on the page"
        );
    }
}

#[test]
fn describes_every_route_in_the_document() {
    let document = openapi();
    for route in ROUTES {
        let path = &document["paths"][format!("/v1/{}", route.path.replace("{*", "{"))];
        let method = if route.methods.contains(&Method::Post) {
            "post"
        } else {
            "get"
        };
        assert_eq!(path[method]["summary"], route.summary, "{}", route.path);
    }
}

#[tokio::test]
async fn answers_routes_that_are_not_served_in_the_forms_of_the_api() {
    let world = World::open().await;
    for route in ROUTES
        .iter()
        .filter(|route| route.mark.status == Status::Unsupported)
    {
        let path = route
            .path
            .replace("{*rest}", "x")
            .replace("{name}", "x")
            .replace("{model}", "m")
            .replace("{version}", "1");
        let (status, reply) = world.post(&path, json!({})).await;
        let expected = if route.mark.kind == Kind::File {
            (501, 501)
        } else {
            (200, 100)
        };
        assert_eq!(
            (status, reply["retcode"].as_i64()),
            (expected.0, Some(expected.1)),
            "{path}"
        );
        assert!(
            reply["retmsg"]
                .as_str()
                .is_some_and(|text| text.contains("FF111") && text.contains("not supported")),
            "{reply}"
        );
    }
}

#[tokio::test]
async fn answers_unknown_paths_and_methods_in_the_forms_of_the_reference() {
    let world = World::open().await;
    let unknown = json!({"retcode": 100, "retmsg": "<NotFound '404: Not Found'>"});
    for path in [
        "no/such",
        "job/nothing",
        "x",
        "data/upload/more",
        "table/a/b",
    ] {
        assert_eq!(world.post(path, json!({})).await, (200, unknown.clone()));
    }
    let request = Request::get("/v1/job/query")
        .body(Body::empty())
        .expect("request");
    let (status, _, bytes) = world.send(request).await;
    assert_eq!(status, 200);
    let reply: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(
        reply,
        json!({"retcode": 100, "retmsg": "<MethodNotAllowed '405: Method Not Allowed'>"})
    );
    let (status, reply) = world.post("data/turn", json!({})).await;
    assert_eq!(
        (status, reply),
        (
            400,
            json!({"retcode": 400, "retmsg": "Cannot support this operating: turn"})
        )
    );
    assert_eq!(
        world.post("table/turn", json!({})).await.1,
        json!({"retcode": 0, "retmsg": "success"})
    );
    let (_, reply) = world.post("model/turn", json!({"model_id": "m"})).await;
    assert_eq!(
        reply,
        json!({"retcode": 101, "retmsg": "required argument are missing: model_version,role,party_id; "})
    );
    let all = json!({"model_id": "m", "model_version": 1, "role": "guest", "party_id": 1});
    let text = "Exception('Not supported model operation: \"turn\".')";
    assert_eq!(world.post("model/turn", all).await.1["retmsg"], text);
}

#[tokio::test]
async fn takes_every_path_with_a_slash_behind_it() {
    let world = World::open().await;
    for path in ["job/query", "version/get", "component/x/get"] {
        assert_eq!(
            world.post(&format!("{path}/"), json!({})).await,
            world.post(path, json!({})).await
        );
    }
}

#[tokio::test]
async fn tells_versions_addresses_and_health() {
    let world = World::open().await;
    let versions = world.data("server/version/get", json!({})).await;
    assert_eq!(
        (&versions["API"], &versions["FATE"]),
        (&json!("v1"), &json!("1.11.4"))
    );
    assert_eq!(
        world
            .data("version/get", json!({"module": "FATEFlow"}))
            .await,
        json!({"FATEFlow": "1.11.2", "API": "v1"})
    );
    assert_eq!(world.data("version/get", Value::Null).await["API"], "v1");
    assert_eq!(
        world.post("version/get", json!({"module": "X"})).await,
        (404, json!({"retcode": 404, "retmsg": "unknown module X"}))
    );
    let request = Request::get("/v1/fedflow/health")
        .body(Body::empty())
        .expect("request");
    let (status, _, bytes) = world.send(request).await;
    let health: Value = serde_json::from_slice(&bytes).expect("json");
    assert_eq!(
        (
            status,
            &health["data"]["store"],
            &health["data"]["agents_online"]
        ),
        (200, &json!("ok"), &json!(["10000", "9999"]))
    );
    assert_eq!(health["data"]["jobs"], json!({"waiting": 1, "success": 2}));
    for path in ["/openapi.json", "/v1/openapi.json/"] {
        let (status, _, bytes) = world
            .send(Request::get(path).body(Body::empty()).expect("request"))
            .await;
        let document: Value = serde_json::from_slice(&bytes).expect("json");
        assert_eq!(
            (status, document["openapi"].as_str()),
            (200, Some("3.1.0")),
            "{path}"
        );
    }
    let (status, headers, bytes) = world
        .send(Request::get("/docs").body(Body::empty()).expect("request"))
        .await;
    assert_eq!(
        (status, headers["content-type"].to_str().ok()),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(String::from_utf8_lossy(&bytes).contains("/v1/job/submit"));
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!(super::fixture::TRAIN)),
        Just(json!("guest")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Bodies with the members that handlers look for, holding anything; and bodies that are no JSON.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "job_id",
        "role",
        "party_id",
        "component_name",
        "status",
        "limit",
        "page",
        "order_by",
        "metric_name",
        "namespace",
        "table_name",
        "head",
        "partition",
        "file",
        "use_local_data",
        "job_dsl",
        "job_runtime_conf",
        "dsl",
        "runtime_conf",
        "filename",
        "notes",
        "force",
        "drop",
        "task_id",
        "start_time",
        "module",
        "create",
        "output_path",
    ]);
    let member = (names, value());
    let object = prop::collection::vec(member, 0..6).prop_map(|members| {
        json!(
            members
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>()
        )
        .to_string()
        .into_bytes()
    });
    prop_oneof![4 => object, 1 => value().prop_map(|value| value.to_string().into_bytes()), 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn answers_any_body_on_any_route_with_an_envelope(bodies in prop::collection::vec(body(), ROUTES.len())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let world = World::open().await;
            // with the loop running, a stop settles at once
            let stop = tokio_util::sync::CancellationToken::new();
            let (coordinator, ended) = (world.coordinator.clone(), stop.clone());
            let looping = tokio::task::spawn(async move { coordinator.run(ended).await });
            for (route, body) in ROUTES.iter().zip(bodies) {
                let path = route.path.replace("{*rest}", "x").replace("{name}", "x").replace("{model}", "m").replace("{version}", "1");
                let method = if route.methods.contains(&Method::Post) { "POST" } else { "GET" };
                let text = String::from_utf8_lossy(&body).into_owned();
                let request = Request::builder().method(method).uri(format!("/v1/{path}")).body(Body::from(body)).expect("request");
                let (status, headers, bytes) = world.send(request).await;
                assert!(status < 500 || status == 501, "{path} answered {status} to {text}");
                if headers["content-type"] == "application/json" && !headers.contains_key("content-disposition") {
                    let reply: Value = serde_json::from_slice(&bytes).expect("json");
                    assert!(reply["retcode"].is_i64() && reply["retmsg"].is_string(), "{path}: {reply}");
                }
            }
            stop.cancel();
            looping.await.expect("ended");
        });
    }
}
