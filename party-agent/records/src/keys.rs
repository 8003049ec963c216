//! Public keys of other parties that this party's owner has pinned.

use sqlx::Row;
use vocabulary::{PartyId, Timestamp};

use crate::aside::Kind;
use crate::{RecordError, Records};

const PINNED_KEY: Kind = Kind {
    name: "pinned key",
    table: "pinned_keys",
    key: &["party"],
};

impl Records {
    /// Pins a party's key (PEM); tells whether it was pinned before.
    pub async fn pin_key(
        &self,
        party: &PartyId,
        pem: &str,
        now: Timestamp,
    ) -> Result<bool, RecordError> {
        // One transaction: in between the party would have no pinned key, and any certified one
        // would do.
        let mut transaction = self.pool.begin().await?;
        let changed = sqlx::query("/* unpin_older */ DELETE FROM pinned_keys WHERE party = $1")
            .bind(party.as_str())
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "/* pin_key */ INSERT INTO pinned_keys (party, pem, saved_micros) VALUES ($1, $2, $3)",
        )
        .bind(party.as_str())
        .bind(pem)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Unpins a party; tells whether it was pinned.
    pub async fn unpin_key(&self, party: &PartyId) -> Result<bool, RecordError> {
        let done = sqlx::query("/* unpin_key */ DELETE FROM pinned_keys WHERE party = $1")
            .bind(party.as_str())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Every pinned key (PEM) with its party. A key that cannot be read stays, as an empty text: its party is pinned all the
    /// same. A row whose party cannot be read is set aside.
    pub async fn pinned_keys(&self) -> Result<Vec<(PartyId, String)>, RecordError> {
        let rows = sqlx::query(
            "/* pinned_keys */ SELECT rowid AS place, party, pem FROM pinned_keys ORDER BY party",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let party: String = row.try_get("party")?;
            let party = PartyId::new(party.as_str()).map_err(|error| RecordError::Malformed {
                kind: "pinned key",
                detail: error.to_string(),
            })?;
            // An empty text fits no key: the party is refused until somebody pins it anew, rather
            // than trusted.
            Ok((party, row.try_get("pem").unwrap_or_default()))
        };
        self.readable(&PINNED_KEY, &rows, read).await
    }
}
