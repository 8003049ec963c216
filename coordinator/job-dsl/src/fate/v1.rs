//! Documents of version 1 as version 2: `args.*` become readers, lists per party become entries per party.

use serde_json::{Map, Value, json};

use crate::diagnostic::{Diagnostic, Rule};
use crate::fate::parameters::overlay;

/// Parameters that version 1 knew and later versions do not; dropped.
pub(crate) const DROPPED: [&str; 4] =
    ["eps", "converge_func", "party_weight", "re_encrypt_batches"];

/// A stored table that `args.NAME` stands for, and the reader that takes its place.
type Reader = (String, String);

/// The DSL with readers in place of `args.*`, and the readers made: `(NAME, reader_N)`.
pub(crate) fn convert_dsl(dsl: &Value) -> (Value, Vec<Reader>) {
    let Some(components) = dsl.get("components").and_then(Value::as_object) else {
        return (dsl.clone(), Vec::new());
    };
    let readers = readers_of(components);
    let mut converted = Map::new();
    for (name, reader) in &readers {
        converted.insert(
            reader.clone(),
            json!({"module": "Reader", "output": {"data": [name]}}),
        );
    }
    for (name, body) in components {
        let mut body = body.clone();
        for reference in data_references(&mut body) {
            let made = reference
                .strip_prefix("args.")
                .and_then(|arg| readers.iter().find(|(name, _)| name == arg));
            if let Some((name, reader)) = made {
                *reference = format!("{reader}.{name}");
            }
        }
        converted.insert(name.clone(), body);
    }
    let mut document = dsl.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("components".to_owned(), Value::Object(converted));
    }
    (document, readers)
}

/// Every distinct `args.NAME` with the name of its reader, in order of appearance.
fn readers_of(components: &Map<String, Value>) -> Vec<Reader> {
    let mut readers: Vec<Reader> = Vec::new();
    let mut number = 0_usize;
    for body in components.values() {
        let mut body = body.clone();
        for reference in data_references(&mut body) {
            let Some(name) = reference.strip_prefix("args.") else {
                continue;
            };
            if readers.iter().any(|(known, _)| known == name) {
                continue;
            }
            while components.contains_key(&format!("reader_{number}")) {
                number += 1;
            }
            readers.push((name.to_owned(), format!("reader_{number}")));
            number += 1;
        }
    }
    readers
}

fn data_references(body: &mut Value) -> impl Iterator<Item = &mut String> {
    let ports = body
        .get_mut("input")
        .and_then(|input| input.get_mut("data"))
        .and_then(Value::as_object_mut);
    let lists = ports
        .into_iter()
        .flat_map(|ports| ports.values_mut())
        .filter_map(Value::as_array_mut)
        .flatten();
    lists.filter_map(|item| {
        if let Value::String(text) = item {
            Some(text)
        } else {
            None
        }
    })
}

/// The conf in version 2. `readers` says which readers take the table of which `args` name.
pub(crate) fn convert_conf(
    conf: &Map<String, Value>,
    readers: &[Reader],
    found: &mut Vec<Diagnostic>,
) -> Map<String, Value> {
    const REPLACED: [&str; 4] = [
        "job_parameters",
        "algorithm_parameters",
        "role_parameters",
        "component_parameters",
    ];
    let mut converted: Map<String, Value> = conf
        .iter()
        .filter(|(key, _)| !REPLACED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    converted.insert("dsl_version".to_owned(), json!(2));
    let job_parameters = conf
        .get("job_parameters")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let is_new_form = job_parameters.get("common").is_some_and(Value::is_object);
    let job_parameters = if is_new_form {
        job_parameters
    } else {
        json!({"common": job_parameters})
    };
    converted.insert("job_parameters".to_owned(), job_parameters);

    let mut parameters = conf
        .get("component_parameters")
        .filter(|own| own.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    if let Some(common) = conf.get("algorithm_parameters") {
        overlay(&mut parameters, &json!({"common": common}));
    }
    for (role, said) in conf
        .get("role_parameters")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let count = conf
            .get("role")
            .and_then(|roles| roles.get(role)?.as_array())
            .map_or(0, Vec::len);
        for place in 0..count {
            let mine = of_party(said, (role, place), readers, found);
            overlay(
                &mut parameters,
                &json!({"role": {role: {place.to_string(): mine}}}),
            );
        }
    }
    converted.insert("component_parameters".to_owned(), parameters);
    converted
}

/// What `role_parameters.ROLE` says for the party at a place in its role.
fn of_party(
    said: &Value,
    who: (&str, usize),
    readers: &[Reader],
    found: &mut Vec<Diagnostic>,
) -> Value {
    let (role, place) = who;
    let mut mine = Map::new();
    for (component, parameters) in said.as_object().into_iter().flatten() {
        if component == "args" {
            continue;
        }
        let path = format!("job_runtime_conf.role_parameters.{role}.{component}");
        if let Some(own) = entry(parameters, place, &path, found) {
            mine.insert(component.clone(), own);
        }
    }
    let tables = said.get("args").and_then(|args| args.get("data"));
    for (name, reader) in readers {
        if let Some(table) = tables.and_then(|tables| tables.get(name)?.as_array()?.get(place)) {
            mine.insert(reader.clone(), json!({"table": table}));
        }
    }
    Value::Object(mine)
}

/// Takes the party's entry out of every list; lists sit at the leaves, and a lone value means every party.
fn entry(value: &Value, place: usize, path: &str, found: &mut Vec<Diagnostic>) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            let own = fields.iter().filter_map(|(key, value)| {
                Some((
                    key.clone(),
                    entry(value, place, &format!("{path}.{key}"), found)?,
                ))
            });
            Some(Value::Object(own.collect()))
        }
        Value::Array(entries) => {
            let own = entries.get(place).cloned();
            if own.is_none() {
                let message = format!(
                    "{path} has {} entries, but the role has more parties",
                    entries.len()
                );
                found.push(
                    Diagnostic::new(Rule::ConfShape, message, path)
                        .next("give one entry for each party of the role"),
                );
            }
            own
        }
        other => Some(other.clone()),
    }
}

/// The readers of a deployed DSL: in version 1 all of them read what a predict job calls `eval_data`.
pub(crate) fn readers_of_deployed(dsl: &Value, conf: &Map<String, Value>) -> Vec<Reader> {
    let given = conf
        .get("role_parameters")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values);
    let names: Vec<&String> = given
        .filter_map(|role| role.get("args")?.get("data")?.as_object())
        .flat_map(Map::keys)
        .collect();
    let name = names
        .iter()
        .find(|name| name.as_str() == "eval_data")
        .or_else(|| names.first());
    let Some(name) = name else { return Vec::new() };
    let components = dsl.get("components").and_then(Value::as_object);
    let is_reader = |body: &Value| body.get("module").and_then(Value::as_str) == Some("Reader");
    let readers = components
        .into_iter()
        .flatten()
        .filter(|(_, body)| is_reader(body));
    readers
        .map(|(reader, _)| ((*name).clone(), reader.clone()))
        .collect()
}
