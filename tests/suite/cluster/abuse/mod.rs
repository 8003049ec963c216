//! Hostile input, full disks, lost parties and stops at any time: each gives one clear error, and the daemons live on.

mod apart;
mod crowd;
mod disk;
mod garbage;
mod link;
mod lost;
mod paths;
mod said;
mod stops;

use std::path::Path;
use std::time::{Duration, Instant};

use fedflow_tests::cluster::Cluster;
use fedflow_tests::rest::RestClient;
use serde_json::Value;

/// The folders of the daemons of a federation of two parties.
const FOLDERS: [&str; 3] = ["coordinator", "party-9999", "party-10000"];

/// Numbers that are the same on every machine (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `most`.
    fn below(&mut self, most: u64) -> u64 {
        (self.roll() >> 11) % most.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).expect("small")]
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..1 + self.below(most))
            .map(|_| u8::try_from(self.below(256)).expect("a byte"))
            .collect()
    }
}

/// The process ids of the daemons: `fedflow up` would start a dead one again, with another id.
fn lives(cluster: &Cluster) -> Vec<Vec<u32>> {
    FOLDERS
        .iter()
        .map(|folder| cluster.processes(folder))
        .collect()
}

/// The address that a daemon's settings give for QUIC.
fn quic_of(config: &Path) -> String {
    let text = std::fs::read_to_string(config).expect("settings");
    let line = text
        .lines()
        .find(|line| line.starts_with("listen"))
        .expect("a line for QUIC");
    line.split(['"', '\''])
        .nth(1)
        .expect("an address")
        .to_owned()
}

async fn health(rest: &RestClient) -> Value {
    let (_, body) = rest
        .send(
            http::Method::GET,
            "/v1/fedflow/health",
            "application/json",
            "",
        )
        .await
        .expect("healthy");
    serde_json::from_slice::<Value>(&body).expect("JSON")["data"].clone()
}

/// Waits until no agent works on anything.
async fn idle(rest: &[RestClient]) {
    let began = Instant::now();
    for rest in rest {
        loop {
            let found = health(rest).await;
            if found["attempts"] == 0 {
                break;
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "an agent still works: {found}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The lines of a log that hold a text.
fn lines_with(log: &Path, text: &str) -> Vec<String> {
    let all =
        std::fs::read_to_string(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    all.lines()
        .filter(|line| line.contains(text))
        .map(str::to_owned)
        .collect()
}

/// Fails the test when a daemon of the folder wrote of a panic.
fn no_panics(root: &Path) {
    for folder in FOLDERS {
        for file in ["stderr.log", "coordinator.log", "agent.log", "daemon.log"] {
            let text = std::fs::read_to_string(root.join(folder).join(file)).unwrap_or_default();
            assert!(!text.contains("panicked"), "{folder}/{file}: {text}");
        }
    }
}
