//! A folder that the version before left behind opens: jobs, metrics, models, tables, audit chains and projects are all there,
//! and work goes on with them.

use std::process::Command;

use fedflow_tests::cluster::Cluster;
use fedflow_tests::rest::RestClient;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program;

/// What `folder-before.tar.gz` holds; its README says how it came to be.
const TRAINED: &str = "202612011529118783080";
const DEPLOYED: &str = "202612011529124271300";
const MODEL: &str = "arbiter-10000#guest-9999#host-10000#model";
const DATASET: &str = "9bd4333e-948e-43a4-8393-dd89fd6d90be";

fn kept() -> Cluster {
    let folder = TempDir::new().expect("a folder");
    let archive = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/folder-before.tar.gz"
    );
    let unpacked = Command::new("tar")
        .args(["-xzf", archive, "-C"])
        .arg(folder.path())
        .status();
    assert!(unpacked.expect("tar runs").success());
    Cluster::up_in(folder, &program(), "9999,10000", &[])
}

async fn get(rest: &RestClient, path: &str) -> Value {
    let sent = rest.send(Method::GET, path, "application/json", "").await;
    let (status, body) = sent.expect("an answer");
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn a_folder_of_the_version_before_opens_and_work_goes_on() {
    let cluster = kept();
    let rest = &cluster.rest;
    assert_eq!(rest.job(TRAINED).await["f_status"], "success");
    let auc = rest.figure(TRAINED, "9999", "hetero_lr_0", "auc").await;
    assert!((auc - 0.85697).abs() < 1e-9, "{auc}");
    let experiments = get(rest, "/apis/v1beta1/experiments").await.to_string();
    assert!(experiments.contains("kept"), "{experiments}");
    let dataset = get(rest, &format!("/v1/demo/datasets/{DATASET}")).await;
    assert_eq!(dataset["dataset"]["status"], "available", "{dataset}");
    let schedules = cluster.program();
    let base = cluster.party("9999").base;
    let schedules = schedules.says(&["schedule", "list", "--rest", &base]);
    assert!(schedules.contains("yearly"), "{schedules}");

    for (party, table, rows) in [("9999", "bank", 120), ("10000", "clinic", 120)] {
        let of = json!({"namespace": "examples", "name": table});
        let info = cluster.party(party).data("/v1/table/table_info", &of).await;
        assert_eq!(info["count"], rows, "{info}");
        let data = cluster.dir.path().join(format!("party-{party}/data"));
        let data = data.to_str().expect("a path");
        let checked = cluster.program().run(&["audit", "verify", "--data", data]);
        assert!(checked.status.success(), "{checked:?}");
        let health = get(&cluster.party(party), "/v1/fedflow/health").await;
        assert_eq!(health["data"]["set_aside"], json!({}), "{health}");
    }

    // The model that was learned before predicts on the tables that were loaded before.
    let own = |step: &str, table: &str| json!({"0": {step: {"table": {"name": table, "namespace": "examples"}}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {
            "job_type": "predict", "model_id": MODEL, "model_version": DEPLOYED
        }},
        "component_parameters": {"role": {
            "guest": own("reader_0", "bank"), "host": own("reader_0", "clinic")
        }},
    });
    let predicted = rest.submitted(&Value::Null, &conf).await;
    rest.succeeded(&predicted).await;
    cluster.end();
}
