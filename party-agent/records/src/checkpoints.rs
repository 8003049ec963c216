//! States of models from before the end of their training, as this party keeps them.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use vocabulary::{Attempt, CheckpointRef, ModelRef, Timestamp};

use crate::aside::Kind;
use crate::{ModelRecord, RecordError, Records};

const CHECKPOINT: Kind = Kind {
    name: "checkpoint",
    table: "checkpoints",
    key: &["version", "step", "role", "step_index"],
};

/// A state's row.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// The turn of the training's loop, counted from 0.
    pub step_index: u32,
    /// The same for people.
    pub step_name: String,
    /// The state, of the kind that the final model has.
    pub model: ModelRecord,
    /// When it was kept.
    pub saved: Timestamp,
}

impl Records {
    /// Keeps a state of a model that `attempt` trains, in place of one of the same number; states of other attempts go, as
    /// the model will be the last attempt's, too.
    pub async fn save_checkpoint(
        &self,
        model: &ModelRef,
        attempt: Attempt,
        record: &CheckpointRecord,
    ) -> Result<(), RecordError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "/* forget_checkpoints */ DELETE FROM checkpoints WHERE version = $1 AND step = $2 AND role = $3 AND attempt <> $4",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .bind(i64::from(attempt.0))
        .execute(&mut *tx)
        .await?;
        // In the same transaction as the removal, or a crash would leave states of two attempts in
        // one list.
        put_checkpoint(&mut tx, model, attempt, record).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The states of a model, in order.
    pub async fn checkpoints(
        &self,
        model: &ModelRef,
    ) -> Result<Vec<CheckpointRecord>, RecordError> {
        let rows = sqlx::query(
            "/* checkpoints */ SELECT rowid AS place, step_index, step_name, component, component_version, content, saved_micros \
             FROM checkpoints WHERE version = $1 AND step = $2 AND role = $3 ORDER BY step_index",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .fetch_all(&self.pool)
        .await?;
        self.readable(&CHECKPOINT, &rows, record).await
    }

    /// One state of a model. Of several with one name the last is meant.
    pub async fn checkpoint(
        &self,
        model: &ModelRef,
        which: &CheckpointRef,
    ) -> Result<Option<CheckpointRecord>, RecordError> {
        let (index, name) = match which {
            CheckpointRef::StepIndex(index) => (Some(i64::from(*index)), None),
            CheckpointRef::StepName(name) => (None, Some(name.as_str())),
        };
        let row = sqlx::query(
            "/* checkpoint */ SELECT rowid AS place, step_index, step_name, component, component_version, content, saved_micros \
             FROM checkpoints WHERE version = $1 AND step = $2 AND role = $3 AND (step_index = $4 OR step_name = $5) \
             ORDER BY step_index DESC LIMIT 1",
        )
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .bind(index)
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        self.readable_one(&CHECKPOINT, row, record).await
    }
}

fn record(row: &SqliteRow) -> Result<CheckpointRecord, RecordError> {
    let (index, version): (i64, i64) = (
        row.try_get("step_index")?,
        row.try_get("component_version")?,
    );
    Ok(CheckpointRecord {
        step_index: u32::try_from(index).unwrap_or(u32::MAX),
        step_name: row.try_get("step_name")?,
        model: ModelRecord {
            component: row.try_get("component")?,
            component_version: u32::try_from(version).unwrap_or(u32::MAX),
            content: row.try_get("content")?,
        },
        saved: Timestamp(row.try_get("saved_micros")?),
    })
}

/// Writes one state; one of the same number is replaced.
pub(crate) async fn put_checkpoint(
    to: &mut SqliteConnection,
    model: &ModelRef,
    attempt: Attempt,
    record: &CheckpointRecord,
) -> Result<(), RecordError> {
    sqlx::query(
        "/* save_checkpoint */ INSERT OR REPLACE INTO checkpoints (version, step, role, step_index, step_name, attempt, \
         component, component_version, content, saved_micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&model.version)
    .bind(model.step.as_str())
    .bind(model.owner.role.word())
    .bind(i64::from(record.step_index))
    .bind(&record.step_name)
    .bind(i64::from(attempt.0))
    .bind(&record.model.component)
    .bind(i64::from(record.model.component_version))
    .bind(&record.model.content)
    .bind(record.saved.0)
    .execute(to)
    .await?;
    Ok(())
}

/// Removes every state of a model.
pub(crate) async fn forget_checkpoints(
    to: &mut SqliteConnection,
    model: &ModelRef,
) -> Result<(), RecordError> {
    sqlx::query("/* forget_all_checkpoints */ DELETE FROM checkpoints WHERE version = $1 AND step = $2 AND role = $3")
        .bind(&model.version)
        .bind(model.step.as_str())
        .bind(model.owner.role.word())
        .execute(to)
        .await?;
    Ok(())
}
