//! A federation of single daemons as operators run them: nothing is started again, and imports come from one folder only.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use fedflow_tests::cluster::{Daemon, Place};
use fedflow_tests::fixtures::pair;
use fedflow_tests::rest::RestClient;
use tempfile::TempDir;

use super::super::program;

const PARTIES: [&str; 2] = ["9999", "10000"];

/// Coordinator, guest 9999 and host 10000.
pub(super) struct Apart {
    daemons: BTreeMap<String, Daemon>,
    /// Everything, by folder: `coordinator`, `party-9999`, `party-10000`.
    pub(super) home: TempDir,
    _place: Place,
}

impl Apart {
    /// Certificates and settings; nothing runs yet.
    pub(super) fn prepared() -> Self {
        let place = Place::take();
        let apart = Self {
            daemons: BTreeMap::new(),
            home: TempDir::new().expect("a folder"),
            _place: place,
        };
        program().says(&[
            "certs",
            "init",
            "--dir",
            &apart.path("authority"),
            "--name",
            "apart",
        ]);
        let free = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let quic = free.local_addr().expect("an address");
        drop(free);
        let shared = "identity = 'identity'\ndata = 'data'\nrest = '127.0.0.1:0'\n[log]\nfile = 'daemon.log'\n";
        let jobs = "[jobs]\nlease_millis = 3000\nheartbeat_millis = 500\n";
        apart.settle(
            "coordinator",
            &format!("listen = '{quic}'\nparties = ['9999', '10000']\n{shared}{jobs}"),
        );
        // Two parties only: the host is the arbiter, too.
        let policy = include_str!("../../../../examples/local-federation/policy.toml")
            .replace("examples.*", "*")
            .replace("independent_arbiter = true", "independent_arbiter = false");
        std::fs::write(apart.home.path().join("policy.toml"), policy).expect("written");
        for party in PARTIES {
            let own =
                "policy = '../policy.toml'\nimport_roots = ['import']\nlisten = '127.0.0.1:0'\n";
            apart.settle(
                &format!("party-{party}"),
                &format!("party = '{party}'\ncoordinator = '{quic}'\n{own}{shared}"),
            );
            std::fs::create_dir(apart.home.path().join(format!("party-{party}/import")))
                .expect("made");
        }
        apart
    }

    /// Everything runs.
    pub(super) fn started() -> Self {
        let mut apart = Self::prepared();
        for folder in super::FOLDERS {
            apart.start(folder);
        }
        apart
    }

    /// Everything runs and has the tables `guest` and `host`.
    pub(super) async fn loaded() -> Self {
        let apart = Self::started();
        apart.connected().await;
        let tables = pair(200);
        apart
            .rest("coordinator")
            .load("9999", "guest", &tables.guest)
            .await;
        apart
            .rest("coordinator")
            .load("10000", "host", &tables.host)
            .await;
        apart
    }

    fn settle(&self, folder: &str, settings: &str) {
        let (party, kind) = match folder.strip_prefix("party-") {
            Some(party) => (party, "agent"),
            None => ("coordinator", "coordinator"),
        };
        let identity = self.path(&format!("{folder}/identity"));
        program().says(&[
            "certs",
            "issue",
            "--dir",
            &self.path("authority"),
            "--party",
            party,
            "--kind",
            kind,
            "--out",
            &identity,
        ]);
        std::fs::write(self.config(folder), settings).expect("written");
    }

    pub(super) fn config(&self, folder: &str) -> PathBuf {
        self.home.path().join(folder).join("daemon.toml")
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.home
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    }

    pub(super) fn root(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn start(&mut self, folder: &str) {
        let kind = if folder == "coordinator" {
            "coordinator"
        } else {
            "agent"
        };
        let config = self.config(folder);
        let daemon = program().start(&[kind, "--config", config.to_str().expect("a path")]);
        self.daemons.insert(folder.to_owned(), daemon);
    }

    pub(super) fn kill(&mut self, folder: &str) {
        self.daemons.remove(folder).expect("it runs").kill();
    }

    pub(super) fn rest(&self, folder: &str) -> RestClient {
        let rest = self.daemons[folder].ready["rest"]
            .as_str()
            .expect("an address");
        RestClient::new(&format!("http://{rest}"))
    }

    /// Waits until the coordinator has both agents.
    pub(super) async fn connected(&self) {
        let rest = self.rest("coordinator");
        let began = std::time::Instant::now();
        while super::health(&rest).await["agents_online"]
            .as_array()
            .map(Vec::len)
            != Some(PARTIES.len())
        {
            assert!(
                began.elapsed() < std::time::Duration::from_secs(30),
                "the agents do not connect"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Ends all daemons, agents first; fails the test when one does not end or one panicked.
    pub(super) fn end(mut self) {
        for folder in super::FOLDERS.iter().rev() {
            if let Some(daemon) = self.daemons.remove(*folder) {
                daemon.end();
            }
        }
        super::no_panics(self.root());
    }
}
