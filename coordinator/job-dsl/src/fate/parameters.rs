//! Component parameters: what is common to all, overlaid with what is said for a role or a party.

use domain::Dialect;
use serde_json::{Map, Value};
use vocabulary::Participant;

/// Whether an index key of `role.ROLE` (`"0"`, `"0|2"`, `"all"`) means the party at a place in its role. Anything else
/// means nobody.
pub(crate) fn means(key: &str, place: usize) -> bool {
    key.split('|')
        .map(str::trim)
        .any(|part| part == "all" || part.parse() == Ok(place))
}

/// Lays `over` on `under`: objects field by field, everything else replaced.
pub(crate) fn overlay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(key) {
                    Some(own) => overlay(own, value),
                    None => {
                        under.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// What is said of a component for the party at a place in its role, in the order in which it applies.
fn said<'a>(conf: &'a Value, who: (&str, usize), component: &str) -> Vec<(String, &'a Value)> {
    let (role, place) = who;
    let all = conf.get("component_parameters");
    let common = all
        .and_then(|all| all.get("common")?.get(component))
        .map(|own| ("common".to_owned(), own));
    let of_role = all.and_then(|all| all.get("role")?.get(role)?.as_object());
    let mine = of_role
        .into_iter()
        .flatten()
        .filter(|(key, _)| means(key, place));
    let mine =
        mine.filter_map(|(key, entry)| Some((format!("role.{role}.{key}"), entry.get(component)?)));
    // Values that are no objects say nothing of a component's parameters.
    common
        .into_iter()
        .chain(mine)
        .filter(|(_, own)| own.is_object())
        .collect()
}

/// The merged parameters of a component for a participant.
pub(crate) fn merged(
    conf: &Value,
    role: &str,
    place: usize,
    component: &str,
) -> Map<String, Value> {
    let mut merged = Value::Object(Map::new());
    for (_, own) in said(conf, (role, place), component) {
        overlay(&mut merged, own);
    }
    if let Value::Object(fields) = merged {
        fields
    } else {
        Map::new()
    }
}

/// Where in the submitted conf a participant's parameter comes from: the last place that says it.
pub(crate) struct Origin<'a> {
    pub(crate) conf: &'a Value,
    pub(crate) dialect: Dialect,
    pub(crate) participant: &'a Participant,
    /// The participant's place in its role.
    pub(crate) place: usize,
    pub(crate) component: &'a str,
}

impl Origin<'_> {
    /// The path of a parameter in the submitted conf.
    pub(crate) fn path(&self, pointer: &[String]) -> String {
        let role = self.participant.role.word();
        let sources = said(self.conf, (role, self.place), self.component);
        let source = sources
            .iter()
            .rev()
            .find(|(_, own)| follow(own, pointer).is_some())
            .map(|(source, _)| source.as_str());
        let source = source.unwrap_or("common");
        let inside = pointer
            .iter()
            .fold(String::new(), |path, part| match part.parse::<usize>() {
                Ok(index) => format!("{path}[{index}]"),
                Err(_) => format!("{path}.{part}"),
            });
        match (self.dialect, source) {
            (Dialect::FateV2, source) => {
                format!(
                    "job_runtime_conf.component_parameters.{source}.{}{inside}",
                    self.component
                )
            }
            (Dialect::FateV1, "common") => format!(
                "job_runtime_conf.algorithm_parameters.{}{inside}",
                self.component
            ),
            (Dialect::FateV1, _) => {
                format!(
                    "job_runtime_conf.role_parameters.{role}.{}{inside}[{}]",
                    self.component, self.place
                )
            }
        }
    }
}

fn follow<'a>(value: &'a Value, pointer: &[String]) -> Option<&'a Value> {
    pointer.iter().try_fold(value, |at, part| match at {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vocabulary::{PartyId, Role};

    #[test]
    fn reads_index_keys_and_ignores_others() {
        assert!(means("0", 0) && means("0|2", 2) && means("all", 7) && means(" 1 | 3 ", 3));
        for key in ["0|2", "", "secure_add_example_0", "-1", "01x", "|"] {
            assert!(!means(key, 1), "{key:?}");
        }
    }

    #[test]
    fn overlays_common_with_each_matching_entry_in_document_order() {
        let conf = json!({"component_parameters": {
            "common": {"a_0": {"x": 1, "deep": {"p": 1, "q": 1}, "list": [1, 2]}},
            "role": {"host": {
                "0|1": {"a_0": {"deep": {"q": 2}, "list": [3]}},
                "all": {"a_0": {"x": 5}},
                "1": {"a_0": {"x": 6}},
                "a_0": {"x": 99},
                "2": {"a_0": 7}
            }}
        }});
        let of = |place| Value::Object(merged(&conf, "host", place, "a_0"));
        assert_eq!(
            of(0),
            json!({"x": 5, "deep": {"p": 1, "q": 2}, "list": [3]})
        );
        assert_eq!(
            of(1),
            json!({"x": 6, "deep": {"p": 1, "q": 2}, "list": [3]})
        );
        assert_eq!(
            of(2),
            json!({"x": 5, "deep": {"p": 1, "q": 1}, "list": [1, 2]})
        );
        assert_eq!(
            Value::Object(merged(&conf, "guest", 0, "a_0")),
            conf["component_parameters"]["common"]["a_0"]
        );
        assert!(merged(&conf, "guest", 0, "b_0").is_empty());
    }

    #[test]
    fn says_where_a_parameter_comes_from() {
        let conf = json!({"component_parameters": {
            "common": {"a_0": {"x": 1, "deep": {"p": [1]}}},
            "role": {"host": {"all": {"a_0": {"x": 5}}}}
        }});
        let participant = Participant::new(Role::Host, PartyId::new("1").expect("valid"));
        let mut origin = Origin {
            conf: &conf,
            dialect: Dialect::FateV2,
            participant: &participant,
            place: 0,
            component: "a_0",
        };
        let pointer = |parts: &[&str]| {
            parts
                .iter()
                .map(|part| (*part).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            origin.path(&pointer(&["x"])),
            "job_runtime_conf.component_parameters.role.host.all.a_0.x"
        );
        assert_eq!(
            origin.path(&pointer(&["deep", "p", "0"])),
            "job_runtime_conf.component_parameters.common.a_0.deep.p[0]"
        );
        origin.dialect = Dialect::FateV1;
        assert_eq!(
            origin.path(&pointer(&["x"])),
            "job_runtime_conf.role_parameters.host.a_0.x[0]"
        );
        assert_eq!(
            origin.path(&pointer(&["deep"])),
            "job_runtime_conf.algorithm_parameters.a_0.deep"
        );
    }
}
