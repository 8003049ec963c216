//! What an agent remembers: the offers it accepted, the attempts it ran, what they left, models, reports that the
//! coordinator has not taken yet, where tables came from, grants, pinned keys and data sources. One
//! SQLite file, never shared.
#![deny(missing_docs)]

mod aside;
mod attempts;
mod audit;
mod checkpoints;
mod connectors;
mod disclosed_ids;
#[cfg(any(test, feature = "harness"))]
pub mod harness;
mod inherit;
mod keys;
mod lineage;
mod model_record;
mod models;
mod offers;
mod outbox;
mod permissions;
mod queries;
mod schema;
mod serving;
#[cfg(test)]
mod spoiled_tests;
#[cfg(test)]
mod tests;
mod tickets;
mod vectors;

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};
use vocabulary::{ErrorCode, Fault};

pub use aside::SetAside;
pub use attempts::{AttemptRecord, AttemptState};
pub use audit::OldAuditEntry;
pub use checkpoints::CheckpointRecord;
pub use connectors::Connector;
pub use lineage::Descent;
pub use model_record::ModelRecord;
pub use models::StoredModel;
pub use permissions::{Permission, PermissionKind};
pub use queries::Queries;
pub use serving::{LoadRecord, ServiceRecord};
pub use tickets::{CoveredOffer, UsedTicket};
pub use vectors::{CountedVector, NewVector};

/// The record file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The database says no.
    #[error("the agent's records cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// A row does not hold what it should.
    #[error("a record of kind {kind} cannot be read: {detail}")]
    Malformed {
        /// What it should be.
        kind: &'static str,
        /// What is wrong.
        detail: String,
    },
}

/// SQLite's own codes for a disk that is full, and for one that refuses to write.
const SQLITE_FULL: [i32; 2] = [13, 10];

impl RecordError {
    /// Whether the disk is full or refuses to write.
    fn is_of_the_disk(&self) -> bool {
        let RecordError::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        // The low byte is the primary code, the rest says more about it.
        let code = error
            .code()
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        code.is_some_and(|code| SQLITE_FULL.contains(&code))
    }

    /// Whether one row does not hold what it should, while the others may be fine.
    pub(crate) fn is_of_the_row(&self) -> bool {
        matches!(
            self,
            RecordError::Malformed { .. }
                | RecordError::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        let text = error.to_string();
        if error.is_of_the_disk() {
            return Fault::new(ErrorCode::StorageFull, text).next("free space on the agent's disk");
        }
        let code = if error.is_of_the_row() {
            ErrorCode::RecordUnreadable
        } else {
            ErrorCode::Internal
        };
        Fault::new(code, text).next("see the agent's log")
    }
}

/// An agent's records.
#[derive(Clone)]
pub struct Records {
    pool: SqlitePool,
}

impl Records {
    /// Opens the file, making it and its tables when they are missing.
    pub async fn open(path: &Path) -> Result<Self, RecordError> {
        keep_private(path).map_err(|error| RecordError::Database(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What is acknowledged (an offer, a count, a report) must survive a loss of power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(10));
        // One connection: SQLite has one writer, and an agent's records are small.
        // SQLite ends a transaction by itself when the disk is full and then refuses the rollback; the driver counts such a
        // transaction as open for good, so a connection in that state is not used again.
        let sound = SqlitePoolOptions::new()
            .max_connections(1)
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            });
        let pool = sound.connect_with(options).await?;
        let records = Self { pool };
        records.create_tables().await?;
        Ok(records)
    }

    /// Closes the file after what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes the file, if need be, and lets its owner alone at it: it holds models and passwords. SQLite gives the files beside
/// it the same mode.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    // A file of an older version may be open to others; the mode above counts for new files only.
    if mode & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(mode & !0o077))?;
    }
    Ok(())
}

/// Writes a value as JSON. What could not be read back is refused here, where somebody can still be told: JSON's writer puts
/// `null` for numbers that it has no word for.
fn to_json<T: serde::Serialize + serde::de::DeserializeOwned>(
    kind: &'static str,
    value: &T,
) -> Result<String, RecordError> {
    let text = serde_json::to_string(value).map_err(|error| RecordError::Malformed {
        kind,
        detail: error.to_string(),
    })?;
    // Read back at once: later nobody could say which caller wrote it.
    from_json::<T>(kind, &text)?;
    Ok(text)
}

fn from_json<T: serde::de::DeserializeOwned>(
    kind: &'static str,
    text: &str,
) -> Result<T, RecordError> {
    serde_json::from_str(text).map_err(|error| RecordError::Malformed {
        kind,
        detail: error.to_string(),
    })
}
