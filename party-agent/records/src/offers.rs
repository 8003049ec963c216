//! Offers this party accepted: an assignment runs only under one of them.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{JobId, Offer, Timestamp};

use crate::aside::Kind;
use crate::{RecordError, Records, from_json, to_json};

const OFFER: Kind = Kind {
    name: "offer",
    table: "offers",
    key: &["fingerprint", "job"],
};

fn offer(row: &SqliteRow) -> Result<Offer, RecordError> {
    from_json("offer", row.try_get("offer")?)
}

impl Records {
    /// Remembers an accepted offer; one that is known keeps its place among the job's.
    pub async fn accept_offer(
        &self,
        fingerprint: &str,
        offer: &Offer,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        sqlx::query(
            // Never earlier than the job's newest: the order of offers must hold when the clock is
            // set back.
            "/* accept_offer */ INSERT INTO offers (fingerprint, job, offer, accepted_micros) VALUES ($1, $2, $3, \
             MAX($4, COALESCE((SELECT MAX(accepted_micros) + 1 FROM offers WHERE job = $2), 0))) \
             ON CONFLICT (fingerprint) DO NOTHING",
        )
        .bind(fingerprint)
        .bind(offer.job.as_str())
        .bind(to_json("offer", offer)?)
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The accepted offer with this fingerprint.
    pub async fn accepted_offer(&self, fingerprint: &str) -> Result<Option<Offer>, RecordError> {
        let row = sqlx::query(
            "/* accepted_offer */ SELECT rowid AS place, offer FROM offers WHERE fingerprint = $1",
        )
        .bind(fingerprint)
        .fetch_optional(&self.pool)
        .await?;
        self.readable_one(&OFFER, row, offer).await
    }

    /// The offers under which the job was accepted, oldest first.
    pub async fn offers_of(&self, job: &JobId) -> Result<Vec<Offer>, RecordError> {
        let rows = sqlx::query(
            "/* offers_of */ SELECT rowid AS place, offer FROM offers WHERE job = $1 ORDER BY accepted_micros",
        )
        .bind(job.as_str())
        .fetch_all(&self.pool)
        .await?;
        self.readable(&OFFER, &rows, offer).await
    }

    /// Forgets the offers of a job that is over.
    pub async fn forget_offers(&self, job: &JobId) -> Result<(), RecordError> {
        sqlx::query("/* forget_offers */ DELETE FROM offers WHERE job = $1")
            .bind(job.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
