//! Disks that are full: what cannot be kept is refused by name, and everything goes on once there is space.

use std::path::{Path, PathBuf};
use std::process::Command;

use fedflow_tests::fixtures::{lr_conf, lr_dsl, toy};
use serde_json::{Value, json};

use super::super::program;
use super::apart::Apart;

/// A small disk of memory, mounted on a folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where mounting is not allowed.
    fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let option = format!("size={megabytes}m");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(folder)
            .output();
        let refused = match done {
            Ok(output) if output.status.success() => return Some(Self(folder.to_owned())),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        println!(
            "skipped: no small disk can be mounted here ({}); run it as root",
            refused.trim()
        );
        None
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all space that is left.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.ballast()).expect("a file");
        for size in [1 << 20, 4096, 64] {
            let piece = vec![1_u8; size];
            while file.write_all(&piece).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Rows enough for so many megabytes.
fn large(megabytes: usize) -> String {
    let row = "abcdefghijklmnopqrstuvwxyz,0.123456789,0.987654321,0.555555555\n";
    let mut text = "id,a,b,c\n".to_owned();
    let mut number = 0;
    while text.len() < megabytes << 20 {
        text += &format!("{number}-{row}");
        number += 1;
    }
    text
}

fn config(name: &str) -> Value {
    json!({"file": "t.csv", "namespace": "experiment", "table_name": name, "head": 1, "partition": 4, "drop": 1, "verbose": 0,
           "id_delimiter": ",", "party_id": "9999"})
}

#[tokio::test]
#[allow(
    clippy::too_many_lines,
    reason = "one disk that fills and is freed: each part needs the one before"
)]
async fn a_full_disk_at_an_agent_is_named_and_mended() {
    let mut apart = Apart::prepared();
    let Some(disk) = SmallDisk::mount(&apart.root().join("party-9999/data"), 12) else {
        return;
    };
    super::FOLDERS.iter().for_each(|folder| apart.start(folder));
    apart.connected().await;
    let text = large(24);
    let file = apart.root().join("large.csv");
    std::fs::write(&file, &text).expect("written");
    for folder in ["coordinator", "party-9999"] {
        let rest = apart.rest(folder);
        let reply = rest.upload(&config("large"), &text).await;
        assert_eq!(
            (
                reply["fault"]["code"].as_str(),
                reply["fault"]["party"].as_str()
            ),
            (Some("FF205"), Some("9999")),
            "{folder}: {reply}"
        );
        assert!(
            reply["retmsg"]
                .as_str()
                .is_some_and(|text| text.contains("FF205") && text.contains("free space")),
            "{reply}"
        );
        let (file, rest) = (file.to_str().expect("a path").to_owned(), rest.base.clone());
        let arguments = [
            "table",
            "upload",
            &file,
            "--name",
            "large",
            "--namespace",
            "experiment",
            "--party",
            "9999",
            "--rest",
            &rest,
        ];
        let output = program().run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("FF205") && said.contains("9999") && said.contains("free space"),
            "{folder}: {said}"
        );
    }
    // What needs no space goes on.
    let (dsl, conf) = toy();
    let job = apart.rest("coordinator").submitted(&dsl, &conf).await;
    apart.rest("coordinator").succeeded(&job).await;

    disk.fill();
    let reply = apart
        .rest("party-9999")
        .upload(&config("small"), "id,x\n1,2\n")
        .await;
    assert!(
        reply["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("FF205")),
        "{reply}"
    );
    disk.free();
    apart
        .rest("coordinator")
        .load("9999", "guest", &fedflow_tests::fixtures::pair(200).guest)
        .await;
    apart
        .rest("coordinator")
        .load("10000", "host", &fedflow_tests::fixtures::pair(200).host)
        .await;
    let job = apart
        .rest("coordinator")
        .submitted(&lr_dsl(), &lr_conf(1))
        .await;
    apart.rest("coordinator").succeeded(&job).await;

    // Full in the middle: the job fails with the reason or waits for space, but it does not vanish.
    let job = apart
        .rest("coordinator")
        .submitted(&lr_dsl(), &lr_conf(200))
        .await;
    apart
        .rest("coordinator")
        .until(&job, |row| row["f_status"] != "waiting")
        .await;
    disk.fill();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    disk.free();
    let row = apart.rest("coordinator").ended(&job).await;
    assert!(
        row["f_status"] == "success" || row["f_fault"]["code"] == "FF205",
        "{row}"
    );
    let job = apart
        .rest("coordinator")
        .submitted(&lr_dsl(), &lr_conf(1))
        .await;
    apart.rest("coordinator").succeeded(&job).await;
    apart.end();
}

#[tokio::test]
async fn a_full_disk_at_the_coordinator_loses_no_job() {
    let mut apart = Apart::prepared();
    let Some(disk) = SmallDisk::mount(&apart.root().join("coordinator/data"), 12) else {
        return;
    };
    super::FOLDERS.iter().for_each(|folder| apart.start(folder));
    apart.connected().await;
    let rest = apart.rest("coordinator");
    let tables = fedflow_tests::fixtures::pair(200);
    rest.load("9999", "guest", &tables.guest).await;
    rest.load("10000", "host", &tables.host).await;
    let job = rest.submitted(&lr_dsl(), &lr_conf(60)).await;
    rest.until(&job, |row| row["f_status"] != "waiting").await;
    disk.fill();
    // The store's log has some space of its own; then nothing more is taken.
    let mut refused = None;
    for _ in 0..400 {
        let reply = rest.submit(&toy().0, &toy().1).await;
        if reply["retcode"] != 0 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("a full disk takes no job");
    assert!(
        refused["retmsg"]
            .as_str()
            .is_some_and(|text| text.contains("FF205")),
        "{refused}"
    );
    assert!(
        refused["fault"]["next"].is_string(),
        "no next step: {refused}"
    );
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    disk.free();
    rest.succeeded(&job).await;
    let other = rest.submitted(&lr_dsl(), &lr_conf(1)).await;
    rest.succeeded(&other).await;
    apart.end();
}
