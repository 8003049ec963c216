//! The filter of a listing: a message as JSON text, read strictly, and what it means for experiments.

use chrono::DateTime;
use domain::experiment::query::{Comparison, Field, Literal, Predicate};
use serde_json::{Map, Value};

use super::query::unescaped;
use super::refusal::Refusal;

/// Shown for an experiment that is not archived, and compared as this text.
pub(super) const AVAILABLE: &str = "STORAGESTATE_AVAILABLE";
/// Shown for an archived one.
pub(super) const ARCHIVED: &str = "STORAGESTATE_ARCHIVED";

/// How a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Equals,
    NotEquals,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    In,
    Substring,
}

// Numbers as in upstream's proto: JSON may name an enum by word or by number. 4 is not used there.
const OPS: [(&str, i64, Op); 8] = [
    ("EQUALS", 1, Op::Equals),
    ("NOT_EQUALS", 2, Op::NotEquals),
    ("GREATER_THAN", 3, Op::Greater),
    ("GREATER_THAN_EQUALS", 5, Op::GreaterOrEqual),
    ("LESS_THAN", 6, Op::Less),
    ("LESS_THAN_EQUALS", 7, Op::LessOrEqual),
    ("IN", 8, Op::In),
    ("IS_SUBSTRING", 9, Op::Substring),
];

/// What can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Stored(Field),
    /// Empty where there are no namespaces.
    Namespace,
    State,
}

const KEYS: [(&str, Key); 6] = [
    ("id", Key::Stored(Field::Id)),
    ("name", Key::Stored(Field::Name)),
    ("created_at", Key::Stored(Field::Created)),
    ("description", Key::Stored(Field::Description)),
    ("namespace", Key::Namespace),
    ("storage_state", Key::State),
];

/// Most conditions of a filter: the store reads no longer ones.
const MOST: usize = 500;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    op: Op,
    key: Key,
    values: Vec<Literal>,
}

/// A filter as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Filter(Vec<Condition>);

impl Filter {
    /// Reads the text as it is; a text that is no JSON is unescaped once more, since some clients escape twice.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let once = serde_json::from_str::<Value>(text);
        let value = once.or_else(|error| {
            let again = unescaped(text).and_then(|again| serde_json::from_str(&again).ok());
            again.ok_or_else(|| {
                Refusal::invalid(format!("The filter is not a valid Filter: {error}"))
            })
        })?;
        let members = object(&value, "The filter")?;
        let mut filter = Self::default();
        for (name, value) in members {
            match (name.as_str(), value) {
                // Protobuf's JSON: null is a field that is not set.
                ("predicates", Value::Null) => {}
                ("predicates", Value::Array(list)) if list.len() > MOST => {
                    return Err(Refusal::invalid(format!(
                        "The filter has more than {MOST} predicates"
                    )));
                }
                ("predicates", Value::Array(list)) => {
                    for one in list {
                        filter.0.push(condition(one)?);
                    }
                }
                ("predicates", _) => {
                    return Err(Refusal::invalid("The filter's predicates are not a list"));
                }
                (other, _) => {
                    return Err(Refusal::invalid(format!(
                        "The filter has an unknown field {other:?}"
                    )));
                }
            }
        }
        Ok(filter)
    }

    /// What it means; `multi_user` tells whether experiments show a namespace.
    pub(super) fn predicates(&self, multi_user: bool) -> Vec<Predicate> {
        self.0
            .iter()
            .flat_map(|condition| condition.predicates(multi_user))
            .collect()
    }
}

impl Condition {
    fn predicates(&self, multi_user: bool) -> Vec<Predicate> {
        match self.key {
            Key::Stored(field) => vec![self.about(field)],
            Key::Namespace if multi_user => vec![self.about(Field::Tenant)],
            Key::Namespace => {
                // Nothing is stored under it here, and every experiment is judged alike: all or
                // none.
                if self.admits("") {
                    Vec::new()
                } else {
                    vec![never()]
                }
            }
            Key::State => match (self.admits(AVAILABLE), self.admits(ARCHIVED)) {
                (true, true) => Vec::new(),
                (false, false) => vec![never()],
                (available, _) => {
                    let values = vec![Literal::Number(i64::from(available))];
                    vec![Predicate {
                        field: Field::Available,
                        comparison: Comparison::Among,
                        values,
                    }]
                }
            },
        }
    }

    fn about(&self, field: Field) -> Predicate {
        let comparison = match self.op {
            Op::Equals | Op::In => Comparison::Among,
            Op::NotEquals => Comparison::Not,
            Op::Greater => Comparison::Above,
            Op::GreaterOrEqual => Comparison::AtLeast,
            Op::Less => Comparison::Below,
            Op::LessOrEqual => Comparison::AtMost,
            Op::Substring => Comparison::Contains,
        };
        Predicate {
            field,
            comparison,
            values: self.values.clone(),
        }
    }

    /// Whether it holds for a text that is not stored as one.
    fn admits(&self, text: &str) -> bool {
        let own = Literal::Text(text.to_owned());
        let first = self
            .values
            .first()
            .filter(|value| matches!(value, Literal::Text(_)));
        match self.op {
            Op::Equals | Op::In => self.values.contains(&own),
            Op::NotEquals => !self.values.contains(&own),
            Op::Greater => first.is_some_and(|value| own > *value),
            Op::GreaterOrEqual => first.is_some_and(|value| own >= *value),
            Op::Less => first.is_some_and(|value| own < *value),
            Op::LessOrEqual => first.is_some_and(|value| own <= *value),
            Op::Substring => match first {
                Some(Literal::Text(part)) => text
                    .to_ascii_lowercase()
                    .contains(&part.to_ascii_lowercase()),
                _ => false,
            },
        }
    }
}

/// A condition that no experiment meets.
fn never() -> Predicate {
    Predicate {
        field: Field::Id,
        comparison: Comparison::Among,
        values: Vec::new(),
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| Refusal::invalid(format!("{what} is not an object")))
}

/// The kinds of values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Long,
    Text,
    Time,
}

const VALUES: [(&str, &str, Kind, bool); 7] = [
    ("int_value", "intValue", Kind::Int, false),
    ("long_value", "longValue", Kind::Long, false),
    ("string_value", "stringValue", Kind::Text, false),
    ("timestamp_value", "timestampValue", Kind::Time, false),
    ("int_values", "intValues", Kind::Int, true),
    ("long_values", "longValues", Kind::Long, true),
    ("string_values", "stringValues", Kind::Text, true),
];

fn condition(value: &Value) -> Result<Condition, Refusal> {
    let members = object(value, "A predicate of the filter")?;
    let (mut op, mut key, mut found, mut second) = (None, None, None, false);
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "op" => op = Some(value),
            "key" => {
                key = Some(
                    value
                        .as_str()
                        .ok_or_else(|| Refusal::invalid("A filter key is not text"))?,
                )
            }
            other => {
                let kind = VALUES
                    .iter()
                    .find(|(snake, camel, ..)| *snake == other || *camel == other);
                let Some((snake, _, kind, is_list)) = kind else {
                    return Err(Refusal::invalid(format!(
                        "A predicate of the filter has an unknown field {other:?}"
                    )));
                };
                // The values are a oneof upstream: two of them at once have no meaning that could
                // be guessed.
                second |= found.replace((*kind, *is_list, value, *snake)).is_some();
            }
        }
    }
    let key = key.unwrap_or_default();
    let shown: String = key.chars().take(100).collect();
    let wrong = |what: &str| Refusal::invalid(format!("The filter on {shown:?} {what}"));
    let meant = KEYS
        .iter()
        .find(|(name, _)| *name == key)
        .ok_or_else(|| wrong("names an unknown key"))?
        .1;
    let op = op.ok_or_else(|| wrong("has no operator"))?;
    let op = op_of(op).ok_or_else(|| {
        let word: String = op.to_string().chars().take(100).collect();
        wrong(&format!("has an unknown operator {word}"))
    })?;
    if second {
        return Err(wrong("has two values"));
    }
    let (kind, is_list, value, name) = found.ok_or_else(|| wrong("has no value"))?;
    let fits = match op {
        Op::In => is_list,
        Op::Substring => !is_list && kind == Kind::Text,
        _ => !is_list,
    };
    if !fits {
        return Err(wrong(&format!(
            "cannot be compared in that way with {name}"
        )));
    }
    let values = literals(kind, is_list, value)
        .ok_or_else(|| wrong(&format!("has a {name} of another form")))?;
    Ok(Condition {
        op,
        key: meant,
        values,
    })
}

fn op_of(value: &Value) -> Option<Op> {
    let known = OPS
        .iter()
        .find(|(word, number, _)| value.as_str() == Some(word) || value.as_i64() == Some(*number));
    known.map(|known| known.2)
}

fn literals(kind: Kind, is_list: bool, value: &Value) -> Option<Vec<Literal>> {
    if !is_list {
        return Some(vec![literal(kind, value)?]);
    }
    let members = value.as_object()?;
    let mut values = Vec::new();
    for (name, value) in members {
        match (name.as_str(), value) {
            ("values", Value::Null) => {}
            ("values", Value::Array(list)) => {
                values = list
                    .iter()
                    .map(|one| literal(kind, one))
                    .collect::<Option<Vec<Literal>>>()?;
            }
            _ => return None,
        }
    }
    Some(values)
}

fn literal(kind: Kind, value: &Value) -> Option<Literal> {
    let number = || match value {
        // Protobuf's JSON writes 64-bit numbers as text.
        Value::String(text) => text.parse::<i64>().ok(),
        other => other.as_i64(),
    };
    Some(match kind {
        Kind::Int => Literal::Number(number().filter(|number| i32::try_from(*number).is_ok())?),
        Kind::Long => Literal::Number(number()?),
        Kind::Text => Literal::Text(value.as_str()?.to_owned()),
        Kind::Time => Literal::Number(
            DateTime::parse_from_rfc3339(value.as_str()?)
                .ok()?
                .timestamp(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(predicate: &str) -> Result<Filter, Refusal> {
        Filter::read(&format!("{{\"predicates\":[{predicate}]}}"))
    }

    #[test]
    fn reads_either_spelling_and_either_escaping() {
        let expected = one(r#"{"op":"EQUALS","key":"name","string_value":"a+b %"}"#).expect("read");
        for same in [
            r#"{"predicates":[{"op":1,"key":"name","stringValue":"a+b %"}]}"#,
            r#"{"predicates":[{"op":"EQUALS","key":"name","string_value":"a+b %","int_value":null}]}"#,
            "%7B%22predicates%22%3A%5B%7B%22op%22%3A1%2C%22key%22%3A%22name%22%2C%22stringValue%22%3A%22a%2Bb+%25%22%7D%5D%7D",
        ] {
            assert_eq!(Filter::read(same), Ok(expected.clone()), "{same}");
        }
        for empty in ["", "{}", r#"{"predicates":null}"#, r#"{"predicates":[]}"#] {
            assert_eq!(Filter::read(empty), Ok(Filter::default()), "{empty}");
        }
    }

    #[test]
    fn refuses_what_is_no_filter_and_names_the_key() {
        for wrong in [
            r#"{"op":"IN","key":"name","string_value":"a"}"#,
            r#"{"op":"EQUALS","key":"name","string_values":{"values":["a"]}}"#,
            r#"{"op":"IS_SUBSTRING","key":"name","int_value":1}"#,
            r#"{"op":"EQUALS","key":"name"}"#,
            r#"{"op":"UNKNOWN","key":"name","string_value":"a"}"#,
            r#"{"op":4,"key":"name","string_value":"a"}"#,
            r#"{"op":1,"key":"name","string_value":"a","int_value":1}"#,
            r#"{"op":1,"key":"created_at","timestamp_value":"yesterday"}"#,
            r#"{"op":1,"key":"created_at","int_value":4000000000}"#,
            r#"{"op":1,"key":"name","string_value":"a","extra":1}"#,
            "7",
        ] {
            assert_eq!(
                one(wrong).expect_err(wrong).code,
                tonic::Code::InvalidArgument
            );
        }
        for odd in [
            r#""op":"UNKNOWN","string_value":"a""#,
            r#""op":10,"string_value":"a""#,
            r#""op":1,"string_value":"a","int_value":1"#,
        ] {
            let refused = one(&format!(r#"{{{odd},"key":"description"}}"#)).expect_err("refused");
            assert!(refused.message.contains("description"), "{refused:?}");
        }
        let many = vec![r#"{"op":1,"key":"name","string_value":"a"}"#; MOST + 1].join(",");
        assert!(one(&many).expect_err("too many").message.contains("500"));
        for key in ["nope", "Name", ""] {
            let refused = one(&format!(r#"{{"op":1,"key":"{key}","string_value":"a"}}"#))
                .expect_err("no such key");
            assert!(refused.message.contains(key), "{refused:?}");
        }
        for wrong in [
            "lkjlkj",
            "[]",
            r#"{"predicate":[]}"#,
            r#"{"predicates":7}"#,
            "%zz",
        ] {
            assert!(Filter::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_state_is_compared_as_its_word() {
        let state = |predicate: &str| one(predicate).expect("read").predicates(false);
        let available = |value| {
            let values = vec![Literal::Number(value)];
            vec![Predicate {
                field: Field::Available,
                comparison: Comparison::Among,
                values,
            }]
        };
        let with = |op: &str, word: &str| {
            format!(r#"{{"op":"{op}","key":"storage_state","string_value":"{word}"}}"#)
        };
        assert_eq!(state(&with("EQUALS", ARCHIVED)), available(0));
        assert_eq!(state(&with("NOT_EQUALS", ARCHIVED)), available(1));
        assert_eq!(state(&with("LESS_THAN", AVAILABLE)), available(0));
        assert_eq!(state(&with("IS_SUBSTRING", "state")), []);
        assert_eq!(
            state(&with("EQUALS", "STORAGESTATE_UNSPECIFIED")),
            [never()]
        );
        let both = r#"{"op":"IN","key":"storage_state","string_values":{"values":["STORAGESTATE_ARCHIVED","STORAGESTATE_AVAILABLE"]}}"#;
        assert_eq!(state(both), []);
    }

    #[test]
    fn there_is_a_namespace_in_multi_user_mode_only() {
        let filter = one(r#"{"op":1,"key":"namespace","string_value":"ns"}"#).expect("read");
        assert_eq!(filter.predicates(false), [never()]);
        assert_eq!(filter.predicates(true)[0].field, Field::Tenant);
        let empty = one(r#"{"op":1,"key":"namespace","string_value":""}"#).expect("read");
        assert_eq!(empty.predicates(false), []);
    }
}
