//! The coordinator daemon as a library: options, a service that runs until it is told to stop, and a handle to it.
#![deny(missing_docs)]

mod config;
mod wiring;

pub use config::{CoordinatorConfig, JobRules};
pub use wiring::{Running, start};

use std::path::Path;

use vocabulary::{ErrorCode, Fault};

/// Reads the settings of a coordinator: the file, then `FEDFLOW_COORDINATOR_*` of the environment over it. Paths in the
/// file are relative to its folder.
pub fn read_config(path: &Path) -> Result<CoordinatorConfig, Fault> {
    let loaded = daemon::load::<CoordinatorConfig>(
        path,
        "FEDFLOW_COORDINATOR",
        std::env::vars(),
        config::RENAMED,
    );
    let loaded = loaded.map_err(|error| {
        Fault::new(ErrorCode::ConfigInvalid, error.to_string())
            .next("compare it with examples/local-federation/coordinator.toml")
    })?;
    let mut config = loaded.settings;
    config.notices = loaded.notices;
    // Not from the folder where it was started: a service manager starts it in another one than a
    // person does.
    Ok(config.below(path.parent().unwrap_or(Path::new("."))))
}

/// The settings in force, as a person reads them. Keys are named by folder, and secrets of clients are not shown.
pub fn check_config(path: &Path) -> Result<String, Fault> {
    let config = read_config(path)?;
    let shown = toml::to_string_pretty(&config)
        .map_err(|error| Fault::new(ErrorCode::Internal, error.to_string()))?;
    let notices = config.notices.iter();
    Ok(notices
        .map(|notice| format!("# {notice}\n"))
        .collect::<String>()
        + &shown)
}
