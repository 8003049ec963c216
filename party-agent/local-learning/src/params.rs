//! Parameters of models, as clients write them: a literal of Python. Unknown ones are ignored.

use crate::error::{LearnError, Result};
use crate::python::{Literal, read_literal};

/// Parameters by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Params(Literal);

impl Params {
    /// Reads the text of a dict; `None` and an empty text mean none.
    pub fn read(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self(Literal::None));
        }
        match read_literal("params", text)? {
            literal @ (Literal::Dict(_) | Literal::None) => Ok(Self(literal)),
            other => Err(LearnError::parameter(
                "params",
                format!("it is a {}, not a dict", other.type_name()),
            )),
        }
    }

    /// A whole number in bounds; numbers with a fraction are cut, texts are read, as Python's `int()` does.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked against the bounds"
    )]
    pub(crate) fn whole(
        &self,
        name: &str,
        otherwise: usize,
        least: usize,
        most: usize,
    ) -> Result<usize> {
        let Some(number) = self.number_at(name)? else {
            return Ok(otherwise);
        };
        let number = number.trunc();
        if number.is_finite() && (least as f64..=most as f64).contains(&number) {
            return Ok(number as usize);
        }
        Err(LearnError::parameter(
            name,
            format!("it must be {least} to {most}"),
        ))
    }

    /// A number in bounds.
    pub(crate) fn number(&self, name: &str, otherwise: f64, least: f64, most: f64) -> Result<f64> {
        let Some(number) = self.number_at(name)? else {
            return Ok(otherwise);
        };
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(LearnError::parameter(
            name,
            format!("it must be {least} to {most}"),
        ))
    }

    /// A word.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Literal::as_text)
    }

    fn number_at(&self, name: &str) -> Result<Option<f64>> {
        match self.0.get(name) {
            None | Some(Literal::None) => Ok(None),
            Some(Literal::Int(number)) => Ok(Some(*number as f64)),
            Some(Literal::Float(number)) => Ok(Some(*number)),
            Some(Literal::Bool(flag)) => Ok(Some(f64::from(u8::from(*flag)))),
            Some(Literal::Text(text)) => {
                let number = text.trim().parse().map(Some);
                number.map_err(|_| LearnError::parameter(name, "it is not a number"))
            }
            Some(other) => Err(LearnError::parameter(
                name,
                format!("it is a {}, not a number", other.type_name()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_defaults_bounds_and_texts() {
        let params = Params::read("{'numIterations': 50, u'step': '1e-8', 'other': []}").unwrap();
        assert_eq!(params.whole("numIterations", 100, 1, 1000), Ok(50));
        assert_eq!(params.whole("rank", 10, 1, 100), Ok(10));
        assert_eq!(params.number("step", 1.0, 0.0, 1.0), Ok(1e-8));
        assert!(params.whole("numIterations", 100, 1, 49).is_err());
        assert!(params.number("other", 1.0, 0.0, 1.0).is_err());
        assert_eq!(Params::read("None"), Params::read("  "));
        assert!(Params::read("[1]").is_err() && Params::read("{'a': nan}").is_err());
    }
}
