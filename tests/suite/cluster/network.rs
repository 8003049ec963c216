//! The same job over a network that is real: coordinator and three agents in network namespaces with addresses of their own,
//! first direct, then with every way between agents cut, then with each daemon killed in turn.

mod namespaces;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use fedflow_tests::cluster::{Daemon, Place};
use fedflow_tests::fixtures::{lr_conf, lr_dsl, pair};
use serde_json::Value;
use tempfile::TempDir;

use self::namespaces::{HOSTS, Network, address};
use super::program;

const PATIENCE: Duration = Duration::from_secs(300);

/// Daemons in a network; they end before the network goes.
struct Federation {
    daemons: Vec<(&'static str, Daemon)>,
    relay_only: bool,
    home: TempDir,
    network: Network,
}

impl Federation {
    fn prepare(network: Network) -> Self {
        let federation = Self {
            daemons: vec![],
            relay_only: false,
            home: TempDir::new().expect("a folder"),
            network,
        };
        let path = |name: &str| {
            federation
                .home
                .path()
                .join(name)
                .to_str()
                .expect("a path")
                .to_owned()
        };
        program().says(&[
            "certs",
            "init",
            "--dir",
            &path("authority"),
            "--name",
            "network",
        ]);
        for (host, party, _) in HOSTS {
            let kind = if host == "coordinator" {
                "coordinator"
            } else {
                "agent"
            };
            let out = path(&format!("{host}/identity"));
            program().says(&[
                "certs",
                "issue",
                "--dir",
                &path("authority"),
                "--party",
                party,
                "--kind",
                kind,
                "--out",
                &out,
            ]);
            std::fs::write(federation.config(host), settings(host, party)).expect("written");
        }
        let policy = include_str!("../../../examples/local-federation/policy.toml")
            .replace("examples.*", "experiment.*");
        std::fs::write(federation.home.path().join("policy.toml"), policy).expect("written");
        let tables = pair(160);
        for (name, content) in [
            ("guest.csv", tables.guest),
            ("host.csv", tables.host),
            ("dsl.json", lr_dsl().to_string()),
            ("short.json", conf(4)),
            ("long.json", conf(40)),
        ] {
            std::fs::write(federation.home.path().join(name), content).expect("written");
        }
        federation
    }

    fn config(&self, host: &str) -> PathBuf {
        self.home.path().join(host).join("daemon.toml")
    }

    fn start(&mut self, host: &'static str) {
        let config = self.config(host);
        let kind = if host == "coordinator" {
            "coordinator"
        } else {
            "agent"
        };
        let mut command = self
            .network
            .at(host, &[kind, "--config", config.to_str().expect("a path")]);
        command.env("FEDFLOW_AGENT_RELAY_ONLY", self.relay_only.to_string());
        self.daemons.push((host, Daemon::start(&mut command)));
    }

    fn start_all(&mut self, relay_only: bool) {
        self.relay_only = relay_only;
        HOSTS.iter().for_each(|(host, _, _)| self.start(host));
    }

    fn end_all(&mut self) {
        // Agents first.
        self.daemons
            .drain(..)
            .rev()
            .for_each(|(_, daemon)| daemon.end());
    }

    fn kill(&mut self, host: &str) {
        let place = self
            .daemons
            .iter()
            .position(|(name, _)| *name == host)
            .expect("it runs");
        self.daemons.remove(place).1.kill();
    }

    fn run(&self, host: &str, arguments: &[&str]) -> Output {
        let rest = format!("http://{}:9380", address(host));
        self.network
            .at(host, arguments)
            .args(["--rest", &rest, "--json"])
            .output()
            .expect("ran")
    }

    /// What a command says at a host; repeated while the daemons find each other.
    fn says(&self, host: &str, arguments: &[&str]) -> Value {
        let began = Instant::now();
        loop {
            let output = self.run(host, arguments);
            if output.status.success() {
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                return serde_json::from_str(said.trim())
                    .unwrap_or_else(|error| panic!("{arguments:?} said {said}: {error}"));
            }
            let said = [output.stdout, output.stderr].concat();
            assert!(
                began.elapsed() < PATIENCE,
                "{arguments:?} at {host}: {}",
                String::from_utf8_lossy(&said)
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn file(&self, name: &str) -> String {
        self.home
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    }

    fn load(&self) {
        for name in ["guest", "host"] {
            let file = self.file(&format!("{name}.csv"));
            self.says(
                name,
                &[
                    "table",
                    "upload",
                    &file,
                    "--name",
                    name,
                    "--namespace",
                    "experiment",
                    "--replace",
                ],
            );
        }
    }

    fn submit(&self, conf: &str) -> String {
        let said = self.says(
            "guest",
            &[
                "job",
                "submit",
                "--dsl",
                &self.file("dsl.json"),
                "--conf",
                &self.file(conf),
            ],
        );
        said["job_id"].as_str().expect("a job").to_owned()
    }

    /// Waits until a training is under way at all three.
    fn until_it_trains(&self, job: &str) {
        let began = Instant::now();
        loop {
            let shown = self.says("guest", &["job", "show", job]);
            let state = shown["job"]["f_status"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(
                state == "waiting" || state == "running",
                "job {job} is {state} before anything was killed: {shown}"
            );
            let trains = |task: &&Value| {
                task["f_component_name"] == "hetero_lr_0" && task["f_status"] == "running"
            };
            if shown["tasks"]
                .as_array()
                .is_some_and(|tasks| tasks.iter().filter(trains).count() == 3)
            {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "job {job} does not train: {shown}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The AUC of a job that must succeed.
    fn auc(&self, job: &str) -> f64 {
        let began = Instant::now();
        while let output = self.run("guest", &["job", "wait", job, "--timeout", "300"])
            && !output.status.success()
        {
            // A REST endpoint that is down for a moment is no answer; a job that failed is.
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                said.contains("FF4") && began.elapsed() < PATIENCE,
                "job {job}: {said}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        let metrics = self.says(
            "guest",
            &[
                "job",
                "metrics",
                job,
                "--step",
                "evaluation_0",
                "--role",
                "guest",
            ],
        );
        let pairs = metrics["evaluation_0 guest 9999"]["train"]["hetero_lr_0"]["data"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let auc = pairs
            .iter()
            .find(|pair| pair[0] == "auc")
            .unwrap_or_else(|| panic!("no auc in {metrics}"));
        auc[1].as_f64().expect("a number")
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            HOSTS.iter().for_each(|(host, _, _)| {
                tell_end_of(&self.home.path().join(host).join("daemon.log"))
            });
        }
        self.daemons.clear();
    }
}

fn tell_end_of(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    eprintln!(
        "{}:\n{}",
        log.display(),
        lines[lines.len().saturating_sub(15)..].join("\n")
    );
}

fn settings(host: &str, party: &str) -> String {
    let (own, coordinator) = (address(host), address("coordinator"));
    let shared = format!(
        "identity = 'identity'\ndata = 'data'\nlisten = '{own}:9370'\nrest = '{own}:9380'\n"
    );
    let special = match host {
        "coordinator" => "parties = ['9999', '10000', '8888']\n".to_owned(),
        _ => format!(
            "party = '{party}'\ncoordinator = '{coordinator}:9370'\ndirect = ['{own}:9370']\npolicy = '../policy.toml'\n"
        ),
    };
    format!("{shared}{special}[log]\nfile = 'daemon.log'\n")
}

fn conf(max_iter: u32) -> String {
    let mut conf = lr_conf(max_iter);
    conf["role"]["arbiter"] = serde_json::json!([8888]);
    conf.to_string()
}

/// A network, or why there can be none; where the gate found that there can, it must be.
fn network() -> Option<Network> {
    match Network::make() {
        Ok(network) => Some(network),
        Err(why) => {
            assert!(
                std::env::var_os("FEDFLOW_TEST_NAMESPACES").is_none(),
                "no network namespaces: {why}"
            );
            println!(
                "skipped: no network namespaces can be made here ({why}); run it as root with iproute2 installed"
            );
            None
        }
    }
}

#[test]
fn a_federation_over_a_network_trains_direct_relayed_and_through_kills() {
    let _place = Place::take();
    let Some(network) = network() else { return };
    let mut federation = Federation::prepare(network);

    federation.start_all(false);
    federation.load();
    let before = federation.network.received("coordinator");
    let direct = federation.auc(&federation.submit("short.json"));
    let by_direct = federation.network.received("coordinator") - before;
    assert!(direct > 0.85, "{direct}");
    federation.end_all();

    federation.network.cut_agents_apart();
    federation.start_all(true);
    let before = federation.network.received("coordinator");
    let relayed = federation.auc(&federation.submit("short.json"));
    let by_relay = federation.network.received("coordinator") - before;
    println!("auc {direct}; the coordinator received {by_direct} bytes direct, {by_relay} relayed");
    assert_eq!(
        relayed, direct,
        "the way of the messages changes the result"
    );
    assert!(
        by_relay > 4 * by_direct,
        "the coordinator received {by_relay} bytes relayed and {by_direct} direct"
    );

    for (host, _, _) in HOSTS {
        let job = federation.submit("long.json");
        federation.until_it_trains(&job);
        let began = Instant::now();
        federation.kill(host);
        std::thread::sleep(Duration::from_millis(300));
        federation.start(host);
        assert!(federation.auc(&job) > 0.85, "after the kill of the {host}");
        println!("{host} killed, job ended after {:?}", began.elapsed());
        assert_eq!(
            federation.auc(&federation.submit("short.json")),
            direct,
            "after the kill of the {host}"
        );
    }
    federation.end_all();
}
