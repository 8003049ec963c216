//! A thousand jobs at once at real daemons, one in twenty of them for a party that is gone: jobs a second, and whether every
//! other one ends well.
//!
//! Run with `cargo bench -p fedflow --bench crowd`; the variable `JOBS` changes their number. The coordinator is the program
//! itself. The agents are this binary: agents as they always are, with one more component, in which a task rests for 0.3 s and
//! lets the machine's cores to what is measured.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark tells people its numbers"
)]
#![allow(clippy::disallowed_methods, reason = "it measures spans")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use component_kit::{
    AnyComponent, Check, Component, Description, Plugin, Problems, Result, TaskContext,
};
use fedflow_tests::cluster::{Daemon, Program};
use fedflow_tests::rest::RestClient;
use party_agent::AgentConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use vocabulary::Role;

/// How long a task takes.
const REST: Duration = Duration::from_millis(300);
/// One job of so many is for the party that is gone.
const DEAD_EVERY: usize = 20;
const CLIENTS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(170);
const PARTIES: [&str; 3] = ["9999", "10000", "10001"];
const DEAD: &str = "10001";

/// Takes its time, sends nothing and learns nothing.
struct Nap;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Nothing {}

impl Check for Nothing {
    fn check(&self, _: &mut Problems) {}
}

impl Component for Nap {
    type Params = Nothing;

    const DESCRIPTION: Description = Description::named("nap", "rests for a while")
        .modules(&["Nap"])
        .roles(&[Role::Guest, Role::Host]);

    async fn run(_: &TaskContext, _: Nothing) -> Result<()> {
        tokio::time::sleep(REST).await;
        Ok(())
    }
}

static CAPACITY: &[&dyn AnyComponent] = &[&Plugin::<Nap>::NEW];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("agent") => runtime.block_on(agent(Path::new(&arguments[2]))),
        _ => runtime.block_on(crowd()),
    }
}

/// A party's agent with the component of this benchmark, until it is killed.
async fn agent(config: &Path) {
    let config = AgentConfig::load(config).expect("settings");
    daemon::logging::start(&config.log).expect("a log");
    let running = party_agent::start_with(config, CAPACITY, CancellationToken::new())
        .await
        .expect("starts");
    println!(
        "{}",
        json!({"ready": true, "rest": running.rest, "quic": running.quic})
    );
    running.wait().await.expect("ends");
}

/// What runs; killed when dropped.
struct Federation {
    rest: RestClient,
    agents: Vec<(&'static str, Daemon)>,
    _coordinator: Daemon,
    _dir: tempfile::TempDir,
}

impl Federation {
    fn start() -> Self {
        let program = Program::new(env!("CARGO_BIN_EXE_fedflow"));
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().to_str().expect("a path");
        // certificates and settings
        let up = [
            "up",
            "--open",
            "--dir",
            folder,
            "--rest-port",
            "0",
            "--parties",
        ];
        program
            .start(&[&up[..], &[&PARTIES.join(",")]].concat())
            .end();
        let coordinator = program.start(&[
            "coordinator",
            "--config",
            &format!("{folder}/coordinator/coordinator.toml"),
        ]);
        let own = std::env::current_exe().expect("this program");
        let agent = |party: &'static str| {
            let config = format!("{folder}/party-{party}/agent.toml");
            (
                party,
                Daemon::start(Command::new(&own).args(["agent", &config])),
            )
        };
        let address = coordinator.ready["rest"].as_str().expect("an address");
        let rest = RestClient::new(&format!("http://{address}"));
        Self {
            rest,
            agents: PARTIES.map(agent).into(),
            _coordinator: coordinator,
            _dir: dir,
        }
    }

    fn kill(&mut self, party: &str) {
        let place = self
            .agents
            .iter()
            .position(|(own, _)| *own == party)
            .expect("it runs");
        self.agents.swap_remove(place).1.kill();
    }

    /// How many jobs a status has.
    async fn count(&self, status: &str) -> usize {
        let asked = json!({"status": status, "role": "guest", "limit": 1});
        let list = self.rest.data("/v1/job/list/job", &asked).await;
        usize::try_from(list["count"].as_u64().expect("a count")).expect("small")
    }
}

fn documents(host: &str) -> (Value, Value) {
    let dsl = json!({"components": {"nap_0": {"module": "Nap"}}});
    let conf = json!({
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [host]},
        "job_parameters": {"common": {}},
        "component_parameters": {"common": {"nap_0": {}}},
    });
    (dsl, conf)
}

async fn crowd() {
    let jobs: usize = std::env::var("JOBS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000);
    let dead = jobs / DEAD_EVERY;
    let mut federation = Federation::start();
    for host in [PARTIES[1], DEAD] {
        let (dsl, conf) = documents(host);
        let alone = Instant::now();
        let id = first(&federation.rest, &dsl, &conf).await;
        federation.rest.succeeded(&id).await;
        println!(
            "one job alone with party {host}: {:.2?} from its submission to its end",
            alone.elapsed()
        );
    }
    let before = federation.count("success").await;
    federation.kill(DEAD);
    let started = Instant::now();
    let mut times = submitted(&federation.rest, jobs).await;
    let queued = started.elapsed();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{jobs} jobs submitted by {CLIENTS} clients in {queued:.1?}: p50 {:.1?}, p99 {:.1?}",
        at(50),
        at(99)
    );
    let healthy = jobs - dead;
    let mut ended = 0;
    while ended < healthy && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ended = federation.count("success").await - before;
    }
    let took = started.elapsed();
    println!(
        "{ended} of {healthy} healthy jobs ended well within {took:.1?} of the first submission: {:.1} jobs a second",
        ended as f64 / took.as_secs_f64()
    );
    let (failed, waiting) = (
        federation.count("failed").await,
        federation.count("waiting").await,
    );
    println!("{waiting} of {dead} jobs wait for party {DEAD}, {failed} failed");
    if (ended, waiting, failed) != (healthy, dead, 0) {
        println!("NOT AS IT SHOULD BE");
        drop(federation);
        std::process::exit(1);
    }
}

/// Submits once the agents are there.
async fn first(rest: &RestClient, dsl: &Value, conf: &Value) -> String {
    let began = Instant::now();
    loop {
        let reply = rest.submit(dsl, conf).await;
        if let Some(id) = reply["jobId"].as_str().filter(|_| reply["retcode"] == 0) {
            return id.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{reply}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Submits all jobs, some at a time; gives how long each took.
async fn submitted(rest: &RestClient, jobs: usize) -> Vec<Duration> {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let rest = rest.clone();
        clients.spawn(async move {
            let mut times = Vec::new();
            for job in (client..jobs).step_by(CLIENTS) {
                let (dsl, conf) = documents(if job % DEAD_EVERY == DEAD_EVERY - 1 {
                    DEAD
                } else {
                    PARTIES[1]
                });
                let started = Instant::now();
                rest.submitted(&dsl, &conf).await;
                times.push(started.elapsed());
            }
            times
        });
    }
    clients.join_all().await.concat()
}
