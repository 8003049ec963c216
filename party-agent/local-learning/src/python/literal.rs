//! Values as Python writes them, and reading them: `{'numIterations': 100}`, `[{u'method': u'filter'}]`, or JSON.

use serde_json::Value;

use super::parse::{Expr, Kind, expression, expressions};
use crate::error::{LearnError, Result};

/// A value of Python.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// `[…]`.
    List(Vec<Literal>),
    /// `(…)`.
    Tuple(Vec<Literal>),
    /// `{…}`, in the order in which it was written.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value under a key, if this is a dict that has it.
    pub fn get(&self, key: &str) -> Option<&Literal> {
        let Self::Dict(pairs) = self else { return None };
        pairs
            .iter()
            .rev()
            .find(|(name, _)| name.as_text() == Some(key))
            .map(|(_, value)| value)
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let own = size_of::<Self>();
        match self {
            Self::Text(text) => own + text.len(),
            Self::List(all) | Self::Tuple(all) => own + all.iter().map(Self::weight).sum::<usize>(),
            Self::Dict(pairs) => {
                own + pairs
                    .iter()
                    .map(|(key, value)| key.weight() + value.weight())
                    .sum::<usize>()
            }
            _ => own,
        }
    }

    /// How deep it is nested.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(all) | Self::Tuple(all) => {
                1 + all.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Dict(pairs) => {
                1 + pairs
                    .iter()
                    .map(|(key, value)| key.depth().max(value.depth()))
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Python's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
        }
    }
}

impl From<Value> for Literal {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::None,
            Value::Bool(flag) => Self::Bool(flag),
            Value::Number(number) => number.as_i64().map_or_else(
                || Self::Float(number.as_f64().unwrap_or(f64::NAN)),
                Self::Int,
            ),
            Value::String(text) => Self::Text(text),
            Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::Object(map) => Self::Dict(
                map.into_iter()
                    .map(|(key, value)| (Self::Text(key), Self::from(value)))
                    .collect(),
            ),
        }
    }
}

/// Reads a literal of Python; a text that is none may be JSON.
pub fn read_literal(what: &'static str, text: &str) -> Result<Literal> {
    let read = expression(what, text).and_then(|expr| constant(what, expr));
    match (read, text.len() <= super::LONGEST_TEXT) {
        // escapes and numbers that only JSON has
        (Err(error), true) => serde_json::from_str::<Value>(text)
            .map(Literal::from)
            .map_err(|_| error),
        (read, _) => read,
    }
}

/// Reads literals between commas, as they stand in a call: `False, 0.5`.
pub fn read_arguments(what: &'static str, text: &str) -> Result<Vec<Literal>> {
    expressions(what, text)?
        .into_iter()
        .map(|expr| constant(what, expr))
        .collect()
}

fn constants(what: &'static str, all: Vec<Expr>) -> Result<Vec<Literal>> {
    all.into_iter().map(|expr| constant(what, expr)).collect()
}

fn constant(what: &'static str, expr: Expr) -> Result<Literal> {
    let no = |construct: &str| {
        Err(LearnError::Construct {
            construct: format!("{construct} in {what}"),
        })
    };
    match expr.kind {
        Kind::Text(text) => Ok(Literal::Text(text)),
        Kind::Int(number) => Ok(Literal::Int(number)),
        Kind::Float(number) => Ok(Literal::Float(number)),
        Kind::Name(name) => match name.as_str() {
            "None" | "null" => Ok(Literal::None),
            "True" | "true" => Ok(Literal::Bool(true)),
            "False" | "false" => Ok(Literal::Bool(false)),
            _ => no(&format!("the name {name}")),
        },
        Kind::List(all) => Ok(Literal::List(constants(what, all)?)),
        Kind::Tuple(all) => Ok(Literal::Tuple(constants(what, all)?)),
        Kind::Dict(pairs) => {
            let pair = |(key, value)| Ok((constant(what, key)?, constant(what, value)?));
            Ok(Literal::Dict(
                pairs.into_iter().map(pair).collect::<Result<_>>()?,
            ))
        }
        Kind::Plus(inner) => match constant(what, *inner)? {
            number @ (Literal::Int(_) | Literal::Float(_)) => Ok(number),
            _ => no("a sign before something that is not a number"),
        },
        Kind::Minus(inner) => match constant(what, *inner)? {
            Literal::Int(number) => Ok(Literal::Int(number.wrapping_neg())),
            Literal::Float(number) => Ok(Literal::Float(-number)),
            _ => no("a sign before something that is not a number"),
        },
        Kind::Lambda(..) => no("a lambda"),
        Kind::Call(name, _) => no(&format!("a call of {name}")),
        _ => no("an expression"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Literal::{Bool, Dict, Float, Int, List, None, Text, Tuple};

    fn text(text: &str) -> Literal {
        Text(text.to_owned())
    }

    #[test]
    fn reads_what_python_2_prints_and_what_people_write() {
        for (written, meant) in [
            ("None", None),
            (
                "{'numIterations': 100}",
                Dict(vec![(text("numIterations"), Int(100))]),
            ),
            (
                "[{u'method': u'filter'}]",
                List(vec![Dict(vec![(text("method"), text("filter"))])]),
            ),
            (
                "(1, -2.5, True, False,)",
                Tuple(vec![Int(1), Float(-2.5), Bool(true), Bool(false)]),
            ),
            ("()", Tuple(vec![])),
            ("(7)", Int(7)),
            (
                "{\"a\": null, \"b\": [1.5, true]}",
                Dict(vec![
                    (text("a"), None),
                    (text("b"), List(vec![Float(1.5), Bool(true)])),
                ]),
            ),
            ("{'a': true}", Dict(vec![(text("a"), Bool(true))])),
            (r"'a\n\'\x41\u00e4\101\q' 'b'", text("a\n'A\u{e4}A\\qb")),
            (r"r'a\n'", text("a\\n")),
            ("12L", Int(12)),
            ("0x1F", Int(31)),
            ("1e-8", Float(1e-8)),
            ("-.5", Float(-0.5)),
            ("1_000", Int(1000)),
        ] {
            assert_eq!(read_literal("params", written), Ok(meant), "{written}");
        }
        assert_eq!(
            read_arguments("args", "False, 0.5"),
            Ok(vec![Bool(false), Float(0.5)])
        );
        assert_eq!(read_arguments("args", " "), Ok(vec![]));
    }

    #[test]
    fn names_what_is_no_literal() {
        for (written, named) in [
            ("__import__('os').system('x')", "an expression"),
            ("open('x')", "a call of open"),
            ("[x for x in y]", "a comprehension"),
            ("{1, 2}", "a set"),
            ("lambda x: x", "a lambda"),
            ("a", "the name a"),
            ("2 ** 9", "the power operator"),
            ("f(a=1)", "an argument by name"),
        ] {
            let error = read_literal("params", written)
                .expect_err(written)
                .to_string();
            assert!(error.contains(named), "{written}: {error}");
        }
    }

    #[test]
    fn says_where_writing_goes_wrong() {
        for (written, at) in [
            ("[1, 2", 5),
            ("'abc", 1),
            ("[1 2]", 4),
            ("{'a' 1}", 6),
            ("", 1),
            ("99999999999999999999", 1),
        ] {
            let error = read_literal("params", written);
            // a number beyond 64 bits is JSON of a float
            match error {
                Err(LearnError::Syntax { at: found, .. }) => assert_eq!(found, at, "{written}"),
                Ok(Float(_)) => assert!(written.starts_with('9')),
                other => panic!("{written}: {other:?}"),
            }
        }
        assert_eq!(
            Dict(vec![(text("a"), Int(1)), (text("a"), Int(2))]).get("a"),
            Some(&Int(2))
        );
    }
}
