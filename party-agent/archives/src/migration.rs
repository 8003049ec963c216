//! The same model for other parties: ids in the documents change, what was learned does not.

use serde_json::{Map, Value, json};
use vocabulary::{Participant, PartyId, Role};

use crate::{Archive, ArchiveError, Subject};

/// The text for roles that do not fit; FATE's own.
const DIFFERENT: &str = "The structure of roles data of local configuration is different from model runtime \
                         configuration's. Migration aborting.";

/// For whom a model is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Migration {
    /// The parties of each role, in the order of those they stand for: `{"guest": [99], "host": [100]}`.
    pub roles: Map<String, Value>,
    /// Who initiates jobs with the model.
    pub initiator: Participant,
    /// The model's new id.
    pub model_id: String,
    /// The model's new version.
    pub model_version: String,
}

impl Archive {
    /// The archive for those parties. Fails when they do not stand one for one for the model's own.
    pub fn migrated(&self, to: &Migration) -> Result<Self, ArchiveError> {
        let differ = || ArchiveError::RolesDiffer(DIFFERENT.to_owned());
        let own = self
            .documents
            .get("roles")
            .and_then(Value::as_object)
            .ok_or_else(differ)?;
        let same_lists = own.iter().all(|(role, ids)| {
            let other = to.roles.get(role).and_then(Value::as_array);
            other
                .zip(ids.as_array())
                .is_some_and(|(other, ids)| other.len() == ids.len())
        });
        if !same_lists || own.len() != to.roles.len() {
            return Err(differ());
        }
        let party_id = stands_for(own, &to.roles, self.subject.role, &self.subject.party_id)
            .ok_or_else(differ)?;
        let subject = Subject {
            role: self.subject.role,
            party_id,
            model_id: to.model_id.clone(),
            model_version: to.model_version.clone(),
        };
        let mut documents = self.documents.clone();
        let initiator =
            json!({"role": to.initiator.role, "party_id": id_value(to.initiator.party.as_str())});
        documents.insert("roles".to_owned(), json!(to.roles));
        documents.insert("initiator".to_owned(), initiator.clone());
        // The parts of a training that others did are kept under the new version, and by nobody's job.
        documents.insert("stored_version".to_owned(), json!(to.model_version));
        documents.remove("job_id");
        for (name, value) in [
            ("model_id", json!(to.model_id)),
            ("model_version", json!(to.model_version)),
        ] {
            documents.insert(name.to_owned(), value);
        }
        documents.insert("party_id".to_owned(), json!(subject.party_id));
        for name in ["train_runtime_conf", "runtime_conf_on_party"] {
            if let Some(conf) = documents.get_mut(name).and_then(Value::as_object_mut) {
                rewrite(conf, to, &initiator);
            }
        }
        Ok(Self {
            subject,
            documents,
            models: self.models.clone(),
        })
    }
}

/// The party that takes the place of another in a role.
fn stands_for(
    own: &Map<String, Value>,
    new: &Map<String, Value>,
    role: Role,
    party: &PartyId,
) -> Option<PartyId> {
    let is_party = |id: &Value| id_text(id).as_deref() == Some(party.as_str());
    let at = own
        .get(role.word())?
        .as_array()?
        .iter()
        .position(is_party)?;
    PartyId::new(id_text(new.get(role.word())?.as_array()?.get(at)?)?).ok()
}

/// A conf's people and model. Parameters of single parties go by their place in the role, so they stay.
fn rewrite(conf: &mut Map<String, Value>, to: &Migration, initiator: &Value) {
    conf.insert("role".to_owned(), json!(to.roles));
    conf.insert("initiator".to_owned(), initiator.clone());
    let parameters = conf
        .get_mut("job_parameters")
        .and_then(Value::as_object_mut);
    let Some(parameters) = parameters else { return };
    let holds_model = |map: &Map<String, Value>| {
        map.contains_key("model_id") || map.contains_key("model_version")
    };
    let set = |map: &mut Map<String, Value>| {
        map.insert("model_id".to_owned(), json!(to.model_id));
        map.insert("model_version".to_owned(), json!(to.model_version));
    };
    if holds_model(parameters) {
        set(parameters);
    }
    match parameters.get_mut("common").and_then(Value::as_object_mut) {
        Some(common) if holds_model(common) => set(common),
        _ => {}
    }
}

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A party id as documents hold it: a number where it is one, and would not name another party: not "007".
pub(crate) fn id_value(id: &str) -> Value {
    id.parse::<u64>()
        .ok()
        .filter(|number| number.to_string() == id)
        .map_or_else(|| json!(id), |number| json!(number))
}
