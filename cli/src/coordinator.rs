//! `fedflow coordinator` and `fedflow check-config`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use crate::ready::Ready;
use crate::say;

/// How a daemon is run.
#[derive(Args)]
pub(crate) struct DaemonArguments {
    /// The settings (TOML).
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// End when standard input closes: the daemon does not outlive the process that started it.
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// Which settings to check.
#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The daemon they are for.
    #[arg(value_enum)]
    daemon: DaemonKind,
    /// The settings (TOML).
    #[arg(long)]
    config: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DaemonKind {
    Coordinator,
    Agent,
}

/// Runs a coordinator until it is told to stop.
pub(crate) async fn run(arguments: &DaemonArguments) -> Result<()> {
    let config = coordinator::read_config(&arguments.config)?;
    daemon::logging::start(&config.log)?;
    let stop = stop_token(arguments.with_parent)?;
    let running = coordinator::start(config, stop).await?;
    Ready::announce(running.rest, running.quic);
    running.ended().await;
    Ok(())
}

/// A token cancelled by a signal, and by the end of the parent if wished.
pub(crate) fn stop_token(with_parent: bool) -> Result<CancellationToken> {
    let stop = daemon::shutdown::on_signal()?;
    if with_parent {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut rest = Vec::new();
            // Nothing is ever written there; any end of it means that the parent is gone.
            let _ = tokio::io::stdin().read_to_end(&mut rest).await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// Shows the settings in force.
pub(crate) fn check(arguments: &CheckArguments) -> Result<()> {
    let shown = match arguments.daemon {
        DaemonKind::Coordinator => coordinator::check_config(&arguments.config)?,
        DaemonKind::Agent => party_agent::check_config(&arguments.config)?,
    };
    if arguments.json {
        say::value(&serde_json::to_value(toml::from_str::<toml::Table>(
            &shown,
        )?)?);
    } else {
        say::line(shown);
    }
    Ok(())
}
