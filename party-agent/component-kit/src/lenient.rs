//! Readers for parameters whose type FATE does not check, so that documents which run there run here.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

/// A truth value as documents write it: true or false, also as a number or a word. `NULL` is what null means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Flag<const NULL: bool = false>(pub bool);

impl<const NULL: bool> Deref for Flag<NULL> {
    type Target = bool;

    fn deref(&self) -> &bool {
        &self.0
    }
}

impl<'de, const NULL: bool> Deserialize<'de> for Flag<NULL> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        flag_of(from, NULL).map(Self)
    }
}

impl<const NULL: bool> JsonSchema for Flag<NULL> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}

fn flag_of<'de, D: Deserializer<'de>>(deserializer: D, otherwise: bool) -> Result<bool, D::Error> {
    let value = Value::deserialize(deserializer)?;
    // Which way null goes differs by parameter, as it does in FATE.
    let flag = if value.is_null() {
        Some(otherwise)
    } else {
        vocabulary::truth(&value)
    };
    flag.ok_or_else(|| de::Error::custom("it is neither true nor false"))
}

/// A flag: true or false, also as a number or a word; null is false.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    flag_of(deserializer, false)
}

/// The same where null is true.
pub fn flag_or_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    flag_of(deserializer, true)
}

/// A text; null is the empty one.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn takes_flags_as_documents_write_them() {
        for (value, read) in [
            (json!(true), Some(true)),
            (json!(0), Some(false)),
            (json!(1), Some(true)),
            (json!("False"), Some(false)),
            (json!(null), Some(false)),
            (json!("maybe"), None),
            (json!([]), None),
        ] {
            assert_eq!(flag(value.clone()).ok(), read, "{value}");
        }
        assert_eq!(flag_or_true(json!(null)).ok(), Some(true));
        assert_eq!(text(json!(null)).ok().as_deref(), Some(""));
    }
}
