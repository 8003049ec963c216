//! Every setting of a coordinator, with its default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use daemon::Renamed;
use daemon::logging::LogSettings;
use rest::AccessSettings;
use serde::{Deserialize, Serialize};
use vocabulary::PartyId;

/// The settings of a coordinator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorConfig {
    /// The folder of the coordinator's certificate and key, as `fedflow certs issue` wrote it.
    pub identity: PathBuf,
    /// `"none"`: the coordinator starts without `revoked.crl` in that folder.
    #[serde(default)]
    pub revocation: pki::Revocation,
    /// Where agents connect (QUIC, UDP).
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Where people and programs ask (REST, TCP). Keep it on a trusted network: it is plain HTTP.
    #[serde(default = "default_rest")]
    pub rest: SocketAddr,
    /// Names under which the REST endpoint is asked, beside any address and `localhost`: a browser could be led here by any other.
    #[serde(default)]
    pub names: Vec<String>,
    /// The folder of the coordinator's own data.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// The store's address; `sqlite:` in the data folder when it is not set.
    #[serde(default)]
    pub store: Option<String>,
    /// The parties of the federation; when it is not set, those that ever connected are known.
    #[serde(default)]
    pub parties: Option<Vec<PartyId>>,
    /// The party to which data goes that comes in here for tenants that are no parties; the first party when it is not set.
    #[serde(default)]
    pub home_party: Option<PartyId>,
    /// Whether `/identity/v3` gives out tokens for passwords, as Keystone does; the passwords are the REST endpoint's own tokens.
    #[serde(default)]
    pub keystone: bool,
    /// Largest UDP payload: 1452 fits everywhere, 6500 suits loopback and jumbo frames.
    #[serde(default = "default_mtu")]
    pub mtu: u16,
    /// The largest message that is relayed, in bytes.
    #[serde(default = "default_largest")]
    pub largest_message: u64,
    /// Where a FATE-Board is, as `http://host:port`; shown in replies, never called.
    #[serde(default)]
    pub board: Option<String>,
    /// How jobs and agents are treated.
    #[serde(default)]
    pub jobs: JobRules,
    /// Who may use the REST endpoint; whoever reaches it, as the operator, when it is not set.
    #[serde(default)]
    pub access: Option<AccessSettings>,
    /// Whether all parties belong to one owner: whoever is let in sees everything and has one tenant, whatever a path names, as
    /// at a REST endpoint that asks nobody.
    #[serde(default)]
    pub one_owner: bool,
    /// How much agents may have this coordinator keep.
    #[serde(default)]
    pub bounds: service::Bounds,
    /// Kubeflow Pipelines' API.
    #[serde(default)]
    pub kubeflow: KubeflowRules,
    /// How to log.
    #[serde(default)]
    pub log: LogSettings,
    /// Sentences about settings that were given by an old name, for the log and for `check-config`.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// Names that settings had before.
pub(crate) const RENAMED: &[Renamed] = &[Renamed {
    old: "largest_letter",
    new: "largest_message",
}];

/// How jobs and agents are treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobRules {
    /// How long an agent may stay silent before its running tasks count as lost, in milliseconds.
    pub lease_millis: i64,
    /// How often agents send a heartbeat, in milliseconds.
    pub heartbeat_millis: u64,
}

/// How Kubeflow Pipelines' API behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubeflowRules {
    /// Whether experiments stand in namespaces; a namespace is a tenant.
    pub multi_user: bool,
}

impl Default for JobRules {
    fn default() -> Self {
        let options = service::Options::default();
        Self {
            lease_millis: options.lease_millis,
            heartbeat_millis: options.heartbeat_millis,
        }
    }
}

fn default_listen() -> SocketAddr {
    ([0, 0, 0, 0], 9370).into()
}

fn default_rest() -> SocketAddr {
    // Plain HTTP, so this machine alone unless somebody says otherwise; agents come over QUIC with
    // certificates.
    ([127, 0, 0, 1], 9380).into()
}

fn default_data() -> PathBuf {
    "data".into()
}

fn default_mtu() -> u16 {
    1452
}

fn default_largest() -> u64 {
    2 << 30
}

impl CoordinatorConfig {
    /// The same with relative paths taken from a folder.
    pub(crate) fn below(mut self, folder: &Path) -> Self {
        self.identity = folder.join(&self.identity);
        self.data = folder.join(&self.data);
        self.log.file = self.log.file.map(|file| folder.join(file));
        self.access = self.access.map(|access| access.below(folder));
        self
    }

    /// The store's address.
    pub(crate) fn store_url(&self) -> String {
        let default = || format!("sqlite:{}", self.data.join("coordinator.db").display());
        self.store.clone().unwrap_or_else(default)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_of_the_version_before_reads_as_it_did_and_names_what_is_called_otherwise_now() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/settings-before.toml");
        let config = crate::read_config(file.as_ref()).expect("readable");
        assert_eq!(config.largest_message, 1 << 30);
        assert_eq!(config.notices.len(), 1, "{:?}", config.notices);
        let shown = crate::check_config(file.as_ref()).expect("shown");
        assert!(
            shown.starts_with("# the setting largest_letter is called largest_message now"),
            "{shown}"
        );
        let again: super::CoordinatorConfig = toml::from_str(&shown).expect("what is shown reads");
        assert_eq!(again.largest_message, 1 << 30);
    }
}
