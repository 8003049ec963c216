//! Data sources under a name. What is kept may hold passwords: this file is its owner's alone, and REST endpoints leave them out.

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::aside::Kind;
use crate::{RecordError, Records, from_json, to_json};

const CONNECTOR: Kind = Kind {
    name: "connector",
    table: "connectors",
    key: &["name"],
};

/// A named data source.
#[derive(Clone, PartialEq)]
pub struct Connector {
    /// The engine behind it, as it was written.
    pub engine: String,
    /// Where and as whom, passwords included: an object.
    pub info: Value,
}

impl Records {
    /// Keeps a data source, in place of an older one of that name.
    pub async fn save_connector(
        &self,
        name: &str,
        connector: &Connector,
    ) -> Result<(), RecordError> {
        sqlx::query(
            "/* save_connector */ INSERT INTO connectors (name, engine, info) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET engine = excluded.engine, info = excluded.info",
        )
        .bind(name)
        .bind(&connector.engine)
        .bind(to_json("connector", &connector.info)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A data source.
    pub async fn connector(&self, name: &str) -> Result<Option<Connector>, RecordError> {
        let row = sqlx::query(
            "/* connector */ SELECT rowid AS place, engine, info FROM connectors WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(Connector {
                engine: row.try_get("engine")?,
                info: from_json("connector", row.try_get("info")?)?,
            })
        };
        self.readable_one(&CONNECTOR, row, read).await
    }
}
