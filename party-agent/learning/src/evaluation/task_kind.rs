//! The kinds of prediction an evaluation knows, and the metrics of each.

use crate::WordError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which kind of prediction is evaluated (`eval_type` in a job).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EvalType {
    /// Two classes, scores in [0, 1].
    #[default]
    Binary,
    /// Several classes.
    Multi,
    /// Numbers.
    Regression,
}

impl EvalType {
    /// FATE's name of the task kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multi => "multi",
            Self::Regression => "regression",
        }
    }
}

impl FromStr for EvalType {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        let (kind, choices) = ("eval_type", "binary, multi, regression");
        match word.to_ascii_lowercase().as_str() {
            "binary" => Ok(Self::Binary),
            "multi" => Ok(Self::Multi),
            "regression" => Ok(Self::Regression),
            "clustering" => Err(WordError::NotBuilt {
                kind,
                word: word.to_owned(),
                choices,
            }),
            _ => Err(WordError::Unknown {
                kind,
                word: word.to_owned(),
                choices,
            }),
        }
    }
}

impl TryFrom<String> for EvalType {
    type Error = WordError;

    fn try_from(word: String) -> Result<Self, WordError> {
        word.parse()
    }
}

impl From<EvalType> for String {
    fn from(kind: EvalType) -> Self {
        kind.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_kinds_are_read_by_name() {
        assert_eq!(
            serde_json::from_str::<EvalType>("\"Multi\"").unwrap(),
            EvalType::Multi
        );
        assert!(matches!(
            "clustering".parse::<EvalType>(),
            Err(WordError::NotBuilt { .. })
        ));
    }
}
