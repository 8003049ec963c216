//! The one connection that writes. Transactions that wait for each other anyway are synced to the disk together.
//!
//! A transaction is a savepoint inside a *group*, which is a transaction of SQLite. Who is done releases its savepoint,
//! lets those who already wait for the connection go first, and then ends the group for all: one sync, however many wrote.
//! Nobody's `commit` returns before that sync. A savepoint that was dropped is taken back by whoever comes next.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use crate::values::failed;

use service::StoreError;
use service::ports::Stored;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

const OPEN_GROUP: &str = "/* writer: open a group */ BEGIN IMMEDIATE";
const END_GROUP: &str = "/* writer: end a group */ COMMIT";
const DROP_GROUP: &str = "/* writer: drop a group */ ROLLBACK";
const OPEN: &str = "/* writer: open */ SAVEPOINT one";
const RELEASE: &str = "/* writer: release */ RELEASE one";
const TAKE_BACK: &str = "/* writer: take back */ ROLLBACK TO one";

/// What became of a group, once it is known.
type Outcome = Arc<OnceLock<Stored<()>>>;

/// The way to the connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Mutex<Shared>>);

struct Shared {
    connection: SqliteConnection,
    /// The group that is open.
    group: Option<Outcome>,
    /// Whether a savepoint stands that nobody released.
    left_open: bool,
    /// How many groups were brought to the disk.
    #[cfg(test)]
    synced: usize,
}

impl Writer {
    /// Opens the connection.
    pub(crate) async fn open(options: &SqliteConnectOptions) -> Stored<Self> {
        let connection = options.connect().await.map_err(failed)?;
        let shared = Shared {
            connection,
            group: None,
            left_open: false,
            #[cfg(test)]
            synced: 0,
        };
        Ok(Self(Arc::new(Mutex::new(shared))))
    }

    /// Begins a transaction once those before it are through.
    pub(crate) async fn begin(&self) -> Stored<Writing> {
        let writer = self.clone();
        // A task of its own: a caller that gives up must not leave the connection half way.
        in_full(async move {
            let mut shared = Arc::clone(&writer.0).lock_owned().await;
            shared.tidy_up().await;
            if shared.group.is_none() {
                // IMMEDIATE: the lock is taken at once, not at the first write, where a second
                // process could make it fail half way.
                shared.execute(OPEN_GROUP).await?;
                shared.group = Some(Outcome::default());
            }
            if let Err(error) = shared.execute(OPEN).await {
                shared.break_off(&error).await;
                return Err(error);
            }
            shared.left_open = true;
            Ok(Writing { shared, writer })
        })
        .await
    }

    /// Closes the connection after what is under way; a handle that is still in use keeps it open.
    pub(crate) async fn close(self) {
        let Some(shared) = Arc::into_inner(self.0) else {
            return;
        };
        let mut shared = shared.into_inner();
        shared.tidy_up().await;
        let _ = shared.end_group().await;
        let _ = shared.connection.close().await;
    }

    /// How many groups were brought to the disk.
    #[cfg(test)]
    pub(crate) async fn synced(&self) -> usize {
        self.0.lock().await.synced
    }
}

impl Shared {
    async fn execute(&mut self, statement: &'static str) -> Stored<()> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(failed)
    }

    /// Takes back what a dropped transaction did.
    async fn tidy_up(&mut self) {
        if !std::mem::take(&mut self.left_open) {
            return;
        }
        let taken_back = match self.execute(TAKE_BACK).await {
            Ok(()) => self.execute(RELEASE).await,
            Err(error) => Err(error),
        };
        if let Err(error) = taken_back {
            self.break_off(&error).await;
        }
    }

    /// Brings the group to the disk.
    async fn end_group(&mut self) -> Stored<()> {
        let Some(group) = self.group.clone() else {
            return Ok(());
        };
        match self.execute(END_GROUP).await {
            Ok(()) => {
                self.group = None;
                #[cfg(test)]
                (self.synced += 1);
                let _ = group.set(Ok(()));
            }
            Err(error) => self.break_off(&error).await,
        }
        group.get().cloned().unwrap_or(Ok(()))
    }

    /// Nothing of the group stands: SQLite ends a transaction by itself when the disk is full, the savepoints with it.
    async fn break_off(&mut self, error: &StoreError) {
        self.left_open = false;
        // Refused when SQLite was faster; either way no transaction is open any more.
        let _ = self.execute(DROP_GROUP).await;
        if let Some(group) = self.group.take() {
            let _ = group.set(Err(error.clone()));
        }
    }
}

/// A transaction that may write. Dropped without `commit`, it leaves no trace.
pub(crate) struct Writing {
    shared: OwnedMutexGuard<Shared>,
    writer: Writer,
}

impl Writing {
    /// Returns when everything done in it is on the disk.
    pub(crate) async fn commit(self) -> Stored<()> {
        in_full(async move {
            let Self { mut shared, writer } = self;
            let Some(group) = shared.group.clone() else {
                return Err(StoreError::Unavailable {
                    detail: "the transaction is over already".to_owned(),
                });
            };
            if let Err(error) = shared.execute(RELEASE).await {
                shared.break_off(&error).await;
                return Err(error);
            }
            shared.left_open = false;
            // Let go before the sync: whoever waits writes into this group, and one sync serves
            // all.
            drop(shared);
            // The lock is fair: those who wait already write into the same group before it is ours again.
            let mut shared = writer.0.lock().await;
            // Somebody who came in between has ended the group; his sync was ours, too.
            if let Some(outcome) = group.get() {
                return outcome.clone();
            }
            shared.tidy_up().await;
            match group.get() {
                Some(outcome) => outcome.clone(),
                None => shared.end_group().await,
            }
        })
        .await
    }
}

impl Deref for Writing {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.shared.connection
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.shared.connection
    }
}

/// Does all of it, also when the caller does not wait for the end.
async fn in_full<T: Send + 'static>(
    work: impl Future<Output = Stored<T>> + Send + 'static,
) -> Stored<T> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        Err(StoreError::Unavailable {
            detail: error.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer(folder: &tempfile::TempDir) -> Writer {
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("w.db"))
            .create_if_missing(true);
        let writer = Writer::open(&options).await.expect("opens");
        run(&writer, "CREATE TABLE t (x INTEGER PRIMARY KEY)")
            .await
            .expect("made");
        writer
    }

    async fn run(writer: &Writer, statement: &'static str) -> Stored<()> {
        let mut tx = writer.begin().await?;
        sqlx::query(statement)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await
    }

    async fn rows(folder: &tempfile::TempDir) -> i64 {
        let options = SqliteConnectOptions::new().filename(folder.path().join("w.db"));
        let mut other = options.connect().await.expect("connects");
        sqlx::query_scalar("SELECT COUNT(*) FROM t")
            .fetch_one(&mut other)
            .await
            .expect("counts")
    }

    #[tokio::test]
    async fn writers_that_wait_are_synced_together_and_see_it_when_they_return() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let before = writer.synced().await;
        let first = writer.begin().await.expect("begins");
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..20_i64 {
            let writer = writer.clone();
            writers.spawn(async move {
                let mut tx = writer.begin().await.expect("begins");
                sqlx::query("INSERT INTO t VALUES ($1)")
                    .bind(number)
                    .execute(&mut *tx)
                    .await
                    .expect("inserts");
                tx.commit().await.expect("commits");
            });
        }
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        first.commit().await.expect("commits");
        writers.join_all().await;
        assert_eq!(rows(&folder).await, 20);
        assert_eq!(
            writer.synced().await - before,
            1,
            "one sync for all that waited"
        );
    }

    #[tokio::test]
    async fn a_dropped_transaction_takes_nobody_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let kept = writer.begin().await.expect("begins");
        let dropped = tokio::spawn({
            let writer = writer.clone();
            async move {
                let mut tx = writer.begin().await.expect("begins");
                sqlx::query("INSERT INTO t VALUES (1)")
                    .execute(&mut *tx)
                    .await
                    .expect("inserts");
            }
        });
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let mut kept = kept;
        sqlx::query("INSERT INTO t VALUES (2)")
            .execute(&mut *kept)
            .await
            .expect("inserts");
        kept.commit().await.expect("commits");
        dropped.await.expect("ends");
        assert_eq!(rows(&folder).await, 1);
        run(&writer, "INSERT INTO t VALUES (1)")
            .await
            .expect("the dropped row is not in the way");
        assert_eq!(rows(&folder).await, 2);
    }

    #[tokio::test]
    async fn all_of_a_group_are_told_when_it_cannot_be_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = writer(&folder).await;
        let mut first = writer.begin().await.expect("begins");
        sqlx::query("INSERT INTO t VALUES (1)")
            .execute(&mut *first)
            .await
            .expect("inserts");
        let second = tokio::spawn({
            let writer = writer.clone();
            async move {
                let mut tx = writer.begin().await.expect("begins");
                // What SQLite does by itself when the disk is full.
                sqlx::query("ROLLBACK")
                    .execute(&mut *tx)
                    .await
                    .expect("rolls back");
                tx.commit().await
            }
        });
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert!(first.commit().await.is_err(), "its rows are gone");
        assert!(second.await.expect("ends").is_err());
        assert_eq!(rows(&folder).await, 0);
        run(&writer, "INSERT INTO t VALUES (3)")
            .await
            .expect("the connection goes on");
        assert_eq!(rows(&folder).await, 1);
    }
}
