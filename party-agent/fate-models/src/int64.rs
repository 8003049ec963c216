//! Whole numbers of 64 bits, which the JSON of protocol buffers writes as text.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

pub(crate) fn serialize<S: Serializer>(number: &i64, to: S) -> Result<S::Ok, S::Error> {
    // As text: the JSON of protocol buffers does so, since doubles end at 2^53.
    to.collect_str(number)
}

/// Takes a number, too, as JSON of protocol buffers may have it.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    match Value::deserialize(from)? {
        Value::String(text) => text.parse().map_err(Error::custom),
        Value::Number(number) => number
            .as_i64()
            .ok_or_else(|| Error::custom("not a whole number of 64 bits")),
        // An absent field and null mean the default there.
        Value::Null => Ok(0),
        _ => Err(Error::custom("not a number")),
    }
}
