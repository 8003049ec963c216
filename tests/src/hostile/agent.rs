//! Real daemons of a hostile federation: started, stopped, killed, and looked into.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use audit::AuditRecord;
use component_kit::ImportRequest;
use party_agent::{AgentConfig, import_table};
use records::Records;
use serde_json::json;
use vocabulary::{PartyId, TableRef};

use super::until;
use crate::cluster::{Daemon, Program, signal};
use crate::rest::RestClient;

/// A daemon and its folder.
struct Running {
    program: Program,
    kind: &'static str,
    home: PathBuf,
    daemon: Option<Daemon>,
}

impl Running {
    fn start(program: &Program, kind: &'static str, home: PathBuf) -> Self {
        let mut running = Self {
            program: program.clone(),
            kind,
            home,
            daemon: None,
        };
        running.start_again();
        running
    }

    fn config(&self) -> PathBuf {
        self.home.join(format!("{}.toml", self.kind))
    }

    fn start_again(&mut self) {
        assert!(self.daemon.is_none(), "the {} runs already", self.kind);
        let config = self.config();
        let config = config.to_str().expect("a path");
        self.daemon = Some(
            self.program
                .start(&[self.kind, "--config", config, "--with-parent"]),
        );
    }

    fn running(&self) -> &Daemon {
        self.daemon
            .as_ref()
            .unwrap_or_else(|| panic!("the {} does not run", self.kind))
    }

    fn take(&mut self) -> Daemon {
        self.daemon
            .take()
            .unwrap_or_else(|| panic!("the {} does not run", self.kind))
    }

    fn address(&self, what: &str) -> SocketAddr {
        self.running().ready[what]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("an address")
    }

    fn lives(&self) -> bool {
        // One that has ended stays in the list until its end is asked for.
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running().id()))
            .unwrap_or_default();
        let state = status
            .lines()
            .find_map(|line| line.strip_prefix("State:"))
            .unwrap_or("Z")
            .trim();
        !state.starts_with(['Z', 'X']) && !self.log().contains("panicked")
    }

    fn log(&self) -> String {
        let path = self.home.join(format!("{}.log", self.kind));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// A real agent.
pub struct Agent {
    party: PartyId,
    running: Running,
}

impl Agent {
    pub(super) fn start_in(program: &Program, party: PartyId, home: PathBuf) -> Self {
        Self {
            party,
            running: Running::start(program, "agent", home),
        }
    }

    /// Whose it is.
    pub fn party(&self) -> &PartyId {
        &self.party
    }

    /// Its folder, with `agent.toml`, `policy.toml`, `agent.log`, `identity/` and `data/`.
    pub fn home(&self) -> &Path {
        &self.running.home
    }

    /// What it keeps: `records.db`, `shelf/`, `logs/`, `files/`, `exports/`.
    pub fn data(&self) -> PathBuf {
        self.config().data
    }

    /// Its settings, as it reads them.
    pub fn config(&self) -> AgentConfig {
        AgentConfig::load(&self.running.config()).expect("settings")
    }

    /// Its own REST endpoint: whoever asks there is the party's user.
    pub fn rest(&self) -> RestClient {
        RestClient::new(&format!("http://{}", self.rest_address()))
    }

    /// The address of that endpoint, for [`super::client`].
    pub fn rest_address(&self) -> SocketAddr {
        self.running.address("rest")
    }

    /// Where other agents reach it (QUIC).
    pub fn quic(&self) -> SocketAddr {
        self.running.address("quic")
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.running.running().id()
    }

    /// Whether its process still runs, and no part of it has panicked: no attack may do that.
    pub fn lives(&self) -> bool {
        self.running.lives()
    }

    /// Everything it wrote into its log so far.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Its records, for reading; the agent may run meanwhile. Close them when they are no longer needed.
    pub async fn records(&self) -> Records {
        Records::open(&self.data().join("records.db"))
            .await
            .expect("records")
    }

    /// Everything in its audit chain; the agent may run meanwhile, or not.
    pub fn audit(&self) -> Vec<AuditRecord> {
        audit::read_all(&self.data().join("audit"))
            .unwrap_or_else(|error| panic!("the audit chain: {error}"))
    }

    /// Puts text (a header line, commas, the id first) on its table store without a job, as the party's operator could. No
    /// policy, ticket or coordinator has a say in it.
    pub fn table(&self, namespace: &str, name: &str, text: &str) {
        let file = self.home().join(format!("{namespace}-{name}.csv"));
        std::fs::write(&file, text).expect("written");
        let fields = json!({"head": 1, "id_delimiter": ","});
        let file = file.display().to_string();
        let import = ImportRequest::read(file, TableRef::new(namespace, name), &fields)
            .expect("fields")
            .replacing(true);
        import_table(&self.config(), &import)
            .unwrap_or_else(|fault| panic!("{namespace}.{name}: {fault}"));
    }

    /// Replaces the policy and has it read: it is in force when this returns, and an agent that was linked to a
    /// coordinator is linked again.
    pub async fn set_policy(&self, text: &str) {
        std::fs::write(self.home().join("policy.toml"), text).expect("written");
        self.read_again().await;
    }

    /// Has policy, certificate and revocation list read again (SIGHUP), and waits until they are in force.
    pub async fn read_again(&self) {
        let before = self.log().len();
        let linked = self.is_linked();
        signal(self.process(), "HUP");
        let since = || self.log().get(before..).unwrap_or_default().to_owned();
        until("the policy to be read again", || {
            let text = since();
            assert!(!text.contains("nothing was read again"), "{text}");
            text.contains("read again").then_some(())
        })
        .await;
        if linked {
            until("the link to stand again", || {
                let text = since();
                let read = text.rfind("read again").unwrap_or_default();
                text[read..].contains(CONNECTED).then_some(())
            })
            .await;
        }
    }

    /// Whether its log says that it has a link to the coordinator.
    pub fn is_linked(&self) -> bool {
        let log = self.log();
        log.rfind(CONNECTED) > log.rfind("no link to the coordinator")
    }

    /// Ends it as a service manager would.
    pub fn stop(&mut self) {
        self.running.take().end();
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.running.take().kill();
    }

    /// Starts it again on the same folder and addresses, after [`Agent::stop`] or [`Agent::kill`].
    pub fn start(&mut self) {
        self.running.start_again();
    }

    /// Stops and starts it.
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }
}

/// What an agent writes when its link stands.
const CONNECTED: &str = "connected to the coordinator";

/// A real coordinator.
pub struct CoordinatorDaemon {
    running: Running,
}

impl CoordinatorDaemon {
    pub(super) fn start(program: &Program, home: PathBuf) -> Self {
        Self {
            running: Running::start(program, "coordinator", home),
        }
    }

    /// Its REST endpoint.
    pub fn rest(&self) -> RestClient {
        RestClient::new(&format!("http://{}", self.running.address("rest")))
    }

    /// Its folder, with `coordinator.toml`, `coordinator.log`, `identity/` and `data/`.
    pub fn home(&self) -> &Path {
        &self.running.home
    }

    /// Everything it wrote into its log so far.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.running.running().id()
    }

    /// Whether its process still runs, and no part of it has panicked.
    pub fn lives(&self) -> bool {
        self.running.lives()
    }

    /// Ends it; its address is free for a hostile one.
    pub fn stop(&mut self) {
        self.running.take().end();
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.running.take().kill();
    }

    /// Starts it again on the same folder and addresses.
    pub fn start_again(&mut self) {
        self.running.start_again();
    }
}
