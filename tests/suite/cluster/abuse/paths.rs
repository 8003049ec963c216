//! Paths and names that try to leave the folders of an agent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fedflow_tests::rest::RestClient;
use serde_json::{Value, json};

use super::apart::Apart;

/// Every file below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                BTreeSet::from([path])
            }
        })
        .collect()
}

/// Why a local job failed; none when it succeeded.
async fn outcome(rest: &RestClient, reply: &Value) -> Result<(), Value> {
    if reply["retcode"] != 0 {
        return Err(if reply["fault"].is_null() {
            reply.clone()
        } else {
            reply["fault"].clone()
        });
    }
    let job = reply["jobId"].as_str().expect("a job").to_owned();
    let row = rest.ended(&job).await;
    if row["f_status"] == "success" {
        Ok(())
    } else {
        Err(if row["f_fault"].is_null() {
            row
        } else {
            row["f_fault"].clone()
        })
    }
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "lists of paths for each route")]
async fn no_path_leaves_the_folders_of_an_agent() {
    let apart = Apart::loaded().await;
    let own = apart.root().join("party-9999");
    std::fs::write(own.join("import/fine.csv"), "id,x\n1,2\n2,3\n").expect("written");
    std::os::unix::fs::symlink("/etc/passwd", own.join("import/link.csv")).expect("linked");
    for rest in [apart.rest("party-9999"), apart.rest("coordinator")] {
        let read = |file: &str| {
            json!({"use_local_data": 0, "file": file, "namespace": "n", "table_name": "t", "head": 1, "partition": 1, "drop": 1,
                   "id_delimiter": ",", "party_id": "9999"})
        };
        for file in [
            "../../etc/passwd",
            "/etc/passwd",
            "link.csv",
            "../daemon.toml",
            "../identity/identity.key",
            "fine.csv/..",
            "\0",
        ] {
            let refused = outcome(&rest, &rest.post("/v1/data/upload", &read(file)).await)
                .await
                .expect_err(file);
            assert_eq!(
                (refused["code"].as_str(), refused["party"].as_str()),
                (Some("FF204"), Some("9999")),
                "{file:?}: {refused}"
            );
            assert!(
                refused["next"]
                    .as_str()
                    .is_some_and(|next| next.contains("import_roots")),
                "{refused}"
            );
        }
        outcome(
            &rest,
            &rest.post("/v1/data/upload", &read("fine.csv")).await,
        )
        .await
        .expect("inside the root");

        let write = |path: &str| json!({"namespace": "n", "table_name": "t", "output_path": path, "party_id": "9999"});
        for path in [
            "../../stolen.csv",
            "/tmp/fedflow-stolen.csv",
            "a/../../../stolen.csv",
            "..",
            "",
        ] {
            let refused = outcome(&rest, &rest.post("/v1/data/download", &write(path)).await).await;
            let refused = refused.expect_err(path);
            assert!(
                refused["code"] == "FF108" || refused["code"] == "FF103",
                "{path:?}: {refused}"
            );
        }
        outcome(
            &rest,
            &rest
                .post("/v1/data/download", &write("deep/down.csv"))
                .await,
        )
        .await
        .expect("below the export folder");

        let written = |path: &str| json!({"namespace": "n", "table_name": "t", "storage_engine": "LOCALFS", "address": {"path": path}, "party_id": "9999"});
        for path in [
            "../../stolen.csv",
            "/tmp/fedflow-stolen.csv",
            "a/../../../stolen.csv",
            "..",
            "",
        ] {
            let refused = outcome(&rest, &rest.post("/v1/data/writer", &written(path)).await).await;
            let refused = refused.expect_err(path);
            assert!(
                refused["code"] == "FF108" || refused["code"] == "FF103",
                "{path:?}: {refused}"
            );
        }
        outcome(
            &rest,
            &rest
                .post("/v1/data/writer", &written("deep/written.csv"))
                .await,
        )
        .await
        .expect("a file");

        let bound = |path: &str| {
            json!({"engine": "PATH", "namespace": "n", "name": "bound", "address": {"path": path}, "drop": true,
                   "party_id": "9999"})
        };
        for path in [
            "../../etc/passwd",
            "/etc/passwd",
            "link.csv",
            "../identity/identity.key",
            "%2e%2e/daemon.toml",
            "\0",
        ] {
            let reply = rest.post("/v1/table/bind", &bound(path)).await;
            assert!(
                reply["retmsg"]
                    .as_str()
                    .is_some_and(|text| text.ends_with("check failed")),
                "{path:?}: {reply}"
            );
        }
        assert_eq!(
            rest.post("/v1/table/bind", &bound("fine.csv")).await["retcode"],
            0
        );
    }
    assert!(!Path::new("/tmp/fedflow-stolen.csv").exists());
    apart.end();
}

#[tokio::test]
async fn table_names_are_names_and_no_paths() {
    let apart = Apart::started();
    apart.connected().await;
    let rest = apart.rest("party-9999");
    let data = apart.root().join("party-9999/data");
    let outside = || {
        files(apart.root())
            .into_iter()
            .filter(|file| !file.starts_with(&data))
            .collect::<BTreeSet<_>>()
    };
    let before = outside();
    for name in [
        "../../x",
        "/etc/x",
        "..",
        ".",
        "a/b",
        "\u{202e}x",
        "con\\x",
        &"long".repeat(200),
    ] {
        let config = json!({
            "file": "../../t.csv", "namespace": name, "table_name": name, "head": 1, "partition": 1, "drop": 1, "verbose": 0,
        });
        let reply = rest.upload(&config, "id,x\n1,2\n").await;
        outcome(&rest, &reply)
            .await
            .unwrap_or_else(|fault| panic!("{name:?}: {fault}"));
        let info = rest
            .data(
                "/v1/table/table_info",
                &json!({"namespace": name, "table_name": name}),
            )
            .await;
        assert_eq!(
            (info["exist"].as_i64(), info["count"].as_i64()),
            (Some(1), Some(1)),
            "{name:?}: {info}"
        );
        rest.data(
            "/v1/table/delete",
            &json!({"namespace": name, "table_name": name}),
        )
        .await;
    }
    assert_eq!(
        outside(),
        before,
        "files came into being outside the data folder"
    );
    apart.end();
}
