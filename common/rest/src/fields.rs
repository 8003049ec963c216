//! Fields of requests as FATE reads them: numbers as texts, truth values in any of their spellings.

use serde_json::{Map, Value};

/// A scalar as text.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a flag is set, in any of its spellings; absent, it is not.
pub fn flag(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        Some(Value::String(text)) => {
            !matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false")
        }
        _ => false,
    }
}

/// A party id as FATE's documents hold it: a number where it is one.
pub fn id_value(party: &str) -> Value {
    match party.parse::<i64>() {
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
