//! Rows that cannot be read are set aside: moved into a table of their own with the reason, told in the log and counted, so
//! that none of them stops a queue, the agent or another job.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use vocabulary::{Clock, ErrorCode, SystemClock, Timestamp};

use crate::{RecordError, Records};

/// A kind of row: where it stands, and what it is called.
pub(crate) struct Kind {
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// What tells one from the others.
    pub(crate) key: &'static [&'static str],
}

/// A row that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// What it was.
    pub kind: String,
    /// Which one.
    pub key: String,
    /// Why it could not be used.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

impl Records {
    /// What can be read of these rows, each of which has its place as `place`; the others are set aside.
    pub(crate) async fn readable<T>(
        &self,
        kind: &Kind,
        rows: &[SqliteRow],
        read: impl Fn(&SqliteRow) -> Result<T, RecordError>,
    ) -> Result<Vec<T>, RecordError> {
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            match read(row) {
                Ok(value) => kept.push(value),
                Err(error) if error.is_of_the_row() => {
                    self.put_aside(kind, row.try_get("place")?, &error).await
                }
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// The same of one row; none when it was set aside.
    pub(crate) async fn readable_one<T>(
        &self,
        kind: &Kind,
        row: Option<SqliteRow>,
        read: impl Fn(&SqliteRow) -> Result<T, RecordError>,
    ) -> Result<Option<T>, RecordError> {
        Ok(self.readable(kind, row.as_slice(), read).await?.pop())
    }

    /// Sets a row aside. Where that fails, the row stays and is passed over: it must not stop what asked for it.
    async fn put_aside(&self, kind: &Kind, place: i64, error: &RecordError) {
        let code = ErrorCode::RecordUnreadable.text();
        let moved = async {
            // Copied and removed together: a row is in its table or set aside, never both and
            // never neither.
            let mut tx = self.pool.begin().await?;
            let key = move_row(&mut tx, kind, place, &error.to_string()).await?;
            tx.commit().await?;
            Ok::<_, RecordError>(key)
        };
        match moved.await {
            Ok(key) => {
                tracing::error!(code, kind = kind.name, key, %error, "a record was set aside")
            }
            Err(failed) => {
                tracing::error!(code, kind = kind.name, %error, %failed, "a record cannot be set aside; it is passed over");
            }
        }
    }

    /// How many rows of each kind were set aside.
    pub async fn count_set_aside(&self) -> Result<BTreeMap<String, u64>, RecordError> {
        let rows = sqlx::query(
            "/* count_set_aside */ SELECT kind, COUNT(*) AS rows FROM set_aside GROUP BY kind",
        )
        .fetch_all(&self.pool)
        .await?;
        let count = |row: &SqliteRow| {
            Ok((
                row.try_get("kind")?,
                u64::try_from(row.try_get::<i64, _>("rows")?).unwrap_or_default(),
            ))
        };
        rows.iter().map(count).collect()
    }

    /// The newest rows that were set aside.
    pub async fn set_aside(&self, most: u32) -> Result<Vec<SetAside>, RecordError> {
        let rows = sqlx::query(
            "/* set_aside */ SELECT kind, key, why, at_micros FROM set_aside ORDER BY number DESC LIMIT $1",
        )
        .bind(i64::from(most))
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &SqliteRow| {
            let text = |column: &str| {
                row.try_get::<String, _>(column)
                    .unwrap_or_else(|_| "?".to_owned())
            };
            Ok(SetAside {
                kind: text("kind"),
                key: text("key"),
                why: text("why"),
                at: Timestamp(row.try_get("at_micros")?),
            })
        };
        rows.iter().map(read).collect()
    }
}

/// Moves a row; gives its key. What is kept is the statement that would put it back.
pub(crate) async fn move_row(
    connection: &mut SqliteConnection,
    kind: &Kind,
    place: i64,
    why: &str,
) -> Result<String, RecordError> {
    let key: Vec<String> = kind
        .key
        .iter()
        // A row that is set aside may have any type anywhere, and a NULL would make the whole key
        // NULL.
        .map(|column| format!("COALESCE(CAST({column} AS TEXT), '?')"))
        .collect();
    let key = key.join(" || ' ' || ");
    let columns = "/* columns */ SELECT name FROM pragma_table_info($1) ORDER BY cid";
    let columns: Vec<String> = sqlx::query_scalar(columns)
        .bind(kind.table)
        .fetch_all(&mut *connection)
        .await?;
    let values: Vec<String> = columns
        .iter()
        // SQLite itself writes the values, so that blobs and texts with quotes come back to the
        // byte.
        .map(|column| format!("quote({column})"))
        .collect();
    let (table, columns, values) = (kind.table, columns.join(", "), values.join(" || ', ' || "));
    let copy = format!(
        "/* put_aside */ INSERT INTO set_aside (kind, key, text, why, at_micros) SELECT $1, {key}, \
         'INSERT INTO {table} ({columns}) VALUES (' || {values} || ')', $2, $3 FROM {table} WHERE rowid = $4 \
         RETURNING key"
    );
    let kept = sqlx::query(AssertSqlSafe(copy))
        .bind(kind.name)
        .bind(why)
        .bind(SystemClock.now().0)
        .bind(place)
        .fetch_optional(&mut *connection)
        .await?;
    sqlx::query(AssertSqlSafe(format!(
        "/* take_out */ DELETE FROM {table} WHERE rowid = $1"
    )))
    .bind(place)
    .execute(connection)
    .await?;
    Ok(kept
        .and_then(|row| row.try_get("key").ok())
        .unwrap_or_else(|| "?".to_owned()))
}
