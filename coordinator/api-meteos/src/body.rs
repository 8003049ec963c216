//! What a request's body holds: fields that may be null, texts of bounded length, text in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::fault::{Answer, Refused};

/// Characters of names, descriptions and addresses.
pub(super) const LONG: usize = 255;
/// Characters of ids and short words.
pub(super) const SHORT: usize = 36;

/// The fields of a request. Null means that a field is not there.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The object under one of these names; 422 when it is not there, or is none.
    pub(super) fn under(body: &'a Value, names: &[&str]) -> Answer<Self> {
        let found = names.iter().find_map(|name| body.get(*name)?.as_object());
        found.map(Self).ok_or_else(|| {
            Refused::new(
                422,
                "The request body has not the object that it should have.",
            )
        })
    }

    pub(super) fn of(value: &'a Value) -> Answer<Self> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| Refused::new(422, "The action's value is not an object."))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field was sent, be it as null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text; numbers are taken as one.
    pub(super) fn text(&self, name: &str, longest: usize) -> Answer<Option<String>> {
        let text = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Refused::bad(format!("{name} must be a text."))),
        };
        if text.chars().count() > longest {
            return Err(Refused::bad(format!(
                "{name} has more than {longest} characters."
            )));
        }
        if text.contains('\0') {
            return Err(Refused::bad(format!(
                "{name} has a character that cannot be stored."
            )));
        }
        Ok(Some(text))
    }

    /// A text that must be there.
    pub(super) fn needed(&self, name: &str, longest: usize) -> Answer<String> {
        let text = self.text(name, longest)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Refused::bad(format!("{name} is missing.")))
    }

    /// A whole number from 0; texts are read.
    pub(super) fn count(&self, name: &str) -> Answer<Option<u32>> {
        let number = match self.value(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number
                .as_u64()
                .and_then(|number| u32::try_from(number).ok()),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        number
            .map(Some)
            .ok_or_else(|| Refused::bad(format!("{name} must be a whole number.")))
    }

    /// Base64 text as it was sent, and in plain text.
    pub(super) fn encoded(&self, name: &str) -> Answer<Option<(String, String)>> {
        let sent = match self.value(name) {
            None => return Ok(None),
            Some(Value::String(sent)) => sent.clone(),
            Some(_) => return Err(Refused::bad(format!("{name} must be base64 text."))),
        };
        let tight: String = sent.split_whitespace().collect();
        let plain = STANDARD
            .decode(&tight)
            .ok()
            .and_then(|plain| String::from_utf8(plain).ok());
        match plain {
            Some(plain) => Ok(Some((tight, plain))),
            None => Err(Refused::bad(format!("{name} must be base64 text."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_is_absent_and_wrong_kinds_are_refused() {
        let body = json!({"model": {"a": null, "n": 7, "t": "x", "l": [], "b": "Tm9uZQ==", "bad": "%%", "long": "x".repeat(300)}});
        let fields =
            Fields::under(&body, &["job", "model"]).unwrap_or_else(|_| panic!("an object"));
        assert_eq!(fields.text("a", LONG), Ok(None));
        assert_eq!(fields.text("n", LONG), Ok(Some("7".into())));
        assert_eq!(fields.count("n"), Ok(Some(7)));
        assert_eq!(
            fields.encoded("b"),
            Ok(Some(("Tm9uZQ==".into(), "None".into())))
        );
        for refused in [
            fields.text("l", LONG).err(),
            fields.text("long", LONG).err(),
            fields.encoded("bad").err(),
            fields.encoded("n").err(),
            fields.needed("a", LONG).err(),
            fields.count("t").err(),
        ] {
            assert_eq!(refused.map(|refused| refused.status), Some(400));
        }
        assert!(Fields::under(&body, &["dataset"]).is_err_and(|refused| refused.status == 422));
        assert!(Fields::under(&json!([1]), &["dataset"]).is_err());
    }
}
