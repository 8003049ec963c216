//! The agent's settings: one TOML file, the environment (`FEDFLOW_AGENT_…`) over it, every field with its default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use archives::ModelStoreSettings;
use daemon::Renamed;
use daemon::logging::LogSettings;
use rest::AccessSettings;
use serde::{Deserialize, Serialize};
use vocabulary::{ErrorCode, Fault, PartyId};

use crate::serving::ServingSettings;

/// What variables of the environment begin with: `FEDFLOW_AGENT_REST`, `FEDFLOW_AGENT_LIMITS__ATTEMPTS`.
pub const ENVIRONMENT: &str = "FEDFLOW_AGENT";

/// All settings of an agent. Relative paths are taken from the folder of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The party, as its certificate names it. No default.
    pub party: PartyId,
    /// Folder with `identity.pem`, `identity.key`, `root.pem` and perhaps `revoked.crl`. No default.
    pub identity: PathBuf,
    /// The coordinator's QUIC address, `host:port`. No default.
    pub coordinator: String,
    /// The party whose coordinator it is, as that certificate names it: no other party's may pose as it. Default: the one that
    /// answers first, which is remembered in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator_party: Option<PartyId>,
    /// `"none"`: the agent starts without `revoked.crl` in its identity's folder. Default `"required"`.
    #[serde(default)]
    pub revocation: pki::Revocation,
    /// Where QUIC listens and from where it dials; port 0 takes a free one. Default `0.0.0.0:0`.
    #[serde(default = "any_port")]
    pub listen: SocketAddr,
    /// Addresses (`host:port`) at which other agents reach this one directly. Default none: messages come by the relay.
    #[serde(default)]
    pub direct: Vec<String>,
    /// Whether messages to other agents always go through the coordinator's relay. Default false.
    #[serde(default)]
    pub relay_only: bool,
    /// Where the REST endpoint for the party's own users listens. Default `127.0.0.1:9380`.
    #[serde(default = "rest_port")]
    pub rest: SocketAddr,
    /// The REST endpoint's address as users write it, told to outsiders who must use it. Default `http://` and the bound address.
    #[serde(default)]
    pub rest_url: Option<String>,
    /// Names under which the REST endpoint is asked, beside any address, `localhost` and the one of `rest_url`: a browser could be
    /// led here by any other. Default none.
    #[serde(default)]
    pub names: Vec<String>,
    /// Folder of everything the agent keeps: `shelf/`, `records.db`, `staging/`, `files/`, `exports/`, `logs/`,
    /// `spill/`. Default `data`.
    #[serde(default = "data_folder")]
    pub data: PathBuf,
    /// Folders from which upload jobs may read files that were not sent. Default none.
    #[serde(default)]
    pub import_roots: Vec<PathBuf>,
    /// Folder under which download jobs write. Default `exports` in the data folder.
    #[serde(default)]
    pub export_root: Option<PathBuf>,
    /// The policy file. Default none: everything foreign is refused.
    #[serde(default)]
    pub policy: Option<PathBuf>,
    /// Who may use the REST endpoint. Default none: whoever reaches it is the party's user.
    #[serde(default)]
    pub access: Option<AccessSettings>,
    /// Where `model/store` keeps models: a folder, or a bucket that speaks S3. Default none: such jobs fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_store: Option<ModelStoreSettings>,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// Predictions that somebody waits for. Default: none are answered.
    #[serde(default)]
    pub serving: ServingSettings,
    /// Largest UDP payload in bytes; above 1452 only where every path carries it. Default 1452.
    #[serde(default = "common_mtu")]
    pub mtu: u16,
    /// The daemon's own log. Default: `info`, text, standard error.
    #[serde(default)]
    pub log: LogSettings,
    /// Sentences about settings that were given by an old name, for the log and for `check-config`.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// Names that settings had before.
const RENAMED: &[Renamed] = &[
    Renamed {
        old: "limits.mail_memory",
        new: "limits.inbox_memory",
    },
    Renamed {
        old: "limits.mail_disk",
        new: "limits.inbox_disk",
    },
    Renamed {
        old: "limits.largest_letter",
        new: "limits.largest_message",
    },
    Renamed {
        old: "limits.letter_seconds",
        new: "limits.message_seconds",
    },
];

/// Bounds on what the agent takes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Attempts that run at once; more are refused. Default 64.
    pub attempts: usize,
    /// Bytes of messages that wait in memory before more go to disk. Default 256 MiB.
    pub inbox_memory: u64,
    /// Bytes of waiting messages on disk; one sending party may take no more of them than it leaves.
    pub inbox_disk: u64,
    /// Bytes of the largest message. Default 2 GiB.
    pub largest_message: u64,
    /// Bytes of the largest file that is taken for an upload. Default 64 GiB.
    pub largest_upload: u64,
    /// Seconds for which a message is tried before its receiver counts as unreachable. Default 300.
    pub message_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 64,
            inbox_memory: 256 << 20,
            inbox_disk: 64 << 30,
            largest_message: 2 << 30,
            largest_upload: 64 << 30,
            message_seconds: 300,
        }
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

fn rest_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9380))
}

fn data_folder() -> PathBuf {
    PathBuf::from("data")
}

fn common_mtu() -> u16 {
    1452
}

impl AgentConfig {
    /// Settings with every default.
    pub fn new(party: PartyId, identity: PathBuf, coordinator: impl Into<String>) -> Self {
        Self {
            party,
            identity,
            coordinator: coordinator.into(),
            coordinator_party: None,
            revocation: pki::Revocation::default(),
            listen: any_port(),
            direct: Vec::new(),
            relay_only: false,
            rest: rest_port(),
            rest_url: None,
            names: Vec::new(),
            data: data_folder(),
            import_roots: Vec::new(),
            export_root: None,
            policy: None,
            access: None,
            model_store: None,
            limits: Limits::default(),
            serving: ServingSettings::default(),
            mtu: common_mtu(),
            log: LogSettings::default(),
            notices: Vec::new(),
        }
    }

    /// Reads a file and lays the environment over it.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        Self::load_with(path, std::env::vars())
    }

    fn load_with(
        path: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Fault> {
        let read = daemon::load::<Self>(path, ENVIRONMENT, environment, RENAMED);
        let read = read.map_err(|error| {
            wrong(error.to_string()).next("compare it with docs/operating.md, \"Settings\"")
        })?;
        let mut config = read.settings;
        config.notices = read.notices;
        // Before the check and not at use: a daemon may be started from any folder.
        config.resolve(path.parent().unwrap_or(Path::new("")));
        config.check()?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let own = [&mut self.identity, &mut self.data].into_iter();
        let credentials = self
            .model_store
            .as_mut()
            .and_then(|store| store.credentials.as_mut());
        let optional = [
            self.export_root.as_mut(),
            self.policy.as_mut(),
            self.log.file.as_mut(),
            credentials,
        ];
        let optional = optional.into_iter().flatten();
        for path in own.chain(optional).chain(self.import_roots.iter_mut()) {
            *path = folder.join(&*path);
        }
        self.access = self.access.take().map(|access| access.below(folder));
    }

    /// Says what no agent could run with.
    pub fn check(&self) -> Result<(), Fault> {
        let has_port = |address: &str| {
            address
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        };
        if let Some(bad) = std::iter::once(&self.coordinator)
            .chain(&self.direct)
            .find(|address| !has_port(address))
        {
            return Err(wrong(format!("{bad:?} is not an address")).next("write it as host:port"));
        }
        if self.limits.attempts == 0 || self.limits.largest_message == 0 {
            return Err(wrong(
                "limits.attempts and limits.largest_message must be above 0",
            ));
        }
        if self.serving.timeout_seconds == 0 || self.serving.most_ids == 0 {
            return Err(wrong(
                "serving.timeout_seconds and serving.most_ids must be above 0",
            ));
        }
        if self.mtu < 1200 {
            return Err(wrong(format!(
                "mtu {} is below 1200, the least that QUIC needs",
                self.mtu
            )));
        }
        Ok(())
    }
}

fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(ErrorCode::ConfigInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "party = '9999'\nidentity = 'id'\ncoordinator = 'localhost:9360'\n";

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<AgentConfig, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, text).unwrap();
        let mut config = AgentConfig::load_with(
            &path,
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )?;
        // the folder is another one each time
        for path in [&mut config.identity, &mut config.data] {
            *path = path.strip_prefix(folder.path()).unwrap().to_owned();
        }
        Ok(config)
    }

    #[test]
    fn fills_in_every_default() {
        let party = PartyId::new("9999").unwrap();
        assert_eq!(
            load(LEAST, &[]).unwrap(),
            AgentConfig::new(party, "id".into(), "localhost:9360")
        );
    }

    #[test]
    fn takes_the_environment_over_the_file() {
        let config = load(
            LEAST,
            &[
                ("FEDFLOW_AGENT_LIMITS__ATTEMPTS", "3"),
                ("FEDFLOW_AGENT_RELAY_ONLY", "true"),
            ],
        )
        .unwrap();
        assert_eq!((config.limits.attempts, config.relay_only), (3, true));
    }

    #[test]
    fn names_a_setting_that_does_not_exist() {
        let fault = load(&format!("{LEAST}relay = true\n"), &[]).unwrap_err();
        assert!(
            fault.code == ErrorCode::ConfigInvalid && fault.message.contains("relay"),
            "{fault}"
        );
    }

    #[test]
    fn a_file_of_the_version_before_reads_as_it_did_and_names_what_is_called_otherwise_now() {
        let old = "[limits]\nmail_memory = 1\nmail_disk = 2\nlargest_letter = 3\n";
        let variable = ("FEDFLOW_AGENT_LIMITS__LETTER_SECONDS", "4");
        let config = load(&format!("{LEAST}{old}"), &[variable]).unwrap();
        let limits = &config.limits;
        assert_eq!(
            (limits.inbox_memory, limits.inbox_disk),
            (1, 2),
            "{limits:?}"
        );
        assert_eq!((limits.largest_message, limits.message_seconds), (3, 4));
        let told = config.notices.join("\n");
        for Renamed { old, new } in RENAMED {
            assert!(
                told.contains(&format!("{old} is called {new} now")),
                "{told}"
            );
        }
    }

    #[test]
    fn refuses_an_address_without_port() {
        assert!(
            load(
                "party = '1'\nidentity = 'i'\ncoordinator = 'localhost'\n",
                &[]
            )
            .unwrap_err()
            .message
            .contains("localhost")
        );
        assert!(load(&format!("{LEAST}[limits]\nattempts = 0\n"), &[]).is_err());
        assert!(load(&format!("{LEAST}mtu = 100\n"), &[]).is_err());
        assert!(load(&format!("{LEAST}[serving]\nmost_ids = 0\n"), &[]).is_err());
    }
}
