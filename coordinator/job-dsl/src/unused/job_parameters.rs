//! Job parameters: names that are not known, and those that FATE has for engines that are not here.

use domain::Dialect;
use serde_json::{Map, Value, json};

use super::{Notes, Place, Submitted, below, places, strangers};
use crate::complete::{KNOWN, REMOVED};
use crate::of_party::OWN;

const PATH: &str = "job_runtime_conf.job_parameters";
/// What a completed conf has in its common parameters besides: it may come back.
const COMPLETED: [&str; 3] = ["roles", "role_parameters", "experiment"];
/// Which model a predict job applies; also read where nothing stands under `common`.
const REQUEST: [&str; 3] = ["job_type", "model_id", "model_version"];

/// Looks through the job parameters, for all and for single parties.
pub(super) fn look(submitted: &Submitted<'_>, notes: &mut Notes) {
    let Some(parameters) = submitted
        .conf
        .get("job_parameters")
        .and_then(Value::as_object)
    else {
        return;
    };
    let common = parameters.get("common").and_then(Value::as_object);
    if submitted.dialect == Dialect::FateV1 && common.is_none() {
        return common_ones(submitted, parameters, PATH, notes);
    }
    for name in parameters
        .keys()
        .map(String::as_str)
        .filter(|name| !["common", "role"].contains(name))
    {
        let path = below(PATH, name);
        if common.is_none() && REQUEST.contains(&name) {
            continue;
        }
        if is_known(name) {
            notes.idle(
                &path,
                "stands beside common and does nothing",
                &format!("write {PATH}.common.{name}"),
            );
        } else {
            notes.unknown(&path, "is not known", &["common", "role"]);
        }
    }
    if let Some(common) = common {
        common_ones(submitted, common, &below(PATH, "common"), notes);
    }
    let Some(roles) = parameters.get("role") else {
        return;
    };
    for Place { path, fields, .. } in
        places(roles, (&below(PATH, "role"), submitted.cast), &[], notes)
    {
        of_party(fields, &path, notes);
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name) || COMPLETED.contains(&name)
}

fn names() -> Vec<&'static str> {
    KNOWN
        .iter()
        .map(|(known, _)| *known)
        .chain(["experiment"])
        .collect()
}

fn common_ones(
    submitted: &Submitted<'_>,
    said: &Map<String, Value>,
    path: &str,
    notes: &mut Notes,
) {
    for (name, value) in said {
        let path = below(path, name);
        if !is_known(name) {
            // What was removed is told in FATE's own words.
            if !REMOVED.contains(&name.as_str()) {
                notes.unknown(&path, "is not known", &names());
            }
        } else if let Some(why) = without_effect(name, value, said) {
            notes.idle(&path, "has no effect", why);
        }
    }
    let kind = said
        .get("job_type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !["", "train", "predict"].contains(&kind) {
        let what = format!("{:?} is none", shortened(kind));
        notes.idle(
            &below(path, "job_type"),
            &what,
            "the job trains; write train or predict",
        );
    }
    inheritance(
        said.get("inheritance_info"),
        &below(path, "inheritance_info"),
        notes,
    );
    limits_of_steps(
        submitted,
        said.get("task_conf"),
        &below(path, "task_conf"),
        notes,
    );
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Why a known parameter has no effect; none when it says what holds anyway.
fn without_effect(name: &str, value: &Value, said: &Map<String, Value>) -> Option<&'static str> {
    const ENGINE: &str = "fedflow has one engine of its own";
    let is_empty = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if is_empty {
        return None;
    }
    let says = |word: &str| {
        value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    match name {
        "federated_status_collect_type" => (!says("PUSH")).then_some("states are always pushed"),
        "federated_mode" => (!says("SINGLE")).then_some("one coordinator serves all parties"),
        "computing_engine" | "storage_engine" | "federation_engine" => {
            (!says("STANDALONE")).then_some(ENGINE)
        }
        "engines_address"
        | "federation_info"
        | "eggroll_run"
        | "spark_run"
        | "rabbitmq_run"
        | "pulsar_run"
        | "assistant_role"
        | "map_table_name"
        | "map_namespace"
        | "federated_data_exchange_type" => Some(ENGINE),
        "adaptation_parameters" => {
            (!is_adapted(value, said)).then_some("write task_cores for cores")
        }
        _ => None,
    }
}

/// Whether adaptation parameters say what follows from the others, as a completed conf does.
fn is_adapted(value: &Value, said: &Map<String, Value>) -> bool {
    let cores = said.get("task_cores").and_then(Value::as_i64).unwrap_or(4);
    let follows = json!({"task_nodes": 1, "task_cores_per_node": cores, "task_memory_per_node": 0, "request_task_cores": cores});
    let fits = |(name, own): (&String, &Value)| {
        name == "if_initiator_baseline" || own.is_null() || follows.get(name) == Some(own)
    };
    value
        .as_object()
        .is_some_and(|fields| fields.iter().all(fits))
}

fn inheritance(info: Option<&Value>, path: &str, notes: &mut Notes) {
    let Some(fields) = info
        .and_then(Value::as_object)
        .filter(|fields| !fields.is_empty())
    else {
        return;
    };
    strangers(
        fields,
        (path, "is not known"),
        &["job_id", "component_list"],
        notes,
    );
    let names = fields.get("component_list").and_then(Value::as_array);
    let listed = names.is_some_and(|names| names.iter().any(Value::is_string));
    if !listed || fields.get("job_id").is_none_or(Value::is_null) {
        notes.idle(
            path,
            "takes nothing over",
            "name job_id and, under component_list, the steps to take over",
        );
    }
}

fn limits_of_steps(submitted: &Submitted<'_>, conf: Option<&Value>, path: &str, notes: &mut Notes) {
    for (step, own) in conf.and_then(Value::as_object).into_iter().flatten() {
        let path = below(path, step);
        if submitted.step(step).is_none() {
            notes.unknown(&path, "names no component of the DSL", &submitted.names());
        } else if let Some(fields) = own.as_object() {
            strangers(fields, (&path, "is not known"), &["timeout"], notes);
        } else {
            notes.idle(
                &path,
                "is not an object and says nothing",
                "write {\"timeout\": SECONDS}",
            );
        }
    }
}

/// What is said for one party.
fn of_party(said: &Map<String, Value>, path: &str, notes: &mut Notes) {
    let own: Vec<&str> = OWN.iter().map(|(name, _)| *name).collect();
    for (name, value) in said {
        let path = below(path, name);
        if own.contains(&name.as_str()) {
            continue;
        }
        if let Some(why) = without_effect(name, value, said) {
            notes.idle(&path, "has no effect", why);
        } else if is_known(name) {
            if !value.is_null() {
                notes.idle(
                    &path,
                    "counts for the whole job and does nothing here",
                    &format!("write {PATH}.common.{name}"),
                );
            }
        } else {
            notes.unknown(&path, "is not known", &own);
        }
    }
}
