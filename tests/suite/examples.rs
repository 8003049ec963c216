//! Every folder of `examples/` works as its README says: settings are read, jobs run, and what comes out agrees with
//! `expected.json`.

mod production;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fedflow_tests::cluster::{Cluster, Daemon, Place, Program};
use fedflow_tests::rest::RestClient;
use serde_json::{Value, json};
use tempfile::TempDir;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_fedflow"))
}

fn root() -> PathBuf {
    Path::new("..").canonicalize().expect("the workspace")
}

fn example(path: &str) -> PathBuf {
    root().join("examples").join(path)
}

fn read(path: &str) -> String {
    let path = example(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn has(command: &str) -> bool {
    Command::new(command)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Loads a table of `examples/data`.
async fn load(rest: &RestClient, party: &str, name: &str) {
    let config = json!({
        "file": format!("{name}.csv"), "namespace": "examples", "table_name": name, "head": 1, "partition": 4, "drop": 1,
        "id_delimiter": ",", "verbose": 0, "party_id": party,
    });
    let reply = rest
        .upload(&config, &read(&format!("data/{name}.csv")))
        .await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    rest.succeeded(reply["jobId"].as_str().expect("a job id"))
        .await;
}

/// Waits until so many agents are connected.
async fn connected(rest: &RestClient, agents: usize) {
    for _ in 0..600 {
        let sent = rest
            .send(
                http::Method::GET,
                "/v1/fedflow/health",
                "application/json",
                "",
            )
            .await;
        let health: Value = sent
            .ok()
            .and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        if health["data"]["agents_online"]
            .as_array()
            .is_some_and(|online| online.len() == agents)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{agents} agents did not connect");
}

/// Compares an ended job with the first job's `expected.json`, as the guest's users see it.
async fn agrees_with_expected(guest: &RestClient, job: &str) {
    let expected = document("first-job/expected.json");
    guest.succeeded(job).await;
    assert_eq!(guest.job(job).await["f_status"], expected["status"]);
    let tasks = guest
        .data(
            "/v1/job/task/query",
            &json!({"job_id": job, "role": "guest"}),
        )
        .await;
    for step in expected["steps"].as_array().expect("steps") {
        let task = tasks
            .as_array()
            .expect("tasks")
            .iter()
            .find(|task| task["f_component_name"] == *step);
        assert_eq!(
            task.map(|task| &task["f_status"]),
            Some(&json!("success")),
            "{step}"
        );
    }
    let of = json!({"job_id": job, "component_name": "intersection_0", "role": "guest", "party_id": "9999"});
    let tables = guest
        .data("/v1/tracking/component/output/data/table", &of)
        .await;
    let table = json!({"table_name": tables[0]["table_name"], "namespace": tables[0]["table_namespace"], "party_id": "9999"});
    assert_eq!(
        guest.data("/v1/table/table_info", &table).await["count"],
        expected["rows_in_common"]
    );
    for (name, bounds) in expected["figures"].as_object().expect("figures") {
        let figure = guest.figure(job, "9999", "hetero_lr_0", name).await;
        let (least, most) = (
            bounds["least"].as_f64().expect("a bound"),
            bounds["most"].as_f64().expect("a bound"),
        );
        assert!(
            (least..=most).contains(&figure),
            "{name} is {figure}, expected {bounds}"
        );
    }
}

#[test]
fn every_folder_is_run_here() {
    let own = concat!(
        include_str!("examples.rs"),
        include_str!("examples/production.rs")
    );
    let folders = std::fs::read_dir(example(""))
        .expect("examples")
        .flatten()
        .filter(|entry| entry.path().is_dir());
    for folder in folders.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        assert!(
            own.contains(&format!("\"{folder}/")),
            "nothing runs examples/{folder}"
        );
        assert!(
            example(&folder).join("README.md").is_file(),
            "examples/{folder} has no README.md"
        );
    }
}

/// FATE's client is Python: its examples are run by the suite of the clients, which the gate runs.
#[test]
fn the_clients_examples_are_run_by_the_clients_suite() {
    let suite = std::fs::read_to_string(root().join("tests/clients/test_12_examples.py"))
        .expect("the suite");
    for file in ["clients/fate_pipeline.py", "clients/fate_flow_cli.sh"] {
        let name = file.rsplit('/').next().expect("a name");
        assert!(
            suite.contains(&format!("\"{name}\"")),
            "tests/clients does not run examples/{file}"
        );
        assert!(
            read("clients/README.md").contains(name),
            "examples/clients/README.md does not tell of {name}"
        );
    }
    let gate = std::fs::read_to_string(root().join(".ci/run")).expect("the gate");
    assert!(
        gate.contains("tests/clients/run"),
        "the gate does not run the suite of the clients"
    );
}

#[test]
fn the_tables_are_what_their_generator_makes() {
    let expected = document("first-job/expected.json");
    let ids = |name: &str| -> Vec<String> {
        let lines: Vec<String> = read(&format!("data/{name}.csv"))
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect();
        assert_eq!(
            json!(lines.len()),
            expected["tables"][name],
            "rows of {name}"
        );
        lines
            .iter()
            .map(|line| line.split(',').next().expect("an id").to_owned())
            .collect()
    };
    let (bank, clinic) = (ids("bank"), ids("clinic"));
    assert_eq!(
        json!(bank.iter().filter(|id| clinic.contains(id)).count()),
        expected["rows_in_common"]
    );
    if !has("python3") {
        println!("skipped: the generator was not run, python3 is not there");
        return;
    }
    let checked = Command::new("python3")
        .args(["-B", text(&example("data/generate.py")), "--check"])
        .output()
        .expect("ran");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[tokio::test]
async fn the_first_job_gives_what_is_expected() {
    let cluster = Cluster::up(&program(), "9999,10000");
    load(&cluster.rest, "9999", "bank").await;
    load(&cluster.rest, "10000", "clinic").await;
    let job = cluster
        .rest
        .submitted(
            &document("first-job/dsl.json"),
            &document("first-job/conf.json"),
        )
        .await;
    agrees_with_expected(&cluster.rest, &job).await;
    if has("curl") {
        let (rest, access) = (cluster.rest.base.clone(), cluster.access());
        let script = move || {
            Command::new(example("first-job/run.sh"))
                .arg(rest)
                .env("FEDFLOW_ACCESS", access)
                .output()
        };
        let output = tokio::task::spawn_blocking(script)
            .await
            .expect("joined")
            .expect("ran");
        let (said, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success() && said.contains("\"auc\""),
            "{said}{errors}"
        );
        let jobs = cluster
            .rest
            .data("/v1/job/list/job", &json!({"limit": 1}))
            .await;
        agrees_with_expected(
            &cluster.rest,
            jobs["jobs"][0]["job_id"].as_str().expect("a job"),
        )
        .await;
    }
    cluster.end();
}

/// An address on this machine whose UDP port is free now.
fn free_address() -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("its address").to_string()
}

/// Copies a file of the examples with other addresses and folders; everything to be replaced must be there.
fn copy_with(from: &str, to: &Path, changes: &[(&str, &str)]) {
    let changed = changes.iter().fold(read(from), |content, (old, new)| {
        assert!(content.contains(old), "{from} does not name {old}");
        content.replace(old, new)
    });
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
    std::fs::write(to, changed).expect("written");
}

#[tokio::test]
async fn the_local_federation_by_hand_runs_the_first_job() {
    let _place = Place::take();
    let (copy, home) = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    let any = "127.0.0.1:0";
    let addresses: [String; 4] = std::array::from_fn(|_| free_address());
    let to = |file: &str| copy.path().join(file);
    copy_with(
        "local-federation/coordinator.toml",
        &to("coordinator.toml"),
        &[("127.0.0.1:9370", &addresses[0]), ("127.0.0.1:9380", any)],
    );
    for (number, name) in ["guest", "host", "arbiter"].into_iter().enumerate() {
        let (own, rest) = (
            format!("127.0.0.1:{}", 9371 + number),
            format!("127.0.0.1:{}", 9381 + number),
        );
        let changes = [
            ("127.0.0.1:9370", addresses[0].as_str()),
            (&own, &addresses[number + 1]),
            (&rest, any),
        ];
        copy_with(
            &format!("local-federation/{name}.toml"),
            &to(&format!("{name}.toml")),
            &changes,
        );
    }
    copy_with("local-federation/policy.toml", &to("policy.toml"), &[]);
    copy_with("local-federation/start.sh", &to("start.sh"), &[]);

    let mut script = Command::new("sh");
    script
        .arg(to("start.sh"))
        .arg(home.path())
        .env("FEDFLOW", program().path());
    let federation = Daemon::start(&mut script);
    program().says(&[
        "check-config",
        "coordinator",
        "--config",
        text(&home.path().join("coordinator.toml")),
    ]);
    for name in ["guest", "host", "arbiter"] {
        program().says(&[
            "check-config",
            "agent",
            "--config",
            text(&home.path().join(format!("{name}.toml"))),
        ]);
    }
    let rest = |address: &Value| RestClient::new(address.as_str().expect("an address"));
    let (coordinator, parties) = (
        rest(&federation.ready["rest"]),
        &federation.ready["parties"],
    );
    connected(&coordinator, 3).await;
    load(&rest(&parties["9999"]), "9999", "bank").await;
    load(&rest(&parties["10000"]), "10000", "clinic").await;
    let job = coordinator
        .submitted(
            &document("first-job/dsl.json"),
            &document("local-federation/conf.json"),
        )
        .await;
    agrees_with_expected(&coordinator, &job).await;
    federation.end();
}

#[tokio::test]
async fn a_refusal_names_the_party_and_the_rule() {
    let mut cluster = Cluster::up(&program(), "9999,10000");
    copy_with(
        "refused-by-policy/policy.toml",
        &cluster.dir.path().join("party-10000/policy.toml"),
        &[],
    );
    cluster.restart();
    load(&cluster.rest, "9999", "bank").await;
    load(&cluster.rest, "10000", "clinic").await;
    let job = cluster
        .rest
        .submitted(
            &document("first-job/dsl.json"),
            &document("first-job/conf.json"),
        )
        .await;
    let row = cluster.rest.ended(&job).await;
    let expected = document("refused-by-policy/expected.json");
    assert_eq!(row["f_status"], expected["status"]);
    let reason = &row["f_fault"];
    assert_eq!(
        (&reason["code"], &reason["path"], &reason["party"]),
        (&expected["code"], &expected["rule"], &expected["party"]),
        "{row}"
    );
    let table = expected["table"].as_str().expect("a table");
    assert!(
        reason["message"]
            .as_str()
            .is_some_and(|message| message.contains(table)),
        "{reason}"
    );
    let tasks = cluster
        .rest
        .data("/v1/job/task/query", &json!({"job_id": job}))
        .await;
    let started = tasks
        .as_array()
        .expect("tasks")
        .iter()
        .filter(|task| !task["f_start_time"].is_null())
        .count();
    assert_eq!(json!(started), expected["started_tasks"]);
    cluster.end();
}
