//! Every folder of `examples/` works as its README says: settings are read, jobs run, and what comes out agrees with
//! `expected.json`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fedflow_tests::cluster::{Cluster, Daemon, Place, Program};
use fedflow_tests::rest::Door;
use serde_json::{Value, json};
use tempfile::TempDir;

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_fedflow"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
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
    Command::new(command).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Loads a table of `examples/data`.
async fn load(door: &Door, party: &str, name: &str) {
    let config = json!({
        "file": format!("{name}.csv"), "namespace": "examples", "table_name": name, "head": 1, "partition": 4, "drop": 1,
        "id_delimiter": ",", "verbose": 0, "party_id": party,
    });
    let reply = door.upload(&config, &read(&format!("data/{name}.csv"))).await;
    assert_eq!(reply["retcode"], 0, "{reply}");
    door.succeeded(reply["jobId"].as_str().expect("a job id")).await;
}

/// Waits until so many agents are connected.
async fn connected(door: &Door, agents: usize) {
    for _ in 0..600 {
        let sent = door.send(http::Method::GET, "/v1/fedflow/health", "application/json", "").await;
        let health: Value = sent.ok().and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        if health["data"]["agents_online"].as_array().is_some_and(|online| online.len() == agents) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{agents} agents did not connect");
}

/// Compares an ended job with the first job's `expected.json`, as the guest's users see it.
async fn agrees_with_expected(guest: &Door, job: &str) {
    let expected = document("first-job/expected.json");
    guest.succeeded(job).await;
    assert_eq!(guest.job(job).await["f_status"], expected["status"]);
    let tasks = guest.data("/v1/job/task/query", &json!({"job_id": job, "role": "guest"})).await;
    for step in expected["steps"].as_array().expect("steps") {
        let task = tasks.as_array().expect("tasks").iter().find(|task| task["f_component_name"] == *step);
        assert_eq!(task.map(|task| &task["f_status"]), Some(&json!("success")), "{step}");
    }
    let of = json!({"job_id": job, "component_name": "intersection_0", "role": "guest", "party_id": "9999"});
    let tables = guest.data("/v1/tracking/component/output/data/table", &of).await;
    let table = json!({"table_name": tables[0]["table_name"], "namespace": tables[0]["table_namespace"], "party_id": "9999"});
    assert_eq!(guest.data("/v1/table/table_info", &table).await["count"], expected["rows_in_common"]);
    for (name, bounds) in expected["figures"].as_object().expect("figures") {
        let figure = guest.figure(job, "9999", "hetero_lr_0", name).await;
        let (least, most) = (bounds["least"].as_f64().expect("a bound"), bounds["most"].as_f64().expect("a bound"));
        assert!((least..=most).contains(&figure), "{name} is {figure}, expected {bounds}");
    }
}

#[test]
fn every_folder_is_run_here() {
    let own = include_str!("examples.rs");
    let folders = std::fs::read_dir(example("")).expect("examples").flatten().filter(|entry| entry.path().is_dir());
    for folder in folders.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        assert!(own.contains(&format!("\"{folder}/")), "nothing runs examples/{folder}");
        assert!(example(&folder).join("README.md").is_file(), "examples/{folder} has no README.md");
    }
}

#[test]
fn the_tables_are_what_their_generator_makes() {
    let expected = document("first-job/expected.json");
    let ids = |name: &str| -> Vec<String> {
        let lines: Vec<String> = read(&format!("data/{name}.csv")).lines().skip(1).map(str::to_owned).collect();
        assert_eq!(json!(lines.len()), expected["tables"][name], "rows of {name}");
        lines.iter().map(|line| line.split(',').next().expect("an id").to_owned()).collect()
    };
    let (bank, clinic) = (ids("bank"), ids("clinic"));
    assert_eq!(json!(bank.iter().filter(|id| clinic.contains(id)).count()), expected["rows_in_common"]);
    if !has("python3") {
        println!("skipped: the generator was not run, python3 is not there");
        return;
    }
    let checked = Command::new("python3").args(["-B", text(&example("data/generate.py")), "--check"]).output().expect("ran");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn the_first_job_gives_what_is_expected() {
    let cluster = Cluster::up(&program(), "9999,10000");
    load(&cluster.door, "9999", "bank").await;
    load(&cluster.door, "10000", "clinic").await;
    let job = cluster.door.submitted(&document("first-job/dsl.json"), &document("first-job/conf.json")).await;
    agrees_with_expected(&cluster.door, &job).await;
    if has("curl") {
        let door = cluster.door.base.clone();
        let script = move || Command::new(example("first-job/run.sh")).arg(door).output();
        let output = tokio::task::spawn_blocking(script).await.expect("joined").expect("ran");
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("\"auc\""), "{said}{errors}");
        let jobs = cluster.door.data("/v1/job/list/job", &json!({"limit": 1})).await;
        agrees_with_expected(&cluster.door, jobs["jobs"][0]["job_id"].as_str().expect("a job")).await;
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
    let (copy, home) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let any = "127.0.0.1:0";
    let addresses: [String; 4] = std::array::from_fn(|_| free_address());
    let to = |file: &str| copy.path().join(file);
    copy_with(
        "local-federation/coordinator.toml",
        &to("coordinator.toml"),
        &[("127.0.0.1:9370", &addresses[0]), ("127.0.0.1:9380", any)],
    );
    for (number, name) in ["guest", "host", "arbiter"].into_iter().enumerate() {
        let (own, rest) = (format!("127.0.0.1:{}", 9371 + number), format!("127.0.0.1:{}", 9381 + number));
        let changes = [("127.0.0.1:9370", addresses[0].as_str()), (&own, &addresses[number + 1]), (&rest, any)];
        copy_with(&format!("local-federation/{name}.toml"), &to(&format!("{name}.toml")), &changes);
    }
    copy_with("local-federation/policy.toml", &to("policy.toml"), &[]);
    copy_with("local-federation/start.sh", &to("start.sh"), &[]);

    let mut script = Command::new("sh");
    script.arg(to("start.sh")).arg(home.path()).env("FEDFLOW", program().path());
    let federation = Daemon::start(&mut script);
    program().says(&["check-config", "coordinator", "--config", text(&home.path().join("coordinator.toml"))]);
    for name in ["guest", "host", "arbiter"] {
        program().says(&["check-config", "agent", "--config", text(&home.path().join(format!("{name}.toml")))]);
    }
    let door = |address: &Value| Door::new(address.as_str().expect("an address"));
    let (coordinator, parties) = (door(&federation.ready["rest"]), &federation.ready["parties"]);
    connected(&coordinator, 3).await;
    load(&door(&parties["9999"]), "9999", "bank").await;
    load(&door(&parties["10000"]), "10000", "clinic").await;
    let job = coordinator.submitted(&document("first-job/dsl.json"), &document("local-federation/conf.json")).await;
    agrees_with_expected(&coordinator, &job).await;
    federation.end();
}

#[tokio::test]
async fn a_refusal_names_the_party_and_the_rule() {
    let mut cluster = Cluster::up(&program(), "9999,10000");
    copy_with("refused-by-policy/policy.toml", &cluster.dir.path().join("party-10000/policy.toml"), &[]);
    cluster.restart();
    load(&cluster.door, "9999", "bank").await;
    load(&cluster.door, "10000", "clinic").await;
    let job = cluster.door.submitted(&document("first-job/dsl.json"), &document("first-job/conf.json")).await;
    let row = cluster.door.ended(&job).await;
    let expected = document("refused-by-policy/expected.json");
    assert_eq!(row["f_status"], expected["status"]);
    let reason = &row["f_fault"];
    assert_eq!((&reason["code"], &reason["path"], &reason["party"]), (&expected["code"], &expected["rule"], &expected["party"]), "{row}");
    let table = expected["table"].as_str().expect("a table");
    assert!(reason["message"].as_str().is_some_and(|message| message.contains(table)), "{reason}");
    let tasks = cluster.door.data("/v1/job/task/query", &json!({"job_id": job})).await;
    let started = tasks.as_array().expect("tasks").iter().filter(|task| !task["f_start_time"].is_null()).count();
    assert_eq!(json!(started), expected["started_tasks"]);
    cluster.end();
}

/// The production settings on one machine: the folders `/etc/fedflow` and `/var/lib/fedflow` of each host below one folder.
struct Hosts {
    root: TempDir,
    coordinator: String,
}

impl Hosts {
    fn config(&self, host: &str) -> PathBuf {
        self.root.path().join(host).join("etc").join(if host == "coordinator" { "coordinator.toml" } else { "agent.toml" })
    }

    /// Copies a host's settings and policy.
    fn install(&self, host: &str, addresses: &[(&str, &str)]) {
        let home = self.root.path().join(host);
        let folders = [("/etc/fedflow", home.join("etc")), ("/var/lib/fedflow", home.join("lib")), ("/srv/fedflow", home.join("srv"))];
        let mut changes = addresses.to_vec();
        // Comments name the folders of settings; import and export folders are the bank's alone.
        let named = if host == "bank" { 3 } else { 2 };
        changes.extend(folders[..named].iter().map(|(old, new)| (*old, text(new))));
        changes.push(("127.0.0.1:9380", "127.0.0.1:0"));
        let config = self.config(host);
        let name = config.file_name().expect("a name").to_string_lossy().into_owned();
        copy_with(&format!("production-three-hosts/{host}/{name}"), &config, &changes);
        if host != "coordinator" {
            copy_with(&format!("production-three-hosts/{host}/policy.toml"), &home.join("etc/policy.toml"), &[]);
        }
    }

    /// The README's way to a certificate: a request at the party, an answer from the root, installed at the party.
    fn certify(&self, host: &str, party: &str, kind: &str) {
        let (authority, answer) = (self.root.path().join("authority"), self.root.path().join(format!("answer-{host}")));
        let identity = self.root.path().join(host).join("etc/identity");
        let request = identity.join("request.csr");
        program().says(&["certs", "request", "--party", party, "--kind", kind, "--out", text(&identity)]);
        let sign = ["certs", "sign", "--dir", text(&authority), "--party", party, "--kind", kind];
        program().says(&[&sign[..], &["--request", text(&request), "--out", text(&answer)]].concat());
        for file in ["identity.pem", "root.pem", "revoked.crl"] {
            std::fs::copy(answer.join(file), identity.join(file)).expect("installed");
        }
    }

    fn start(&self, host: &str, daemon: &str) -> Daemon {
        let config = self.config(host);
        program().says(&["check-config", daemon, "--config", text(&config)]);
        let mut command = Command::new(program().path());
        command.args([daemon, "--config", text(&config)]);
        // A service manager reads the log; here nobody does, so it goes to a file.
        let log = format!("FEDFLOW_{}_LOG__FILE", daemon.to_uppercase());
        Daemon::start(command.env(log, self.root.path().join(host).join("daemon.log")))
    }
}

fn hosts() -> Hosts {
    let hosts = Hosts { root: TempDir::new().expect("a folder"), coordinator: free_address() };
    let (bank, arbiter) = (free_address(), free_address());
    let coordinator = ("coordinator.federation.example:9370", hosts.coordinator.as_str());
    hosts.install("coordinator", &[("0.0.0.0:9370", &hosts.coordinator)]);
    hosts.install("bank", &[coordinator, ("0.0.0.0:9371", &bank), ("fedflow.bank.example:9371", &bank)]);
    hosts.install("clinic", &[coordinator, ("0.0.0.0:0", "127.0.0.1:0")]);
    hosts.install("arbiter", &[coordinator, ("0.0.0.0:9371", &arbiter), ("fedflow.arbiter.example:9371", &arbiter)]);
    let authority = hosts.root.path().join("authority");
    let profile = root().join("certs/profile.toml");
    program().says(&["certs", "init", "--dir", text(&authority), "--name", "clinic-and-bank", "--profile", text(&profile)]);
    hosts.certify("coordinator", "coordinator", "coordinator");
    for (host, party) in [("bank", "9999"), ("clinic", "10000"), ("arbiter", "8888")] {
        hosts.certify(host, party, "agent");
    }
    hosts
}

#[tokio::test]
async fn the_production_settings_run_under_their_strict_policies() {
    let _place = Place::take();
    let hosts = hosts();
    let coordinator = hosts.start("coordinator", "coordinator");
    let agents = ["bank", "clinic", "arbiter"].map(|host| hosts.start(host, "agent"));
    let door = |daemon: &Daemon| Door::new(&format!("http://{}", daemon.ready["rest"].as_str().expect("an address")));
    let (shared, bank, clinic) = (door(&coordinator), door(&agents[0]), door(&agents[1]));
    connected(&shared, 3).await;
    load(&bank, "9999", "bank").await;
    load(&clinic, "10000", "clinic").await;
    let job = bank.submitted(&document("first-job/dsl.json"), &document("production-three-hosts/job/conf.json")).await;
    agrees_with_expected(&bank, &job).await;

    let of = json!({"job_id": job, "component_name": "hetero_lr_0", "role": "guest", "party_id": "9999"});
    let rows = bank.data("/v1/tracking/component/output/data", &of).await;
    assert_eq!(rows[0].as_array().map(Vec::len), Some(100), "the bank's own door shows its predictions");
    let refused = shared.post("/v1/tracking/component/output/data", &of).await.to_string();
    assert!(refused.contains("FF303") && refused.contains("fedflow.intranet.bank.example"), "{refused}");
    for daemon in agents.into_iter().chain([coordinator]) {
        daemon.end();
    }
}
