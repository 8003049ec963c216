//! Job parameters: what the user may set, its defaults, and what it means for how the job is run.

use std::collections::BTreeMap;

use domain::{JobKind, JobSettings};
use serde_json::{Map, Value, json};
use vocabulary::{Cast, Participant, StepName};

use crate::diagnostic::{Diagnostic, Rule};
use crate::fate::conf::kind_of;
use crate::fate::parameters::{means, overlay};
use crate::own_parameters::job_parameters_of;

/// What a job parameter holds.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Holds {
    /// A whole number of at least this.
    Whole(i64),
    Text,
    Object,
    Anything,
}

/// The lowest priority is as far below 0 as this.
const MOST_PRIORITY: i64 = 1_000_000_000;

/// Every job parameter that is known; all others are dropped, as FATE does, and told.
pub(crate) const KNOWN: [(&str, Holds); 31] = [
    ("job_type", Holds::Text),
    ("inheritance_info", Holds::Object),
    ("model_id", Holds::Text),
    ("model_version", Holds::Text),
    ("task_cores", Holds::Whole(1)),
    ("task_parallelism", Holds::Whole(1)),
    ("computing_partitions", Holds::Whole(1)),
    ("auto_retries", Holds::Whole(0)),
    ("auto_retry_delay", Holds::Whole(0)),
    ("timeout", Holds::Whole(1)),
    ("task_timeout", Holds::Whole(1)),
    ("priority", Holds::Whole(-MOST_PRIORITY)),
    ("federated_status_collect_type", Holds::Text),
    ("federated_mode", Holds::Text),
    ("computing_engine", Holds::Text),
    ("storage_engine", Holds::Text),
    ("federation_engine", Holds::Text),
    ("engines_address", Holds::Object),
    ("federation_info", Holds::Object),
    ("eggroll_run", Holds::Object),
    ("spark_run", Holds::Object),
    ("rabbitmq_run", Holds::Object),
    ("pulsar_run", Holds::Object),
    ("task_conf", Holds::Object),
    ("adaptation_parameters", Holds::Object),
    ("dsl_version", Holds::Anything),
    ("assistant_role", Holds::Anything),
    ("map_table_name", Holds::Anything),
    ("map_namespace", Holds::Anything),
    ("federated_data_exchange_type", Holds::Anything),
    ("user", Holds::Text),
];

/// Parameters of older versions that are accepted, do nothing, and are worth a warning.
pub(crate) const REMOVED: [&str; 2] = ["backend", "work_mode"];

/// Completes `job_parameters.common` of a conf in version 2, in place, and reads from it how the job is run.
pub(crate) fn complete(
    conf: &mut Map<String, Value>,
    kind: JobKind,
    prefix: &str,
    found: &mut Vec<Diagnostic>,
) -> JobSettings {
    let given = given(conf, found);
    let checked = checked(&given, prefix, found);
    let mut settings = settings(&checked);
    settings.step_timeouts = step_timeouts(&checked, prefix, found);
    let role_parameters = conf
        .get("job_parameters")
        .and_then(|own| own.get("role"))
        .cloned();
    let role_parameters = role_parameters
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    let mut common = defaults(&checked, &settings);
    for (key, value) in checked {
        match (common.get_mut(&key), &value) {
            // Objects are laid over their defaults field by field, so naming one field does not
            // lose the others.
            (Some(Value::Object(own)), Value::Object(said)) => own.extend(said.clone()),
            _ => {
                common.insert(key, value);
            }
        }
    }
    let job_type = if kind == JobKind::Predict {
        "predict"
    } else {
        "train"
    };
    common.insert("job_type".to_owned(), json!(job_type));
    common.insert(
        "roles".to_owned(),
        conf.get("role").cloned().unwrap_or_else(|| json!({})),
    );
    common.insert("role_parameters".to_owned(), role_parameters.clone());
    let mut completed = json!({"common": common});
    if role_parameters
        .as_object()
        .is_some_and(|own| !own.is_empty())
    {
        completed["role"] = role_parameters;
    }
    conf.insert("job_parameters".to_owned(), completed);
    settings
}

/// A completed conf as one party keeps it: its job parameters lie flat, with what is said for the party laid over them.
pub fn conf_on_party(conf: &Value, cast: &Cast, participant: &Participant) -> Value {
    let mut own = conf.clone();
    let Some(fields) = own.as_object_mut() else {
        return own;
    };
    let mut flat = job_parameters_of(conf, cast, participant);
    overlay(
        &mut flat,
        &json!({"adaptation_parameters": {"if_initiator_baseline": false}}),
    );
    fields.insert("job_parameters".to_owned(), flat);
    own
}

/// What a conf says of a step at a participant: what it says for all, with what it says for the participant laid over it.
pub fn said_of(
    component_parameters: &Value,
    cast: &Cast,
    participant: &Participant,
    step: &str,
) -> Value {
    let mut said = component_parameters
        .get("common")
        .and_then(|common| common.get(step))
        .cloned()
        .unwrap_or(json!({}));
    let place = cast
        .of(participant.role)
        .iter()
        .position(|party| *party == participant.party);
    let roles = component_parameters.get("role");
    let entries = roles.and_then(|roles| roles.get(participant.role.word())?.as_object());
    let mine = entries
        .into_iter()
        .flatten()
        .filter(|(key, _)| place.is_some_and(|place| means(key, place)));
    for own in mine.filter_map(|(_, entry)| entry.get(step)) {
        overlay(&mut said, own);
    }
    said
}

/// A completed conf with component parameters laid over its own, and job parameters in place of its common ones and of those
/// of single parties; the model stays. `Null` leaves either alone.
pub fn merged_conf(conf: &Value, component_parameters: &Value, job_parameters: &Value) -> Value {
    let mut merged = conf.clone();
    if component_parameters.is_object() {
        overlay(
            &mut merged,
            &json!({"component_parameters": component_parameters}),
        );
    }
    if let (Some(common), Some(fields)) = (job_parameters.get("common"), merged.as_object_mut()) {
        let mut common = common.clone();
        // A rerun is of the same job: what names its model is not for the caller to change.
        for kept in ["job_type", "model_id", "model_version", "inheritance_info"] {
            let own = conf.pointer(&format!("/job_parameters/common/{kept}"));
            if let (Some(own), Value::Object(common)) = (own, &mut common) {
                common.insert(kept.to_owned(), own.clone());
            }
        }
        let parameters = fields.entry("job_parameters").or_insert_with(|| json!({}));
        if let Value::Object(parameters) = parameters {
            parameters.insert("common".to_owned(), common);
        }
    }
    if let (Some(roles), Some(fields)) = (
        job_parameters.get("role").filter(|roles| !roles.is_null()),
        merged.as_object_mut(),
    ) {
        let parameters = fields.entry("job_parameters").or_insert_with(|| json!({}));
        if let Value::Object(parameters) = parameters {
            parameters.insert("role".to_owned(), roles.clone());
        }
    }
    merged
}

/// A participant's parameters with the component's defaults below them.
pub fn with_defaults(defaults: &Value, parameters: &Value) -> Value {
    let mut all = if defaults.is_object() {
        defaults.clone()
    } else {
        json!({})
    };
    overlay(&mut all, parameters);
    all
}

/// What FATE warns of: parameters that were removed.
pub(crate) fn warning(conf: &Map<String, Value>) -> Option<String> {
    let common = conf.get("job_parameters")?.get("common")?;
    let used: Vec<&str> = REMOVED
        .into_iter()
        .filter(|key| common.get(key).is_some())
        .collect();
    (!used.is_empty()).then(|| {
        format!(
            "[WARN]{} is removed,it does not take effect!",
            used.join(",")
        )
    })
}

fn given(conf: &Map<String, Value>, found: &mut Vec<Diagnostic>) -> Map<String, Value> {
    let mut wrong = |key: &str, value: &Value| {
        let message = format!(
            "{key} should be dict, but {} does not match",
            kind_of(value)
        );
        found.push(
            Diagnostic::new(Rule::ConfShape, message, format!("job_runtime_conf.{key}"))
                .next("give an object"),
        );
        Map::new()
    };
    match conf.get("job_parameters") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parameters)) => match parameters.get("common") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(common)) => common.clone(),
            Some(other) => wrong("job_parameters.common", other),
        },
        Some(other) => wrong("job_parameters", other),
    }
}

/// The known parameters that are not null and hold what they should.
fn checked(
    given: &Map<String, Value>,
    prefix: &str,
    found: &mut Vec<Diagnostic>,
) -> Map<String, Value> {
    let mut checked = Map::new();
    for (key, holds) in KNOWN {
        let Some(value) = given.get(key).filter(|value| !value.is_null()) else {
            continue;
        };
        match fitting(value, holds) {
            Some(value) => {
                checked.insert(key.to_owned(), value);
            }
            None => {
                let wanted = wanted(holds);
                let message = format!(
                    "job parameter {key} should be {wanted}, but it is {}",
                    shown(value)
                );
                let path = format!("job_runtime_conf.{prefix}.{key}");
                found.push(
                    Diagnostic::new(Rule::JobParameters, message, path)
                        .next(format!("give {wanted}")),
                );
            }
        }
    }
    checked
}

/// What a parameter holds, in words.
pub(crate) fn wanted(holds: Holds) -> String {
    match holds {
        Holds::Whole(least) => format!("a whole number of at least {least}"),
        Holds::Text => "a text".to_owned(),
        Holds::Object | Holds::Anything => "an object".to_owned(),
    }
}

/// A value as a parameter keeps it; none when it does not fit.
pub(crate) fn fitting(value: &Value, holds: Holds) -> Option<Value> {
    let fits = match holds {
        Holds::Whole(least) => {
            return whole(value)
                .filter(|number| *number >= least)
                .map(Value::from);
        }
        // Hand-written documents give ids and versions as numbers.
        Holds::Text if value.is_u64() => return Some(Value::String(value.to_string())),
        Holds::Text => value.is_string(),
        Holds::Object => value.is_object(),
        Holds::Anything => true,
    };
    fits.then(|| value.clone())
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        value
            .as_f64()
            // Up to 2^53 or so a float holds every whole number; beyond, it would be another one
            // than was written.
            .filter(|n| n.fract() == 0.0 && n.abs() < 9e15)
            .map(|n| n as i64)
    })
}

/// A value for a message, cut short.
pub(crate) fn shown(value: &Value) -> String {
    let text: String = value.to_string().chars().take(60).collect();
    format!("{} {text}", kind_of(value))
}

fn settings(checked: &Map<String, Value>) -> JobSettings {
    let number = |key: &str| checked.get(key).and_then(Value::as_i64);
    let count = |key: &str, default: u32| {
        // Too many stays too many: wrapped around, a huge number would be taken for a small one.
        number(key).map_or(default, |n| u32::try_from(n).unwrap_or(u32::MAX))
    };
    let millis = |key: &str, default: i64| {
        number(key).map_or(default, |seconds| seconds.saturating_mul(1_000))
    };
    let default = JobSettings::default();
    JobSettings {
        parallelism: count("task_parallelism", default.parallelism),
        retries: count("auto_retries", default.retries),
        retry_delay_millis: millis("auto_retry_delay", default.retry_delay_millis),
        restarts: default.restarts,
        timeout_millis: millis("timeout", default.timeout_millis),
        partitions: count("computing_partitions", default.partitions),
        task_cores: count("task_cores", default.task_cores),
        of_parties: Vec::new(),
        priority: number("priority")
            .unwrap_or(default.priority)
            .min(MOST_PRIORITY),
        step_timeout_millis: number("task_timeout").map(|seconds| seconds.saturating_mul(1_000)),
        step_timeouts: BTreeMap::new(),
        inherited: BTreeMap::new(),
        queue: default.queue,
        limits: default.limits,
        keeps: None,
        after: None,
        shared_retries: false,
    }
}

/// Limits of single steps: `task_conf.STEP.timeout`, in seconds. Everything else under `task_conf` is for other engines.
fn step_timeouts(
    checked: &Map<String, Value>,
    prefix: &str,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<StepName, i64> {
    let mut limits = BTreeMap::new();
    for (step, own) in checked
        .get("task_conf")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let Some(said) = own.get("timeout").filter(|said| !said.is_null()) else {
            continue;
        };
        let (seconds, name) = (
            whole(said).filter(|seconds| *seconds >= 1),
            StepName::new(step.clone()),
        );
        match (seconds, name) {
            (Some(seconds), Ok(name)) => {
                limits.insert(name, seconds.saturating_mul(1_000));
            }
            _ => {
                let wanted = "a whole number of seconds, at least 1, under the name of a component";
                let message = format!(
                    "task_conf.{step}.timeout should be {wanted}, but it is {}",
                    shown(said)
                );
                let path = format!("job_runtime_conf.{prefix}.task_conf.{step}.timeout");
                found.push(
                    Diagnostic::new(Rule::JobParameters, message, path)
                        .next(format!("give {wanted}")),
                );
            }
        }
    }
    limits
}

fn defaults(checked: &Map<String, Value>, settings: &JobSettings) -> Map<String, Value> {
    let cores = checked
        .get("task_cores")
        .and_then(Value::as_i64)
        .unwrap_or(4);
    // FATE's keys, also for engines that are not here: its clients and FATE-Board show the
    // completed conf.
    let defaults = json!({
        "job_type": null,
        "inheritance_info": {},
        "task_cores": cores,
        "task_parallelism": settings.parallelism,
        "computing_partitions": settings.partitions,
        "auto_retries": settings.retries,
        "auto_retry_delay": settings.retry_delay_millis / 1_000,
        "timeout": settings.timeout_millis / 1_000,
        "federated_status_collect_type": "PUSH",
        "federated_mode": "SINGLE",
        "computing_engine": "STANDALONE",
        "storage_engine": "STANDALONE",
        "federation_engine": "STANDALONE",
        "engines_address": {},
        "federation_info": {},
        "eggroll_run": {},
        "spark_run": {},
        "rabbitmq_run": {},
        "pulsar_run": {},
        "task_conf": {},
        "adaptation_parameters": {
            "task_nodes": 1,
            "task_cores_per_node": cores,
            "task_memory_per_node": 0,
            "request_task_cores": cores,
            "if_initiator_baseline": true
        }
    });
    if let Value::Object(fields) = defaults {
        fields
    } else {
        Map::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(common: Value) -> (Value, JobSettings, Vec<Diagnostic>) {
        let conf = json!({"role": {"guest": [1]}, "job_parameters": {"common": common}});
        let Value::Object(mut conf) = conf else {
            panic!("object")
        };
        let mut found = Vec::new();
        let settings = complete(
            &mut conf,
            JobKind::Train,
            "job_parameters.common",
            &mut found,
        );
        (conf["job_parameters"]["common"].clone(), settings, found)
    }

    #[test]
    fn fills_in_defaults_and_drops_what_it_does_not_know() {
        let (common, settings, found) =
            completed(json!({"work_mode": 1, "surprise": 2, "task_cores": 2, "model_id": null}));
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(
            settings,
            JobSettings {
                task_cores: 2,
                ..JobSettings::default()
            }
        );
        assert_eq!(common["timeout"], json!(259_200));
        assert_eq!(
            common["adaptation_parameters"]["request_task_cores"],
            json!(2)
        );
        assert_eq!(common["roles"], json!({"guest": [1]}));
        for gone in ["work_mode", "surprise", "model_id"] {
            assert!(common.get(gone).is_none(), "{gone} stayed");
        }
    }

    #[test]
    fn lays_a_partys_own_job_parameters_over_the_common_ones() {
        let conf = json!({"x": 1, "job_parameters": {
            "common": {"task_cores": 4, "adaptation_parameters": {"task_nodes": 1, "if_initiator_baseline": true}},
            "role": {"host": {"1": {"task_cores": 8}, "0": {"task_cores": 9}}}
        }});
        let party = |id: &str| vocabulary::PartyId::new(id).expect("valid");
        let cast = Cast {
            host: vec![party("1"), party("2")],
            ..Cast::default()
        };
        let own = conf_on_party(
            &conf,
            &cast,
            &Participant::new(vocabulary::Role::Host, party("2")),
        );
        let flat = json!({"task_cores": 8, "adaptation_parameters": {"task_nodes": 1, "if_initiator_baseline": false}});
        assert_eq!(own, json!({"x": 1, "job_parameters": flat}));
        let all = with_defaults(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 3}}));
        assert_eq!(all, json!({"a": {"b": 3, "c": 2}}));
    }

    #[test]
    fn reads_how_the_job_is_run() {
        let given = json!({"task_parallelism": 2, "auto_retries": 1, "auto_retry_delay": 5, "timeout": 60, "computing_partitions": 8});
        let (_, settings, found) = completed(given);
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(
            (settings.parallelism, settings.retries, settings.partitions),
            (2, 1, 8)
        );
        assert_eq!(
            (settings.retry_delay_millis, settings.timeout_millis),
            (5_000, 60_000)
        );
    }

    #[test]
    fn names_the_path_of_a_parameter_of_the_wrong_type() {
        let (_, _, found) =
            completed(json!({"timeout": "soon", "task_parallelism": 0, "spark_run": []}));
        let paths: Vec<&str> = found
            .iter()
            .filter_map(|diagnostic| diagnostic.fault.path.as_deref())
            .collect();
        let at = |key: &str| format!("job_runtime_conf.job_parameters.common.{key}");
        assert_eq!(
            paths,
            [at("task_parallelism"), at("timeout"), at("spark_run")]
        );
        assert_eq!(
            found[1].message,
            "job parameter timeout should be a whole number of at least 1, but it is string \"soon\""
        );
    }
}
