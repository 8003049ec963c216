//! FATE's name for the models of a set of parties.

use serde_json::{Map, Value};

/// The model id of a conf's `role` object: roles by name, each with its ids once and sorted, as in
/// `arbiter-10000#guest-9999#host-10000_10001#model`.
pub fn model_id(roles: &Map<String, Value>) -> String {
    let mut names: Vec<&String> = roles.keys().collect();
    names.sort();
    let mut parts: Vec<String> = names
        .into_iter()
        .map(|name| format!("{name}-{}", ids_of(roles.get(name))))
        .collect();
    parts.push("model".to_owned());
    parts.join("#")
}

fn ids_of(parties: Option<&Value>) -> String {
    let mut ids: Vec<(Option<u64>, String)> = parties
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        .map(|text| (text.parse::<u64>().ok(), text))
        .collect();
    // Numbers sort as numbers, before names.
    ids.sort_by(|(a, x), (b, y)| (a.is_none(), a, x).cmp(&(b.is_none(), b, y)));
    ids.dedup();
    ids.into_iter()
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_models_as_fate_does() {
        let of = |roles: Value| model_id(roles.as_object().expect("object"));
        assert_eq!(
            of(json!({"host": [10000, 9], "guest": ["9999"], "arbiter": [10000, 10000]})),
            "arbiter-10000#guest-9999#host-9_10000#model"
        );
        assert_eq!(of(json!({"local": [0]})), "local-0#model");
    }
}
