//! What happened to a job, line by line: its own moves, and what its parties let be known of their logs.

use serde::{Deserialize, Serialize};
use vocabulary::{PartyId, Timestamp};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Its place among the lines of the job; given by the store.
    pub seq: u64,
    /// At which party; `None` for the coordinator's own.
    pub party: Option<PartyId>,
    /// `INFO`, `WARNING`, `ERROR`.
    pub level: String,
    /// The line, without its end.
    pub line: String,
}

impl Event {
    /// A line of the coordinator's own; the store gives it its place.
    pub fn own(at: Timestamp, line: impl Into<String>) -> Self {
        Self {
            at,
            seq: 0,
            party: None,
            level: "INFO".to_owned(),
            line: line.into(),
        }
    }
}
