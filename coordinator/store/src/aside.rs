//! Rows that cannot be read are set aside: moved into a table of their own with the reason, told in the log and counted, so
//! that none of them stops a list, a queue, the coordinator or another job.
//!
//! A connection that only reads passes such a row over; the one that writes moves it beside.

use std::collections::BTreeMap;

use async_trait::async_trait;
use service::StoreError;
use service::ports::{Asides, Stored};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};
use vocabulary::{Clock, ErrorCode, SystemClock};

use crate::row_kinds::{Kind, Remedy, Sightings};
use crate::sql::{Open, SqlTransaction};
use crate::values::failed;
use crate::writer::Writer;

impl SqlTransaction {
    /// What can be read of these rows, each of which has its place as `place`; the others are set aside.
    pub(crate) async fn readable<T>(
        &mut self,
        kind: &'static Kind,
        rows: &[SqliteRow],
        read: impl Fn(&SqliteRow) -> Stored<T>,
    ) -> Stored<Vec<T>> {
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            match read(row) {
                Ok(value) => kept.push(value),
                Err(error @ StoreError::Corrupt { .. }) => {
                    self.put_aside(kind, place_of(row)?, &error).await?
                }
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// The same of one row; none when it is set aside.
    pub(crate) async fn readable_one<T>(
        &mut self,
        kind: &'static Kind,
        row: Option<SqliteRow>,
        read: impl Fn(&SqliteRow) -> Stored<T>,
    ) -> Stored<Option<T>> {
        Ok(self.readable(kind, row.as_slice(), read).await?.pop())
    }

    /// Sets a row aside, at once where this transaction may write.
    pub(crate) async fn put_aside(
        &mut self,
        kind: &'static Kind,
        place: i64,
        error: &StoreError,
    ) -> Stored<()> {
        let why = error.to_string();
        match &mut self.tx {
            Open::Writing(tx) => move_row(tx, kind, place, &why).await,
            Open::Reading(_) => {
                // The row is met again by every list until it is moved: once is enough, and one
                // line in the log.
                if self.found.is_new(kind, place) {
                    // Beside: a reader must not wait for the writer, which may be busy for long.
                    tokio::spawn(move_later(
                        self.writer.clone(),
                        self.found.clone(),
                        kind,
                        place,
                        why,
                    ));
                }
                Ok(())
            }
        }
    }
}

/// A row's place in its table.
pub(crate) fn place_of(row: &SqliteRow) -> Stored<i64> {
    row.try_get("place").map_err(failed)
}

async fn move_later(
    writer: Writer,
    found: Sightings,
    kind: &'static Kind,
    place: i64,
    why: String,
) {
    let moved = async {
        let mut tx = writer.begin().await?;
        move_row(&mut tx, kind, place, &why).await?;
        // Copy and removal in one transaction: a crash leaves the row where it was or beside, never
        // nowhere.
        tx.commit().await
    };
    if let Err(error) = moved.await {
        let code = ErrorCode::RecordUnreadable.text();
        tracing::error!(code, kind = kind.name, why, %error, "a row cannot be set aside; it is passed over");
    }
    // What stands at this place from now on is another row.
    found.forget(kind, place);
}

/// Moves a row. What is kept is the statement that would put it back.
async fn move_row(
    connection: &mut SqliteConnection,
    kind: &'static Kind,
    place: i64,
    why: &str,
) -> Stored<()> {
    let Some(key) = copy_row(connection, kind, place, why).await? else {
        return Ok(());
    };
    let (code, name) = (ErrorCode::RecordUnreadable.text(), kind.name);
    tracing::error!(
        code,
        kind = name,
        key,
        why,
        "a row cannot be read and was set aside"
    );
    let mended = match kind.remedy {
        Remedy::TakeOut => false,
        Remedy::TakeJobOut => {
            sqlx::query("/* set_aside: free agents */ UPDATE tasks SET active = 0 WHERE job_id = (SELECT id FROM jobs WHERE rowid = $1)")
                .bind(place)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
            false
        }
        Remedy::Mend(mend) => mend(&mut *connection, place, why).await?,
    };
    if !mended {
        let mut take_out = QueryBuilder::<Sqlite>::new("/* set_aside: take out */ DELETE FROM ");
        take_out
            .push(kind.table)
            .push(" WHERE rowid = ")
            .push_bind(place);
        take_out.build().execute(connection).await.map_err(failed)?;
    }
    Ok(())
}

/// Writes a row down elsewhere; gives its key, or none when the row is gone.
async fn copy_row(
    connection: &mut SqliteConnection,
    kind: &Kind,
    place: i64,
    why: &str,
) -> Stored<Option<String>> {
    let columns = "/* set_aside: columns */ SELECT name FROM pragma_table_info($1) ORDER BY cid";
    let columns: Vec<String> = sqlx::query_scalar(columns)
        .bind(kind.table)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let key: Vec<String> = kind
        .key
        .iter()
        // The key itself may be what cannot be read.
        .map(|column| format!("COALESCE(CAST({column} AS TEXT), '?')"))
        .collect();
    let values: Vec<String> = columns
        .iter()
        // SQLite quotes the values itself, so that even bytes that are no text come back as they
        // were.
        .map(|column| format!("quote({column})"))
        .collect();
    let (table, key, columns) = (kind.table, key.join(" || ' ' || "), columns.join(", "));
    let mut copy = QueryBuilder::<Sqlite>::new(
        "/* set_aside: copy */ INSERT INTO set_aside (kind, row_key, statement, why, at) SELECT ",
    );
    copy.push_bind(kind.name).push(format!(
        ", {key}, 'INSERT INTO {table} ({columns}) VALUES (' || "
    ));
    copy.push(values.join(" || ', ' || "))
        .push(" || ')', ")
        .push_bind(why.to_owned())
        .push(", ");
    copy.push_bind(SystemClock.now().0)
        .push(format!(" FROM {table} WHERE rowid = "))
        .push_bind(place);
    copy.push(" RETURNING row_key");
    let kept = copy
        .build()
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(kept.map(|row| row.try_get("row_key").unwrap_or_else(|_| "?".to_owned())))
}

#[async_trait]
impl Asides for SqlTransaction {
    async fn count_set_aside(&mut self) -> Stored<BTreeMap<String, u64>> {
        let rows = sqlx::query(
            "/* set_aside: count */ SELECT kind, COUNT(*) AS rows FROM set_aside GROUP BY kind",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        let count = |row: &SqliteRow| {
            let rows: i64 = row.try_get("rows").map_err(failed)?;
            Ok((
                row.try_get("kind").map_err(failed)?,
                u64::try_from(rows).unwrap_or_default(),
            ))
        };
        rows.iter().map(count).collect()
    }

    async fn is_set_aside(&mut self, kind: &str, key: &str) -> Stored<bool> {
        let find =
            "/* set_aside: find */ SELECT COUNT(*) FROM set_aside WHERE kind = $1 AND row_key = $2";
        let found: i64 = sqlx::query_scalar(find)
            .bind(kind)
            .bind(key)
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(found > 0)
    }
}
