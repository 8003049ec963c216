//! A request's JSON as a message: names in either spelling, words or numbers of enumerations, unknown members left alone.

use std::borrow::Cow;

use api_kit::{FieldError, Members};
use chrono::DateTime;
use prost_types::Timestamp;
use serde_json::Value;

use super::proto::experiment::StorageState;
use super::proto::{Experiment, Relationship, ResourceKey, ResourceReference, ResourceType};
use super::query::snake;
use super::refusal::Refusal;

/// An experiment from a body; an absent one is empty.
pub(super) fn experiment(body: &[u8]) -> Result<Experiment, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Experiment::default());
    }
    let value = serde_json::from_slice(body)
        .map_err(|error| Refusal::unreadable(format!("invalid JSON: {error}")))?;
    if value == Value::Null {
        return Ok(Experiment::default());
    }
    let members = Names::at(String::new(), &value)?;
    Ok(Experiment {
        id: members.text("id")?,
        name: members.text("name")?,
        description: members.text("description")?,
        created_at: members.get("created_at").map(moment).transpose()?,
        resource_references: members
            .list("resource_references")?
            .iter()
            .enumerate()
            .map(|(at, value)| reference(format!("resource_references[{at}]"), value))
            .collect::<Result<_, _>>()?,
        storage_state: members.number("storage_state", |word| {
            StorageState::from_str_name(word).map(i32::from)
        })?,
    })
}

fn reference(path: String, value: &Value) -> Result<ResourceReference, Refusal> {
    let members = Names::at(path.clone(), value)?;
    let key = members.get("key");
    let key = key.map(|key| resource_key(format!("{path}.key"), key));
    Ok(ResourceReference {
        key: key.transpose()?,
        relationship: members.number("relationship", |word| {
            Relationship::from_str_name(word).map(i32::from)
        })?,
        name: members.text("name")?,
    })
}

fn resource_key(path: String, value: &Value) -> Result<ResourceKey, Refusal> {
    let members = Names::at(path, value)?;
    Ok(ResourceKey {
        r#type: members.number("type", |word| {
            ResourceType::from_str_name(word).map(i32::from)
        })?,
        id: members.text("id")?,
    })
}

fn moment(value: &Value) -> Result<Timestamp, Refusal> {
    let text = value
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let time =
        text.ok_or_else(|| Refusal::unreadable("bad Timestamp: it is not an RFC 3339 text"))?;
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default();
    Ok(Timestamp {
        seconds: time.timestamp(),
        nanos,
    })
}

/// The members of an object, in the spelling of the proto or else in the other one.
struct Names<'a>(Members<'a>);

impl<'a> Names<'a> {
    fn at(path: String, value: &'a Value) -> Result<Self, Refusal> {
        Ok(Self(Members::at(path, value)?))
    }

    /// The name under which a member stands in this object.
    fn spelled<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.0.has(name) {
            return Cow::Borrowed(name);
        }
        let other = self.0.names().find(|key| snake(key) == name);
        other.map_or(Cow::Borrowed(name), |key| Cow::Owned(key.to_owned()))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(&self.spelled(name))
    }

    fn text(&self, name: &str) -> Result<String, Refusal> {
        Ok(self
            .0
            .text(&self.spelled(name))?
            .unwrap_or_default()
            .to_owned())
    }

    fn list(&self, name: &str) -> Result<&'a [Value], Refusal> {
        Ok(self.0.list(&self.spelled(name))?)
    }

    /// The number of an enumeration, given as number or word.
    fn number(&self, name: &str, by_word: impl Fn(&str) -> Option<i32>) -> Result<i32, Refusal> {
        let found = match self.get(name) {
            None => Some(0),
            Some(Value::String(word)) => by_word(word),
            Some(value) => value.as_i64().and_then(|number| i32::try_from(number).ok()),
        };
        let wrong = || self.0.error(name, "a known value of its enumeration");
        Ok(found.ok_or_else(wrong)?)
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::unreadable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_either_spelling_and_leaves_unknown_members_alone() {
        let body = br#"{"name":"n","description":null,"createdAt":"2026-01-01T00:00:01Z","storageState":2,"what":[1],
            "resourceReferences":[{"key":{"type":"NAMESPACE","id":"ns"},"relationship":1}]}"#;
        let read = experiment(body).expect("read");
        assert_eq!(
            (
                read.name.as_str(),
                read.description.as_str(),
                read.storage_state
            ),
            ("n", "", 2)
        );
        assert_eq!(read.created_at.map(|at| at.seconds), Some(1_767_225_601));
        let reference = &read.resource_references[0];
        assert_eq!(
            (
                reference.relationship,
                reference.key.as_ref().map(|key| key.r#type)
            ),
            (1, Some(5))
        );
        for empty in [&b""[..], b" \n", b"null", b"{}"] {
            assert_eq!(experiment(empty), Ok(Experiment::default()));
        }
    }

    #[test]
    fn refuses_what_is_no_experiment_without_details() {
        for wrong in [
            &b"{"[..],
            b"[]",
            b"7",
            br#"{"name":7}"#,
            br#"{"name":"n"} x"#,
            br#"{"storage_state":"GONE"}"#,
            br#"{"created_at":"soon"}"#,
            br#"{"resource_references":{}}"#,
            br#"{"resource_references":[null]}"#,
            br#"{"resource_references":[{"relationship":"BOSS"}]}"#,
            b"\xff",
        ] {
            let refused = experiment(wrong).expect_err("refused");
            assert_eq!(
                (refused.code, refused.user),
                (tonic::Code::InvalidArgument, None),
                "{wrong:?}"
            );
        }
    }
}
