//! The database: pools, transactions, migrations, and how its errors are told.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use service::ports::Stored;
use service::{Store, StoreError, Transaction};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use vocabulary::{Clock, SystemClock};

use crate::row_kinds::Sightings;
use crate::values::failed;
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

/// A store in one SQLite database: one connection writes, some read beside it.
pub struct SqliteStore {
    writer: Writer,
    /// `None` where nobody else can see what the writer's connection holds.
    reader: Option<SqlitePool>,
    /// Rows that are being set aside.
    found: Sightings,
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
        // Lazy: the file gets its schema by the writer first. Read-only: a statement that writes by
        // mistake fails here.
        let reader = Some(readers().connect_lazy_with(options.read_only(true)));
        let store = Self {
            reader,
            writer,
            found: Sightings::default(),
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
            found: Sightings::default(),
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

    /// Takes the database as having space again.
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
        // An older release does not know what the newer schema means: to go on could destroy what
        // it holds.
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
        // All steps in one transaction: a crash leaves the old schema or the new one.
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
    pub(crate) found: Sightings,
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
