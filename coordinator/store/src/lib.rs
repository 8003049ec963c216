//! What the coordinator keeps: SQLite behind the service's `Store` port, and an in-memory twin for tests.
//!
//! [`open`] takes an address: `sqlite:PATH` for a file, `sqlite::memory:` for a database that ends with the process,
//! `memory:` for the twin.
#![deny(missing_docs)]

mod aside;
mod body;
mod claims;
#[cfg(test)]
mod contract;
mod entities;
mod events;
mod experiments;
mod growth;
mod jobs;
pub mod memory;
mod metrics;
mod models;
mod outbox;
mod parties;
mod parts;
mod row_kinds;
mod signatures;
mod sql;
mod tags;
mod tasks;
mod values;
mod versions;
mod writer;

use std::sync::Arc;

use service::{Store, StoreError};

pub use memory::MemoryStore;
pub use sql::SqliteStore;

/// Opens a store, and brings its schema up to date.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let address = |detail: &str| StoreError::Address {
        url: url.to_owned(),
        detail: detail.to_owned(),
    };
    if url == "memory:" {
        return Ok(Arc::new(MemoryStore::default()));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(address("Postgres comes later; use sqlite:PATH"));
    }
    match url.strip_prefix("sqlite:") {
        Some(":memory:") => Ok(Arc::new(SqliteStore::in_memory().await?)),
        Some(path) if !path.is_empty() => {
            // `sqlite://path` is how other tools write it, and means the same file.
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Arc::new(SqliteStore::open(path.as_ref()).await?))
        }
        _ => Err(address("give sqlite:PATH, sqlite::memory: or memory:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_addresses_it_does_not_know() {
        for (url, hint) in [
            ("postgres://host/db", "comes later"),
            ("mysql:x", "sqlite:PATH"),
            ("sqlite:", "sqlite:PATH"),
        ] {
            match open(url).await {
                Err(StoreError::Address { detail, .. }) => {
                    assert!(detail.contains(hint), "{url}: {detail}")
                }
                Err(other) => panic!("{url}: {other}"),
                Ok(_) => panic!("{url} was opened"),
            }
        }
    }

    #[tokio::test]
    async fn opens_memory() {
        for url in ["memory:", "sqlite::memory:"] {
            let store = open(url).await.expect("opens");
            assert!(
                store
                    .read()
                    .await
                    .expect("reads")
                    .parties()
                    .await
                    .expect("parties")
                    .is_empty()
            );
        }
    }
}
