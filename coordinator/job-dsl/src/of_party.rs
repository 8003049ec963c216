//! Job parameters that one party may have of its own: `job_parameters.role.ROLE.PLACE`.

use domain::PartySettings;
use serde_json::{Map, Value};
use vocabulary::Cast;

use crate::complete::{Holds, fitting, shown, wanted};
use crate::diagnostic::{Diagnostic, Rule};
use crate::own_parameters::entries_of;

/// What may be said for one party, and what it holds.
pub(crate) const OWN: [(&str, Holds); 3] = [
    ("task_cores", Holds::Whole(1)),
    ("computing_partitions", Holds::Whole(1)),
    ("user", Holds::Text),
];

/// What is said for single participants, in a form that counts; what does not fit is told with its place.
pub(crate) fn settings_of_parties(
    conf: &Map<String, Value>,
    cast: &Cast,
    found: &mut Vec<Diagnostic>,
) -> Vec<PartySettings> {
    let parameters = conf.get("job_parameters");
    let mut all = Vec::new();
    for who in cast.participants() {
        let mut own = PartySettings {
            who: who.clone(),
            task_cores: None,
            partitions: None,
        };
        for (key, entry) in entries_of(parameters, cast, &who) {
            let path = format!("job_runtime_conf.job_parameters.role.{}.{key}", who.role);
            for (name, holds) in OWN {
                let Some(value) = entry.get(name).filter(|value| !value.is_null()) else {
                    continue;
                };
                // Beyond any number of cores is refused as too many, as in the common ones.
                let number = |value: &Value| {
                    value
                        .as_u64()
                        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
                };
                match (fitting(value, holds), name) {
                    (Some(value), "task_cores") => own.task_cores = number(&value),
                    (Some(value), "computing_partitions") => own.partitions = number(&value),
                    (Some(_), _) => {}
                    (None, _) => {
                        found.push(misfit(&format!("{path}.{name}"), (name, value), holds))
                    }
                }
            }
        }
        if own.task_cores.is_some() || own.partitions.is_some() {
            all.push(own);
        }
    }
    all
}

fn misfit(path: &str, (name, value): (&str, &Value), holds: Holds) -> Diagnostic {
    let wanted = wanted(holds);
    let message = format!(
        "job parameter {name} should be {wanted}, but it is {}",
        shown(value)
    );
    Diagnostic::new(Rule::JobParameters, message, path).next(format!("give {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_parameters::job_parameters_of;
    use serde_json::json;
    use vocabulary::{Participant, PartyId, Role};

    fn cast() -> Cast {
        let party = |id: &str| PartyId::new(id).expect("valid");
        Cast {
            guest: vec![party("1")],
            host: vec![party("2"), party("3")],
            ..Cast::default()
        }
    }

    fn conf(host: Value) -> Value {
        json!({"job_parameters": {"common": {"task_cores": 4, "timeout": 9}, "role": {"host": host}}})
    }

    #[test]
    fn lays_what_is_said_for_a_place_over_what_is_said_for_all() {
        let conf = conf(
            json!({"0": {"task_cores": 2, "user": "bob"}, "0|1": {"user": "eve"}, "7": {"user": "x"}}),
        );
        let of = |role, id: &str| {
            job_parameters_of(
                &conf,
                &cast(),
                &Participant::new(role, PartyId::new(id).expect("valid")),
            )
        };
        assert_eq!(
            of(Role::Host, "2"),
            json!({"task_cores": 2, "timeout": 9, "user": "eve"})
        );
        assert_eq!(
            of(Role::Host, "3"),
            json!({"task_cores": 4, "timeout": 9, "user": "eve"})
        );
        assert_eq!(of(Role::Guest, "1"), json!({"task_cores": 4, "timeout": 9}));
    }

    #[test]
    fn reads_settings_of_single_parties_and_refuses_what_they_cannot_hold() {
        let mut found = Vec::new();
        let good = conf(json!({"0": {"task_cores": 2}, "all": {"computing_partitions": 8}}));
        let own = settings_of_parties(good.as_object().expect("object"), &cast(), &mut found);
        assert!(found.is_empty(), "{found:?}");
        let read: Vec<_> = own
            .iter()
            .map(|one| (one.who.to_string(), one.task_cores, one.partitions))
            .collect();
        assert_eq!(
            read,
            [
                ("host 2".to_owned(), Some(2), Some(8)),
                ("host 3".to_owned(), None, Some(8))
            ]
        );
        let bad = conf(json!({"1": {"task_cores": 0, "user": ["x"]}}));
        settings_of_parties(bad.as_object().expect("object"), &cast(), &mut found);
        let paths: Vec<_> = found
            .iter()
            .filter_map(|one| one.fault.path.as_deref())
            .collect();
        let at = |name: &str| format!("job_runtime_conf.job_parameters.role.host.1.{name}");
        assert_eq!(paths, [at("task_cores"), at("user")]);
    }
}
