//! `fedflow up`: a local federation as separate processes, everything under one folder.

mod access;
mod folder;
mod layout;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, PartyId};

use crate::access::Credential;
use crate::client::Client;
use crate::say;
use layout::Layout;
use process::Process;

/// How long the federation may take to be usable.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which federation to run.
#[derive(Args, Clone)]
pub(crate) struct UpArguments {
    /// Where everything is kept; made on the first run.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// The coordinator's REST port; the parties' REST endpoints take the ports after it. 0 lets the system choose.
    #[arg(long, default_value_t = 9380)]
    pub(crate) rest_port: u16,
    /// The parties.
    #[arg(long, value_delimiter = ',', default_value = "9999,10000")]
    pub(crate) parties: Vec<String>,
    /// Let the parties answer predictions online: model/load, model/bind, fedflow/inference.
    #[arg(long)]
    pub(crate) serving: bool,
    /// A further folder from which jobs may read files by path; DIR/import is one. May be given several times.
    #[arg(long, value_name = "PATH")]
    pub(crate) import_root: Vec<PathBuf>,
    /// Ask nobody for a credential: every user of this machine may then do everything. Without it, DIR/access.json holds the
    /// credentials that all endpoints ask for.
    #[arg(long)]
    pub(crate) open: bool,
}

/// Said where nobody is asked.
const OPEN: &str = "warning: --open: nobody is asked for a credential. Every user of this machine can read and change what this \
                    federation holds, and read and write files in the folders of --import-root and DIR as you.";
/// Said where the parties' policies are those that were written here.
const ALL_MINE: &str = "all parties are mine: minima of 1, no caps, no tickets";
/// Said where somebody changed one.
const OWN: &str = "each party's policy.toml";

/// A federation that runs.
pub(crate) struct Federation {
    /// The coordinator's REST endpoint.
    pub(crate) rest: String,
    /// Each party's REST endpoint.
    pub(crate) parties: Vec<(PartyId, String)>,
    /// The file of the credentials, and what of it this program shows; none where nobody is asked.
    access: Option<(PathBuf, Credential)>,
    /// What the parties' policies say, in a word.
    policy: &'static str,
    processes: Vec<Arc<Process>>,
    stop: CancellationToken,
    // Last: the right to its folder is given back when everything else is gone.
    layout: Layout,
}

/// Runs a federation until a signal comes.
pub(crate) async fn run(arguments: &UpArguments) -> Result<()> {
    let stop = daemon::shutdown::on_signal()?;
    if arguments.open {
        say::remark(OPEN);
    }
    let federation = start(arguments, &stop).await?;
    say::value(&federation.as_json());
    stop.cancelled().await;
    federation.end().await;
    Ok(())
}

/// Starts a federation; gives it once it is usable.
pub(crate) async fn start(arguments: &UpArguments, stop: &CancellationToken) -> Result<Federation> {
    let parties = party_ids(&arguments.parties)?;
    let layout = Layout::prepare(arguments, &parties)?;
    let mut federation = Federation {
        rest: String::new(),
        parties: vec![],
        access: layout
            .access()
            .map(|(path, file)| (path.clone(), Credential::of_file(&path, file))),
        policy: if layout.has_local_policies(&parties) {
            ALL_MINE
        } else {
            OWN
        },
        processes: vec![],
        stop: stop.child_token(),
        layout,
    };
    match federation.start_processes(&parties).await {
        Ok(()) => Ok(federation),
        Err(error) => {
            federation.end().await;
            Err(error)
        }
    }
}

fn party_ids(texts: &[String]) -> Result<Vec<PartyId>> {
    let invalid = |text: &String, why: String| {
        Fault::new(
            ErrorCode::ConfigInvalid,
            format!("{text:?} cannot be a party: {why}"),
        )
        .path("--parties")
    };
    let mut parties = Vec::new();
    for text in texts {
        let party = PartyId::new(text.trim()).map_err(|error| invalid(text, error.to_string()))?;
        if parties.contains(&party) {
            return Err(invalid(text, "it is named twice".to_owned()).into());
        }
        parties.push(party);
    }
    Ok(parties)
}

impl Federation {
    async fn start_processes(&mut self, parties: &[PartyId]) -> Result<()> {
        let layout = &self.layout;
        let coordinator = Process::start(
            "coordinator",
            &layout.coordinator_config(),
            &layout.coordinator_dir(),
            &self.stop,
        )?;
        self.processes.push(coordinator.clone());
        let ready = coordinator.ready(PATIENCE).await?;
        self.rest = format!("http://{}", ready.rest);
        for party in parties {
            let folder = layout.party_dir(party);
            self.processes.push(Process::start(
                "agent",
                &layout.party_config(party),
                &folder,
                &self.stop,
            )?);
        }
        for (process, party) in self.processes[1..].iter().zip(parties) {
            let ready = process.ready(PATIENCE).await?;
            self.parties
                .push((party.clone(), format!("http://{}", ready.rest)));
        }
        tokio::time::timeout(PATIENCE, self.wait_until_connected(parties.len()))
            .await
            .with_context(|| {
                format!(
                    "the agents did not connect within {} s; see the logs under {}",
                    PATIENCE.as_secs(),
                    layout.root().display()
                )
            })
    }

    async fn wait_until_connected(&self, agents: usize) {
        let client = self.client();
        loop {
            if let Ok(health) = client.get("/v1/fedflow/health").await
                && health
                    .pointer("/data/agents_online")
                    .and_then(Value::as_array)
                    .is_some_and(|online| online.len() >= agents)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A client of the coordinator's endpoint, which shows what it asks for.
    pub(crate) fn client(&self) -> Client {
        let credential = self
            .access
            .as_ref()
            .map_or_else(Credential::none, |(_, credential)| credential.clone());
        Client::new(&self.rest, credential)
    }

    /// The line that says it is usable: addresses, and the file of the credentials, which themselves stand nowhere else.
    pub(crate) fn as_json(&self) -> Value {
        let parties: Map<String, Value> = self
            .parties
            .iter()
            .map(|(party, rest)| (party.to_string(), json!(rest)))
            .collect();
        let mut line =
            json!({"ready": true, "rest": self.rest, "parties": parties, "policy": self.policy});
        match &self.access {
            Some((path, _)) => line["access"] = json!(path),
            None => line["open"] = json!(true),
        }
        line
    }

    /// Ends every process, agents first, and waits for them.
    pub(crate) async fn end(self) {
        // Before the wait: a watcher that does not know would start its daemon again.
        self.stop.cancel();
        for process in self.processes.iter().rev() {
            process.end().await;
        }
    }
}
