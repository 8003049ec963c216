//! One process to a folder: a second federation, agent or coordinator on the same one is refused with the process of the first.

use std::process::Command;
use std::time::{Duration, Instant};

use fedflow_tests::cluster::Cluster;
use http::Method;
use serde_json::Value;

use super::program;

/// What a command that must fail says to standard error.
fn refused(arguments: &[&str]) -> String {
    let output = program().run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?}: {said}");
    said
}

/// Whether the agent of 9999 is at work.
async fn is_linked(cluster: &Cluster) -> bool {
    let sent = cluster
        .rest
        .send(Method::GET, "/v1/fedflow/health", "application/json", "")
        .await;
    let health: Value = sent
        .ok()
        .and_then(|(_, body)| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    health["data"]["agents_online"]
        .as_array()
        .is_some_and(|online| online.iter().any(|party| party == "9999"))
}

#[tokio::test]
async fn a_second_daemon_on_a_folder_is_refused_with_the_process_of_the_first() {
    let cluster = Cluster::up(&program(), "9999");
    let folder = cluster.dir.path().to_str().expect("a path").to_owned();
    let said = refused(&[
        "up",
        "--dir",
        &folder,
        "--rest-port",
        "0",
        "--parties",
        "9999",
    ]);
    assert!(said.contains(&cluster.id().to_string()), "{said}");
    for (daemon, home, settings) in [
        ("agent", "party-9999", "agent.toml"),
        ("coordinator", "coordinator", "coordinator.toml"),
    ] {
        let first = cluster.processes(home);
        let config = format!("{folder}/{home}/{settings}");
        let said = refused(&[daemon, "--config", &config]);
        assert!(
            first
                .iter()
                .all(|id| said.contains(&format!("process {id}"))),
            "{daemon}: {said}"
        );
        assert!(said.contains("FF110"), "{daemon}: {said}");
        assert_eq!(cluster.processes(home), first, "the first one lives on");
    }
    // A folder whose holder was killed is free.
    let before = cluster.processes("party-9999");
    cluster.kill("party-9999");
    let began = Instant::now();
    while cluster
        .processes("party-9999")
        .iter()
        .all(|id| before.contains(id))
        || !is_linked(&cluster).await
    {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nobody takes its place"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.end();
}

/// Every command shows the credential it has, whichever way it was given.
#[tokio::test]
async fn models_and_schedules_are_asked_for_with_the_token() {
    let cluster = Cluster::up(&program(), "9999");
    let access = std::fs::read_to_string(cluster.access()).expect("credentials");
    let access: serde_json::Value = serde_json::from_str(&access).expect("JSON");
    let token = access["token"].as_str().expect("a token");
    let rest = cluster.rest.base.as_str();
    for what in [
        ["model", "list"],
        ["schedule", "list"],
        ["job", "list"],
        ["table", "list"],
    ] {
        let asked = [&what[..], &["--rest", rest]].concat();
        assert!(
            refused(&asked).contains("FF305"),
            "{what:?} without a credential"
        );
        let argument = program().run(&[&asked[..], &["--token", token]].concat());
        let file = cluster.program().run(&asked);
        let own = Command::new(program().path())
            .args(&asked)
            .env("FEDFLOW_TOKEN", token)
            .output()
            .expect("it runs");
        for output in [argument, file, own] {
            // That there are no models yet is told to those who were let in.
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !said.contains("FF305") && (output.status.success() || what[0] == "model"),
                "{what:?}: {said}"
            );
        }
    }
    cluster.end();
}
