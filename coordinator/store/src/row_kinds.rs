//! Kinds of rows, what becomes of one that cannot be read, and which were found to be unreadable.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use service::ports::Stored;
use sqlx::SqliteConnection;

/// Puts something readable in the place of a row that cannot be read, and why; false when it could not.
pub(crate) type Mend = for<'c> fn(
    &'c mut SqliteConnection,
    i64,
    &'c str,
) -> Pin<Box<dyn Future<Output = Stored<bool>> + Send + 'c>>;

/// A kind of row.
pub(crate) struct Kind {
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// The columns that tell one from the others.
    pub(crate) key: &'static [&'static str],
    /// What becomes of the row once it is written down elsewhere.
    pub(crate) remedy: Remedy,
}

/// What stands in a row's place afterwards.
#[derive(Clone, Copy)]
pub(crate) enum Remedy {
    /// Nothing.
    TakeOut,
    /// Nothing, and its tasks occupy no agent.
    TakeJobOut,
    /// What can be told of it from its key, as this does; nothing where it says that its key cannot be read either.
    Mend(Mend),
}

/// The rows that were found already, so that each is told and moved once.
#[derive(Clone, Default)]
pub(crate) struct Sightings(Arc<Mutex<BTreeSet<(&'static str, i64)>>>);

impl Sightings {
    pub(crate) fn is_new(&self, kind: &Kind, place: i64) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((kind.table, place))
    }

    pub(crate) fn forget(&self, kind: &Kind, place: i64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(kind.table, place));
    }
}
