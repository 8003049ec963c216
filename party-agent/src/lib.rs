//! The agent of one party, as a library: it owns the party's rows, models and keys, and decides what leaves.
//!
//! `start` gives an agent with its bound addresses; `serve` runs one to its end. See README.md for what it refuses.
#![deny(missing_docs)]

mod agree;
mod calls;
mod config;
mod door;
mod holdings;
mod joblog;
mod link;
mod offers;
mod report;
mod runner;
mod staging;
mod supervisor;
mod surroundings;
#[cfg(test)]
mod trial;
mod uplink;
mod wiring;

use std::path::{Path, PathBuf};

use component_kit::ComponentError;
use tables::Shelf;
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, Receipt, TableRef};

pub use config::{AgentConfig, ENVIRONMENT, Limits};
pub use holdings::Catalogue;
pub use link::LinkStatus;
pub use wiring::Running;

/// Runs an agent until the token is cancelled.
pub async fn serve(config: AgentConfig, stop: CancellationToken) -> Result<(), Fault> {
    start(config, stop).await?.wait().await
}

/// Starts an agent with all components of this build; its ports are bound when this returns.
pub async fn start(config: AgentConfig, stop: CancellationToken) -> Result<Running, Fault> {
    start_with(config, components::CATALOGUE, stop).await
}

/// Starts an agent with chosen components.
pub async fn start_with(config: AgentConfig, catalogue: Catalogue, stop: CancellationToken) -> Result<Running, Fault> {
    let started = wiring::start(config, catalogue, stop).await;
    started.inspect_err(|fault| tracing::error!(code = fault.code.text(), %fault, "the agent cannot start"))
}

/// Reads the settings as an agent would, checks what they point at (policy, identity), and gives them as TOML with every
/// default. No setting holds a secret; keys are named by their folder only.
pub fn check_config(path: &Path) -> Result<String, Fault> {
    let config = AgentConfig::load(path)?;
    if let Some(policy) = &config.policy {
        policy::Policy::load(config.party.clone(), policy)?;
    }
    wiring::load_identity(&config)?;
    toml::to_string_pretty(&config).map_err(|error| Fault::new(ErrorCode::ConfigInvalid, error.to_string()))
}

/// A file to be read onto the shelf without a job.
#[derive(Debug, Clone)]
pub struct TableImport {
    /// The file.
    pub file: PathBuf,
    /// The table it becomes.
    pub table: TableRef,
    /// FATE's upload fields: `head`, `id_delimiter`, `extend_sid`, `meta`, …
    pub options: serde_json::Value,
    /// Whether a table of that name is replaced.
    pub replace: bool,
    /// Partitions to write, 1 to 1023.
    pub partitions: u32,
}

/// Reads a file onto a party's shelf; the agent may run meanwhile. Blocks on the disk.
pub fn import_table(config: &AgentConfig, import: &TableImport) -> Result<Receipt, Fault> {
    let shelf = Shelf::open(config.data.join("shelf"))?;
    let request = component_kit::ImportRequest {
        file: import.file.display().to_string(),
        table: import.table.clone(),
        options: import.options.clone(),
        replace: import.replace,
        partitions: import.partitions,
    };
    surroundings::import_directly(&shelf, &import.file, &request).map_err(ComponentError::into_fault)
}
