//! A choice of a crate that knows no schemas, as a parameter.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A choice that is written as a word, such as `learning::optimizer::OptimizerKind`: read into its type once, announced as text.
/// Choices that a component declares itself ([`words!`](crate::words)) need no wrapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Word<T>(pub T);

impl<T> Deref for Word<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Words are taken in any case, which a list of them would deny.
        String::json_schema(generator)
    }
}
