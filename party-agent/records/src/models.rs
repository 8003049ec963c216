//! Models, as this party keeps them.

use sqlx::{Row, SqliteConnection};
use vocabulary::{Attempt, ModelRef, Timestamp};

use crate::checkpoints::{forget_checkpoints, put_checkpoint};
use crate::model_record::ModelRecord;
use crate::queries::forget_model_rows;
use crate::{CheckpointRecord, RecordError, Records};

/// A model with everything that is kept beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredModel {
    /// Under which version, step and role.
    pub at: ModelRef,
    /// The model.
    pub record: ModelRecord,
    /// The model in FATE's form, as JSON.
    pub view: Option<String>,
    /// States from before the end of its training.
    pub checkpoints: Vec<CheckpointRecord>,
}

impl Records {
    /// Keeps a model; one that stands there already is replaced (a repeated attempt).
    pub async fn save_model(
        &self,
        model: &ModelRef,
        record: &ModelRecord,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        put_model(&mut *self.pool.acquire().await?, model, record, now).await
    }

    /// Keeps several models and what belongs to them, all or none; what stands there already is replaced.
    pub async fn save_models(
        &self,
        models: &[StoredModel],
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let mut tx = self.pool.begin().await?;
        for StoredModel {
            at,
            record,
            view,
            checkpoints,
        } in models
        {
            put_model(&mut tx, at, record, now).await?;
            // The number belongs to the model that is replaced; an import does not say of how many
            // rows it is.
            forget_model_rows(&mut tx, at).await?;
            if let Some(view) = view {
                put_view(&mut tx, at, view).await?;
            }
            forget_checkpoints(&mut tx, at).await?;
            for checkpoint in checkpoints {
                // No attempt of this party made them: the next training of the step takes their
                // place.
                put_checkpoint(&mut tx, at, Attempt(0), checkpoint).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Keeps a model in FATE's form beside the model itself.
    pub async fn save_model_view(&self, model: &ModelRef, view: &str) -> Result<(), RecordError> {
        put_view(&mut *self.pool.acquire().await?, model, view).await
    }

    /// A model in FATE's form, as JSON.
    pub async fn model_view(&self, model: &ModelRef) -> Result<Option<String>, RecordError> {
        let found =
            sqlx::query("/* model_view */ SELECT view FROM model_views WHERE version = $1 AND step = $2 AND role = $3")
                .bind(&model.version)
                .bind(model.step.as_str())
                .bind(model.owner.role.word())
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.map(|row| row.try_get("view")).transpose()?)
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

async fn put_model(
    to: &mut SqliteConnection,
    model: &ModelRef,
    record: &ModelRecord,
    now: Timestamp,
) -> Result<(), RecordError> {
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
    .execute(to)
    .await?;
    Ok(())
}

async fn put_view(
    to: &mut SqliteConnection,
    model: &ModelRef,
    view: &str,
) -> Result<(), RecordError> {
    sqlx::query(
        "/* save_model_view */ INSERT INTO model_views (version, step, role, view) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (version, step, role) DO UPDATE SET view = excluded.view",
    )
    .bind(&model.version)
    .bind(model.step.as_str())
    .bind(model.owner.role.word())
    .bind(view)
    .execute(to)
    .await?;
    Ok(())
}
