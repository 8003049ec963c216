//! A parameter of which it matters whether somebody gave it: a value equal to the default is given all the same.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value, and whether it was read from a document or is the default. Written and described like the value itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given<T> {
    value: T,
    said: bool,
}

impl<T> Given<T> {
    /// What holds where nothing is given.
    pub const fn default_of(value: T) -> Self {
        Self { value, said: false }
    }

    /// The value, whoever said it.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The value, if it was given.
    pub fn if_given(&self) -> Option<&T> {
        self.said.then_some(&self.value)
    }
}

impl<T: Default> Default for Given<T> {
    fn default() -> Self {
        Self::default_of(T::default())
    }
}

impl<T: Serialize> Serialize for Given<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self {
            value: T::deserialize(from)?,
            // Serde calls this only where the key is there: a value that equals the default counts
            // as given.
            said: true,
        })
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, PartialEq, Debug)]
    #[serde(default)]
    struct Params {
        threshold: Given<f64>,
    }

    impl Default for Params {
        fn default() -> Self {
            Self {
                threshold: Given::default_of(0.5),
            }
        }
    }

    #[test]
    fn a_value_equal_to_the_default_is_given_all_the_same() {
        let read = |value| {
            serde_json::from_value::<Params>(value)
                .expect("parameters")
                .threshold
        };
        assert_eq!(
            (read(json!({})).if_given(), *read(json!({})).value()),
            (None, 0.5)
        );
        assert_eq!(read(json!({"threshold": 0.5})).if_given(), Some(&0.5));
        assert_ne!(read(json!({"threshold": 0.5})), read(json!({})));
        assert_eq!(
            serde_json::to_value(Params::default()).expect("written"),
            json!({"threshold": 0.5})
        );
        assert_eq!(
            schemars::schema_for!(Params).to_value()["properties"]["threshold"]["type"],
            "number"
        );
    }
}
