//! The sections of version 1: what is said of components for all and for roles, with one entry a party in each list.

use serde_json::{Map, Value};
use vocabulary::Role;

use super::conf::components;
use super::{Notes, Submitted, below, strangers};
use crate::fate::v1::DROPPED;

/// Looks through `algorithm_parameters` and `role_parameters`.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    if let Some(common) = submitted
        .conf
        .get("algorithm_parameters")
        .and_then(Value::as_object)
    {
        let path = "job_runtime_conf.algorithm_parameters";
        components(submitted, common, (path, None), notes);
        dropped(submitted, common, path, notes);
    }
    let roles = submitted
        .conf
        .get("role_parameters")
        .and_then(Value::as_object);
    for (name, said) in roles.into_iter().flatten() {
        let path = below("job_runtime_conf.role_parameters", name);
        let Some(role) = name
            .parse::<Role>()
            .ok()
            .filter(|role| !submitted.cast.of(*role).is_empty())
        else {
            notes.unknown(
                &path,
                "names no role of the job",
                &["guest", "host", "arbiter"],
            );
            continue;
        };
        let Some(fields) = said.as_object() else {
            continue;
        };
        let mut said = fields.clone();
        if let Some(args) = said.remove("args") {
            tables(submitted, &args, (&below(&path, "args"), role), notes);
        }
        components(submitted, &said, (&path, Some(role)), notes);
        dropped(submitted, &said, &path, notes);
        for (component, parameters) in &said {
            too_long(
                parameters,
                (&below(&path, component), role),
                submitted,
                notes,
            );
        }
    }
}

/// Parameters that later versions of FATE dropped.
fn dropped(submitted: &Submitted<'_>, said: &Map<String, Value>, path: &str, notes: &mut Notes) {
    for (component, own) in said {
        let Some(step) = submitted.step(component) else {
            continue;
        };
        let info = submitted
            .catalogue
            .iter()
            .find(|info| info.name == step.component);
        let knows = |name: &str| {
            info.is_some_and(|info| {
                info.schema
                    .pointer("/properties")
                    .is_some_and(|all| all.get(name).is_some())
            })
        };
        for name in own.as_object().into_iter().flat_map(Map::keys) {
            if DROPPED.contains(&name.as_str()) && !knows(name) {
                let path = below(&below(path, component), name);
                notes.idle(
                    &path,
                    "has no effect",
                    "FATE dropped this parameter after version 1.4",
                );
            }
        }
    }
}

/// Lists with more entries than the role has parties.
fn too_long(
    value: &Value,
    (path, role): (&str, Role),
    submitted: &Submitted<'_>,
    notes: &mut Notes,
) {
    let count = submitted.cast.of(role).len();
    match value {
        Value::Object(fields) => {
            for (name, own) in fields {
                too_long(own, (&below(path, name), role), submitted, notes);
            }
        }
        Value::Array(entries) if entries.len() > count => {
            let what = format!(
                "has {} entries, of which those behind the first {count} do nothing",
                entries.len()
            );
            notes.idle(path, &what, &format!("the job has {count} of role {role}"));
        }
        _ => {}
    }
}

fn tables(submitted: &Submitted<'_>, args: &Value, (path, role): (&str, Role), notes: &mut Notes) {
    let Some(fields) = args.as_object() else {
        return;
    };
    strangers(fields, (path, "is not known"), &["data"], notes);
    let Some(data) = fields.get("data").and_then(Value::as_object) else {
        return;
    };
    let path = below(path, "data");
    // In a predict job every reader reads the one name that is given.
    let read: Option<Vec<&str>> = submitted.trained.is_none().then(|| args_of(submitted.dsl));
    for (name, entries) in data {
        let path = below(&path, name);
        match &read {
            Some(read) if !read.contains(&name.as_str()) => {
                notes.unknown(
                    &path,
                    &format!(
                        "is read by no component (args.{})",
                        name.chars().take(40).collect::<String>()
                    ),
                    read,
                );
            }
            _ => too_long(entries, (&path, role), submitted, notes),
        }
    }
}

/// Every NAME that a component reads as `args.NAME`.
fn args_of(dsl: &Value) -> Vec<&str> {
    let components = dsl
        .get("components")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::values);
    let ports = components
        .filter_map(|body| body.pointer("/input/data")?.as_object())
        .flat_map(Map::values);
    let references = ports
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str);
    references
        .filter_map(|reference| reference.strip_prefix("args."))
        .collect()
}
