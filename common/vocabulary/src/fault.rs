//! What went wrong, said once: the same from REST, command line and log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::ids::PartyId;

/// One root cause with its code, the party it happened at, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The stable code; each has a page in `docs/errors`.
    pub code: ErrorCode,
    /// What is wrong: lowercase, no full stop, values included.
    pub message: String,
    /// Where it happened, when that is one party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// The place in the document that caused it, such as `component_parameters.common.hetero_lr_0.tol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Fault {
    /// A fault with nothing but a code and a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            party: None,
            path: None,
            next: None,
        }
    }

    /// The same with texts of at most so many characters: what a peer says is as long as the peer likes.
    pub fn cut(self, most: usize) -> Self {
        let cut = |text: String| -> String { text.chars().take(most).collect() };
        Self {
            message: cut(self.message),
            path: self.path.map(cut),
            next: self.next.map(cut),
            ..self
        }
    }

    /// Says at which party it happened; keeps the first one named.
    #[must_use]
    pub fn at(mut self, party: &PartyId) -> Self {
        self.party.get_or_insert_with(|| party.clone());
        self
    }

    /// Says which place in the document caused it.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ", self.code)?;
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(party) = &self.party {
            write!(f, " (party {party})")?;
        }
        if let Some(next) = &self.next {
            write!(f, "; {next}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
