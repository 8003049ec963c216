//! How the link to the coordinator is, for those who need it and for health.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use vocabulary::{ErrorCode, Fault, Timestamp};

/// How the link is.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkStatus {
    /// Since when it stands, or since when there is none.
    pub since: Timestamp,
    /// Whether it stands.
    pub connected: bool,
    /// The coordinator's software version, when it stands.
    pub coordinator: Option<String>,
    /// Why the last one ended, or the last attempt failed.
    pub last_error: Option<Fault>,
}

/// Where the link's state is written and read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusBoard(Arc<Mutex<LinkStatus>>);

impl StatusBoard {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(LinkStatus {
            since: now,
            connected: false,
            coordinator: None,
            last_error: None,
        })))
    }

    /// The state now.
    pub(crate) fn status(&self) -> LinkStatus {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes that the link stands.
    pub(crate) fn up(&self, coordinator: &str, now: Timestamp) {
        let mut status = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *status = LinkStatus {
            since: now,
            connected: true,
            coordinator: Some(coordinator.to_owned()),
            // Kept while the link stands: it says why it was away.
            last_error: status.last_error.take(),
        };
    }

    /// Notes that it broke, or could not be made.
    pub(crate) fn down(&self, fault: &Fault, now: Timestamp) {
        let mut status = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A further failed dial is no new beginning: people want to know since when there is no
        // link.
        let since = if status.connected { now } else { status.since };
        *status = LinkStatus {
            since,
            connected: false,
            coordinator: None,
            last_error: Some(fault.clone()),
        };
    }

    /// What a user is told who needs the coordinator while there is no link.
    pub(crate) fn offline(&self) -> Fault {
        let status = self.status();
        let since = date(status.since);
        let fault = Fault::new(
            ErrorCode::PartyOffline,
            format!("this agent has no link to the coordinator since {since}"),
        );
        match status.last_error {
            Some(error) => fault.next(format!("the last attempt ended with: {error}")),
            None => fault.next("wait until it is connected"),
        }
    }

    /// As JSON, for health.
    pub(crate) fn to_json(&self) -> Value {
        let LinkStatus {
            since,
            connected,
            coordinator,
            last_error,
        } = self.status();
        json!({"connected": connected, "since": since.millis(), "coordinator_version": coordinator, "last_error": last_error})
    }
}

fn date(at: Timestamp) -> String {
    let local =
        chrono::DateTime::from_timestamp_micros(at.0).map(|utc| utc.with_timezone(&chrono::Local));
    local.map_or_else(
        || at.millis().to_string(),
        |local| local.format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
