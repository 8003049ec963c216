//! What a member of a path, a query or a body may be.

use serde_json::{Value, json};

/// What a field may be. Readers are forgiving: where a number is meant, a text that spells it is often taken, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An id or a short text: a text or a whole number.
    Id,
    /// A text.
    Text,
    /// A number of things: a whole number or a text that spells it.
    Count,
    /// A whole number.
    Integer,
    /// A truth value, in any spelling.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An object.
    Object,
    /// An object whose members are not limited.
    OpenObject,
    /// A document: an object, a list, or a text that holds one.
    Document,
    /// A text, or a list of texts.
    Names,
    /// A list.
    List,
    /// A value that rows are compared with.
    Filter,
}

impl Kind {
    /// Whether it holds one value.
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Id | Self::Text | Self::Count | Self::Integer | Self::Flag | Self::OneOf(_)
        )
    }

    /// The schema of a value of this kind.
    pub fn schema(self) -> Value {
        match self {
            Self::Id | Self::Count => json!({"type": ["string", "integer"]}),
            Self::Text => json!({"type": "string"}),
            Self::Integer => json!({"type": "integer"}),
            Self::Flag => json!({"type": ["boolean", "integer", "string"]}),
            Self::OneOf(words) => json!({"type": "string", "enum": words}),
            Self::Object => json!({"type": "object"}),
            Self::OpenObject => json!({"type": "object", "additionalProperties": true}),
            Self::Document => json!({"type": ["object", "array", "string", "null"]}),
            Self::Names => json!({"type": ["string", "array"], "items": {"type": "string"}}),
            Self::List => json!({"type": "array", "items": {}}),
            Self::Filter => {
                json!({"type": ["string", "integer", "boolean", "object", "array"], "items": {}})
            }
        }
    }
}

/// Name, kind, and what it means.
pub type Field = (&'static str, Kind, &'static str);
