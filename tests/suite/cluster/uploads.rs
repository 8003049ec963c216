//! Files that people have, at real daemons: each becomes the table that it is, or is refused by name, and everybody who asks sees
//! which rows are missing.

use std::path::Path;
use std::process::Output;

use fedflow_tests::cluster::Cluster;
use fedflow_tests::rest::RestClient;
use serde_json::{Value, json};

use super::program;

fn config(name: &str) -> Value {
    json!({
        "file": "t.csv", "namespace": "n", "table_name": name, "head": 1, "partition": 2, "id_delimiter": ",", "drop": 1,
        "verbose": 0, "party_id": "9999",
    })
}

/// Uploads a file; gives the job, how it ended, and what its history says of it.
async fn uploaded(rest: &RestClient, name: &str, content: &[u8]) -> (String, String, Value) {
    let reply = rest.upload_file(&config(name), content).await;
    assert_eq!(reply["retcode"], 0, "{name}: {reply}");
    let job = reply["jobId"].as_str().expect("a job").to_owned();
    let status = rest.ended(&job).await["f_status"]
        .as_str()
        .expect("a status")
        .to_owned();
    let history = rest
        .data("/v1/data/upload/history", &json!({"job_id": job}))
        .await;
    (job.clone(), status, history[0][&job]["upload_info"].clone())
}

/// Why the upload's task failed.
async fn why(rest: &RestClient, job: &str) -> String {
    let tasks = rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    tasks[0]["f_error_report"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[tokio::test]
async fn a_file_that_would_lose_rows_is_refused_by_name_and_leaves_no_table() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let files: [(&str, Vec<u8>, &str); 9] = [
        (
            "latin1",
            b"id,x,name\na0,1,M\xfcller\na1,2,J\xf6rg\na2,3,ok\n".to_vec(),
            "line 2 looks like Latin-1",
        ),
        (
            "gbk",
            b"id,x,name\na0,1,ok\na1,2,\xd6\xd0\xce\xc4\n".to_vec(),
            "line 3 looks like GBK",
        ),
        (
            "book",
            b"PK\x03\x04\x01\x02\n\x03\n".to_vec(),
            "Excel workbook",
        ),
        (
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03KLJ".to_vec(),
            "gzip archive",
        ),
        (
            "mac",
            b"id,x\ra0,1\ra1,2\r".to_vec(),
            "line 1 spoils the file: it holds a carriage return",
        ),
        (
            "quote",
            b"id,x\na0,1\na1,\"open\na2,3\n".to_vec(),
            "line 3 spoils the file: a quote",
        ),
        (
            "sep",
            b"sep=,\nid,x\na0,1\n".to_vec(),
            "line 1 spoils the file: it says `sep=",
        ),
        ("head", b"id,x\n".to_vec(), "there is no row"),
        (
            "ragged",
            b"id,x\na0\na1,2,3\n".to_vec(),
            "line 2: the row has fewer fields",
        ),
    ];
    for (name, content, reason) in &files {
        let (job, status, _) = uploaded(&cluster.rest, name, content).await;
        let told = why(&cluster.rest, &job).await;
        assert!(
            status == "failed" && told.contains(reason),
            "{name} ended as {status}: {told}"
        );
        let info = cluster
            .rest
            .data(
                "/v1/table/table_info",
                &json!({"namespace": "n", "table_name": name}),
            )
            .await;
        assert_eq!(info["exist"], 0, "{name}");
    }
    let mut by_semicolon = config("semicolons");
    let content = b"id;x\na0;1,5\na1;2\n";
    let refused = cluster.rest.upload_file(&by_semicolon, content).await;
    assert_eq!(
        cluster
            .rest
            .ended(refused["jobId"].as_str().expect("a job"))
            .await["f_status"],
        "failed"
    );
    by_semicolon["id_delimiter"] = json!(";");
    let read = cluster.rest.upload_file(&by_semicolon, content).await;
    cluster
        .rest
        .succeeded(read["jobId"].as_str().expect("a job"))
        .await;
    cluster.end();
}

#[tokio::test]
async fn what_is_read_is_read_whole_and_rows_that_are_missing_are_seen() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let rest = &cluster.rest;
    let quoted = b"id,note,y\na0,ok,0\na5,\"see a7,1,2\na7,x,1,2\nend\",1\na6,fine,1\n";
    let (_, status, told) = uploaded(rest, "quoted", quoted).await;
    assert_eq!(
        (
            status.as_str(),
            &told["upload_count"],
            &told["actual_count"]
        ),
        ("success", &json!(3), &json!(3))
    );
    let rows = rest
        .data(
            "/v1/table/preview",
            &json!({"namespace": "n", "name": "quoted", "party_id": "9999"}),
        )
        .await;
    let ids: Vec<&str> = rows["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row[0].as_str())
        .collect();
    assert_eq!(ids, ["a0", "a5", "a6"], "{rows}");
    assert_eq!(rows["data"][1][1], "see a7,1,2\na7,x,1,2\nend");

    let (_, status, told) = uploaded(rest, "wide", &utf16("id,name\na0,Müller\n")).await;
    assert!(
        status == "success"
            && told["notes"][0]
                .as_str()
                .is_some_and(|note| note.contains("UTF-16")),
        "{told}"
    );
    let (_, status, told) = uploaded(rest, "commas", b"id,x\na0,1,\na1,2,\n").await;
    assert_eq!(
        (status.as_str(), &told["actual_count"], &told["rejected"]),
        ("success", &json!(2), &json!(0))
    );
    let (_, status, told) = uploaded(rest, "equal", b"id,x,x\na0,1,2\n").await;
    assert!(
        status == "success" && told["notes"][0].as_str().is_some(),
        "{told}"
    );

    let (job, status, told) = uploaded(rest, "ragged", b"id,x\na0,1\na1\na0,2\na3,4,5\n").await;
    let counts =
        ["upload_count", "actual_count", "replaced", "rejected"].map(|field| told[field].as_u64());
    assert_eq!(
        (status.as_str(), counts),
        ("success", [Some(4), Some(1), Some(1), Some(2)])
    );
    assert_eq!(told["reasons"][0]["first_line"], 3);
    let task =
        json!({"job_id": job, "component_name": "upload_0", "role": "local", "party_id": "9999"});
    let metrics = rest.data("/v1/tracking/component/metric/all", &task).await;
    assert!(
        metrics["upload"]["receipt"]["data"]
            .to_string()
            .contains("[\"rejected\",2"),
        "{metrics}"
    );
    let summary = rest
        .data("/v1/tracking/component/summary/download", &task)
        .await;
    assert_eq!(summary["receipt"]["rejected"], 2);
    cluster.end();
}

/// The command that uploads a file.
fn upload(cluster: &Cluster, file: &Path, name: &str, more: &[&str]) -> Output {
    let file = file.to_str().expect("a path");
    let rest = cluster.rest.base.clone();
    let own = [
        "table",
        "upload",
        file,
        "--namespace",
        "n",
        "--name",
        name,
        "--rest",
        &rest,
        "--replace",
    ];
    cluster.program().run(&[&own, more].concat())
}

#[tokio::test]
async fn the_command_line_fails_when_a_row_is_missing() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let whole = upload(
        &cluster,
        &file("whole.csv", "id,x\na0,1\na0,2\n"),
        "whole",
        &["--party", "9999"],
    );
    let said = String::from_utf8_lossy(&whole.stdout);
    assert!(
        whole.status.success() && said.contains("2 read, 1 stored, 1 replaced, 0 refused"),
        "{said}"
    );
    for (party, place) in [(&["--party", "9999"][..], ""), (&[][..], " at party 10000")] {
        let torn = upload(
            &cluster,
            &file("torn.csv", "id,x\na0,1\na1\n"),
            "torn",
            party,
        );
        let said = String::from_utf8_lossy(&torn.stderr);
        assert!(!torn.status.success(), "a row is missing");
        assert!(
            said.contains(&format!("1 of 2 rows are refused{place}")) && said.contains("line 3"),
            "{said}"
        );
    }
    let none = upload(
        &cluster,
        &file("none.csv", "id,x\n"),
        "none",
        &["--party", "9999", "--json"],
    );
    assert!(!none.status.success() && String::from_utf8_lossy(&none.stdout).contains("no row"));
    cluster.end();
}

/// An upload that names no party is at every party, and so is its copy: a job reads it at each.
#[tokio::test]
async fn a_copy_is_where_the_table_is_and_a_job_reads_it_there() {
    let cluster = Cluster::up(&program(), "9999,10000");
    let rest = &cluster.rest;
    let mut everywhere = config("t");
    everywhere
        .as_object_mut()
        .expect("an object")
        .remove("party_id");
    let reply = rest
        .upload(&everywhere, "id,x,y\na0,1,0\na1,2,1\na2,3,1\n")
        .await;
    assert_eq!(
        reply["data"]["parties"],
        json!(["10000", "9999"]),
        "{reply}"
    );
    rest.succeeded(reply["jobId"].as_str().expect("a job"))
        .await;
    let copy = json!({"namespace": "n", "table_name": "t", "output_namespace": "m", "output_name": "copy"});
    let reply = rest.post("/v1/data/writer", &copy).await;
    assert_eq!(
        reply["data"]["parties"],
        json!(["10000", "9999"]),
        "{reply}"
    );
    rest.succeeded(reply["jobId"].as_str().expect("a job"))
        .await;
    let info = rest
        .data(
            "/v1/table/table_info",
            &json!({"namespace": "m", "table_name": "copy"}),
        )
        .await;
    assert_eq!(
        (&info["count"], &info["parties"]),
        (&json!(3), &json!(["10000", "9999"]))
    );
    let dsl =
        json!({"components": {"reader_0": {"module": "Reader", "output": {"data": ["data"]}}}});
    let conf = json!({
        "dsl_version": 2, "initiator": {"role": "guest", "party_id": 9999}, "role": {"guest": [9999], "host": [10000]},
        "job_parameters": {"common": {"job_type": "train"}},
        "component_parameters": {"common": {"reader_0": {"table": {"namespace": "m", "name": "copy"}}}},
    });
    let job = rest.submitted(&dsl, &conf).await;
    rest.succeeded(&job).await;
    cluster.end();
}
