//! The audit chain of format 0, which stood in this file before it had a folder of its own: read once, to be continued there.

use sqlx::Row;

use crate::{RecordError, Records};

/// An entry of the old chain, to the byte as it was hashed. One that cannot be read is an error: a chain is not read in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldAuditEntry {
    /// Its number.
    pub number: i64,
    /// When, in microseconds since 1970.
    pub at_micros: i64,
    /// The entry as JSON.
    pub entry: String,
    /// Its hash, hex.
    pub hash: String,
}

impl Records {
    /// Entries of the old chain behind a number, at most so many.
    pub async fn old_audit_entries(
        &self,
        after: i64,
        most: u32,
    ) -> Result<Vec<OldAuditEntry>, RecordError> {
        let rows = sqlx::query(
            "/* old_audit */ SELECT number, at_micros, entry, hash FROM audit WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(most))
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(OldAuditEntry {
                number: row.try_get("number")?,
                at_micros: row.try_get("at_micros")?,
                entry: row.try_get("entry")?,
                hash: row.try_get("hash")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
