//! From an empty folder to a result, over REST.

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair, toy};
use http::Method;
use serde_json::{Value, json};

use super::{loaded, program};

#[tokio::test]
async fn a_job_over_rest_trains_and_is_tracked() {
    let cluster = loaded().await;
    let rest = &cluster.rest;
    let job = rest.submitted(&lr_dsl(), &lr_conf(4)).await;
    rest.succeeded(&job).await;
    assert!(rest.figure(&job, "9999", "hetero_lr_0", "auc").await > 0.9);

    let of = |step: &str, role: &str, party: &str| json!({"job_id": job, "component_name": step, "role": role, "party_id": party});
    let mut curve = of("hetero_lr_0", "arbiter", "10000");
    curve["metric_namespace"] = json!("train");
    curve["metric_name"] = json!("loss");
    let loss = rest
        .data("/v1/tracking/component/metric_data", &curve)
        .await;
    assert_eq!(loss.as_array().map(Vec::len), Some(4));

    let parameters = rest
        .data(
            "/v1/tracking/component/parameters",
            &of("hetero_lr_0", "guest", "9999"),
        )
        .await;
    assert_eq!(parameters["module"], "HeteroLR");
    assert_eq!(parameters["ComponentParam"]["max_iter"], 4);
    assert_eq!(
        parameters["ComponentParam"]["init_param"]["fit_intercept"],
        true
    );

    let rows = rest
        .data(
            "/v1/tracking/component/output/data",
            &of("hetero_lr_0", "guest", "9999"),
        )
        .await;
    // 200 people, of whom each side misses another tenth.
    assert_eq!(rows[0].as_array().map(Vec::len), Some(100));
    let tables = rest
        .data(
            "/v1/tracking/component/output/data/table",
            &of("intersection_0", "host", "10000"),
        )
        .await;
    let table = json!({"table_name": tables[0]["table_name"], "namespace": tables[0]["table_namespace"], "party_id": "10000"});
    let info = rest.data("/v1/table/table_info", &table).await;
    assert_eq!(
        (info["exist"].as_i64(), info["count"].as_i64()),
        (Some(1), Some(160))
    );

    let summary = rest
        .data(
            "/v1/tracking/component/summary/download",
            &of("hetero_lr_0", "guest", "9999"),
        )
        .await;
    assert_eq!(summary["coef"].as_object().map(|coef| coef.len()), Some(2));
    let view = rest
        .data("/v1/tracking/job/data_view", &json!({"job_id": job}))
        .await;
    assert_eq!(
        view["dataset"]["guest"]["9999"]["reader_0"],
        "experiment.guest"
    );
    let tasks = rest
        .data(
            "/v1/job/task/query",
            &json!({"job_id": job, "role": "arbiter"}),
        )
        .await;
    let steps: Vec<&str> = tasks
        .as_array()
        .expect("tasks")
        .iter()
        .filter_map(|task| task["f_component_name"].as_str())
        .collect();
    assert!(
        steps.contains(&"hetero_lr_0") && !steps.contains(&"reader_0"),
        "{steps:?}"
    );
    cluster.end();
}

#[tokio::test]
async fn a_partys_own_endpoint_serves_the_whole_api() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let tables = pair(120);
    let (guest, host) = (cluster.party("9999"), cluster.party("10000"));
    for (rest, name, text) in [
        (&guest, "guest", &tables.guest),
        (&host, "host", &tables.host),
    ] {
        let config = json!({"file": "t.csv", "namespace": "experiment", "table_name": name, "head": 1, "partition": 2, "drop": 1, "verbose": 0});
        let reply = rest.upload(&config, text).await;
        assert_eq!(reply["retcode"], 0, "{reply}");
        rest.succeeded(reply["jobId"].as_str().expect("a job"))
            .await;
    }
    let other = host
        .data(
            "/v1/table/table_info",
            &json!({"table_name": "guest", "namespace": "experiment"}),
        )
        .await;
    assert_eq!(other["exist"], 0, "the other party's table is not here");
    let job = guest.submitted(&lr_dsl(), &lr_conf(2)).await;
    guest.succeeded(&job).await;
    assert!(guest.figure(&job, "9999", "hetero_lr_0", "auc").await > 0.8);
    cluster.end();
}

#[tokio::test]
async fn the_toy_job_adds_ones_and_says_so_in_the_guests_log() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let (dsl, conf) = toy();
    let job = cluster.rest.submitted(&dsl, &conf).await;
    cluster.rest.succeeded(&job).await;
    let of = json!({"job_id": job, "log_type": "partyInfo", "role": "guest", "party_id": "9999"});
    let lines = cluster.rest.data("/v1/log/cat", &of).await.to_string();
    assert!(
        lines.contains("secure_add_guest") && lines.contains("it is 2000.0"),
        "{lines}"
    );
    cluster.end();
}

/// A version 1 document: no readers, lists in `role_parameters`, one party in all roles.
fn version_1() -> (Value, Value) {
    let input = |port: &str, from: &str| json!({"data": {port: [from]}});
    let dsl = json!({"components": {
        "dataio_0": {"module": "DataIO", "input": input("data", "args.train_data"), "output": {"data": ["train"], "model": ["dataio"]}},
        "intersection_0": {"module": "Intersection", "input": input("data", "dataio_0.train"), "output": {"data": ["train"]}},
        "hetero_lr_0": {
            "module": "HeteroLR", "input": input("train_data", "intersection_0.train"), "output": {"data": ["train"], "model": ["lr"]}
        },
        "evaluation_0": {"module": "Evaluation", "input": input("data", "hetero_lr_0.train")},
    }});
    let args =
        |table: &str| json!({"data": {"train_data": [{"name": table, "namespace": "experiment"}]}});
    let conf = json!({
        "initiator": {"role": "guest", "party_id": 10000},
        "job_parameters": {"work_mode": 0},
        "role": {"guest": [10000], "host": [10000], "arbiter": [10000]},
        "role_parameters": {
            "guest": {"args": args("guest"), "dataio_0": {"with_label": [true], "missing_fill": [true], "outlier_replace": [true]}},
            "host": {"args": args("host"), "dataio_0": {"with_label": [false]}, "evaluation_0": {"need_run": [false]}},
        },
        "algorithm_parameters": {
            "hetero_lr_0": {
                "optimizer": "rmsprop", "alpha": 0.01, "max_iter": 3, "batch_size": -1, "learning_rate": 0.15,
                "init_param": {"init_method": "zeros"},
            },
            "intersect_0": {"intersect_method": "rsa"},
        },
    });
    (dsl, conf)
}

#[tokio::test]
async fn a_version_1_job_runs_with_one_party_in_all_roles() {
    let cluster = Cluster::up(&program(), "10000");
    let tables = pair(120);
    cluster.rest.load("10000", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    let (dsl, conf) = version_1();
    let job = cluster.rest.submitted(&dsl, &conf).await;
    cluster.rest.succeeded(&job).await;
    assert!(
        cluster
            .rest
            .figure(&job, "10000", "hetero_lr_0", "auc")
            .await
            > 0.8
    );
    cluster.end();
}

#[tokio::test]
async fn several_hosts_train_together() {
    let cluster = Cluster::up(&program(), "9999,10000,10001");
    let tables = pair(160);
    cluster.rest.load("9999", "guest", &tables.guest).await;
    cluster.rest.load("10000", "host", &tables.host).await;
    cluster
        .rest
        .load(
            "10001",
            "host",
            &tables.host.replace("x0,x1,x2", "z0,z1,z2"),
        )
        .await;
    let mut conf = lr_conf(3);
    conf["role"]["host"] = json!([10000, 10001]);
    conf["component_parameters"]["role"]["host"]["1"] =
        conf["component_parameters"]["role"]["host"]["0"].clone();
    conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"] = json!("weight_diff");
    let job = cluster.rest.submitted(&lr_dsl(), &conf).await;
    cluster.rest.succeeded(&job).await;
    assert!(
        cluster
            .rest
            .figure(&job, "9999", "hetero_lr_0", "auc")
            .await
            > 0.8
    );
    cluster.end();
}

#[tokio::test]
async fn the_demonstration_agrees_with_the_pooled_training() {
    let dir = tempfile::TempDir::new().expect("folder");
    let path = dir.path().to_str().expect("a path").to_owned();
    let said =
        tokio::task::spawn_blocking(move || program().says(&["demo", "--json", "--dir", &path]))
            .await
            .expect("ran");
    let result: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
    let (auc, pooled) = (
        result["auc"].as_f64().expect("auc"),
        result["pooled_auc"].as_f64().expect("pooled"),
    );
    assert!((auc - pooled).abs() < 0.002, "{auc} beside {pooled}");
    assert_eq!(result["status"], "success");
    assert_eq!(result["steps"].as_array().map(Vec::len), Some(5));
    assert!(
        result["bytes_sent"]["9999"].as_u64() > Some(0)
            && result["bytes_sent"]["10000"].as_u64() > Some(0),
        "{result}"
    );
}

#[tokio::test]
async fn a_federation_ends_cleanly_and_starts_again_with_everything_there() {
    let mut cluster = loaded().await;
    let job = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    cluster.rest.succeeded(&job).await;
    let auc = cluster
        .rest
        .figure(&job, "9999", "hetero_lr_0", "auc")
        .await;
    cluster.restart();
    assert_eq!(cluster.rest.job(&job).await["f_status"], "success");
    assert_eq!(
        cluster
            .rest
            .figure(&job, "9999", "hetero_lr_0", "auc")
            .await,
        auc
    );
    let again = cluster.rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    cluster.rest.succeeded(&again).await;
    assert_eq!(
        cluster
            .rest
            .figure(&again, "9999", "hetero_lr_0", "auc")
            .await,
        auc
    );
    cluster.end();
}

#[tokio::test]
async fn the_command_line_does_what_the_api_does() {
    let cluster = loaded().await;
    let folder = cluster.dir.path().to_owned();
    std::fs::write(folder.join("dsl.json"), lr_dsl().to_string()).expect("written");
    std::fs::write(folder.join("conf.json"), lr_conf(2).to_string()).expect("written");
    let (rest, program) = (cluster.rest.base.clone(), cluster.program());
    let said = tokio::task::spawn_blocking(move || {
        let file = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
        let ended = program.says(&[
            "job",
            "submit",
            "--dsl",
            &file("dsl.json"),
            "--conf",
            &file("conf.json"),
            "--wait",
            "--rest",
            &rest,
            "--json",
        ]);
        let ended: Value = serde_json::from_str(ended.trim()).expect("JSON");
        assert_eq!(ended["status"], "success");
        let job = ended["job_id"].as_str().expect("a job").to_owned();
        assert!(
            program
                .says(&["job", "list", "--rest", &rest])
                .contains(&job)
        );
        assert!(
            program
                .says(&["job", "show", &job, "--rest", &rest])
                .contains("hetero_lr_0")
        );
        assert!(
            program
                .says(&["job", "metrics", &job, "--rest", &rest])
                .contains("auc")
        );
        assert!(
            program
                .says(&["table", "list", "--rest", &rest])
                .contains("experiment")
        );
        assert!(
            program
                .says(&[
                    "table",
                    "show",
                    "guest",
                    "--namespace",
                    "experiment",
                    "--party",
                    "9999",
                    "--rest",
                    &rest
                ])
                .contains("180")
        );
        program.says(&["job", "log", &job, "--rest", &rest])
    });
    assert!(said.await.expect("ran").lines().count() > 3);
    cluster.end();
}

#[tokio::test]
async fn an_unknown_route_is_answered_in_the_apis_own_form() {
    let cluster = Cluster::up(&program(), "9999");
    let (status, body) = cluster
        .rest
        .send(Method::POST, "/v1/no/such", "application/json", "{}")
        .await
        .expect("answered");
    let reply: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, reply["retcode"].as_i64()), (200, Some(100)));
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("404: Not Found")),
        "{reply}"
    );
    cluster.end();
}
