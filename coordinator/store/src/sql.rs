//! The database: pools, transactions, migrations, and how its errors are told.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use service::ports::Stored;
use service::{Store, StoreError, Transaction};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use vocabulary::{Clock, SystemClock};

use crate::aside::Found;
use crate::writer::{Writer, Writing};

/// The schema's steps, oldest first; a step is never changed once it was released.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/0001_initial.sql")),
    (2, include_str!("../migrations/0002_models.sql")),
    (6, include_str!("../migrations/0006_listing.sql")),
    (10, include_str!("../migrations/0010_resources.sql")),
    (11, include_str!("../migrations/0011_schedules.sql")),
    (12, include_str!("../migrations/0012_sifting.sql")),
    (13, include_str!("../migrations/0013_set_aside.sql")),
    (14, include_str!("../migrations/0014_told.sql")),
    (15, include_str!("../migrations/0015_told_of_parties.sql")),
];
const READERS: u32 = 4;
/// SQLite's own codes for a disk that is full, and for one that refuses to write.
const SQLITE_FULL: [i32; 2] = [13, 10];

/// A store in one SQLite database: one connection writes, some read beside it.
pub struct SqliteStore {
    writer: Writer,
    /// `None` where nobody else can see what the writer's connection holds.
    reader: Option<SqlitePool>,
    /// Rows that are being set aside.
    found: Found,
}

impl SqliteStore {
    /// Opens the file, and makes it when it is not there.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |error: StoreError| match error {
            StoreError::Unavailable { detail } => StoreError::Address {
                url: format!("sqlite:{}", path.display()),
                detail,
            },
            other => other,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true);
        // What is acknowledged must survive a loss of power: the log is synced with every commit.
        let options = settings(options)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = Writer::open(&options).await.map_err(unusable)?;
        let reader = Some(readers().connect_lazy_with(options.read_only(true)));
        let store = Self {
            reader,
            writer,
            found: Found::default(),
        };
        store.migrate().await?;
        Ok(store)
    }

    /// A database that ends with the process.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let options = settings(SqliteConnectOptions::new().in_memory(true));
        let store = Self {
            reader: None,
            writer: Writer::open(&options).await?,
            found: Found::default(),
        };
        store.migrate().await?;
        Ok(store)
    }

    /// Closes all connections; what was committed stands in the file.
    pub async fn close(self) {
        if let Some(reader) = &self.reader {
            reader.close().await;
        }
        self.writer.close().await;
    }

    #[cfg(test)]
    async fn execute(
        &self,
        statement: sqlx::query::Query<'_, Sqlite, sqlx::sqlite::SqliteArguments>,
    ) {
        let mut tx = self.writer.begin().await.expect("begins");
        statement.execute(&mut *tx).await.expect("executes");
        tx.commit().await.expect("commits");
    }

    /// Takes the database as full from here on.
    #[cfg(test)]
    pub(crate) async fn limit_pages(&self) {
        self.execute(sqlx::query("PRAGMA max_page_count = 1")).await;
    }

    /// Takes the database as having capacity again.
    #[cfg(test)]
    pub(crate) async fn lift_limit(&self) {
        self.execute(sqlx::query("PRAGMA max_page_count = 1000000"))
            .await;
    }

    /// Writes nonsense.
    #[cfg(test)]
    pub(crate) async fn damage(&self, statement: &'static str) {
        self.execute(sqlx::query(statement)).await;
    }

    fn transaction(&self, tx: Open) -> SqlTransaction {
        SqlTransaction {
            tx,
            writer: self.writer.clone(),
            found: self.found.clone(),
        }
    }

    async fn migrate(&self) -> Stored<()> {
        let mut tx = self.writer.begin().await?;
        let table = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL)";
        sqlx::raw_sql(table)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        let applied = "/* schema: applied */ SELECT version FROM schema_version ORDER BY version";
        let applied: Vec<i64> = sqlx::query_scalar(applied)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed)?;
        let newest = applied.last().copied().unwrap_or(0);
        let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
        if newest > known {
            return Err(StoreError::Address {
                url: "sqlite".to_owned(),
                detail: format!(
                    "its schema is version {newest}, made by a newer release; this one knows {known}"
                ),
            });
        }
        for (version, steps) in MIGRATIONS
            .iter()
            .filter(|(version, _)| !applied.contains(version))
        {
            sqlx::raw_sql(*steps)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            sqlx::query(
                "/* schema: apply */ INSERT INTO schema_version (version, applied) VALUES ($1, $2)",
            )
            .bind(version)
            .bind(SystemClock.now().0)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            tracing::info!(version, "schema brought up to date");
        }
        tx.commit().await
    }
}

fn settings(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .statement_cache_capacity(200)
}

/// Connections that read, kept for good. One whose transaction could not be ended is not handed out again: the driver
/// counts such a transaction as open for ever.
fn readers() -> SqlitePoolOptions {
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None);
    pool.before_acquire(|connection, _| {
        Box::pin(async move { Ok(!sqlx::Connection::is_in_transaction(connection)) })
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Stored<Box<dyn Transaction>> {
        Ok(Box::new(
            self.transaction(Open::Writing(self.writer.begin().await?)),
        ))
    }

    async fn read(&self) -> Stored<Box<dyn Transaction>> {
        let Some(reader) = &self.reader else {
            return self.begin().await;
        };
        let tx = reader.begin().await.map_err(failed)?;
        Ok(Box::new(self.transaction(Open::Reading(tx))))
    }
}

/// One transaction; the aggregates' files say what can be done in it.
pub(crate) struct SqlTransaction {
    pub(crate) tx: Open,
    /// For rows that a reading transaction finds to be unreadable.
    pub(crate) writer: Writer,
    pub(crate) found: Found,
}

/// The connection of a transaction.
pub(crate) enum Open {
    Reading(sqlx::Transaction<'static, Sqlite>),
    Writing(Writing),
}

impl Deref for Open {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Open::Reading(tx) => tx,
            Open::Writing(tx) => tx,
        }
    }
}

impl DerefMut for Open {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Open::Reading(tx) => tx,
            Open::Writing(tx) => tx,
        }
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    async fn commit(self: Box<Self>) -> Stored<()> {
        match self.tx {
            Open::Reading(tx) => tx.commit().await.map_err(failed),
            Open::Writing(tx) => tx.commit().await,
        }
    }
}

/// A database error in the store's words; a full disk is told from all others.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    let detail = error.to_string();
    match &error {
        sqlx::Error::Database(database) => {
            // The low byte is the primary code, the rest says more about it.
            let code = database
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .map(|code| code & 0xff);
            if code.is_some_and(|code| SQLITE_FULL.contains(&code)) {
                StoreError::Full { detail }
            } else {
                StoreError::Unavailable { detail }
            }
        }
        sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Full { detail }
        }
        sqlx::Error::Decode(_) => StoreError::Corrupt {
            row: "a value".to_owned(),
            detail,
        },
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Corrupt {
            row: format!("column {index}"),
            detail,
        },
        _ => StoreError::Unavailable { detail },
    }
}

/// A column that does not hold what was written into it.
pub(crate) fn corrupt(row: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        row: row.to_owned(),
        detail: error.to_string(),
    }
}

/// A value as JSON text. What could not be read back is refused here, where somebody can still be told: JSON's writer puts
/// `null` for numbers that it has no word for.
pub(crate) fn json<T: serde::Serialize + serde::de::DeserializeOwned>(
    row: &str,
    value: &T,
) -> Stored<String> {
    let text = serde_json::to_string(value).map_err(|error| corrupt(row, error))?;
    from_json::<T>(row, &text)?;
    Ok(text)
}

/// A value read back from JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(row: &str, text: &str) -> Stored<T> {
    serde_json::from_str(text).map_err(|error| corrupt(row, error))
}

/// A count or size in a column: what a signed number cannot hold is cut to the largest.
pub(crate) fn column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The longest text that is looked for as a pattern, which is the faster way: the database takes no much longer ones.
const LONGEST_PATTERN: usize = 1_000;

/// Asks for columns that contain a text, whatever the case of ASCII letters.
pub(crate) fn containing(query: &mut QueryBuilder<Sqlite>, column: &str, text: &str) {
    if text.len() > LONGEST_PATTERN {
        query
            .push(format!("INSTR(LOWER({column}), LOWER("))
            .push_bind(text.to_owned())
            .push(")) > 0");
        return;
    }
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    query
        .push(format!("{column} LIKE "))
        .push_bind(pattern)
        .push(" ESCAPE '\\'");
}
