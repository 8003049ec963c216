//! How much agents told.

use async_trait::async_trait;
use service::Tally;
use service::ports::{Growth, Stored};
use sqlx::Row;

use crate::sql::SqlTransaction;
use crate::values::failed;

#[async_trait]
impl Growth for SqlTransaction {
    async fn told(&mut self, counted: Tally, name: &str) -> Stored<u64> {
        let get = "/* told: get */ SELECT amount FROM told WHERE counted = $1 AND name = $2";
        let row = sqlx::query(get)
            .bind(counted.word())
            .bind(name)
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(failed)?;
        let amount: Option<i64> = row
            .map(|row| row.try_get("amount").map_err(failed))
            .transpose()?;
        Ok(amount.unwrap_or(0).max(0) as u64)
    }

    async fn count_told(&mut self, counted: Tally, name: &str, more: u64) -> Stored<()> {
        let put = "/* told: add */ INSERT INTO told (counted, name, amount) VALUES ($1, $2, $3) \
                   ON CONFLICT (counted, name) DO UPDATE SET amount = amount + excluded.amount";
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        let put = sqlx::query(put).bind(counted.word()).bind(name).bind(more);
        put.execute(&mut *self.tx).await.map_err(failed)?;
        Ok(())
    }

    async fn lower_told(&mut self, counted: Tally, name: &str, less: u64) -> Stored<()> {
        let less = i64::try_from(less).unwrap_or(i64::MAX);
        let spent =
            "/* told: remove */ DELETE FROM told WHERE counted = $1 AND name = $2 AND amount <= $3";
        let lower = "/* told: lower */ UPDATE told SET amount = amount - $3 WHERE counted = $1 AND name = $2";
        // Removed first: what is left at nothing would stay as a row for every attempt there ever
        // was.
        for change in [spent, lower] {
            let change = sqlx::query(change)
                .bind(counted.word())
                .bind(name)
                .bind(less);
            change.execute(&mut *self.tx).await.map_err(failed)?;
        }
        Ok(())
    }
}
