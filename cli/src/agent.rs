//! `fedflow agent`.

use anyhow::Result;

use crate::coordinator::{DaemonArguments, stop_token};
use crate::ready::Ready;

/// Runs a party's agent until it is told to stop.
pub(crate) async fn run(arguments: &DaemonArguments) -> Result<()> {
    let config = party_agent::AgentConfig::load(&arguments.config)?;
    daemon::logging::start(&config.log)?;
    let stop = stop_token(arguments.with_parent)?;
    let running = party_agent::start(config, stop).await?;
    Ready::announce(running.rest, running.quic);
    let fresh = tokio::spawn(party_agent::keep_fresh(running.renewal()));
    let ended = running.wait().await;
    fresh.abort();
    Ok(ended?)
}
