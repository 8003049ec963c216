//! `fedflow up`: a local federation as separate processes, everything under one folder.

mod layout;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, PartyId};

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
    /// The coordinator's REST port; the parties' doors take the ports after it. 0 lets the system choose.
    #[arg(long, default_value_t = 9380)]
    pub(crate) rest_port: u16,
    /// The parties.
    #[arg(long, value_delimiter = ',', default_value = "9999,10000")]
    pub(crate) parties: Vec<String>,
    /// Let the parties answer predictions online: model/load, model/bind, fedflow/inference.
    #[arg(long)]
    pub(crate) serving: bool,
}

/// A federation that runs.
pub(crate) struct Federation {
    /// The coordinator's door.
    pub(crate) rest: String,
    /// Each party's door.
    pub(crate) parties: Vec<(PartyId, String)>,
    processes: Vec<Arc<Process>>,
    stop: CancellationToken,
}

/// Runs a federation until a signal comes.
pub(crate) async fn run(arguments: &UpArguments) -> Result<()> {
    let stop = daemon::shutdown::on_signal()?;
    let federation = start(arguments, &stop).await?;
    say::value(&federation.as_json());
    stop.cancelled().await;
    federation.end().await;
    Ok(())
}

/// Starts a federation; gives it once it is usable.
pub(crate) async fn start(arguments: &UpArguments, stop: &CancellationToken) -> Result<Federation> {
    let parties = party_ids(&arguments.parties)?;
    let layout = Layout::prepare(&arguments.dir, &parties, arguments.rest_port, arguments.serving)?;
    let stop = stop.child_token();
    let mut federation = Federation { rest: String::new(), parties: vec![], processes: vec![], stop };
    let started = federation.start_processes(&layout, &parties).await;
    match started {
        Ok(()) => Ok(federation),
        Err(error) => {
            federation.end().await;
            Err(error)
        }
    }
}

fn party_ids(texts: &[String]) -> Result<Vec<PartyId>> {
    let invalid = |text: &String, why: String| {
        Fault::new(ErrorCode::ConfigInvalid, format!("{text:?} cannot be a party: {why}")).path("--parties")
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
    async fn start_processes(&mut self, layout: &Layout, parties: &[PartyId]) -> Result<()> {
        let coordinator =
            Process::start("coordinator", &layout.coordinator_config(), &layout.coordinator_dir(), &self.stop)?;
        self.processes.push(coordinator.clone());
        let ready = coordinator.ready(PATIENCE).await?;
        self.rest = format!("http://{}", ready.rest);
        for party in parties {
            let folder = layout.party_dir(party);
            self.processes.push(Process::start("agent", &layout.party_config(party), &folder, &self.stop)?);
        }
        for (process, party) in self.processes[1..].iter().zip(parties) {
            let ready = process.ready(PATIENCE).await?;
            self.parties.push((party.clone(), format!("http://{}", ready.rest)));
        }
        tokio::time::timeout(PATIENCE, self.wait_until_connected(parties.len())).await.with_context(|| {
            format!(
                "the agents did not connect within {} s; see the logs under {}",
                PATIENCE.as_secs(),
                layout.root().display()
            )
        })
    }

    async fn wait_until_connected(&self, agents: usize) {
        let client = Client::new(&self.rest);
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

    /// The line that says it is usable.
    pub(crate) fn as_json(&self) -> Value {
        let parties: Map<String, Value> =
            self.parties.iter().map(|(party, rest)| (party.to_string(), json!(rest))).collect();
        json!({"ready": true, "rest": self.rest, "parties": parties})
    }

    /// Ends every process, agents first, and waits for them.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        for process in self.processes.iter().rev() {
            process.end().await;
        }
    }
}

/// Whether a path is a folder that can be written, made if it is missing.
pub(crate) fn need_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| {
        let text = format!("the folder {} cannot be made: {error}", path.display());
        Fault::new(ErrorCode::StorageFull, text).next("choose another --dir").into()
    })
}
