//! Fields of requests as FATE reads them: numbers as texts, truth values in any of their spellings.

use serde_json::{Map, Value};
use vocabulary::truth;

/// A scalar as text.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a flag is set, in any of its spellings; absent, it is not. A text that says neither yes nor no sets it.
pub fn flag(value: Option<&Value>) -> bool {
    value.is_some_and(|value| truth(value).unwrap_or(value.is_string()))
}

/// A party id as FATE's documents hold it: a number where it is one.
pub fn id_value(party: &str) -> Value {
    match party.parse::<i64>() {
        // `007` stays text: as a number it would name another party.
        Ok(number) if number.to_string() == party => Value::from(number),
        _ => Value::from(party),
    }
}

/// The DSL and the runtime conf of a request that has both, under either of their names; null where one is missing.
pub fn job_documents(body: &Map<String, Value>) -> (Value, Value) {
    let member = |names: [&str; 2]| {
        let mut given = names
            .into_iter()
            .filter_map(|name| body.get(name).filter(|value| !value.is_null()));
        given.next().cloned().unwrap_or(Value::Null)
    };
    (
        member(["job_dsl", "dsl"]),
        member(["job_runtime_conf", "runtime_conf"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_flag_is_set_by_whatever_does_not_deny_it() {
        for (value, set) in [
            (json!(true), true),
            (json!("False"), false),
            (json!("0"), false),
            (json!(""), false),
            (json!(2), true),
            (json!("yes"), true),
            (json!(null), false),
            (json!([1]), false),
            (json!({"a": 1}), false),
        ] {
            assert_eq!(flag(Some(&value)), set, "{value}");
        }
        assert!(!flag(None));
    }
}
