//! The runtime conf: its version, who takes part, and who asks.

use domain::Dialect;
use serde_json::{Map, Value};
use vocabulary::nearest::hint;
use vocabulary::{Cast, Participant, PartyId, Role};

use crate::diagnostic::{Diagnostic, Rule};
use crate::python::{plain, repr};

/// A role has no more parties than this.
const MOST_PARTIES: usize = 1_000;

/// Who takes part in a job.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    pub(crate) cast: Cast,
    pub(crate) initiator: Participant,
}

/// The conf as an object.
pub(crate) fn object<'a>(
    conf: &'a Value,
    found: &mut Vec<Diagnostic>,
) -> Option<&'a Map<String, Value>> {
    let object = conf.as_object();
    if object.is_none() {
        let message = format!(
            "job_runtime_conf should be dict, but {} does not match",
            kind_of(conf)
        );
        found.push(
            Diagnostic::new(Rule::ConfShape, message, "job_runtime_conf").next("give an object"),
        );
    }
    object
}

/// Which version the conf is written in: 2, or 1 when it does not say and looks like it.
pub(crate) fn dialect(conf: &Map<String, Value>, found: &mut Vec<Diagnostic>) -> Option<Dialect> {
    let looks_old =
        conf.contains_key("role_parameters") || conf.contains_key("algorithm_parameters");
    let looks_new = conf.contains_key("component_parameters")
        || conf
            .get("job_parameters")
            .is_some_and(|parameters| parameters.get("common").is_some());
    match conf.get("dsl_version").map(plain).as_deref() {
        Some("2") => Some(Dialect::FateV2),
        None | Some("1" | "None") if looks_new && !looks_old => Some(Dialect::FateV2),
        None | Some("1" | "None") => Some(Dialect::FateV1),
        Some(other) => {
            let message = format!("dsl_version {other} is not supported");
            found.push(
                Diagnostic::new(Rule::ConfShape, message, "job_runtime_conf.dsl_version")
                    .next("write 2 or 1"),
            );
            None
        }
    }
}

/// Reads who takes part, and writes party ids that are numbers as numbers.
pub(crate) fn parties(
    conf: &mut Map<String, Value>,
    found: &mut Vec<Diagnostic>,
) -> Option<Parties> {
    require(conf, &["initiator", "role"], "job_runtime_conf", found)?;
    let mut initiator = conf.get("initiator")?.clone();
    let Some(asks) = initiator.as_object_mut() else {
        found.push(shape("initiator", "an object with role and party_id"));
        return None;
    };
    require(
        asks,
        &["role", "party_id"],
        "job_runtime_conf.initiator",
        found,
    )?;
    let before = found.len();
    let party = party(
        asks.get_mut("party_id")?,
        "job_runtime_conf.initiator.party_id",
        found,
    );
    let cast = cast(conf.get_mut("role")?, found);
    if found.len() > before {
        return None;
    }
    let (cast, party) = (cast?, party?);
    let role = asks
        .get("role")
        .map(plain)
        .unwrap_or_default()
        .parse::<Role>()
        .ok();
    conf.insert("initiator".to_owned(), initiator);
    match role
        .map(|role| Participant::new(role, party.clone()))
        .filter(|initiator| cast.has(initiator))
    {
        Some(initiator) => Some(Parties { cast, initiator }),
        None => {
            let roles = conf.get("role").map(repr).unwrap_or_default();
            let message = format!("initiator party id {party} not in roles {roles}");
            let next = "list the initiator among the parties of its role";
            found.push(
                Diagnostic::new(Rule::Initiator, message, "job_runtime_conf.initiator").next(next),
            );
            None
        }
    }
}

/// Says with FATE's text which keys are missing.
pub(crate) fn require(
    fields: &Map<String, Value>,
    keys: &[&str],
    path: &str,
    found: &mut Vec<Diagnostic>,
) -> Option<()> {
    let missing: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| !fields.contains_key(*key))
        .collect();
    let Some(first) = missing.first() else {
        return Some(());
    };
    // Python prints the text of a KeyError in quotes.
    let message = format!("'required parameters are missing: {}; '", missing.join(","));
    let plain = format!("required parameters are missing: {}", missing.join(", "));
    found.push(
        Diagnostic::new(Rule::ConfComplete, message, format!("{path}.{first}"))
            .meaning(plain)
            .next("add them"),
    );
    None
}

fn cast(roles: &mut Value, found: &mut Vec<Diagnostic>) -> Option<Cast> {
    let Some(roles) = roles.as_object_mut().filter(|roles| !roles.is_empty()) else {
        found.push(shape(
            "role",
            "an object with a list of party ids for each role",
        ));
        return None;
    };
    let mut cast = Cast::default();
    for (name, ids) in roles.iter_mut() {
        let path = format!("job_runtime_conf.role.{name}");
        let Some(ids) = ids.as_array_mut().filter(|ids| ids.len() <= MOST_PARTIES) else {
            found.push(shape(
                &format!("role.{name}"),
                &format!("a list of at most {MOST_PARTIES} party ids"),
            ));
            continue;
        };
        let mut parties: Vec<PartyId> = Vec::new();
        for (index, id) in ids.iter_mut().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(party) = party(id, &path, found) else {
                continue;
            };
            if parties.contains(&party) {
                let message = format!("party {party} stands twice in role {name}");
                found.push(
                    Diagnostic::new(Rule::PartyIds, message, path)
                        .next("list each party once in a role"),
                );
            }
            parties.push(party);
        }
        // Roles that are none of ours take no part, but stay in the document.
        if let Ok(role) = name.parse::<Role>() {
            *cast.of_mut(role) = parties;
        }
    }
    Some(cast)
}

/// Reads a party id; a text that is a plain number becomes one.
fn party(id: &mut Value, path: &str, found: &mut Vec<Diagnostic>) -> Option<PartyId> {
    let text = match &*id {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    };
    let Some(party) = text
        .as_ref()
        .and_then(|text| PartyId::new(text.clone()).ok())
    else {
        let message = format!("invalid literal for int() with base 10: {}", repr(id));
        let meaning = format!("{} is not a party id", repr(id));
        let next = "write the party's id as its certificate names it, such as 9999";
        found.push(
            Diagnostic::new(Rule::PartyIds, message, path)
                .meaning(meaning)
                .next(next),
        );
        return None;
    };
    if let Some(number) = party
        .as_str()
        .parse::<i64>()
        .ok()
        .filter(|number| number.to_string() == party.as_str())
    {
        *id = Value::from(number);
    }
    Some(party)
}

/// Checks that every party belongs to the federation.
pub(crate) fn check_known(cast: &Cast, known: &[PartyId], found: &mut Vec<Diagnostic>) {
    for role in Role::ALL {
        for (index, party) in cast
            .of(role)
            .iter()
            .enumerate()
            .filter(|(_, party)| !known.contains(party))
        {
            let message = format!("party {party} is not in the federation");
            let path = format!("job_runtime_conf.role.{role}[{index}]");
            let mut diagnostic = Diagnostic::new(Rule::PartyKnown, message, path);
            if let Some(hint) = hint(party.as_str(), known.iter().map(PartyId::as_str)) {
                diagnostic = diagnostic.next(hint);
            }
            found.push(diagnostic);
        }
    }
}

fn shape(key: &str, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        Rule::ConfShape,
        format!("{key} should be {wanted}"),
        format!("job_runtime_conf.{key}"),
    )
    .next(format!("give {wanted}"))
}

/// What kind of value it is, in JSON's words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
