//! Versions of models: the documents of a training, or of what was deployed of it; and each participant's part.

use std::collections::BTreeMap;

use domain::Dialect;
use job_dsl::{TrainedPipeline, inference_dsl};
use serde_json::{Map, Value, json};
use vocabulary::{Cast, CheckpointRef, JobId, Participant, PartyId, Role, Timestamp};

/// The FATE-Flow version that our documents are written as.
pub const FATE_VERSION: &str = "1.11.2";

/// Which version of which model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelKey {
    /// FATE's model id.
    pub model_id: String,
    /// The version: the id of the training job, or of the deployment.
    pub version: String,
}

impl ModelKey {
    /// Names a version.
    pub fn new(model_id: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            model_id: model_id.into(),
            version: version.into(),
        }
    }
}

/// A version of a model: what predict jobs, exports and deployments are made from.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Its name.
    pub key: ModelKey,
    /// The version under which the parties keep the models: its own for what a training left, that of the training for
    /// what was deployed.
    pub stored: String,
    /// Who asked for the training.
    pub initiator: Participant,
    /// Who took part in it.
    pub cast: Cast,
    /// What it was deployed from; `None` for what a training left.
    pub parent: Option<ModelKey>,
    /// The training job; `None` when it did not run here.
    pub job: Option<JobId>,
    /// The language in which the training was written.
    pub dialect: Dialect,
    /// The FATE-Flow version that the documents are written as.
    pub fate_version: String,
    /// The DSL of the training, version 2.
    pub train_dsl: Value,
    /// The runtime conf of the training, version 2.
    pub train_conf: Value,
    /// The DSL that applies the models, version 2; `None`: that of all components.
    pub own_inference_dsl: Option<Value>,
    /// Which state kept while it was learned is to be applied, by component; for the others the final one.
    pub checkpoints: BTreeMap<String, CheckpointRef>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl ModelVersion {
    /// Whether a training left it, so that it can be deployed; what was deployed can be applied.
    pub fn is_parent(&self) -> bool {
        self.parent.is_none()
    }

    /// The DSL that applies the models.
    pub fn inference_dsl(&self) -> Value {
        // A training keeps none: its DSL is derived when it is asked for.
        let derived =
            || inference_dsl(&[], &self.train_dsl).unwrap_or_else(|_| self.train_dsl.clone());
        self.own_inference_dsl.clone().unwrap_or_else(derived)
    }

    /// The roles as FATE's documents write them: party ids as numbers where they are numbers.
    pub fn roles(&self) -> Value {
        roles_of(&self.cast)
    }

    /// The conf of the training as one participant keeps it.
    pub fn conf_on_party(&self, participant: &Participant) -> Value {
        job_dsl::conf_on_party(&self.train_conf, &self.cast, participant)
    }

    /// What a predict job is read from.
    pub fn pipeline(&self) -> TrainedPipeline {
        TrainedPipeline {
            inference_dsl: self.inference_dsl(),
            train_conf: self.train_conf.clone(),
            roles: self.roles(),
            model_version: self.stored.clone(),
            checkpoints: self.checkpoints.clone(),
        }
    }

    /// Whether the party takes part in it.
    pub fn concerns(&self, party: &PartyId) -> bool {
        self.cast
            .participants()
            .any(|participant| participant.party == *party)
    }
}

/// What a participant has of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPart {
    /// Of which version.
    pub key: ModelKey,
    /// Who keeps it.
    pub owner: Participant,
    /// Bytes of its models on disk.
    pub size: u64,
    /// How often it was loaded for online predictions.
    pub loaded_times: u32,
    /// Whether it came in an archive.
    pub imported: bool,
    /// The hash of that archive, SHA-256 in hex.
    pub archive_sha256: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl ModelPart {
    /// A part that was made here.
    pub fn new(key: ModelKey, owner: Participant, size: u64, now: Timestamp) -> Self {
        let (created, updated) = (now, now);
        Self {
            key,
            owner,
            size,
            loaded_times: 0,
            imported: false,
            archive_sha256: None,
            created,
            updated,
        }
    }
}

/// The roles of a cast as FATE's documents write them.
pub(crate) fn roles_of(cast: &Cast) -> Value {
    let mut roles = Map::new();
    for role in Role::ALL {
        let ids: Vec<Value> = cast.of(role).iter().map(id_of).collect();
        if !ids.is_empty() {
            roles.insert(role.word().to_owned(), Value::Array(ids));
        }
    }
    Value::Object(roles)
}

/// A cast from roles as documents write them; what is no party id or none of our roles is left out.
pub fn cast_of(roles: &Value) -> Cast {
    let mut cast = Cast::default();
    for role in Role::ALL {
        let ids = roles
            .get(role.word())
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let parties = ids.filter_map(|id| {
            PartyId::new(id.as_str().map_or_else(|| id.to_string(), str::to_owned)).ok()
        });
        *cast.of_mut(role) = parties.collect();
    }
    cast
}

/// A party id as documents write it.
pub(crate) fn id_of(party: &PartyId) -> Value {
    match party.as_str().parse::<u64>() {
        Ok(number) if number.to_string() == party.as_str() => json!(number),
        _ => json!(party),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_roles_as_documents_do() {
        let roles =
            json!({"guest": [9999], "host": ["10000", "bank-a"], "assistant": [1], "arbiter": []});
        let cast = cast_of(&roles);
        assert_eq!(
            roles_of(&cast),
            json!({"guest": [9999], "host": [10000, "bank-a"]})
        );
        assert_eq!(cast_of(&roles_of(&cast)), cast);
    }
}
