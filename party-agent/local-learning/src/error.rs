//! What can be wrong with lines, parameters and transforms.

/// A result of this crate.
pub type Result<T> = std::result::Result<T, LearnError>;

/// Why something was not learned, applied or transformed. No message repeats a value of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// A text that should be Python (or JSON) is not.
    #[error("{what} cannot be read at character {at}: {reason}")]
    Syntax {
        /// What was read: `params`, `args`, `lambda`.
        what: &'static str,
        /// Which character, from 1.
        at: usize,
        /// What is wrong.
        reason: String,
    },
    /// A construct of Python that is not interpreted here.
    #[error("{construct} is not interpreted")]
    Construct {
        /// Its name.
        construct: String,
    },
    /// A row on which a transform failed.
    #[error("row {row}: {reason}")]
    Row {
        /// Which row, from 1.
        row: usize,
        /// What is wrong.
        reason: String,
    },
    /// A parameter.
    #[error("{name}: {reason}")]
    Parameter {
        /// Which one.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Whoever asked does not want it any more.
    #[error("the work was stopped")]
    Stopped,
    /// Something that this kind of model does not do.
    #[error("{0}")]
    Unsupported(String),
    /// Work that would take more than there is.
    #[error("{0}")]
    Limit(String),
    /// Data that does not fit.
    #[error("{0}")]
    Data(String),
}

impl LearnError {
    pub(crate) fn row(row: usize, reason: impl Into<String>) -> Self {
        Self::Row {
            row,
            reason: reason.into(),
        }
    }

    pub(crate) fn parameter(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Parameter {
            name: name.into(),
            reason: reason.into(),
        }
    }
}

/// Whether whoever asked still wants the work; loops ask in every turn.
#[derive(Clone, Copy)]
pub struct Watch<'a>(pub &'a dyn Fn() -> bool);

impl Watch<'_> {
    /// Fails once the work is stopped.
    pub(crate) fn go_on(self) -> Result<()> {
        if (self.0)() {
            Err(LearnError::Stopped)
        } else {
            Ok(())
        }
    }

    /// The same for the turns of a short loop, of which every thousandth asks.
    pub(crate) fn now_and_then(self, turn: usize) -> Result<()> {
        if turn.is_multiple_of(1_024) {
            self.go_on()
        } else {
            Ok(())
        }
    }
}
