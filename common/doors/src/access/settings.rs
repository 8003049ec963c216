//! The settings of a door's check: `[access]` in the settings of either daemon.

use std::path::{Path, PathBuf};

use daemon::Secret;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorCode, Fault, PartyId};

/// Who may come in. A door without this section takes everybody who reaches it.
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
    /// The party whose user this is. At a party's own door it may be left out.
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
    /// The party whose user holds it. At a party's own door it may be left out.
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
        let secrets = self.clients.iter_mut().filter_map(|client| client.secret_file.as_mut());
        for path in secrets.chain(self.file.as_mut()) {
            *path = folder.join(&*path);
        }
        self
    }

    /// These and those of the file.
    pub(super) fn with_file(&self) -> Result<Self, Fault> {
        let Some(path) = &self.file else { return Ok(self.clone()) };
        let wrong = |detail: String| Fault::new(ErrorCode::ConfigInvalid, format!("{}: {detail}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let more: Self = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        if more.file.is_some() {
            return Err(wrong("it cannot name a further file".to_owned()));
        }
        let mut all = self.clone();
        let more = more.below(path.parent().unwrap_or(Path::new("")));
        all.clients.extend(more.clients);
        all.tokens.extend(more.tokens);
        Ok(all)
    }
}

impl ClientSettings {
    /// The secret, from wherever it is.
    pub(super) fn secret(&self) -> Result<Secret, Fault> {
        let wrong = |detail: String| {
            Fault::new(ErrorCode::ConfigInvalid, format!("access: client {}: {detail}", self.app_key))
                .next("give it one of secret and secret_file")
        };
        let secret = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => secret.clone(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
                let text = text.map_err(|error| wrong(format!("{}: {error}", path.display())))?;
                Secret::new(text.trim())
            }
            (None, None) => return Err(wrong("it has no secret".to_owned())),
            (Some(_), Some(_)) => return Err(wrong("it has two secrets".to_owned())),
        };
        if secret.expose().is_empty() { Err(wrong("its secret is empty".to_owned())) } else { Ok(secret) }
    }
}
