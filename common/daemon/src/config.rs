//! Settings: one TOML file, an overlay from the environment, and errors that name the place.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not well formed, or a setting is unknown or of the wrong type.
    #[error("the settings {path} are wrong: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place.
        detail: String,
    },
}

/// Reads settings: the file, then every variable `<PREFIX>_<SECTION>__<NAME>` of the environment over it.
///
/// Values of variables are read as TOML, and as text when they are none (`FEDFLOW_LISTEN=127.0.0.1:9370`).
pub fn load<T: DeserializeOwned>(
    path: &Path,
    prefix: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let malformed = |detail: String| ConfigError::Malformed {
        path: path.to_owned(),
        detail,
    };
    // Read once from the text itself, so that an error shows line and column.
    let mut table: Table = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    let mut overlaid = false;
    for (name, value) in environment {
        if let Some(place) = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
        {
            overlay(&mut table, place, &value)
                .map_err(|detail| malformed(format!("{name}: {detail}")))?;
            overlaid = true;
        }
    }
    if overlaid {
        return table
            .try_into()
            .map_err(|error| malformed(error.to_string()));
    }
    toml::from_str(&text).map_err(|error| malformed(error.to_string()))
}

fn overlay(table: &mut Table, place: &str, value: &str) -> Result<(), String> {
    let mut names: Vec<String> = place.split("__").map(str::to_lowercase).collect();
    let last = names.pop().unwrap_or_default();
    let mut section = table;
    for name in names {
        let inner = section
            .entry(name.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        section = inner
            .as_table_mut()
            .ok_or_else(|| format!("{name} is no section"))?;
    }
    let read = toml::from_str::<Table>(&format!("v = {value}"))
        .ok()
        .and_then(|mut one| one.remove("v"));
    section.insert(
        last,
        read.unwrap_or_else(|| Value::String(value.to_owned())),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        listen: String,
        limits: Limits,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        jobs: u32,
    }

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!(
            "fedflow-config-{}-{number}.toml",
            std::process::id()
        ));
        std::fs::write(&file, text).expect("written");
        let variables = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = load(&file, "FF", variables);
        std::fs::remove_file(&file).expect("removed");
        read
    }

    const FILE: &str = "listen = '127.0.0.1:1'\n[limits]\njobs = 3\n";

    #[test]
    fn lays_the_environment_over_the_file() {
        let settings = read(
            FILE,
            &[
                ("FF_LISTEN", "0.0.0.0:2"),
                ("FF_LIMITS__JOBS", "9"),
                ("OTHER", "x"),
            ],
        )
        .expect("read");
        assert_eq!(
            settings,
            Settings {
                listen: "0.0.0.0:2".to_owned(),
                limits: Limits { jobs: 9 }
            }
        );
    }

    #[test]
    fn names_the_line_of_an_unknown_setting() {
        let error = read("listen = 'a'\nlisten_to = 'b'\n[limits]\njobs = 1\n", &[])
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("listen_to") && error.contains("line 2"),
            "{error}"
        );
    }

    #[test]
    fn names_the_variable_that_is_wrong() {
        let error = read(FILE, &[("FF_LISTEN__PORT", "1")])
            .expect_err("refused")
            .to_string();
        assert!(error.contains("FF_LISTEN__PORT"), "{error}");
    }
}
