//! Whose job parameters an entry of `job_parameters.role` holds, and how they are laid over those for all.

use serde_json::{Map, Value};
use vocabulary::{Cast, Participant};

use crate::fate::parameters::{means, overlay};

/// A participant's job parameters: those for all with what is said for it laid over them.
pub fn job_parameters_of(conf: &Value, cast: &Cast, participant: &Participant) -> Value {
    let parameters = conf.get("job_parameters");
    let common = parameters
        .and_then(|parameters| parameters.get("common"))
        .filter(|common| common.is_object());
    let mut flat = common.cloned().unwrap_or_else(|| Value::Object(Map::new()));
    for (_, entry) in entries_of(parameters, cast, participant) {
        overlay(&mut flat, entry);
    }
    flat
}

/// The entries that mean a participant, with their keys, in the order of the document.
pub(crate) fn entries_of<'v>(
    parameters: Option<&'v Value>,
    cast: &Cast,
    participant: &Participant,
) -> Vec<(&'v str, &'v Value)> {
    let place = cast
        .of(participant.role)
        .iter()
        .position(|party| *party == participant.party);
    let of_role =
        parameters.and_then(|own| own.get("role")?.get(participant.role.word())?.as_object());
    let mine = of_role
        .into_iter()
        .flatten()
        .filter(|(key, _)| place.is_some_and(|place| means(key, place)));
    mine.filter(|(_, entry)| entry.is_object())
        .map(|(key, entry)| (key.as_str(), entry))
        .collect()
}
