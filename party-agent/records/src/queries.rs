//! What others have learned of this party's data: how often in a day each was told figures of it, and of how many rows
//! models were made.

use sqlx::{Row, SqliteConnection};
use vocabulary::ModelRef;

use crate::{RecordError, Records};

/// Queries of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// The day, counted from the beginning of 1970.
    pub day: i64,
    /// Whose jobs were told figures.
    pub asker: String,
    /// How many.
    pub count: u64,
}

/// Adds to what was counted for an asker and a day, unless there are more than `most` then; whether it was added.
pub(crate) async fn count_up_to(
    of: &mut SqliteConnection,
    queries: &Queries,
    most: u64,
) -> Result<bool, RecordError> {
    let row = sqlx::query("/* counted */ SELECT count FROM queries WHERE day = $1 AND asker = $2")
        .bind(queries.day)
        .bind(&queries.asker)
        .fetch_optional(&mut *of)
        .await?;
    let before: i64 = row
        .map(|row| row.try_get("count"))
        .transpose()?
        .unwrap_or(0);
    let after = u64::try_from(before)
        .unwrap_or(0)
        // Saturating: a sum that wrapped around would be a small one, and allowed.
        .saturating_add(queries.count);
    // Read and written in the caller's transaction, so that nobody counts in between.
    if after > most {
        return Ok(false);
    }
    sqlx::query(
        "/* count_up_to */ INSERT INTO queries (day, asker, count) VALUES ($1, $2, $3) \
         ON CONFLICT (day, asker) DO UPDATE SET count = excluded.count",
    )
    .bind(queries.day)
    .bind(&queries.asker)
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .execute(&mut *of)
    .await?;
    Ok(true)
}

impl Records {
    /// Adds to what was counted for an asker and a day.
    pub async fn count_queries(&self, queries: &Queries) -> Result<(), RecordError> {
        sqlx::query(
            "/* count_queries */ INSERT INTO queries (day, asker, count) VALUES ($1, $2, $3) \
             ON CONFLICT (day, asker) DO UPDATE SET count = count + excluded.count",
        )
        .bind(queries.day)
        .bind(&queries.asker)
        .bind(i64::try_from(queries.count).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The day in which something is counted now: a clock that is set back opens no older one.
    pub async fn open_day(&self, asker: &str, today: i64) -> Result<i64, RecordError> {
        let row =
            sqlx::query("/* open_day */ SELECT max(day) AS newest FROM queries WHERE asker = $1")
                .bind(asker)
                .fetch_one(&self.pool)
                .await?;
        let newest: Option<i64> = row.try_get("newest")?;
        Ok(newest.map_or(today, |newest| newest.max(today)))
    }

    /// Counts several things of a day, each unless there are more than `most` of it then: all of them, or none and the number of
    /// the first that there are too many of.
    pub async fn count_within(&self, all: &[(Queries, u64)]) -> Result<Option<usize>, RecordError> {
        // One after the other: no two are the last one that is allowed.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for (number, (queries, most)) in all.iter().enumerate() {
            if !count_up_to(&mut transaction, queries, *most).await? {
                return Ok(Some(number));
            }
        }
        transaction.commit().await?;
        Ok(None)
    }

    /// Takes back a part of what was counted.
    pub async fn count_back(&self, queries: &Queries) -> Result<(), RecordError> {
        sqlx::query("/* count_back */ UPDATE queries SET count = max(0, count - $3) WHERE day = $1 AND asker = $2")
            .bind(queries.day)
            .bind(&queries.asker)
            .bind(i64::try_from(queries.count).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// What was counted for a day.
    pub async fn queries_of(&self, day: i64) -> Result<Vec<Queries>, RecordError> {
        let rows = sqlx::query(
            "/* queries_of */ SELECT asker, count FROM queries WHERE day = $1 ORDER BY asker",
        )
        .bind(day)
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let count: i64 = row.try_get("count")?;
            Ok(Queries {
                day,
                asker: row.try_get("asker")?,
                count: u64::try_from(count).unwrap_or(u64::MAX),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Writes down of how many rows a model is made; none where nobody knows.
    pub async fn note_model_rows(
        &self,
        model: &ModelRef,
        rows: Option<u64>,
    ) -> Result<(), RecordError> {
        let mut connection = self.pool.acquire().await?;
        let Some(rows) = rows else {
            // An older number must not stand for a model of which nobody knows it.
            return forget_model_rows(&mut connection, model).await;
        };
        sqlx::query(
            "/* note_model_rows */ INSERT INTO model_rows (version, step, role, fewest) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (version, step, role) DO UPDATE SET fewest = excluded.fewest",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .bind(i64::try_from(rows).unwrap_or(i64::MAX))
        .execute(&mut *connection)
        .await?;
        Ok(())
    }

    /// Of how many rows a model is made: those of the smallest table behind it. None where nobody knows.
    pub async fn model_rows(&self, model: &ModelRef) -> Result<Option<u64>, RecordError> {
        let row = sqlx::query(
            "/* model_rows */ SELECT fewest FROM model_rows WHERE version = $1 AND step = $2 AND role = $3",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .fetch_optional(&self.pool)
        .await?;
        let rows: Option<i64> = row.map(|row| row.try_get("fewest")).transpose()?;
        Ok(rows.and_then(|rows| u64::try_from(rows).ok()))
    }
}

/// Forgets of how many rows a model is made: another one takes its place.
pub(crate) async fn forget_model_rows(
    of: &mut SqliteConnection,
    model: &ModelRef,
) -> Result<(), RecordError> {
    sqlx::query("/* forget_model_rows */ DELETE FROM model_rows WHERE version = $1 AND step = $2 AND role = $3")
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .execute(of)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{Participant, PartyId, Role, StepName};

    #[tokio::test]
    async fn queries_add_up_by_day_and_asker_and_outlive_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.db");
        let records = Records::open(&path).await.expect("opens");
        let one = |day, asker: &str, count| Queries {
            day,
            asker: asker.to_owned(),
            count,
        };
        for queries in [
            one(1, "9999", 1),
            one(1, "9999", 2),
            one(1, "10000", 1),
            one(2, "9999", 5),
        ] {
            records.count_queries(&queries).await.expect("counted");
        }
        records.close().await;
        let records = Records::open(&path).await.expect("opens");
        assert_eq!(
            records.queries_of(1).await.expect("read"),
            [one(1, "10000", 1), one(1, "9999", 3)]
        );
        assert_eq!(records.queries_of(3).await.expect("read"), []);
        let mut open = Vec::new();
        for (asker, today) in [
            ("9999", 1),
            ("9999", 2),
            ("9999", 3),
            ("10000", 0),
            ("nobody", -4),
        ] {
            open.push(records.open_day(asker, today).await.expect("read"));
        }
        assert_eq!(
            open,
            [2, 2, 3, 1, -4],
            "a clock that is set back opens no older day"
        );
    }

    #[tokio::test]
    async fn what_has_a_bound_is_counted_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::open(&folder.path().join("records.db"))
            .await
            .expect("opens");
        let one = |asker: &str, count| Queries {
            day: 1,
            asker: asker.to_owned(),
            count,
        };
        let count =
            async |all: &[(Queries, u64)]| records.count_within(all).await.expect("counted");
        assert_eq!(
            count(&[(one("jobs", 2), 3), (one("ids", 5), 5)]).await,
            None
        );
        assert_eq!(
            count(&[(one("jobs", 1), 3), (one("ids", 1), 5)]).await,
            Some(1)
        );
        assert_eq!(
            records.queries_of(1).await.expect("read"),
            [one("ids", 5), one("jobs", 2)]
        );
        records.count_back(&one("ids", 2)).await.expect("counted");
        assert_eq!(count(&[(one("ids", 2), 5)]).await, None);
        assert_eq!(count(&[(one("ids", 1), 5)]).await, Some(0));
        records.count_back(&one("ids", 9)).await.expect("counted");
        assert_eq!(
            records.queries_of(1).await.expect("read"),
            [one("ids", 0), one("jobs", 2)]
        );
    }

    #[tokio::test]
    async fn the_rows_of_a_model_are_those_that_were_noted_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::open(&folder.path().join("records.db"))
            .await
            .expect("opens");
        let owner = Participant::new(Role::Guest, PartyId::new("1").expect("a party"));
        let model = ModelRef {
            version: "1".to_owned(),
            step: StepName::new("lr_0").expect("a step"),
            owner,
        };
        for rows in [None, Some(7), Some(u64::MAX), Some(3), None] {
            records.note_model_rows(&model, rows).await.expect("noted");
            let known = rows.map(|rows| rows.min(i64::MAX as u64));
            assert_eq!(records.model_rows(&model).await.expect("read"), known);
        }
    }
}
