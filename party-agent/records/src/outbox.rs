//! Reports that the coordinator has not taken yet: they survive a crash of the agent.

use sqlx::Row;
use vocabulary::{Report, Timestamp};

use crate::audit::append;
use crate::{AuditEntry, RecordError, Records, from_json, to_json};

impl Records {
    /// Keeps a report until it is acknowledged.
    pub async fn post(&self, report: &Report) -> Result<(), RecordError> {
        self.post_all(&[(report.clone(), None)], Timestamp(0)).await
    }

    /// Keeps reports until they are acknowledged, and what the audit chain is to say of them: all, or none on error.
    pub async fn post_all(&self, postings: &[(Report, Option<AuditEntry>)], now: Timestamp) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        for (report, entry) in postings {
            if let Some(entry) = entry {
                append(&mut transaction, entry, now).await?;
            }
            sqlx::query("/* post */ INSERT INTO outbox (report) VALUES ($1)")
                .bind(to_json("report", report)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The oldest reports that wait, with their numbers.
    pub async fn posted(&self, most: u32) -> Result<Vec<(i64, Report)>, RecordError> {
        let rows = sqlx::query("/* posted */ SELECT number, report FROM outbox ORDER BY number LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("number")?, from_json("report", row.try_get("report")?)?))).collect()
    }

    /// Forgets reports up to this number.
    pub async fn acknowledge(&self, number: i64) -> Result<(), RecordError> {
        sqlx::query("/* acknowledge */ DELETE FROM outbox WHERE number <= $1").bind(number).execute(&self.pool).await?;
        Ok(())
    }
}
