//! The policy's answer.

use vocabulary::{ErrorCode, Fault};

/// Yes, or no and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be.
    Allowed,
    /// It may not: which rule says so, and what it is about.
    Refused {
        /// The rule's place in the policy file (`admission.peers`).
        rule: &'static str,
        /// What is refused.
        what: String,
    },
}

impl Verdict {
    pub(crate) fn refused(rule: &'static str, what: impl Into<String>) -> Self {
        Self::Refused {
            rule,
            what: what.into(),
        }
    }

    /// Whether it may be.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    /// The refusal as a fault; `Ok` when it may be.
    pub fn into_result(self, code: ErrorCode) -> Result<(), Fault> {
        match self {
            Self::Allowed => Ok(()),
            Self::Refused { rule, what } => Err(Fault::new(
                code,
                format!("the party's policy refuses {what}"),
            )
            .path(rule)
            .next("ask the data owner, who can name it in the policy file")),
        }
    }
}
