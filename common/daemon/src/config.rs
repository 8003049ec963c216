//! Settings: one TOML file, an overlay from the environment, and errors that name the place.

use std::collections::BTreeSet;
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

/// A setting that has another name now. Both names are paths with dots: `limits.mail_disk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed {
    /// The name in settings written before.
    pub old: &'static str,
    /// The name now.
    pub new: &'static str,
}

impl Renamed {
    fn notice(&self) -> String {
        let Self { old, new } = self;
        format!("the setting {old} is called {new} now; the old name still works")
    }
}

/// Settings as they were read.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// A sentence for each setting that was given by its old name.
    pub notices: Vec<String>,
}

/// Reads settings: the file, then every variable `<PREFIX>_<SECTION>__<NAME>` of the environment over it.
///
/// Values of variables are read as TOML, and as text when they are none (`FEDFLOW_LISTEN=127.0.0.1:9370`). A setting may be
/// given by its old name, but not by both: nobody could say which one counts.
pub fn load<T: DeserializeOwned>(
    path: &Path,
    prefix: &str,
    environment: impl Iterator<Item = (String, String)>,
    renamed: &[Renamed],
) -> Result<Loaded<T>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let malformed = |detail: String| ConfigError::Malformed {
        path: path.to_owned(),
        detail,
    };
    let mut table: Table = toml::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    let mut notices = rename(&mut table, renamed).map_err(&malformed)?;
    let mut is_as_written = notices.is_empty();
    let mut given = BTreeSet::new();
    for (name, value) in environment {
        if let Some(place) = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('_'))
        {
            let mut place = place.to_lowercase().replace("__", ".");
            if let Some(now) = renamed.iter().find(|renamed| renamed.old == place) {
                notices.push(now.notice());
                now.new.clone_into(&mut place);
            }
            let set = overlay(&mut table, &place, read_value(&value));
            set.map_err(|detail| malformed(format!("{name}: {detail}")))?;
            is_as_written = false;
            // The environment has no order: which of two would win is chance.
            if !given.insert(place) {
                return Err(malformed(format!("{name}: another variable sets the same")));
            }
        }
    }
    // Read from the text itself where that is possible: only then does an error show line and column.
    let settings = if is_as_written {
        toml::from_str(&text)
    } else {
        table.try_into()
    };
    Ok(Loaded {
        settings: settings.map_err(|error| malformed(error.to_string()))?,
        notices,
    })
}

/// Moves what stands under an old name to the new one, and says so.
fn rename(table: &mut Table, all: &[Renamed]) -> Result<Vec<String>, String> {
    let mut notices = Vec::new();
    for renamed in all {
        let Renamed { old, new } = renamed;
        let Some(value) = take(table, old) else {
            continue;
        };
        if take(table, new).is_some() {
            return Err(format!(
                "{old} and {new} are one setting, and both are given: take {old} away"
            ));
        }
        overlay(table, new, value)?;
        notices.push(renamed.notice());
    }
    Ok(notices)
}

fn take(table: &mut Table, place: &str) -> Option<Value> {
    match place.split_once('.') {
        Some((section, rest)) => take(table.get_mut(section)?.as_table_mut()?, rest),
        None => table.remove(place),
    }
}

fn overlay(table: &mut Table, place: &str, value: Value) -> Result<(), String> {
    let Some((name, rest)) = place.split_once('.') else {
        table.insert(place.to_owned(), value);
        return Ok(());
    };
    let inner = table
        .entry(name.to_owned())
        .or_insert_with(|| Value::Table(Table::new()));
    let inner = inner
        .as_table_mut()
        .ok_or_else(|| format!("{name} is not a section"))?;
    overlay(inner, rest, value)
}

fn read_value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut one| one.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
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

    const RENAMED: &[Renamed] = &[
        Renamed {
            old: "address",
            new: "listen",
        },
        Renamed {
            old: "limits.works",
            new: "limits.jobs",
        },
    ];

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        read_with_notices(text, environment).map(|loaded| loaded.settings)
    }

    fn read_with_notices(
        text: &str,
        environment: &[(&str, &str)],
    ) -> Result<Loaded<Settings>, ConfigError> {
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
        let read = load(&file, "FF", variables, RENAMED);
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
    fn takes_old_names_from_file_and_environment_and_says_so() {
        let old = "address = 'a'\n[limits]\nworks = 3\n";
        let loaded = read_with_notices(old, &[]).expect("read");
        assert_eq!(loaded.settings.limits.jobs, 3);
        assert_eq!(loaded.settings.listen, "a");
        assert!(
            loaded.notices.len() == 2
                && loaded.notices[1].contains("limits.works is called limits.jobs"),
            "{:?}",
            loaded.notices
        );
        // The environment stands above the file, whichever name each of them uses.
        for variable in ["FF_LIMITS__WORKS", "FF_LIMITS__JOBS"] {
            for file in [FILE, old] {
                let loaded = read_with_notices(file, &[(variable, "9")]).expect("read");
                assert_eq!(loaded.settings.limits.jobs, 9, "{variable} over {file}");
            }
        }
        assert!(
            read_with_notices(FILE, &[])
                .expect("read")
                .notices
                .is_empty()
        );
    }

    #[test]
    fn refuses_both_names_of_a_setting_in_one_place() {
        let both = "listen = 'a'\n[limits]\njobs = 1\nworks = 3\n";
        let error = read(both, &[]).expect_err("refused").to_string();
        assert!(
            error.contains("limits.works") && error.contains("limits.jobs"),
            "{error}"
        );
        let twice = [("FF_LIMITS__WORKS", "9"), ("FF_LIMITS__JOBS", "9")];
        let error = read(FILE, &twice).expect_err("refused").to_string();
        assert!(error.contains("FF_LIMITS__JOBS"), "{error}");
    }

    #[test]
    fn names_the_variable_that_is_wrong() {
        let error = read(FILE, &[("FF_LISTEN__PORT", "1")])
            .expect_err("refused")
            .to_string();
        assert!(error.contains("FF_LISTEN__PORT"), "{error}");
    }
}
