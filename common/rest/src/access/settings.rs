//! The settings of a REST endpoint's check: `[access]` in the settings of either daemon.

use std::path::{Path, PathBuf};

use daemon::Secret;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorCode, Fault, PartyId};

/// Who may come in. A REST endpoint without this section takes everybody who reaches it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSettings {
    /// A file with further `[[clients]]` and `[[tokens]]`, read again whenever it changes. Default none.
    pub file: Option<PathBuf>,
    /// FATE clients that sign their requests. Default none.
    pub clients: Vec<ClientSettings>,
    /// Bearer tokens. Default none.
    pub tokens: Vec<TokenSettings>,
}

/// A client that signs its requests with a secret that both sides know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// The name under which it signs (`app_key` of FATE's clients).
    pub app_key: String,
    /// The secret (`secret_key`), or else `secret_file`.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// A file that holds the secret and nothing else.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The party whose user this is. At a party's own REST endpoint it may be left out.
    #[serde(default)]
    pub party: Option<PartyId>,
    /// Whether this is the coordinator's operator, who may do everything there.
    #[serde(default)]
    pub operator: bool,
    /// Until when it counts: a date (to its first moment, UTC) or a time as in RFC 3339. Default: without end.
    #[serde(default)]
    pub expires: Option<String>,
}

/// A bearer token, of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// What it is for, for people who read the settings.
    #[serde(default)]
    pub name: Option<String>,
    /// SHA-256 of the token, in hexadecimal digits, as `fedflow tokens new` prints it.
    pub sha256: String,
    /// The party whose user holds it. At a party's own REST endpoint it may be left out.
    #[serde(default)]
    pub party: Option<PartyId>,
    /// Whether the coordinator's operator holds it.
    #[serde(default)]
    pub operator: bool,
    /// Until when it counts, as above. Needed.
    pub expires: String,
}

impl AccessSettings {
    /// The same with relative paths taken from a folder.
    #[must_use]
    pub fn below(mut self, folder: &Path) -> Self {
        let secrets = self
            .clients
            .iter_mut()
            .filter_map(|client| client.secret_file.as_mut());
        for path in secrets.chain(self.file.as_mut()) {
            *path = folder.join(&*path);
        }
        self
    }

    /// The entries of these settings.
    pub(super) fn entries(&self) -> Vec<NamedEntry> {
        let clients = self.clients.iter().map(|client| NamedEntry {
            name: format!("client {}", client.app_key),
            entry: Ok(Entry::Client(client.clone())),
        });
        let tokens = self.tokens.iter().enumerate().map(|(index, token)| {
            let name = token
                .name
                .clone()
                .unwrap_or_else(|| (index + 1).to_string());
            NamedEntry {
                name: format!("token {name}"),
                entry: Ok(Entry::Token(token.clone())),
            }
        });
        clients.chain(tokens).collect()
    }

    /// The entries of the file, each judged by itself. Fails when the file cannot be read or is not TOML at all.
    pub(super) fn entries_of_file(&self) -> Result<Vec<NamedEntry>, Fault> {
        let Some(path) = &self.file else {
            return Ok(Vec::new());
        };
        let wrong = |detail: &str| {
            Fault::new(
                ErrorCode::ConfigInvalid,
                format!("{}: {detail}", path.display()),
            )
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
        let file: toml::Table =
            toml::from_str(&text).map_err(|error: toml::de::Error| wrong(error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut entries = Vec::new();
        for (word, value) in file {
            match (word.as_str(), value) {
                ("clients", toml::Value::Array(list)) => {
                    entries.extend(list.into_iter().enumerate().map(|(index, value)| {
                        let read = value.clone().try_into().map(|client: ClientSettings| {
                            Entry::Client(ClientSettings {
                                secret_file: client.secret_file.map(|path| folder.join(path)),
                                ..client
                            })
                        });
                        NamedEntry {
                            name: name("client", "app_key", &value, index),
                            entry: read.map_err(|error| wrong(error.message())),
                        }
                    }));
                }
                ("tokens", toml::Value::Array(list)) => {
                    entries.extend(list.into_iter().enumerate().map(|(index, value)| {
                        let read = value.clone().try_into().map(Entry::Token);
                        NamedEntry {
                            name: name("token", "name", &value, index),
                            entry: read.map_err(|error| wrong(error.message())),
                        }
                    }));
                }
                // A file that names another could name itself.
                ("file", _) => entries.push(NamedEntry {
                    name: word,
                    entry: Err(wrong("it cannot name a further file")),
                }),
                _ => entries.push(NamedEntry {
                    name: word,
                    entry: Err(wrong("it takes lists of clients and tokens alone")),
                }),
            }
        }
        Ok(entries)
    }
}

/// A credential as it stands in the settings or in the file.
pub(super) enum Entry {
    Client(ClientSettings),
    Token(TokenSettings),
}

/// An entry, or why it is none, under the name by which people find it.
pub(super) struct NamedEntry {
    pub(super) name: String,
    pub(super) entry: Result<Entry, Fault>,
}

fn name(kind: &str, key: &str, value: &toml::Value, index: usize) -> String {
    match value.get(key).and_then(toml::Value::as_str) {
        Some(name) => format!("{kind} {name}"),
        None => format!("{kind} {}", index + 1),
    }
}

impl ClientSettings {
    /// The secret, from wherever it is.
    pub(super) fn secret(&self) -> Result<Secret, Fault> {
        let wrong = |detail: String| {
            Fault::new(
                ErrorCode::ConfigInvalid,
                format!("access: client {}: {detail}", self.app_key),
            )
            .next("give it one of secret and secret_file")
        };
        let secret = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => secret.clone(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
                let text = text.map_err(|error| wrong(format!("{}: {error}", path.display())))?;
                // Editors end a file with a line break, which is no part of the secret.
                Secret::new(text.trim())
            }
            (None, None) => return Err(wrong("it has no secret".to_owned())),
            (Some(_), Some(_)) => return Err(wrong("it has two secrets".to_owned())),
        };
        if secret.expose().is_empty() {
            Err(wrong("its secret is empty".to_owned()))
        } else {
            Ok(secret)
        }
    }
}
