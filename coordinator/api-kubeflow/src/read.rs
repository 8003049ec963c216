//! A request's JSON as a message: names in either spelling, words or numbers of enumerations, unknown members left alone.

use chrono::DateTime;
use prost_types::Timestamp;
use serde_json::{Map, Value};

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
    let members = Members::of(&value, "the experiment")?;
    Ok(Experiment {
        id: members.text("id")?,
        name: members.text("name")?,
        description: members.text("description")?,
        created_at: members.get("created_at").map(moment).transpose()?,
        resource_references: members
            .list("resource_references")?
            .iter()
            .map(reference)
            .collect::<Result<_, _>>()?,
        storage_state: members.number("storage_state", |word| {
            StorageState::from_str_name(word).map(i32::from)
        })?,
    })
}

fn reference(value: &Value) -> Result<ResourceReference, Refusal> {
    let members = Members::of(value, "a resource reference")?;
    let key = members.get("key").map(|key| {
        let members = Members::of(key, "the key of a resource reference")?;
        Ok(ResourceKey {
            r#type: members.number("type", |word| {
                ResourceType::from_str_name(word).map(i32::from)
            })?,
            id: members.text("id")?,
        })
    });
    Ok(ResourceReference {
        key: key.transpose()?,
        relationship: members.number("relationship", |word| {
            Relationship::from_str_name(word).map(i32::from)
        })?,
        name: members.text("name")?,
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

/// The members of an object; null counts as absent.
struct Members<'a> {
    object: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    fn of(value: &'a Value, what: &str) -> Result<Self, Refusal> {
        let object = value
            .as_object()
            .ok_or_else(|| Refusal::unreadable(format!("{what} is not a JSON object")))?;
        Ok(Self { object })
    }

    /// A member in the spelling of the proto, or else in the other one.
    fn get(&self, name: &str) -> Option<&'a Value> {
        let exact = self.object.get(name);
        let other = || {
            self.object
                .iter()
                .find(|(key, _)| snake(key) == name)
                .map(|(_, value)| value)
        };
        exact.or_else(other).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<String, Refusal> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Refusal::unreadable(format!("{name} is not text"))),
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Refusal::unreadable(format!("{name} is not a list"))),
        }
    }

    /// The number of an enumeration, given as number or word.
    fn number(&self, name: &str, by_word: impl Fn(&str) -> Option<i32>) -> Result<i32, Refusal> {
        let found = match self.get(name) {
            None => Some(0),
            Some(Value::String(word)) => by_word(word),
            Some(value) => value.as_i64().and_then(|number| i32::try_from(number).ok()),
        };
        found.ok_or_else(|| Refusal::unreadable(format!("unknown value for enum {name}")))
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
