//! Names of things: checked on entry, compared as text, ordered where order means something.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {kind}: {rule}")]
pub struct InvalidName {
    /// What was being named.
    pub kind: &'static str,
    /// The refused text, cut to a printable length.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

const RULE: &str = "1 to 64 letters, digits, '-', '_' or '.', not starting with '.'";

fn check(kind: &'static str, text: &str) -> Result<(), InvalidName> {
    let fits = !text.is_empty()
        && text.len() <= 64
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fits {
        return Ok(());
    }
    Err(InvalidName {
        kind,
        text: text.chars().take(80).collect(),
        rule: RULE,
    })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it as a name.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check($kind, &text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// An organisation of the federation (`9999`), as its certificate names it.
    PartyId,
    "party id"
);
name!(
    /// One run of a definition; its first eight characters are the local date of submission.
    JobId,
    "job id"
);
name!(
    /// A component placed in a job (`hetero_lr_0`).
    StepName,
    "step name"
);
name!(
    /// A named collection of jobs.
    ExperimentId,
    "experiment id"
);
name!(
    /// Who owns experiments and what hangs on them: a namespace, an organization or a project, in the words of the APIs.
    Tenant,
    "tenant"
);

impl ExperimentId {
    /// The collection of jobs from the time before experiments had ids.
    pub fn unnamed() -> Self {
        Self("default".to_owned())
    }
}

impl Tenant {
    /// The one tenant of a federation whose REST endpoints ask nobody who he is.
    pub fn only() -> Self {
        Self("local".to_owned())
    }
}

/// One attempt of a step, counted from 0; the same number at every participant of the step.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The attempt after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_could_leave_a_folder() {
        for text in [
            "",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "a b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(PartyId::new(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn takes_the_names_fate_uses() {
        for text in ["9999", "hetero_lr_0", "202611230624312345670", "a-b.c"] {
            assert_eq!(StepName::new(text).expect("valid").as_str(), text);
        }
    }

    #[test]
    fn checks_names_that_arrive_in_documents() {
        assert!(serde_json::from_str::<PartyId>("\"../../etc\"").is_err());
        assert_eq!(
            serde_json::from_str::<PartyId>("\"10000\"")
                .expect("valid")
                .as_str(),
            "10000"
        );
    }
}
