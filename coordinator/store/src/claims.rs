//! When a job is to be looked at, and by whom.

use async_trait::async_trait;
use domain::Job;
use service::ports::{Claims, Stored};
use vocabulary::{JobId, PartyId, Timestamp};

use crate::sql::{Open, SqlTransaction};
use crate::values::failed;

#[async_trait]
impl Claims for SqlTransaction {
    async fn claim_due(
        &mut self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Stored<Vec<JobId>> {
        let ids: Vec<String> = sqlx::query_scalar(
            // An own claim counts as free: after a crash the coordinator need not wait for the old
            // one to run out.
            "/* claims: claim due */ UPDATE jobs SET claimed_by = $1, claimed_until = $2 WHERE id IN ( \
             SELECT id FROM jobs WHERE due <= $3 AND (claimed_by IS NULL OR claimed_by = $1 OR claimed_until <= $3) \
             ORDER BY due, id LIMIT $4) RETURNING id",
        )
        .bind(owner)
        .bind(until.0)
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        // A name that is none is not worked on: no job of that name can be asked for.
        Ok(ids
            .into_iter()
            .filter_map(|id| JobId::new(id).ok())
            .collect())
    }

    async fn hold_job(&mut self, id: &JobId, owner: &str) -> Stored<bool> {
        // A write, so that the row stays locked to the end of the transaction where others could write beside it.
        let done = sqlx::query(
            "/* claims: hold */ UPDATE jobs SET claimed_until = claimed_until WHERE id = $1 AND claimed_by = $2",
        )
        .bind(id.as_str())
        .bind(owner)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn release_job(&mut self, id: &JobId, due: Option<Timestamp>) -> Stored<()> {
        sqlx::query(
            "/* claims: release */ UPDATE jobs SET due = $2, claimed_by = NULL, claimed_until = NULL WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(due.map(|at| at.0))
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn poke_job(&mut self, id: &JobId, at: Timestamp) -> Stored<()> {
        sqlx::query("/* claims: poke */ UPDATE jobs SET due = $2 WHERE id = $1 AND (due IS NULL OR due > $2)")
            .bind(id.as_str())
            .bind(at.0)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn poke_party(&mut self, party: &PartyId, at: Timestamp) -> Stored<()> {
        sqlx::query(
            "/* claims: poke party */ UPDATE jobs SET due = $2 WHERE settled = 0 AND (due IS NULL OR due > $2) \
             AND EXISTS (SELECT 1 FROM participants p WHERE p.job_id = jobs.id AND p.party = $1)",
        )
        .bind(party.as_str())
        .bind(at.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn poke_all(&mut self, at: Timestamp) -> Stored<()> {
        sqlx::query("/* claims: poke all */ UPDATE jobs SET due = $1 WHERE settled = 0 AND (due IS NULL OR due > $1)")
            .bind(at.0)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn ahead_in_queue(&mut self, job: &Job) -> Stored<Option<JobId>> {
        let Some(queue) = &job.settings.queue else {
            return Ok(None);
        };
        let first = first_in(&mut self.tx, queue).await?;
        Ok(first.filter(|first| *first != job.id))
    }

    async fn poke_queue(&mut self, queue: &str, at: Timestamp) -> Stored<()> {
        match first_in(&mut self.tx, queue).await? {
            Some(first) => self.poke_job(&first, at).await,
            None => Ok(()),
        }
    }

    async fn next_due(&mut self) -> Stored<Option<Timestamp>> {
        let due: Option<i64> = sqlx::query_scalar(
            "/* claims: next due */ SELECT MIN(due) FROM jobs WHERE due IS NOT NULL",
        )
        .fetch_one(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(due.map(Timestamp))
    }
}

/// The unsettled job of a queue whose turn it is: one that runs already, or else the earliest.
async fn first_in(tx: &mut Open, queue: &str) -> Stored<Option<JobId>> {
    let first: Option<String> = sqlx::query_scalar(
        "/* claims: first in queue */ SELECT id FROM jobs WHERE queue = $1 AND settled = 0 \
         ORDER BY state NOT IN ('running', 'stopping'), created, id LIMIT 1",
    )
    .bind(queue)
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    // A name that is none stands before nobody.
    Ok(first.and_then(|id| JobId::new(id).ok()))
}
