//! Deployments and their versions: a named target of runs, and what it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vocabulary::Timestamp;

/// The deployment that every tenant has.
pub const BUILT_IN: &str = "fl-predict";
/// The label of its one version.
pub const BUILT_IN_LABEL: &str = "1.0.0";
/// What applies a model to a table.
pub const PREDICT_HANDLER: &str = "fedflow:predict";

/// A named target of runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Deployment {
    /// Notes.
    pub description: String,
    /// Variables of its runs where they say nothing else.
    pub environment: BTreeMap<String, String>,
}

/// What a deployment runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DeploymentVersion {
    /// What is called in it.
    pub handler: String,
    /// What it would run on.
    pub image: String,
    /// What its maker notes.
    pub user_parameters: Map<String, Value>,
    /// The secret that lets its archive in and out.
    pub secret: String,
    /// Bytes of its archive, once it came.
    pub archive: Option<u64>,
}

/// A set of models under a name, as it looks to those who choose models by definition.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingDefinition {
    /// Whether it is put away.
    pub archived: bool,
    /// Whether a training here stands behind it, rather than somebody who made it.
    pub trained: bool,
    /// The id of the model as which its newest training is shown.
    pub model: Option<String>,
}

/// One version of a model, as it looks to those who choose by number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingModel {
    /// FATE's model id; none for weights that somebody brought.
    pub model_id: Option<String>,
    /// The version that a training left.
    pub trained: Option<String>,
    /// The versions that runs apply, once there were some, by what they read.
    pub applied: BTreeMap<String, String>,
    /// Notes.
    pub description: String,
    /// What its maker notes.
    pub user_parameters: Map<String, Value>,
    /// Figures of its maker.
    pub metrics: Value,
    /// Whether it is put away.
    pub archived: bool,
    /// The secret that lets its archive out.
    pub secret: String,
    /// The name under which its home party keeps weights that somebody brought.
    pub file: Option<String>,
    /// SHA-256 of those weights, hexadecimal.
    #[serde(default)]
    pub sha256: String,
}

/// A place where files arrive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Channel {
    /// Notes.
    pub description: String,
    /// Its maker's word for what it keeps files in.
    pub storage: String,
    /// Whether it is put away.
    pub archived: bool,
    /// Whether it shows the tenant's data sets, and takes no files.
    #[serde(default)]
    pub shows_data_sets: bool,
}

/// A file that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelFile {
    /// The party that keeps it.
    pub party: String,
    /// Its media type.
    pub content_type: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// What its sender says of it, by names such as `x-abeja-meta-filename`.
    pub metadata: BTreeMap<String, String>,
    /// The word with which its sender said how long it is wanted.
    pub lifetime: Option<String>,
    /// The secret that lets its content out, and in where it was announced.
    pub secret: String,
    /// Whether it was announced only.
    pub awaited: bool,
    /// The job that makes a table of it, once a run wanted one.
    pub import: Option<vocabulary::JobId>,
}

/// How long files may be wanted, in seconds, by the words for it.
pub const LIFETIMES: [(&str, i64); 5] = [
    ("1day", 86_400),
    ("1week", 604_800),
    ("1month", 2_592_000),
    ("6months", 15_552_000),
    ("1year", 31_536_000),
];

impl ChannelFile {
    /// Whether a file that came then is not wanted any more.
    pub fn is_over(&self, came: Timestamp, now: Timestamp) -> bool {
        let lifetime = LIFETIMES
            .iter()
            .find(|(word, _)| Some(*word) == self.lifetime.as_deref());
        lifetime.is_some_and(|(_, seconds)| now >= came.plus_millis(seconds.saturating_mul(1_000)))
    }
}
