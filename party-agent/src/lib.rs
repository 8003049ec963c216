//! The agent of one party, as a library: it owns the party's rows, models and keys, and decides what leaves.
//!
//! `start` gives an agent with its bound addresses; `serve` runs one to its end. See README.md for what it refuses.
#![deny(missing_docs)]

mod account;
mod admission;
mod agent_state;
mod agree;
mod blocking;
mod calls;
mod config;
mod consent;
mod coordinator_pin;
mod files;
mod foresight;
#[cfg(test)]
mod hours_tests;
mod inherited;
mod joblog;
mod judgement;
mod keyring;
mod ledger;
mod link;
mod link_status;
mod model_archive;
mod offers;
mod queries;
mod rehearsal;
mod renewal;
mod report;
mod rest_api;
mod runner;
mod serving;
mod staging;
mod stubs;
mod supervisor;
mod task_host;
mod tickets;
#[cfg(test)]
mod trial;
mod uplink;
mod vectors;
mod wiring;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use component_kit::{ComponentError, ImportRequest};
use tables::TableStore;
use tokio_util::sync::CancellationToken;
use vocabulary::{ErrorCode, Fault, Receipt};
use wire::Transport;

pub use agent_state::Catalogue;
pub use config::{AgentConfig, ENVIRONMENT, Limits};
pub use link_status::LinkStatus;
pub use rehearsal::{Rehearsal, Remark, rehearse};
pub use renewal::Renewal;
pub use serving::ServingSettings;
pub use wiring::Running;

/// How often is looked whether certificate, roots, revocation list or policy have changed.
const READ_AGAIN_EVERY: Duration = Duration::from_secs(30);

/// Runs an agent until the token is cancelled, and keeps it fresh meanwhile.
pub async fn serve(config: AgentConfig, stop: CancellationToken) -> Result<(), Fault> {
    let running = start(config, stop).await?;
    let fresh = tokio::spawn(keep_fresh(running.renewal()));
    let ended = running.wait().await;
    fresh.abort();
    ended
}

/// Reads policy, certificate, roots and revocation list again when they change, and at once on SIGHUP, so that a renewal or a
/// revocation needs no restart. What cannot be used is logged and tried again; see [`Renewal::reload`] for what counts meanwhile.
pub async fn keep_fresh(renewal: Renewal) {
    let hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
    let mut hangup = match hangup {
        Ok(hangup) => hangup,
        Err(error) => {
            return tracing::error!(%error, "signals cannot be heard, so nothing is read again");
        }
    };
    let mut stamp = renewal.stamp();
    loop {
        let asked = tokio::select! {
            heard = hangup.recv() => if heard.is_none() { return } else { true },
            () = tokio::time::sleep(READ_AGAIN_EVERY) => false,
        };
        // The stamp is taken before the files are read: a change during the reading is seen the
        // next time.
        let before = std::mem::replace(&mut stamp, renewal.stamp());
        let done = if asked || before != stamp || renewal.is_behind() {
            renewal.reload()
        } else {
            // Nothing has changed on disk, but time passes, and certificates end by it.
            renewal.close_ended()
        };
        if let Err(fault) = done {
            tracing::error!(code = fault.code.text(), %fault, "something could not be read again");
        }
    }
}

/// Starts an agent with all components of this build; its ports are bound when this returns.
pub async fn start(config: AgentConfig, stop: CancellationToken) -> Result<Running, Fault> {
    start_with(config, components::CATALOGUE, stop).await
}

/// Starts an agent with chosen components.
pub async fn start_with(
    config: AgentConfig,
    catalogue: Catalogue,
    stop: CancellationToken,
) -> Result<Running, Fault> {
    start_logged(config, catalogue, None, stop).await
}

/// The same with something else in place of the network to carry the messages of tasks, for federations in one process. The
/// link to the coordinator stays what it is.
pub async fn start_over(
    config: AgentConfig,
    catalogue: Catalogue,
    messages: Arc<dyn Transport>,
    stop: CancellationToken,
) -> Result<Running, Fault> {
    start_logged(config, catalogue, Some(messages), stop).await
}

async fn start_logged(
    config: AgentConfig,
    catalogue: Catalogue,
    messages: Option<Arc<dyn Transport>>,
    stop: CancellationToken,
) -> Result<Running, Fault> {
    for notice in &config.notices {
        tracing::warn!("{notice}");
    }
    let started = wiring::start(config, catalogue, messages, stop).await;
    started.inspect_err(
        |fault| tracing::error!(code = fault.code.text(), %fault, "the agent cannot start"),
    )
}

/// Reads the settings as an agent would, checks what they point at (policy, model store, identity), and gives them as TOML
/// with every default. Keys are named by their folder only, and secrets of clients are not shown.
pub fn check_config(path: &Path) -> Result<String, Fault> {
    let config = AgentConfig::load(path)?;
    renewal::load_policy(&config)?;
    wiring::open_access(&config)?;
    wiring::load_model_store(&config)?;
    wiring::load_identity(&config)?;
    let shown = toml::to_string_pretty(&config)
        .map_err(|error| Fault::new(ErrorCode::ConfigInvalid, error.to_string()))?;
    let notices = config.notices.iter();
    Ok(notices
        .map(|notice| format!("# {notice}\n"))
        .collect::<String>()
        + &shown)
}

/// Names of the components of this build, as policies name them.
pub fn component_names() -> Vec<&'static str> {
    components::CATALOGUE
        .iter()
        .map(|component| component.description().name)
        .collect()
}

/// Reads a file onto a party's table store without a job, wherever the file is; the agent may run meanwhile. Blocks on the disk.
pub fn import_table(config: &AgentConfig, import: &ImportRequest) -> Result<Receipt, Fault> {
    let table_store = TableStore::open(config.data.join("shelf"))?;
    task_host::import_directly(&table_store, Path::new(&import.file), import)
        .map_err(ComponentError::into_fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Certificates;
    use pki::Kind;
    use vocabulary::TableRef;

    #[test]
    fn prints_the_settings_in_force_and_checks_what_they_point_at() {
        let certificates = Certificates::new();
        let identity = certificates.issue("9999", Kind::Agent);
        let path = certificates.folder.path().join("agent.toml");
        let write = |party: &str, more: &str| {
            let text = format!(
                "party = '{party}'\nidentity = '{}'\ncoordinator = 'c:1'\n{more}",
                identity.display()
            );
            std::fs::write(&path, text).unwrap();
        };
        write("9999", "");
        let shown = check_config(&path).unwrap();
        assert!(
            shown.contains("attempts = 64") && shown.contains("rest = \"127.0.0.1:9380\""),
            "{shown}"
        );
        assert!(!shown.contains("PRIVATE KEY"));
        assert_eq!(
            toml::from_str::<AgentConfig>(&shown).unwrap(),
            AgentConfig::load(&path).unwrap()
        );
        write("9999", "[limits]\nmail_disk = 7\n");
        let shown = check_config(&path).unwrap();
        assert!(
            shown.starts_with("# the setting limits.mail_disk is called limits.inbox_disk now")
                && shown.contains("inbox_disk = 7"),
            "{shown}"
        );
        write("1", "");
        assert_eq!(
            check_config(&path).unwrap_err().code,
            ErrorCode::ConfigInvalid
        );
        write("9999", "policy = 'missing.toml'\n");
        assert_eq!(
            check_config(&path).unwrap_err().code,
            ErrorCode::ConfigInvalid
        );
    }

    #[test]
    fn puts_a_file_on_the_table_store_without_a_job() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        std::fs::write(&file, "id,x\n1,a\n2,b\n").unwrap();
        let party = vocabulary::PartyId::new("1").unwrap();
        let config = AgentConfig {
            data: folder.path().to_owned(),
            ..AgentConfig::new(party, "none".into(), "c:1")
        };
        let options = serde_json::json!({"head": 1});
        let table = TableRef::new("n", "t");
        let file = file.to_str().unwrap();
        let read = ImportRequest::read(file, table.clone(), &options).unwrap();
        let mut import = read.partitions(2);
        assert_eq!(import_table(&config, &import).unwrap().stored, 2);
        assert_eq!(
            import_table(&config, &import).unwrap_err().code,
            ErrorCode::Conflict
        );
        import.replace = true;
        assert!(import_table(&config, &import).is_ok());
        assert_eq!(
            TableStore::open(folder.path().join("shelf"))
                .unwrap()
                .info(&table)
                .unwrap()
                .rows,
            2
        );
    }
}
