//! Experiments as messages, and messages as JSON: names as in the proto, what is at its zero value left out.

use chrono::DateTime;
use domain::Experiment;
use prost_types::Timestamp;
use serde_json::{Map, Value, json};

use super::proto::experiment::StorageState;
use super::proto::{
    self, ListExperimentsResponse, Relationship, ResourceKey, ResourceReference, ResourceType,
};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// An experiment as a message; its namespace is shown in multi-user mode only.
pub(super) fn shown(experiment: &Experiment, multi_user: bool) -> proto::Experiment {
    let namespace = || ResourceReference {
        key: Some(ResourceKey {
            r#type: ResourceType::Namespace.into(),
            id: experiment.tenant.to_string(),
        }),
        relationship: Relationship::Owner.into(),
        name: String::new(),
    };
    let state = if experiment.archived {
        StorageState::StoragestateArchived
    } else {
        StorageState::StoragestateAvailable
    };
    proto::Experiment {
        id: experiment.id.to_string(),
        name: experiment.unique_name.clone(),
        description: experiment.description.clone(),
        created_at: Some(Timestamp {
            seconds: experiment.created.0.div_euclid(SECOND),
            // Whole seconds, as upstream keeps them.
            nanos: 0,
        }),
        resource_references: multi_user.then(namespace).into_iter().collect(),
        storage_state: state.into(),
    }
}

/// An experiment as JSON.
pub(super) fn experiment(message: &proto::Experiment) -> Value {
    let mut object = Map::new();
    put(&mut object, "id", json!(message.id));
    put(&mut object, "name", json!(message.name));
    put(&mut object, "description", json!(message.description));
    if let Some(moment) = &message.created_at {
        put(&mut object, "created_at", json!(moment_text(moment)));
    }
    put(
        &mut object,
        "resource_references",
        message.resource_references.iter().map(reference).collect(),
    );
    put(
        &mut object,
        "storage_state",
        word(message.storage_state, message.storage_state().as_str_name()),
    );
    Value::Object(object)
}

fn reference(message: &ResourceReference) -> Value {
    let mut object = Map::new();
    if let Some(key) = &message.key {
        let mut own = Map::new();
        put(
            &mut own,
            "type",
            word(key.r#type, key.r#type().as_str_name()),
        );
        put(&mut own, "id", json!(key.id));
        object.insert("key".to_owned(), Value::Object(own));
    }
    put(
        &mut object,
        "relationship",
        word(message.relationship, message.relationship().as_str_name()),
    );
    put(&mut object, "name", json!(message.name));
    Value::Object(object)
}

/// A listing as JSON.
pub(super) fn listing(message: &ListExperimentsResponse) -> Value {
    let mut object = Map::new();
    put(
        &mut object,
        "experiments",
        message.experiments.iter().map(experiment).collect(),
    );
    put(&mut object, "total_size", json!(message.total_size));
    put(
        &mut object,
        "next_page_token",
        json!(message.next_page_token),
    );
    Value::Object(object)
}

/// The word of an enumeration; nothing at zero.
fn word(number: i32, word: &str) -> Value {
    if number == 0 {
        Value::Null
    } else {
        json!(word)
    }
}

fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    let is_zero = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    if !is_zero {
        object.insert(name.to_owned(), value);
    }
}

fn moment_text(moment: &Timestamp) -> String {
    let time = DateTime::from_timestamp(moment.seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
