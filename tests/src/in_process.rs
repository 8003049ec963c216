//! A federation in one process: the real coordinator on a store in memory, real agents with real components, and messages of
//! tasks that go from inbox to inbox in memory. Starting one takes a fraction of a second, so that a test of the whole system
//! can have one of its own.
//!
//! What is real here: documents, scheduling, orders, offers and their signatures, policies, admission, reports, and the links
//! between coordinator and agents, which run over loopback. What is not: processes, files of the coordinator, and the network
//! between agents; those are for `tests/suite/cluster`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use component_kit::ImportRequest;
use coordinator::CoordinatorConfig;
use domain::{Job, Task};
use party_agent::{AgentConfig, Catalogue, import_table};
use pki::{Authority, IssueOptions, Kind, Profile};
use serde_json::{Value, json};
use service::{Principal, ServiceError, SubmitJob, TaskFilter};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vocabulary::{JobId, PartyId, TableRef};
use wire::InMemoryNetwork;

/// The longest that anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether something has come about that nobody tells of.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Loopback carries large packets.
const LOOPBACK_MTU: u16 = 6_500;

/// What a federation is made of.
pub struct Setup<'a> {
    /// The parties and their policies, as text.
    pub parties: &'a [(&'a str, &'a str)],
    /// The components of every agent.
    pub components: Catalogue,
    /// The coordinator's store: `memory:`, or `None` for a database in a file, as a daemon has it.
    pub store: Option<&'a str>,
    /// Whether messages of tasks go over the network after all.
    pub over_network: bool,
}

impl<'a> Setup<'a> {
    /// These parties with all components of this build, and everything in memory that can be.
    pub fn of(parties: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            parties,
            components: components::CATALOGUE,
            store: Some("memory:"),
            over_network: false,
        }
    }
}

/// An agent that runs.
struct Agent {
    config: AgentConfig,
    running: party_agent::Running,
    stop: CancellationToken,
}

/// A federation that runs until it is dropped.
pub struct Federation {
    coordinator: coordinator::Running,
    agents: BTreeMap<PartyId, Agent>,
    stop: CancellationToken,
    // Last, so that it is removed when everything else has ended.
    _folder: TempDir,
}

impl Drop for Federation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("a party")
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn issue(authority: &mut Authority, id: &str, kind: Kind, folder: &Path) -> PathBuf {
    let folder = folder.join("identity");
    authority
        .issue(&party(id), kind, &folder, &IssueOptions::default())
        .expect("issued");
    folder
}

impl Federation {
    /// Starts the coordinator and all agents; returns when every agent is linked.
    pub async fn start(setup: Setup<'_>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path();
        let mut authority =
            Authority::init(&root.join("authority"), "in-process", &Profile::default())
                .expect("a root");
        let stop = CancellationToken::new();
        let home = root.join("coordinator");
        let identity = issue(&mut authority, "coordinator", Kind::Coordinator, &home);
        let settings = json!({
            "identity": identity, "listen": any_port(), "rest": any_port(), "data": home.join("data"),
            "store": setup.store, "mtu": LOOPBACK_MTU,
        });
        let config: CoordinatorConfig = serde_json::from_value(settings).expect("settings");
        let coordinator = coordinator::start(config, stop.clone())
            .await
            .expect("a coordinator");
        let network = InMemoryNetwork::default();
        let mut agents = BTreeMap::new();
        for (id, policy) in setup.parties {
            let home = root.join(id);
            let identity = issue(&mut authority, id, Kind::Agent, &home);
            let rules = home.join("policy.toml");
            std::fs::write(&rules, policy).expect("written");
            let config = AgentConfig {
                listen: any_port(),
                rest: any_port(),
                data: home.join("data"),
                policy: Some(rules),
                mtu: LOOPBACK_MTU,
                ..AgentConfig::new(party(id), identity, coordinator.quic.to_string())
            };
            let own_stop = stop.child_token();
            let running = if setup.over_network {
                party_agent::start_with(config.clone(), setup.components, own_stop.clone()).await
            } else {
                let messages = Arc::new(network.party(&party(id)).expect("an inbox"));
                party_agent::start_over(
                    config.clone(),
                    setup.components,
                    messages,
                    own_stop.clone(),
                )
                .await
            };
            let agent = Agent {
                config,
                running: running.expect("an agent"),
                stop: own_stop,
            };
            agents.insert(party(id), agent);
        }
        let federation = Self {
            coordinator,
            agents,
            stop,
            _folder: folder,
        };
        federation
            .until("every agent is linked", || {
                let presence = federation.service().presence();
                federation
                    .agents
                    .keys()
                    .all(|party| presence.is_online(party))
            })
            .await;
        federation
    }

    /// The coordinator's use cases.
    pub fn service(&self) -> &service::Coordinator {
        &self.coordinator.coordinator
    }

    /// Where the coordinator's REST endpoint is.
    pub fn rest(&self) -> SocketAddr {
        self.coordinator.rest
    }

    fn agent(&self, id: &str) -> &Agent {
        self.agents.get(&party(id)).expect("a party of it")
    }

    /// Where a party's REST endpoint is.
    pub fn rest_of(&self, id: &str) -> SocketAddr {
        self.agent(id).running.rest
    }

    /// Puts text (a header line, commas, the id first) on a party's table store without a job.
    pub fn table(&self, id: &str, table: &TableRef, text: &str) {
        let config = &self.agent(id).config;
        let file = config.data.join("given.csv");
        std::fs::write(&file, text).expect("written");
        let fields = json!({"head": 1, "id_delimiter": ","});
        let import = ImportRequest::read(file.display().to_string(), table.clone(), &fields)
            .expect("fields")
            .replacing(true);
        import_table(config, &import).expect("a table");
    }

    /// Ends a party's agent without a word to anybody's tasks; returns when the coordinator knows.
    pub async fn end(&self, id: &str) {
        self.agent(id).stop.cancel();
        let gone = || !self.service().presence().is_online(&party(id));
        self.until("the agent is gone", gone).await;
    }

    /// Submits a job.
    pub async fn submit(&self, dsl: Value, conf: Value) -> Result<JobId, ServiceError> {
        let command = SubmitJob {
            dsl,
            conf,
            ..SubmitJob::default()
        };
        let submitted = self
            .service()
            .jobs()
            .submit(&Principal::anyone(), command)
            .await?;
        Ok(submitted.job.id)
    }

    /// The job once it has settled.
    pub async fn settled(&self, id: &JobId) -> Job {
        let job = self.service().jobs().once_settled(id, PATIENCE).await;
        let job = job.expect("a job");
        assert!(job.state.is_settled(), "{id} is {:?} still", job.state);
        job
    }

    /// The newest attempts of a job's tasks.
    pub async fn tasks(&self, id: &JobId) -> Vec<Task> {
        let filter = TaskFilter {
            job: Some(id.clone()),
            ..TaskFilter::default()
        };
        let found = self.service().jobs().tasks(&filter).await;
        found.expect("tasks").0
    }

    /// Waits until something has come about.
    pub async fn until(&self, what: &str, come_about: impl Fn() -> bool) {
        let waited = async {
            while !come_about() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}
