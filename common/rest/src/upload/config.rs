//! What an upload is to become: FATE's fields with FATE's conversions.

use serde_json::{Map, Value};
use vocabulary::{Existing, UploadConfig};

use crate::fate_reply::Failure;

/// Fields of a request that are the job's and not the component's.
pub const OF_JOB: [&str; 5] = [
    "task_cores",
    "eggroll_run",
    "spark_run",
    "computing_engine",
    "federation_engine",
];

/// Converts the fields. Fails with the reference's texts for missing keys and for numbers that are none.
pub fn read_config(fields: Map<String, Value>) -> Result<UploadConfig, Failure> {
    if fields.is_empty() {
        return Err(Failure::no_parameters());
    }
    let needed = ["namespace", "table_name", "file", "head", "partition"];
    let staged = fields.get("staged").map(text);
    let present = |key: &str| fields.contains_key(key) || (key == "file" && staged.is_some());
    let missing: Vec<&str> = needed.into_iter().filter(|key| !present(key)).collect();
    if !missing.is_empty() {
        return Err(Failure::parameters_missing(&missing));
    }
    let get = |key: &str| fields.get(key).unwrap_or(&Value::Null);
    let number = |key: &str| {
        if get(key).is_null() {
            Ok(0)
        } else {
            int(get(key))
        }
    };
    let party = text(get("party_id"));
    Ok(UploadConfig {
        namespace: text(get("namespace")),
        table_name: text(get("table_name")),
        file: text(get("file")),
        head: int(get("head"))?,
        partition: int(get("partition"))?,
        id_delimiter: Some(text(get("id_delimiter")))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| ",".into()),
        existing: existing(&fields)?,
        extend_sid: flag(get("extend_sid"), number("extend_sid"))?,
        auto_increasing_sid: flag(get("auto_increasing_sid"), number("auto_increasing_sid"))?,
        with_meta: flag(get("with_meta"), number("with_meta"))?,
        meta: object(get("meta")),
        schema: object(get("schema")),
        storage_engine: Some(text(get("storage_engine"))).filter(|text| !text.is_empty()),
        party_id: Some(party).filter(|party| !party.is_empty() && party != "0"),
        staged,
        storage_address: Some(object(get("storage_address")))
            .filter(|_| !get("storage_address").is_null()),
        of_job: OF_JOB
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), fields.get(*key)?.clone())))
            .collect(),
    })
}

/// What `drop` means: newer clients always send it and say so by `verbose`; older ones mean "add" by an explicit 0.
fn existing(fields: &Map<String, Value>) -> Result<Existing, Failure> {
    let drop = match fields.get("drop") {
        None | Some(Value::Null) => None,
        Some(value) => Some(int(value)?),
    };
    let older = !fields.contains_key("verbose") && fields.contains_key("work_mode");
    Ok(match drop {
        Some(drop) if drop > 0 => Existing::Replace,
        Some(0) if older => Existing::Append,
        _ => Existing::Refuse,
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A number as the reference's `int()` reads it: whole numbers, fractions cut, truth values, decimal texts.
fn int(value: &Value) -> Result<i64, Failure> {
    let wrong = |text: &str| {
        let shown: String = text.chars().take(80).collect();
        Failure::exception(
            "ValueError",
            &format!("invalid literal for int() with base 10: '{shown}'"),
        )
    };
    match value {
        Value::Bool(flag) => Ok(i64::from(*flag)),
        // a cast from f64 saturates, which is far out of every bound that follows
        Value::Number(number) => Ok(number
            .as_i64()
            .unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64)),
        Value::String(text) => text.trim().parse().map_err(|_| wrong(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Failure::exception(
            "TypeError",
            "int() argument must be a string, a bytes-like object or a number",
        )),
    }
}

/// A truth value in any of its spellings.
fn flag(value: &Value, number: Result<i64, Failure>) -> Result<bool, Failure> {
    vocabulary::truth(value).map_or_else(|| number.map(|number| number != 0), Ok)
}

/// An object, or one in its text form; anything else is an empty object.
fn object(value: &Value) -> Map<String, Value> {
    let read = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    match read {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(extra: Value) -> UploadConfig {
        let mut fields =
            json!({"namespace": "n", "table_name": "t", "file": "f", "head": 1, "partition": 4});
        let own = fields.as_object_mut().expect("object");
        own.extend(extra.as_object().expect("object").clone());
        read_config(own.clone()).expect("read")
    }

    #[test]
    fn tells_the_two_meanings_of_drop_apart() {
        let cases = [
            (json!({}), Existing::Refuse),
            (json!({"drop": 0}), Existing::Refuse),
            (
                json!({"drop": 0, "verbose": 1, "work_mode": 1}),
                Existing::Refuse,
            ),
            (json!({"drop": 0, "work_mode": 1}), Existing::Append),
            (json!({"work_mode": 1}), Existing::Refuse),
            (json!({"drop": "2", "work_mode": 1}), Existing::Replace),
            (json!({"drop": true, "verbose": 0}), Existing::Replace),
        ];
        for (extra, existing) in cases {
            assert_eq!(config(extra.clone()).existing, existing, "{extra}");
        }
    }

    #[test]
    fn takes_party_zero_for_no_party() {
        assert_eq!(config(json!({"party_id": 0})).party_id, None);
        assert_eq!(
            config(json!({"party_id": "9999"})).party_id,
            Some("9999".into())
        );
        assert_eq!(
            config(json!({"party_id": 9999})).party_id,
            Some("9999".into())
        );
    }

    #[test]
    fn sends_on_the_same_configuration_that_it_read() {
        for extra in [
            json!({"drop": 1}),
            json!({"drop": 0, "work_mode": 1}),
            json!({"meta": "{\"a\": 1}", "with_meta": "true", "task_cores": 2, "storage_address": {"a": 1}}),
        ] {
            let mut first = config(extra);
            first.staged = Some("s1".into());
            let Value::Object(fields) = first.as_request() else {
                panic!("no object")
            };
            assert_eq!(read_config(fields).expect("read"), first);
        }
    }
}
