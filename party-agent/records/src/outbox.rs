//! Reports that the coordinator has not taken yet: they survive a crash of the agent.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::Report;

use crate::aside::{Kind, move_row};
use crate::{RecordError, Records, from_json, to_json};

pub(crate) const REPORT: Kind = Kind {
    name: "report",
    table: "outbox",
    key: &["number"],
};

impl Records {
    /// Keeps a report until it is acknowledged.
    pub async fn post(&self, report: &Report) -> Result<(), RecordError> {
        self.post_all(std::slice::from_ref(report)).await
    }

    /// Keeps reports until they are acknowledged: all, or none on error.
    pub async fn post_all(&self, reports: &[Report]) -> Result<(), RecordError> {
        self.post_judged(reports.iter().map(|report| (report, None)))
            .await
    }

    /// The same, each with a text that says by what it was judged.
    pub async fn post_judged<'a>(
        &self,
        reports: impl Iterator<Item = (&'a Report, Option<&'a str>)>,
    ) -> Result<(), RecordError> {
        let mut transaction = self.pool.begin().await?;
        for (report, grounds) in reports {
            let posted = sqlx::query("/* post */ INSERT INTO outbox (report) VALUES ($1)")
                .bind(to_json("report", report)?)
                .execute(&mut *transaction)
                .await?;
            if let Some(grounds) = grounds {
                sqlx::query(
                    // A table of its own: reports of earlier versions have no grounds, and their
                    // rows stay as they are.
                    "/* post_grounds */ INSERT OR REPLACE INTO outbox_grounds (number, grounds) VALUES ($1, $2)",
                )
                .bind(posted.last_insert_rowid())
                .bind(grounds)
                .execute(&mut *transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// By what the reports of these numbers, the first and the last one among them, were judged, where that is known.
    pub async fn grounds_of(
        &self,
        first: i64,
        last: i64,
    ) -> Result<BTreeMap<i64, String>, RecordError> {
        let rows =
            sqlx::query("/* grounds */ SELECT number, grounds FROM outbox_grounds WHERE number BETWEEN $1 AND $2")
                .bind(first)
                .bind(last)
                .fetch_all(&self.pool)
                .await?;
        // What cannot be read is not known.
        Ok(rows
            .iter()
            .filter_map(|row| Some((row.try_get("number").ok()?, row.try_get("grounds").ok()?)))
            .collect())
    }

    /// The oldest reports that wait, with their numbers.
    pub async fn posted(&self, most: u32) -> Result<Vec<(i64, Report)>, RecordError> {
        let rows =
            sqlx::query("/* posted */ SELECT rowid AS place, number, report FROM outbox ORDER BY number LIMIT $1")
                .bind(i64::from(most))
                .fetch_all(&self.pool)
                .await?;
        let read = |row: &SqliteRow| {
            Ok((
                row.try_get("number")?,
                from_json("report", row.try_get("report")?)?,
            ))
        };
        self.readable(&REPORT, &rows, read).await
    }

    /// Forgets these reports.
    pub async fn acknowledge(&self, numbers: &[i64]) -> Result<(), RecordError> {
        let mut tx = self.pool.begin().await?;
        for number in numbers {
            sqlx::query("/* acknowledge */ DELETE FROM outbox WHERE number = $1")
                .bind(number)
                .execute(&mut *tx)
                .await?;
            forget_grounds(&mut tx, *number).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Sets a report aside that the coordinator will never take, and puts another in its place, if one is given.
    pub async fn refuse_report(
        &self,
        number: i64,
        why: &str,
        instead: Option<&Report>,
    ) -> Result<(), RecordError> {
        let mut tx = self.pool.begin().await?;
        move_row(&mut tx, &REPORT, number, why).await?;
        forget_grounds(&mut tx, number).await?;
        if let Some(report) = instead {
            // Under the old number, so that it leaves in the order in which reports were told.
            sqlx::query("/* post_instead */ INSERT INTO outbox (number, report) VALUES ($1, $2)")
                .bind(number)
                .bind(to_json("report", report)?)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

async fn forget_grounds(
    connection: &mut sqlx::SqliteConnection,
    number: i64,
) -> Result<(), RecordError> {
    sqlx::query("/* forget_grounds */ DELETE FROM outbox_grounds WHERE number = $1")
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}
