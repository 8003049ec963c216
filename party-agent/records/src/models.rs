//! Models, as this party keeps them.

use sqlx::Row;
use vocabulary::{ModelRef, Timestamp};

use crate::{RecordError, Records};

/// A model's row.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelRecord {
    /// The component that can read it.
    pub component: String,
    /// That component's version.
    pub component_version: u32,
    /// The content.
    pub content: Vec<u8>,
}

impl Records {
    /// Keeps a model; one that stands there already is replaced (a repeated attempt).
    pub async fn save_model(&self, model: &ModelRef, record: &ModelRecord, now: Timestamp) -> Result<(), RecordError> {
        sqlx::query(
            "/* save_model */ INSERT INTO models (version, step, role, component, component_version, content, saved_micros) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (version, step, role) DO UPDATE SET \
             component = excluded.component, component_version = excluded.component_version, content = excluded.content, \
             saved_micros = excluded.saved_micros",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .bind(&record.component)
        .bind(i64::from(record.component_version))
        .bind(&record.content)
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A model.
    pub async fn model(&self, model: &ModelRef) -> Result<Option<ModelRecord>, RecordError> {
        let row = sqlx::query(
            "/* model */ SELECT component, component_version, content FROM models WHERE version = $1 AND step = $2 AND role = $3",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let version: i64 = row.try_get("component_version")?;
        Ok(Some(ModelRecord {
            component: row.try_get("component")?,
            component_version: u32::try_from(version).unwrap_or(u32::MAX),
            content: row.try_get("content")?,
        }))
    }
}
