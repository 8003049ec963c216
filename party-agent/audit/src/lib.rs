//! The audit chain of a party: what left, what was refused, and under which consent, written down before it happens.
//!
//! The chain is a folder of text files with one entry a line; each entry's hash covers the one before, so that nothing can be
//! taken out or changed unseen. [`Audit`] appends: entries that come together share one sync, and nobody is told of an entry
//! before it is on the disk. [`Walk`] reads and checks, one line at a time, also while somebody appends. What cannot be written
//! must not happen: a full disk or a broken chain is an error for everybody who wants an entry.
#![deny(missing_docs)]

mod aside;
mod chain;
mod entry;
mod error;
mod import;
mod line;
mod raw;
mod segment;
mod status;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub use aside::{SetAside, set_aside};
pub use entry::{AttemptDetails, AuditEntry, Basis, MessageEntry, ReportEntry, Rows};
pub use error::AuditError;
pub use import::{OldEntry, import};
pub use line::{AuditRecord, FORMAT, Line};
pub use raw::Raw;
pub use status::{State, Status};
pub use walk::{Head, Lines, Walk, is_chain, read_all};
pub use writer::Audit;
