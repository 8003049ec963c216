//! Logs: text for people, JSON for machines, filtered by level.

use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Levels, such as `info` or `info,transport=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
    /// The file to append to; standard error when it is not set.
    pub file: Option<PathBuf>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            json: false,
            file: None,
        }
    }
}

/// Starts logging for the whole process; does nothing when it was started before.
pub fn start(settings: &LogSettings) -> std::io::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| {
        std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("log filter: {error}"),
        )
    })?;
    let writer = match &settings.file {
        Some(path) => BoxMakeWriter::new(append_to(path)?),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        // A log that cannot be written would else fill standard error with itself.
        .log_internal_errors(false);
    // An error here means that logging was started before, which is what is wanted.
    let _ = if settings.json {
        log.json().try_init()
    } else {
        log.try_init()
    };
    Ok(())
}

fn append_to(path: &Path) -> std::io::Result<std::fs::File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
}
