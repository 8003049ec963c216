//! Parties as they were last seen.

use async_trait::async_trait;
use service::ports::{Parties, Stored};
use service::records::PartyRecord;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{PartyId, Timestamp};

use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{corrupt, failed, from_json, json};

/// The columns of a row, in the order in which a new one is bound.
macro_rules! columns {
    () => {
        "party, components, rest, rows_through_coordinator, seen"
    };
}

static PARTY: Kind = Kind {
    name: "party",
    table: "parties",
    key: &["party"],
    remedy: Remedy::TakeOut,
};

#[async_trait]
impl Parties for SqlTransaction {
    async fn put_party(&mut self, record: &PartyRecord) -> Stored<()> {
        sqlx::query(
            concat!(
"/* parties: put */ INSERT INTO parties (",
columns!(),
") VALUES ($1, $2, $3, $4, $5) ON CONFLICT (party) DO UPDATE SET components = excluded.components, rest = excluded.rest, rows_through_coordinator = excluded.rows_through_coordinator, seen = excluded.seen"
),
        )
        .bind(record.party.as_str())
        .bind(json("a catalogue", &record.components)?)
        .bind(record.rest.as_deref())
        .bind(i64::from(record.rows_through_coordinator))
        .bind(record.seen.0)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn parties(&mut self) -> Stored<Vec<PartyRecord>> {
        let rows = sqlx::query(concat!(
            "/* parties: all */ SELECT rowid AS place, ",
            columns!(),
            " FROM parties ORDER BY party"
        ))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        let read = |row: &SqliteRow| {
            let party: String = row.try_get("party").map_err(failed)?;
            let components: String = row.try_get("components").map_err(failed)?;
            Ok(PartyRecord {
                party: PartyId::new(party).map_err(|error| corrupt("a party", error))?,
                components: from_json("a catalogue", &components)?,
                rest: row.try_get("rest").map_err(failed)?,
                rows_through_coordinator: row
                    .try_get::<i64, _>("rows_through_coordinator")
                    .map_err(failed)?
                    != 0,
                seen: Timestamp(row.try_get("seen").map_err(failed)?),
            })
        };
        self.readable(&PARTY, &rows, read).await
    }
}
