//! Reading the members of a body: each by its type, and what is wrong is told with the path of the member.

use std::fmt;

use serde_json::{Map, Value};

/// A member that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where it stands, such as `resource_references[0].key`.
    pub path: String,
    /// What should stand there, such as `a text`.
    pub expected: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.expected)
    }
}

impl std::error::Error for FieldError {}

/// The members of an object. Null counts as absent.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// The members of a body.
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self {
            path: String::new(),
            object,
        }
    }

    /// The members of a value at a path, empty for the body itself.
    pub fn at(path: impl Into<String>, value: &'a Value) -> Result<Self, FieldError> {
        let path = path.into();
        match value {
            Value::Object(object) => Ok(Self { path, object }),
            _ => Err(FieldError {
                path,
                expected: "an object".to_owned(),
            }),
        }
    }

    /// The path of a member.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// That a member is not what it should be.
    pub fn error(&self, name: &str, expected: impl Into<String>) -> FieldError {
        FieldError {
            path: self.path(name),
            expected: expected.into(),
        }
    }

    /// A member as it is.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// The names of all members.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.object.keys().map(String::as_str)
    }

    /// Whether a member was sent, be it as null.
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(name, "a text")),
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> Result<&'a [Value], FieldError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.error(name, "a list")),
        }
    }

    /// The members of an object.
    pub fn members(&self, name: &str) -> Result<Option<Members<'a>>, FieldError> {
        let value = self.get(name);
        value
            .map(|value| Members::at(self.path(name), value))
            .transpose()
    }

    /// An object; an empty one where none is given.
    pub fn object(&self, name: &str) -> Result<Map<String, Value>, FieldError> {
        let members = self.members(name)?;
        Ok(members.map_or_else(Map::new, |members| members.object.clone()))
    }

    /// A whole number from 0 on; a text that spells one is taken.
    pub fn count(&self, name: &str) -> Result<Option<u32>, FieldError> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number
            .map(Some)
            .ok_or_else(|| self.error(name, "a whole number"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let body = json!({"a": {"b": 7, "n": null, "c": "12", "l": [1]}, "t": "x"});
        let members = Members::at("", &body).expect("an object");
        let inner = members.members("a").expect("an object").expect("there");
        assert_eq!(members.text("t"), Ok(Some("x")));
        assert_eq!(inner.text("n"), Ok(None));
        assert_eq!(inner.count("c"), Ok(Some(12)));
        assert_eq!(inner.count("b"), Ok(Some(7)));
        assert_eq!(inner.list("l").map(<[Value]>::len), Ok(1));
        assert!(inner.has("n") && !inner.has("z"));
        let told = |error: FieldError| error.to_string();
        assert_eq!(inner.text("b").map_err(told), Err("a.b: a text".to_owned()));
        assert_eq!(inner.list("b").map_err(told), Err("a.b: a list".to_owned()));
        assert_eq!(
            inner.count("l").map_err(told),
            Err("a.l: a whole number".to_owned())
        );
        assert_eq!(
            members.object("t").map_err(told),
            Err("t: an object".to_owned())
        );
        assert!(Members::at("t", &json!([])).is_err());
    }
}
