//! The audit chain: each entry's hash covers the one before, so that nothing can be taken out or changed unseen.

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection};
use vocabulary::{Attempt, JobId, PartyId, TaskId, Timestamp};

use crate::{RecordError, Records, from_json, to_json};

/// Something that the data owner may want to prove later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEntry {
    /// An offer was judged.
    Offer {
        /// The job.
        job: JobId,
        /// The offer's fingerprint.
        fingerprint: String,
        /// Whether it was accepted; the rule that refused it otherwise.
        refused_by: Option<String>,
    },
    /// The coordinator ordered an attempt. What began and has no `Left` behind it ended with the agent.
    Ordered {
        /// The task.
        task: TaskId,
        /// The try.
        attempt: Attempt,
        /// The offer that the order names.
        fingerprint: String,
        /// Why it was refused, if it was.
        refused_by: Option<String>,
    },
    /// What left in one attempt, for one message and one receiving party.
    Left {
        /// The task.
        task: TaskId,
        /// The try.
        attempt: Attempt,
        /// The message.
        message: String,
        /// The receiver.
        to: PartyId,
        /// Letters.
        letters: u64,
        /// Bytes.
        bytes: u64,
    },
    /// Something was told or shown, or refused, to somebody outside.
    Told {
        /// What (`metrics`, `table experiment.guest preview`).
        what: String,
        /// To whom.
        to: String,
        /// The rule that refused it, if one did.
        refused_by: Option<String>,
    },
}

/// An entry in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number, without gaps.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub entry: AuditEntry,
    /// BLAKE3 over the hash before, the time and the entry, hex.
    pub hash: String,
}

fn link(before: &str, at: Timestamp, entry: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes()).update(&at.0.to_le_bytes()).update(entry.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Appends an entry to the chain within a transaction.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    entry: &AuditEntry,
    now: Timestamp,
) -> Result<(), RecordError> {
    let text = to_json("audit entry", entry)?;
    let last = sqlx::query("/* audit_last */ SELECT hash FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?;
    let before: String = last.map(|row| row.try_get("hash")).transpose()?.unwrap_or_default();
    sqlx::query("/* audit */ INSERT INTO audit (at_micros, entry, hash) VALUES ($1, $2, $3)")
        .bind(now.0)
        .bind(&text)
        .bind(link(&before, now, &text))
        .execute(connection)
        .await?;
    Ok(())
}

impl Records {
    /// Appends an entry.
    pub async fn audit(&self, entry: &AuditEntry, now: Timestamp) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        append(&mut transaction, entry, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Reads the chain and checks it; the first entry that does not fit is an error.
    pub async fn audit_chain(&self) -> Result<Vec<AuditRecord>, RecordError> {
        let rows = sqlx::query("/* audit_chain */ SELECT number, at_micros, entry, hash FROM audit ORDER BY number")
            .fetch_all(&self.pool)
            .await?;
        let mut before = String::new();
        let mut chain: Vec<AuditRecord> = Vec::with_capacity(rows.len());
        for row in &rows {
            let (number, text): (i64, String) = (row.try_get("number")?, row.try_get("entry")?);
            let (at, hash) = (Timestamp(row.try_get("at_micros")?), row.try_get::<String, _>("hash")?);
            let follows = chain.last().is_none_or(|last| last.number + 1 == number);
            if !follows || link(&before, at, &text) != hash {
                return Err(RecordError::ChainBroken(number));
            }
            chain.push(AuditRecord { number, at, entry: from_json("audit entry", &text)?, hash: hash.clone() });
            before = hash;
        }
        Ok(chain)
    }
}
