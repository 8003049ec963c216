//! The policy file, read and checked.

mod features;
mod intersection;
mod peer;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vocabulary::offer::fingerprint_of;
use vocabulary::{Disclosure, ErrorCode, Fault, PartyId};

use crate::cap::Cap;
use crate::limits::{LimitRules, ModelRules};

pub use features::FeatureRules;
pub use intersection::IntersectionRules;
pub use peer::{Columns, OnePeer};

/// A policy file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be read.
    #[error("the policy {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not a policy.
    #[error("the policy is not well formed: {0}")]
    Malformed(#[from] toml::de::Error),
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Fault::new(ErrorCode::ConfigInvalid, error.to_string())
            .next("`fedflow policy check FILE` names everything that is wrong with it")
    }
}

/// The rules as they stand in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Rules {
    /// What the party takes part in.
    pub admission: AdmissionRules,
    /// What may leave towards other parties.
    pub release: ReleaseRules,
    /// What may be told to the coordinator and its readers.
    pub disclosure: DisclosureRules,
    /// What keeps a guest's labels from the hosts that train with it.
    pub labels: LabelRules,
    /// What a model may draw from this party's columns for other parties.
    pub features: FeatureRules,
    /// What an intersection may tell of ids.
    pub intersection: IntersectionRules,
    /// Which versions of models are applied, and how often.
    pub models: ModelRules,
    /// How often, at which hours and until when this party works with others.
    pub limits: LimitRules,
    /// Whether grants made at a REST endpoint count beside the lists of this file.
    pub permissions: PermissionRules,
    /// What differs for single peers.
    pub peer: BTreeMap<PartyId, OnePeer>,
}

/// Whether grants made at a REST endpoint (`permission/grant`) count beside the lists of `admission`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionRules {
    /// Grants of components.
    pub component: bool,
    /// Grants of tables.
    pub dataset: bool,
    /// Whether people at the coordinator's REST endpoint may see and change grants and pinned keys.
    pub through_coordinator: bool,
}

/// What the party takes part in. Lists of names, names with a trailing `*`, or `"*"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmissionRules {
    /// Parties whose users may start jobs here; one's own users always may.
    pub initiators: Vec<String>,
    /// Parties one works with.
    pub peers: Vec<String>,
    /// Components one runs.
    pub components: Vec<String>,
    /// Tables that jobs may read, `namespace.name`.
    pub tables: Vec<String>,
    /// Models (by version) that jobs may apply beside those that were trained by the same parties.
    pub models: Vec<String>,
    /// Whether the arbiter, who can open ciphertexts, must be a party that is neither guest nor host of the job.
    pub independent_arbiter: bool,
    /// Components of which jobs in this party's own name may consist that the coordinator starts without a ticket of the
    /// party's own REST endpoint.
    pub without_ticket: Vec<String>,
    /// For how many days an offer may be good.
    pub offer_days: Cap,
    /// How many attempts of one task an offer may allow.
    pub attempts: Cap,
    /// Columns of tables that jobs may read, by table; a table that is not named here is read whole.
    pub columns: Columns,
}

impl Default for AdmissionRules {
    fn default() -> Self {
        Self {
            // Empty lists: a party that wrote no policy takes part in nothing.
            initiators: vec![],
            peers: vec![],
            components: vec![],
            tables: vec![],
            models: vec![],
            // An arbiter that is also guest or host could open what it was sent encrypted.
            independent_arbiter: true,
            without_ticket: vec![],
            offer_days: Cap::at(30),
            attempts: Cap::at(100),
            columns: Columns::new(),
        }
    }
}

/// What may leave towards other parties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseRules {
    /// What messages may give away.
    pub disclosures: Vec<Disclosure>,
    /// Bytes of the largest message.
    pub largest_message: u64,
    /// Most messages of one attempt.
    pub most_messages: u64,
    /// Other rules for single peers.
    pub peer: BTreeMap<PartyId, PeerRules>,
}

/// Rules for one peer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeerRules {
    /// What messages to it may give away.
    pub disclosures: Vec<Disclosure>,
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            disclosures: vec![],
            largest_message: 2 << 30,
            most_messages: 1_000_000,
            peer: BTreeMap::new(),
        }
    }
}

/// What may be told to the coordinator and its readers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisclosureRules {
    /// Metrics: bounded numbers.
    pub metrics: bool,
    /// Summaries of steps (coefficients among them).
    pub summaries: bool,
    /// Views of models.
    pub model_views: bool,
    /// Column names of tables.
    pub table_headers: bool,
    /// Rows, to people at the coordinator's REST endpoint.
    pub rows_through_coordinator: bool,
    /// Log lines, to people at the coordinator's REST endpoint.
    pub logs_through_coordinator: bool,
    /// Models, to people at the coordinator's REST endpoint: archives, checkpoints, what a service id means.
    pub models_through_coordinator: bool,
    /// Metrics, summaries and model views of a step that read a table of fewer rows are kept.
    pub fewest_rows: u64,
    /// How often in a day figures that were made of this party's data alone are told for one other party's jobs.
    pub queries_per_day: Cap,
}

impl Default for DisclosureRules {
    fn default() -> Self {
        Self {
            metrics: true,
            summaries: false,
            model_views: false,
            table_headers: false,
            rows_through_coordinator: false,
            logs_through_coordinator: false,
            models_through_coordinator: false,
            // Figures of fewer rows come close to the rows themselves.
            fewest_rows: 20,
            queries_per_day: Cap::at(10),
        }
    }
}

/// What keeps a guest's labels from the hosts that train with it: a host that knows which rows a gradient was made of can
/// work the labels out where there are few rows for each column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelRules {
    /// Fewest rows for each column of all hosts together: of a batch whose rows the hosts know, and of a small table. With
    /// 0 there are no rules for labels.
    pub rows_per_column: u32,
    /// Tables of fewer rows are small.
    pub small_table: u64,
    /// What becomes of a training that breaks a rule.
    pub when_broken: WhenBroken,
    /// What becomes of a training whose encryption a party could break that makes ciphertexts of its own.
    pub malicious_hosts: MaliciousHosts,
}

impl Default for LabelRules {
    fn default() -> Self {
        Self {
            rows_per_column: 12,
            small_table: 200,
            when_broken: WhenBroken::Refuse,
            // The protocol assumes honest but curious parties; keys against more than that take
            // time.
            malicious_hosts: MaliciousHosts::Trust,
        }
    }
}

/// What becomes of a training that breaks a rule of [`LabelRules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenBroken {
    /// It fails before its first message.
    Refuse,
    /// It runs, and the job's log says what can be learned.
    Warn,
}

/// What becomes of a training in which one key would open more values for a party than leave the key its strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaliciousHosts {
    /// It runs with one key: the parties are trusted to encrypt as the protocol says.
    Trust,
    /// It runs with as many keys as it takes, and takes longer.
    Rekey,
    /// It fails before its first message.
    Refuse,
}

/// A party's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) me: PartyId,
    pub(crate) rules: Rules,
    /// Of the rules with every default.
    hash: String,
}

impl Policy {
    /// A party's rules.
    pub fn new(me: PartyId, rules: Rules) -> Self {
        // Rules are plain data, so that writing them cannot fail; no two rules share the empty text's hash.
        let hash = fingerprint_of(toml::to_string(&rules).unwrap_or_default().as_bytes());
        Self { me, rules, hash }
    }

    /// Reads a policy file.
    pub fn load(me: PartyId, path: &Path) -> Result<Self, PolicyError> {
        let text = std::fs::read_to_string(path).map_err(|source| PolicyError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self::new(me, toml::from_str(&text)?))
    }

    /// The rules as they are in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// SHA-256 (hex) of the rules with every default: the same rules have the same hash, however their file is written.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// Whether a list names a text.
pub(crate) fn names(list: &[String], text: &str) -> bool {
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => entry == text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_default_is_the_default() {
        let file: Rules =
            toml::from_str(include_str!("../default-policy.toml")).expect("well formed");
        assert_eq!(file, Rules::default());
    }

    #[test]
    fn the_hash_is_of_the_rules_and_not_of_their_text() {
        let of = |text: &str| {
            let policy = Policy::new(
                PartyId::new("1").expect("valid"),
                toml::from_str(text).expect("rules"),
            );
            policy.hash().to_owned()
        };
        assert_eq!(of(""), of("# nothing\n[disclosure]\nfewest_rows = 20"));
        assert_ne!(of(""), of("[disclosure]\nfewest_rows = 21"));
        assert_ne!(of("[admission]\nattempts = 'any'"), of(""));
    }

    #[test]
    fn refuses_a_rule_it_does_not_know() {
        assert!(toml::from_str::<Rules>("[admission]\npeer = []").is_err());
    }

    #[test]
    fn reads_names_and_beginnings_of_names() {
        let list = vec!["experiment.*".to_owned(), "a.b".to_owned()];
        assert!(names(&list, "experiment.guest"));
        assert!(names(&list, "a.b"));
        assert!(!names(&list, "a.bc"));
        assert!(!names(&[], "a.b"));
        assert!(names(&["*".to_owned()], ""));
    }
}
