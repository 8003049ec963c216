//! What people's tables hold: labels of any two values, of one, or none; and jobs that lack whom or what they need.

use fedflow_tests::cluster::Cluster;
use fedflow_tests::fixtures::{Pair, lr_conf, lr_dsl, pair};
use fedflow_tests::rest::RestClient;
use serde_json::{Value, json};

use super::program;

/// The guest's table with other words for the labels 0 and 1; none leaves the column out.
fn called(tables: &Pair, labels: Option<[&str; 2]>) -> String {
    let line = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        match (labels, cells[1]) {
            (Some([negative, _]), "0") => cells[1] = negative,
            (Some([_, positive]), "1") => cells[1] = positive,
            (Some(_), _) => {}
            (None, _) => {
                cells.remove(1);
            }
        }
        cells.join(",") + "\n"
    };
    tables.guest.lines().map(line).collect()
}

async fn cluster(labels: [&str; 2]) -> (Cluster, Pair) {
    let (cluster, tables) = (Cluster::up(&program(), "9999,10000"), pair(200));
    cluster
        .rest
        .load("9999", "guest", &called(&tables, Some(labels)))
        .await;
    cluster.rest.load("10000", "host", &tables.host).await;
    (cluster, tables)
}

/// A column of a step's output at the guest, of the first hundred rows.
async fn column(rest: &RestClient, job: &str, step: &str, name: &str) -> Vec<String> {
    let of = json!({"job_id": job, "component_name": step, "role": "guest", "party_id": "9999"});
    let reply = rest.post("/v1/tracking/component/output/data", &of).await;
    let header = reply["meta"]["header"][0].as_array().expect("a header");
    let at = header
        .iter()
        .position(|own| own == name)
        .expect("the column");
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    reply["data"][0]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| text(&row[at]))
        .collect()
}

async fn figures(rest: &RestClient, job: &str) -> Value {
    let of = json!({"job_id": job, "component_name": "evaluation_0", "role": "guest", "party_id": "9999"});
    rest.post("/v1/tracking/component/metric/all", &of).await["data"].clone()
}

async fn deployed(rest: &RestClient, job: &str, steps: &[&str]) -> Value {
    let model_id = "arbiter-10000#guest-9999#host-10000#model";
    rest.data(
        "/v1/model/deploy",
        &json!({"model_id": model_id, "model_version": job, "cpn_list": steps}),
    )
    .await
}

/// A predict job with a table of the guest, and whatever else its conf says.
async fn predicted(rest: &RestClient, model: &Value, table: &str, others: Value) -> String {
    let own = |table: &str| json!({"0": {"reader_0": {"table": {"name": table, "namespace": "experiment"}}}});
    let common = json!({"job_type": "predict", "model_id": model["model_id"], "model_version": model["model_version"]});
    let mut conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": common},
        "component_parameters": {"role": {"guest": own(table), "host": own("host")}, "common": others},
    });
    if table == "guest" {
        conf["role"]["arbiter"] = json!([10000]);
    }
    let job = rest.submitted(&json!({}), &conf).await;
    rest.succeeded(&job).await;
    job
}

const ALL: [&str; 5] = [
    "reader_0",
    "data_transform_0",
    "intersection_0",
    "hetero_lr_0",
    "evaluation_0",
];

#[tokio::test]
async fn labels_are_what_the_table_says_and_rows_without_are_predicted() {
    let (cluster, tables) = cluster(["-1", "1"]).await;
    let rest = &cluster.rest;
    let mut conf = lr_conf(8);
    conf["component_parameters"]["common"]["hetero_lr_0"]["predict_param"] =
        json!({"threshold": 0.9});
    let job = rest.submitted(&lr_dsl(), &conf).await;
    rest.succeeded(&job).await;
    assert!(rest.figure(&job, "9999", "hetero_lr_0", "auc").await > 0.85);
    let model = deployed(rest, &job, &ALL).await;

    // The cut of the training, another one, and the one that is FATE's default and given all the same.
    for (said, cut) in [
        (json!({}), 0.9),
        (json!({"threshold": 0.3}), 0.3),
        (json!({"threshold": 0.5}), 0.5),
    ] {
        let parameters = json!({"hetero_lr_0": {"predict_param": said}});
        let job = predicted(rest, &model, "guest", parameters).await;
        let (results, scores) = (
            column(rest, &job, "hetero_lr_0", "predict_result").await,
            column(rest, &job, "hetero_lr_0", "predict_score").await,
        );
        let expected = |score: &String| {
            if score.parse::<f64>().expect("a score") > cut {
                "1"
            } else {
                "-1"
            }
        };
        assert_eq!(
            results,
            scores.iter().map(expected).collect::<Vec<_>>(),
            "cut at {cut}"
        );
        assert!(
            figures(rest, &job).await.to_string().contains("auc"),
            "rows with labels are judged"
        );
    }

    // Without a column of labels, and with an empty one.
    rest.load("9999", "bare", &called(&tables, None)).await;
    rest.load("9999", "empty", &called(&tables, Some(["", ""])))
        .await;
    for table in ["bare", "empty"] {
        let job = predicted(rest, &model, table, json!({})).await;
        assert_eq!(
            column(rest, &job, "hetero_lr_0", "predict_result")
                .await
                .len(),
            100
        );
        assert!(
            !figures(rest, &job).await.to_string().contains("auc"),
            "{table}"
        );
    }
    cluster.end();
}

#[tokio::test]
async fn labels_that_leave_a_choice_end_the_job_with_the_values() {
    let (cluster, _) = cluster(["2", "4"]).await;
    let rest = &cluster.rest;
    let job = rest.submitted(&lr_dsl(), &lr_conf(2)).await;
    assert_eq!(rest.ended(&job).await["f_status"], "failed");
    let rows = rest
        .data(
            "/v1/job/task/query",
            &json!({"job_id": job, "component_name": "hetero_lr_0"}),
        )
        .await;
    let said: Vec<String> = rows
        .as_array()
        .expect("tasks")
        .iter()
        .map(|row| row["f_error_report"].to_string())
        .collect();
    // at the host and the arbiter, too: that they were stopped is no reason
    assert!(
        said.iter()
            .all(|text| text.contains("the labels are 2 and 4")),
        "{said:?}"
    );
    cluster.end();
}

#[tokio::test]
async fn a_job_that_lacks_whom_it_needs_is_refused_at_submit() {
    let (cluster, tables) = cluster(["0", "1"]).await;
    let rest = &cluster.rest;
    for (roles, early_stop, words) in [
        (
            json!({"guest": [9999], "host": [10000]}),
            "diff",
            "exactly one arbiter to train, and the job has none",
        ),
        (
            json!({"guest": [9999], "host": [10000], "arbiter": [10000, 9999]}),
            "diff",
            "the job has 2",
        ),
        (
            json!({"guest": [9999], "arbiter": [10000]}),
            "weight_diff",
            "at least 1 host",
        ),
        (
            json!({"guest": [9999], "host": [10000, 9999], "arbiter": [10000]}),
            "diff",
            "takes at most 1 host",
        ),
    ] {
        let mut conf = lr_conf(2);
        (
            conf["role"],
            conf["component_parameters"]["common"]["hetero_lr_0"]["early_stop"],
        ) = (roles, json!(early_stop));
        let reply = rest.submit(&lr_dsl(), &conf).await;
        assert!(
            reply["retcode"] != 0 && reply["retmsg"].as_str().expect("text").contains(words),
            "{reply}"
        );
    }

    // FATE's documents leave callbacks and metrics empty with null; parameters alone need no parties and inputs.
    for parameters in [
        json!({"callback_param": {"metrics": null, "callbacks": null}}),
        json!({"metrics": null, "callback_param": {"callbacks": ["PerformanceEvaluate"], "validation_freqs": 1}}),
    ] {
        let alone = json!({"component_name": "hetero_lr_0", "component_module_name": "HeteroLR", "dsl_version": 2,
            "role": {"guest": [9999], "host": [10000]}, "component_parameters": {"common": {"hetero_lr_0": parameters}}});
        assert_eq!(
            rest.post("/v1/component/validate", &alone).await["retcode"],
            0
        );
        let mut conf = lr_conf(1);
        for (name, value) in parameters.as_object().expect("parameters") {
            conf["component_parameters"]["common"]["hetero_lr_0"][name] = value.clone();
        }
        let job = rest.submitted(&lr_dsl(), &conf).await;
        rest.succeeded(&job).await;
    }

    // One of two learners is deployed: the evaluation reads only its rows.
    let mut dsl = lr_dsl();
    dsl["components"]["hetero_lr_1"] = dsl["components"]["hetero_lr_0"].clone();
    dsl["components"]["evaluation_0"]["input"]["data"]["data"] =
        json!(["hetero_lr_0.data", "hetero_lr_1.data"]);
    let job = rest.submitted(&dsl, &lr_conf(2)).await;
    rest.succeeded(&job).await;
    let model = deployed(rest, &job, &ALL).await;
    rest.load("9999", "bare", &called(&tables, None)).await;
    predicted(rest, &model, "guest", json!({})).await;
    predicted(rest, &model, "bare", json!({})).await;

    // A role that a training lacked takes part and has nothing to do.
    let (mut dsl, mut conf) = (lr_dsl(), lr_conf(2));
    dsl["components"]
        .as_object_mut()
        .expect("components")
        .retain(|name, _| !["hetero_lr_0"].contains(&name.as_str()));
    dsl["components"]["evaluation_0"]["input"] = json!({});
    conf["role"]
        .as_object_mut()
        .expect("roles")
        .remove("arbiter");
    conf["component_parameters"]["common"] = json!({});
    let job = rest.submitted(&dsl, &conf).await;
    rest.succeeded(&job).await;
    let of = json!({"model_id": "guest-9999#host-10000#model", "model_version": job,
        "cpn_list": ["reader_0", "data_transform_0", "intersection_0", "evaluation_0"]});
    let model = rest.data("/v1/model/deploy", &of).await;
    predicted(rest, &model, "guest", json!({})).await;
    cluster.end();
}
