//! Jobs for which tickets of this party's own endpoint were used, and the offers that they were found to cover.

use sqlx::Row;
use vocabulary::{JobId, Ticket, Timestamp};

use crate::{RecordError, Records};

/// The ticket behind an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedTicket {
    /// Its id.
    pub ticket: String,
    /// Who asked: the name of the credential, where the endpoint asked for one.
    pub asked_by: Option<String>,
    /// Until when it stands behind the offer.
    pub until: Timestamp,
}

/// An offer that a ticket covers.
#[derive(Debug, Clone, Copy)]
pub struct CoveredOffer<'a> {
    /// Its job.
    pub job: &'a JobId,
    /// Its fingerprint.
    pub fingerprint: &'a str,
    /// Until when the ticket stands behind it.
    pub until: Timestamp,
}

impl Records {
    /// Uses a ticket for an offer, and says whether that was possible: it is for offers of a job for which it was used before,
    /// and of as many others as it is good for. How long it stands behind an offer is what was said the first time.
    pub async fn use_ticket(
        &self,
        ticket: &Ticket,
        offer: CoveredOffer<'_>,
        now: Timestamp,
    ) -> Result<bool, RecordError> {
        let job = offer.job;
        let mut tx = self.pool.begin().await?;
        let used = sqlx::query(
            "/* ticket_jobs */ SELECT COUNT(*) AS jobs, COALESCE(SUM(job = $2), 0) AS this FROM tickets WHERE ticket = $1",
        )
        .bind(&ticket.id)
        .bind(job.as_str())
        .fetch_one(&mut *tx)
        .await?;
        let (jobs, this): (i64, i64) = (used.try_get("jobs")?, used.try_get("this")?);
        // Checked and used in one transaction on the one connection: two offers cannot take the
        // last use.
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
        sqlx::query(
            // An offer that comes again does not get a later end than the first time.
            "/* cover_offer */ INSERT INTO ticket_offers (ticket, job, fingerprint, until_micros) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (ticket, job, fingerprint) DO NOTHING",
        )
        .bind(&ticket.id)
        .bind(job.as_str())
        .bind(offer.fingerprint)
        .bind(offer.until.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The ticket that covers an offer of a job; of several, the one that stands longest.
    pub async fn ticket_of(
        &self,
        job: &JobId,
        fingerprint: &str,
    ) -> Result<Option<UsedTicket>, RecordError> {
        let row = sqlx::query(
            "/* ticket_of */ SELECT o.ticket, t.asked_by, o.until_micros FROM ticket_offers AS o \
             JOIN tickets AS t ON t.ticket = o.ticket AND t.job = o.job \
             WHERE o.job = $1 AND o.fingerprint = $2 ORDER BY o.until_micros DESC LIMIT 1",
        )
        .bind(job.as_str())
        .bind(fingerprint)
        .fetch_optional(&self.pool)
        .await?;
        let used = |row: sqlx::sqlite::SqliteRow| {
            let until = Timestamp(row.try_get("until_micros")?);
            Ok(UsedTicket {
                ticket: row.try_get("ticket")?,
                asked_by: row.try_get("asked_by")?,
                until,
            })
        };
        row.map(used).transpose()
    }

    /// For how many jobs a ticket was used.
    pub async fn uses_of_ticket(&self, ticket: &str) -> Result<u32, RecordError> {
        let row =
            sqlx::query("/* ticket_uses */ SELECT COUNT(*) AS jobs FROM tickets WHERE ticket = $1")
                .bind(ticket)
                .fetch_one(&self.pool)
                .await?;
        let jobs: i64 = row.try_get("jobs")?;
        Ok(u32::try_from(jobs).unwrap_or(u32::MAX))
    }
}
