//! Orders that are decided and not yet acknowledged.

use async_trait::async_trait;
use service::ports::{Outbox, Stored};
use service::records::{OrderKind, PendingOrder};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use vocabulary::{ErrorCode, Fault, JobId, PartyId, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{corrupt, failed, from_json, json};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "order_key, job_id, party, errand, created, next_try, tries, last_error"
    };
}

static ORDER: Kind = Kind {
    name: "order",
    table: "outbox",
    key: &["order_key"],
    remedy: Remedy::Mend(|connection, place, _| Box::pin(rebuild(connection, place))),
};

#[async_trait]
impl Outbox for SqlTransaction {
    async fn enqueue(&mut self, order: &PendingOrder) -> Stored<bool> {
        let done = sqlx::query(concat!(
            "/* outbox: enqueue */ INSERT INTO outbox (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_key) DO NOTHING"
        ))
        .bind(&order.key)
        .bind(order.job.as_str())
        .bind(order.party.as_str())
        .bind(json("an order", &order.kind)?)
        .bind(order.created.0)
        .bind(order.next_attempt.0)
        .bind(i64::from(order.attempts))
        .bind(
            order
                .last_error
                .as_ref()
                .map(|error| json("an order", error))
                .transpose()?,
        )
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn due_orders(
        &mut self,
        party: &PartyId,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<PendingOrder>> {
        let rows = sqlx::query(
            concat!(
"/* outbox: due */ SELECT rowid AS place, ",
columns!(),
" FROM outbox WHERE party = $1 AND next_try <= $2 ORDER BY next_try, created, order_key LIMIT $3"
),
        )
        .bind(party.as_str())
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable(&ORDER, &rows, order_from).await
    }

    async fn next_order(&mut self, party: &PartyId) -> Stored<Option<Timestamp>> {
        let next: Option<i64> = sqlx::query_scalar(
            "/* outbox: next */ SELECT MIN(next_try) FROM outbox WHERE party = $1",
        )
        .bind(party.as_str())
        .fetch_one(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(next.map(Timestamp))
    }

    async fn orders_of(&mut self, job: &JobId) -> Stored<Vec<PendingOrder>> {
        let rows = sqlx::query(concat!(
            "/* outbox: of a job */ SELECT rowid AS place, ",
            columns!(),
            " FROM outbox WHERE job_id = $1 ORDER BY created, order_key"
        ))
        .bind(job.as_str())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable(&ORDER, &rows, order_from).await
    }

    async fn remove_order(&mut self, key: &str) -> Stored<bool> {
        let done = sqlx::query("/* outbox: remove */ DELETE FROM outbox WHERE order_key = $1")
            .bind(key)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn postpone_order(
        &mut self,
        key: &str,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<()> {
        sqlx::query(
            "/* outbox: postpone */ UPDATE outbox SET next_try = $2, last_error = $3, tries = tries + 1 WHERE order_key = $1",
        )
        .bind(key)
        .bind(next_attempt.0)
        .bind(json("an order", error)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn postpone_party(
        &mut self,
        party: &PartyId,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<Vec<JobId>> {
        let jobs: Vec<String> = sqlx::query_scalar(
            "/* outbox: without error */ SELECT DISTINCT job_id FROM outbox WHERE party = $1 AND last_error IS NULL \
             ORDER BY job_id",
        )
        .bind(party.as_str())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "/* outbox: postpone a party */ UPDATE outbox SET next_try = $2, last_error = $3, tries = tries + 1 \
             WHERE party = $1",
        )
        .bind(party.as_str())
        .bind(next_attempt.0)
        .bind(json("an order", error)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(jobs
            .into_iter()
            .filter_map(|job| JobId::new(job).ok())
            .collect())
    }

    async fn recall_party(&mut self, party: &PartyId, now: Timestamp) -> Stored<()> {
        sqlx::query("/* outbox: recall a party */ UPDATE outbox SET next_try = $2 WHERE party = $1 AND next_try > $2")
            .bind(party.as_str())
            .bind(now.0)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn parties_with_orders(&mut self) -> Stored<Vec<PartyId>> {
        let parties: Vec<String> = sqlx::query_scalar(
            "/* outbox: parties */ SELECT DISTINCT party FROM outbox ORDER BY party",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(parties
            .into_iter()
            .filter_map(|party| PartyId::new(party).ok())
            .collect())
    }
}

/// Writes an order anew from its key, which tells everything of it; false when the key cannot be read.
async fn rebuild(connection: &mut SqliteConnection, place: i64) -> Stored<bool> {
    // As bytes: a key that is no text any more must not fail the question.
    let key: Option<Vec<u8>> = sqlx::query_scalar(
        "/* outbox: key at a place */ SELECT CAST(order_key AS BLOB) FROM outbox WHERE rowid = $1",
    )
    .bind(place)
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed)?;
    let reason = Fault::new(
        ErrorCode::RecordUnreadable,
        "the order to stop was set aside, with its reason",
    );
    let key = key.and_then(|key| String::from_utf8(key).ok());
    let Some((job, party, kind)) = key
        .as_deref()
        .and_then(|key| OrderKind::of_key(key, reason))
    else {
        return Ok(false);
    };
    sqlx::query(
        // Due at once and as the oldest: since when it waited, and for what it failed, is lost with
        // the row.
        "/* outbox: rebuild */ UPDATE outbox SET job_id = $2, party = $3, errand = $4, created = 0, next_try = 0, tries = 0, \
         last_error = NULL WHERE rowid = $1",
    )
    .bind(place)
    .bind(job.as_str())
    .bind(party.as_str())
    .bind(json("an order", &kind)?)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(true)
}

fn order_from(row: &SqliteRow) -> Stored<PendingOrder> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(failed);
    let number = |name: &str| row.try_get::<i64, _>(name).map_err(failed);
    let last_error: Option<String> = row.try_get("last_error").map_err(failed)?;
    Ok(PendingOrder {
        key: text("order_key")?,
        job: text("job_id")?
            .parse()
            .map_err(|error| corrupt("an order", error))?,
        party: text("party")?
            .parse()
            .map_err(|error| corrupt("an order", error))?,
        kind: from_json("an order", &text("errand")?)?,
        created: Timestamp(number("created")?),
        next_attempt: Timestamp(number("next_try")?),
        attempts: u32::try_from(number("tries")?).unwrap_or(u32::MAX),
        last_error: last_error
            .map(|error| from_json("an order", &error))
            .transpose()?,
    })
}
