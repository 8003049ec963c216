//! The runtime conf: its own fields, who takes part, component parameters and providers.

use domain::Dialect;
use serde_json::{Map, Value};
use vocabulary::Role;

use super::{Notes, Place, Submitted, below, places, strangers};

const CONF: &str = "job_runtime_conf";
/// Fields of a conf that count.
const FIELDS: [&str; 6] = [
    "dsl_version",
    "initiator",
    "role",
    "job_parameters",
    "component_parameters",
    "provider",
];
/// Those of version 1 alone.
const OF_VERSION_1: [&str; 2] = ["role_parameters", "algorithm_parameters"];
/// What FATE's clients leave in a conf and no server reads.
const DEBRIS: [&str; 9] = [
    "conf_path",
    "dsl_path",
    "local",
    "output_path",
    "verbose",
    "drop",
    "from_database",
    "detail",
    "echo",
];
const SECTIONS: [&str; 2] = ["common", "role"];

/// Looks through a conf, its job parameters and the sections of version 1 left out.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    own_fields(submitted, notes);
    people(submitted, notes);
    if let Some(parameters) = submitted.conf.get("component_parameters") {
        component_parameters(submitted, parameters, notes);
    }
    if let Some(providers) = submitted.conf.get("provider") {
        providers_of(submitted, providers, notes);
    }
}

fn own_fields(submitted: &Submitted<'_>, notes: &mut Notes) {
    let is_old = submitted.dialect == Dialect::FateV1;
    let mut known = FIELDS.to_vec();
    known.extend(OF_VERSION_1.into_iter().filter(|_| is_old));
    for name in submitted.conf.keys().map(String::as_str) {
        if known.contains(&name) || DEBRIS.contains(&name) {
            continue;
        }
        let path = below(CONF, name);
        if OF_VERSION_1.contains(&name) {
            let instead = "write component_parameters.common and component_parameters.role";
            notes.idle(
                &path,
                "belongs to dsl_version 1 and does nothing in version 2",
                instead,
            );
        } else {
            notes.unknown(&path, "is not known", &known);
        }
    }
}

fn people(submitted: &Submitted<'_>, notes: &mut Notes) {
    if let Some(initiator) = submitted.conf.get("initiator").and_then(Value::as_object) {
        strangers(
            initiator,
            ("job_runtime_conf.initiator", "is not known"),
            &["role", "party_id"],
            notes,
        );
    }
    let words = Role::ALL.map(|role| role.word());
    if let Some(roles) = submitted.conf.get("role").and_then(Value::as_object) {
        strangers(
            roles,
            (
                "job_runtime_conf.role",
                "is not a role (its parties take no part)",
            ),
            &words,
            notes,
        );
    }
}

/// `common` and `role` of a section; other fields are told.
fn sections<'v>(
    section: &'v Value,
    path: &str,
    submitted: &Submitted<'_>,
    notes: &mut Notes,
) -> Option<&'v Map<String, Value>> {
    let Some(fields) = section.as_object() else {
        if !section.is_null() {
            notes.idle(
                path,
                "is not an object and says nothing",
                "write an object with common and role",
            );
        }
        return None;
    };
    let names = submitted.names();
    for name in fields
        .keys()
        .filter(|name| !SECTIONS.contains(&name.as_str()))
    {
        let own = below(path, name);
        if names.contains(&name.as_str()) {
            notes.idle(
                &own,
                "stands beside common and does nothing",
                &format!("write {path}.common.{name}"),
            );
        } else {
            notes.unknown(&own, "is not known", &SECTIONS);
        }
    }
    Some(fields)
}

fn component_parameters(submitted: &Submitted<'_>, parameters: &Value, notes: &mut Notes) {
    let path = "job_runtime_conf.component_parameters";
    let Some(fields) = sections(parameters, path, submitted, notes) else {
        return;
    };
    match fields.get("common") {
        Some(Value::Object(common)) => {
            components(submitted, common, (&below(path, "common"), None), notes)
        }
        None | Some(Value::Null) => {}
        Some(_) => notes.idle(
            &below(path, "common"),
            "is not an object and says nothing",
            "write one entry a component",
        ),
    }
    let Some(roles) = fields.get("role") else {
        return;
    };
    for Place { role, path, fields } in places(
        roles,
        (&below(path, "role"), submitted.cast),
        &submitted.names(),
        notes,
    ) {
        components(submitted, fields, (&path, Some(role)), notes);
    }
}

/// What is said of components for everybody, or for parties of a role.
pub(super) fn components(
    submitted: &Submitted<'_>,
    said: &Map<String, Value>,
    (path, role): (&str, Option<Role>),
    notes: &mut Notes,
) {
    for (name, own) in said {
        let path = below(path, name);
        let Some(step) = submitted.step(name) else {
            if !submitted.repeats_training(name, own) {
                let of = if submitted.trained.is_some() {
                    "deployed model"
                } else {
                    "DSL"
                };
                notes.unknown(
                    &path,
                    &format!("names no component of the {of}"),
                    &submitted.names(),
                );
            }
            continue;
        };
        if let Some(role) =
            role.filter(|role| !step.participants.iter().any(|who| who.role == *role))
        {
            notes.idle(
                &path,
                "does nothing",
                &format!(
                    "{} ({}) does not run at role {role}",
                    step.name, step.module
                ),
            );
        } else if !own.is_object() {
            notes.idle(
                &path,
                "is not an object and says nothing",
                "write an object of parameters",
            );
        }
    }
}

/// Components that are not in the DSL are refused elsewhere, as FATE does.
fn providers_of(submitted: &Submitted<'_>, providers: &Value, notes: &mut Notes) {
    let path = "job_runtime_conf.provider";
    let Some(fields) = sections(providers, path, submitted, notes) else {
        return;
    };
    if let Some(roles) = fields.get("role") {
        places(
            roles,
            (&below(path, "role"), submitted.cast),
            &submitted.names(),
            notes,
        );
    }
}
