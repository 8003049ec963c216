//! What tasks leave: metrics, parameters, models, summaries, tables, and how steps hang together.

use axum::body::Body;
use axum::extract::Request;
use serde_json::{Value, json};

use super::fixture::{TRAIN, UPLOAD, World};

fn of(step: &str, role: &str, party: u32) -> Value {
    json!({"job_id": TRAIN, "component_name": step, "role": role, "party_id": party})
}

#[tokio::test]
async fn shows_metrics_of_the_task_that_logged_them() {
    let world = World::open().await;
    let meta =
        json!({"name": "train", "metric_type": "LOSS", "unit_name": "iters", "curve_name": "loss"});
    let all = world
        .data(
            "tracking/component/metric/all",
            of("hetero_lr_0", "arbiter", 10000),
        )
        .await;
    assert_eq!(
        all,
        json!({"train": {"loss": {"data": [[0, 0.69], [1, 0.41], [2, 0.3]], "meta": meta}}})
    );
    let names = world
        .data(
            "tracking/component/metrics",
            of("hetero_lr_0", "arbiter", 10000),
        )
        .await;
    assert_eq!(names, json!({"train": ["loss"]}));
    let mut body = of("hetero_lr_0", "arbiter", 10000);
    body["metric_namespace"] = json!("train");
    body["meric_name"] = json!("loss");
    let (_, one) = world.post("tracking/component/metric_data", body).await;
    assert_eq!((&one["data"][2], &one["meta"]), (&json!([2, 0.3]), &meta));
    let (_, none) = world
        .post(
            "tracking/component/metric/all",
            of("hetero_lr_0", "guest", 9999),
        )
        .await;
    assert_eq!(none, json!({"retcode": 0, "retmsg": "no data", "data": {}}));
    let upload =
        json!({"job_id": UPLOAD, "component_name": "upload_0", "role": "local", "party_id": "0"});
    let all = world.data("tracking/component/metric/all", upload).await;
    assert_eq!(
        all["upload"]["data_access"]["data"],
        json!([["count", 569]])
    );
}

#[tokio::test]
async fn tells_a_metric_that_is_not_there_from_a_question_that_names_none() {
    let world = World::open().await;
    let mut body = of("hetero_lr_0", "guest", 9999);
    let (_, reply) = world
        .post("tracking/component/metric_data", body.clone())
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 100, "retmsg": "KeyError('metric_name')"})
    );
    body["metric_name"] = json!("nothing");
    let (_, reply) = world.post("tracking/component/metric_data", body).await;
    assert_eq!(
        (&reply["data"], &reply["meta"]),
        (&json!([]), &json!({"name": null, "metric_type": null}))
    );
}

#[tokio::test]
async fn forgets_metrics_by_job() {
    let world = World::open().await;
    assert_eq!(
        world
            .data("tracking/component/metric/delete", json!({"job_id": TRAIN}))
            .await,
        "delete status: True"
    );
    assert_eq!(
        world
            .data("tracking/component/metric/delete", json!({"job_id": "1"}))
            .await,
        "delete status: False"
    );
    let (_, reply) = world
        .post(
            "tracking/component/metrics",
            of("hetero_lr_0", "arbiter", 10000),
        )
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 0, "retmsg": "no data", "data": {}})
    );
    let (_, reply) = world
        .post(
            "tracking/component/metric/delete",
            json!({"model": "20261123"}),
        )
        .await;
    assert_eq!(reply["retcode"], 100);
}

#[tokio::test]
async fn shows_parameters_with_defaults_and_what_the_user_gave() {
    let world = World::open().await;
    let data = world
        .data(
            "tracking/component/parameters",
            of("hetero_lr_0", "guest", 9999),
        )
        .await;
    assert_eq!(data["module"], "HeteroLR");
    let shown = &data["ComponentParam"];
    assert_eq!(
        (
            &shown["max_iter"],
            &shown["tol"],
            &shown["init_param"]["fit_intercept"]
        ),
        (&json!(3), &json!(1e-4), &json!(true))
    );
    assert_eq!(
        (&shown["_name"], &shown["_user_feeded_params"]),
        (&json!("HeteroLR#hetero_lr_0"), &json!(["max_iter"]))
    );
    for body in [
        of("no_such_0", "guest", 9999),
        of("reader_0", "arbiter", 10000),
        of("a b", "guest", 9999),
    ] {
        let (_, reply) = world.post("tracking/component/parameters", body).await;
        assert_eq!(
            reply,
            json!({"retcode": 101, "retmsg": "can not found this task"})
        );
    }
}

#[tokio::test]
async fn shows_model_views_of_the_newest_try() {
    let world = World::open().await;
    let (_, reply) = world
        .post(
            "tracking/component/output/model",
            of("hetero_lr_0", "guest", 9999),
        )
        .await;
    assert_eq!(reply["data"]["weight"]["x0"], 0.5);
    assert_eq!(
        reply["meta"],
        json!({"meta_data": {"maxIter": "3"}, "module_name": "HeteroLR"})
    );
    let (_, reply) = world
        .post(
            "tracking/component/output/model",
            of("reader_0", "guest", 9999),
        )
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 0, "retmsg": "no define_meta", "data": {}})
    );
    let (_, reply) = world
        .post(
            "tracking/component/output/model",
            of("hetero_lr_0", "host", 10000),
        )
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 0, "retmsg": "no data", "data": {}})
    );
}

#[tokio::test]
async fn gives_summaries_as_data_or_as_a_file() {
    let world = World::open().await;
    let mut body = of("hetero_lr_0", "guest", 9999);
    assert_eq!(
        world
            .data("tracking/component/summary/download", body.clone())
            .await["coef"]["x0"],
        0.5
    );
    body["filename"] = json!("summary.json");
    let request = Request::post("/v1/tracking/component/summary/download")
        .body(Body::from(body.to_string()))
        .expect("request");
    let (status, headers, bytes) = world.send(request).await;
    assert_eq!(
        (
            status,
            headers["content-disposition"].to_str().expect("text")
        ),
        (200, "attachment; filename=summary.json")
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes).expect("json")["intercept"],
        0.1
    );
    let (status, reply) = world
        .post(
            "tracking/component/summary/download",
            of("hetero_lr_0", "host", 10000),
        )
        .await;
    assert_eq!((status, reply["retcode"].as_i64()), (210, Some(210)));
    let (_, reply) = world
        .post(
            "tracking/component/summary/download",
            json!({"job_id": TRAIN}),
        )
        .await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: component_name,role,party_id; "
    );
    let (_, reply) = world
        .post(
            "tracking/component/output/data/table",
            json!({"job_id": TRAIN}),
        )
        .await;
    assert_eq!(
        reply["retmsg"],
        "required argument are missing: role,party_id,component_name; "
    );
}

#[tokio::test]
async fn names_output_tables() {
    let world = World::open().await;
    let tables = world
        .data(
            "tracking/component/output/data/table",
            of("hetero_lr_0", "guest", 9999),
        )
        .await;
    assert_eq!(
        (tables.as_array().map(Vec::len), &tables[0]["data_name"]),
        (Some(1), &json!("train"))
    );
    assert_eq!(
        tables[0]["table_namespace"],
        format!("output_data_{TRAIN}_hetero_lr_0_1")
    );
    let (_, reply) = world
        .post(
            "tracking/component/output/data/table",
            of("hetero_lr_0", "arbiter", 1),
        )
        .await;
    assert_eq!(
        reply["retmsg"],
        "No found table, please check if the parameters are correct"
    );
    let views = world
        .data(
            "job/data/view/query",
            json!({"job_id": TRAIN, "role": "guest"}),
        )
        .await;
    let names: Vec<&str> = views
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["f_data_name"].as_str())
        .collect();
    assert_eq!(names, ["table", "train"]);
    let (_, reply) = world
        .post("job/data/view/query", json!({"job_id": UPLOAD}))
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 101, "retmsg": "find data view failed"})
    );
}

#[tokio::test]
async fn shows_steps_data_sets_and_dependencies() {
    let world = World::open().await;
    assert_eq!(
        world
            .data("tracking/component/list", json!({"job_id": TRAIN}))
            .await,
        json!({"components": ["reader_0", "hetero_lr_0"]})
    );
    let view = world
        .data("tracking/job/data_view", json!({"job_id": TRAIN}))
        .await;
    assert_eq!(
        view,
        json!({
            "partner": {"host": [10000], "arbiter": [10000]},
            "dataset": {"guest": {"9999": {"reader_0": "experiment.breast_guest"}}, "host": {"10000": {"reader_0": "experiment.breast_host"}}},
            "roles": {"guest": [9999], "host": [10000], "arbiter": [10000]},
            "model_summary": {},
        })
    );
    let host = world
        .data(
            "tracking/job/data_view",
            json!({"job_id": TRAIN, "role": "host", "party_id": 10000}),
        )
        .await;
    assert_eq!(
        (&host["roles"], &host["dataset"]["guest"]),
        (&json!({"host": [10000]}), &Value::Null)
    );
    let dag = world
        .data(
            "pipeline/dag/dependency",
            json!({"job_id": TRAIN, "role": "arbiter", "party_id": 10000}),
        )
        .await;
    assert_eq!(
        dag,
        json!({
            "component_list": ["reader_0", "hetero_lr_0"],
            "component_module": {"reader_0": "Reader", "hetero_lr_0": "HeteroLR"},
            "component_need_run": {"hetero_lr_0": true},
            "dependencies": {"hetero_lr_0": [{"component_name": "reader_0", "type": "train_data", "up_output_info": ["data", 0]}]},
        })
    );
    let (_, reply) = world
        .post(
            "pipeline/dag/dependency",
            json!({"job_id": "5", "role": "guest", "party_id": 1}),
        )
        .await;
    assert_eq!(
        reply,
        json!({"retcode": 100, "retmsg": "Exception('query job 5 failed')"})
    );
}
