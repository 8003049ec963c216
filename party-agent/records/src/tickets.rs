//! Jobs for which tickets of this party's own endpoint were used.

use sqlx::Row;
use vocabulary::{JobId, Ticket, Timestamp};

use crate::{RecordError, Records};

/// The ticket behind a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedTicket {
    /// Its id.
    pub ticket: String,
    /// Who asked: the name of the credential, where the endpoint asked for one.
    pub asked_by: Option<String>,
}

impl Records {
    /// Uses a ticket for a job, and says whether that was possible: it is for a job for which it was used before, and for as
    /// many others as it is good for.
    pub async fn use_ticket(&self, ticket: &Ticket, job: &JobId, now: Timestamp) -> Result<bool, RecordError> {
        let mut tx = self.pool.begin().await?;
        let used = sqlx::query(
            "/* ticket_jobs */ SELECT COUNT(*) AS jobs, COALESCE(SUM(job = $2), 0) AS this FROM tickets WHERE ticket = $1",
        )
        .bind(&ticket.id)
        .bind(job.as_str())
        .fetch_one(&mut *tx)
        .await?;
        let (jobs, this): (i64, i64) = (used.try_get("jobs")?, used.try_get("this")?);
        if this == 0 && jobs >= i64::from(ticket.jobs) {
            return Ok(false);
        }
        sqlx::query(
            "/* use_ticket */ INSERT INTO tickets (ticket, job, asked_by, used_micros) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (ticket, job) DO NOTHING",
        )
        .bind(&ticket.id)
        .bind(job.as_str())
        .bind(&ticket.asked_by)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The ticket that was used last for a job.
    pub async fn ticket_of(&self, job: &JobId) -> Result<Option<UsedTicket>, RecordError> {
        let row = sqlx::query(
            "/* ticket_of */ SELECT ticket, asked_by FROM tickets WHERE job = $1 ORDER BY used_micros DESC LIMIT 1",
        )
        .bind(job.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok(UsedTicket { ticket: row.try_get("ticket")?, asked_by: row.try_get("asked_by")? })).transpose()
    }

    /// For how many jobs a ticket was used.
    pub async fn uses_of_ticket(&self, ticket: &str) -> Result<u32, RecordError> {
        let row = sqlx::query("/* ticket_uses */ SELECT COUNT(*) AS jobs FROM tickets WHERE ticket = $1")
            .bind(ticket)
            .fetch_one(&self.pool)
            .await?;
        let jobs: i64 = row.try_get("jobs")?;
        Ok(u32::try_from(jobs).unwrap_or(u32::MAX))
    }
}
