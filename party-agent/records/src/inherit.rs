//! Taking over what an earlier job of this party left: its attempt and its models, under the new job's name.

use vocabulary::{Assignment, Attempt, JobId, TaskId, Timestamp};

use crate::{AttemptRecord, RecordError, Records, to_json};

impl Records {
    /// Keeps an attempt that succeeded, and the model that it left, as those of the same step of another job, too. Nothing
    /// happens where they stand already.
    pub async fn inherit(
        &self,
        from: &AttemptRecord,
        to: &JobId,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let old = &from.assignment;
        let task = TaskId {
            job: to.clone(),
            ..old.task.clone()
        };
        let assignment = Assignment {
            task,
            // The new job's first attempt: it had none of its own, and orders count from there.
            attempt: Attempt(0),
            model_version: to.to_string(),
            ..old.clone()
        };
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "/* inherit attempt */ INSERT INTO attempts (job, step, role, attempt, state, assignment, outputs, \
             started_micros, ended_micros) VALUES ($1, $2, $3, 0, 'succeeded', $4, $5, $6, $6) \
             ON CONFLICT (job, step, role, attempt) DO NOTHING",
        )
        .bind(to.as_str())
        .bind(old.task.step.as_str())
        .bind(old.task.role.word())
        .bind(to_json("assignment", &assignment)?)
        .bind(to_json("outputs", &from.outputs)?)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "/* inherit model */ INSERT INTO models (version, step, role, component, component_version, content, saved_micros) \
             SELECT $1, step, role, component, component_version, content, $2 FROM models \
             WHERE version = $3 AND step = $4 AND role = $5 ON CONFLICT (version, step, role) DO NOTHING",
        )
        .bind(to.as_str())
        .bind(now.0)
        .bind(&old.model_version)
        .bind(old.task.step.as_str())
        .bind(old.task.role.word())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            // Goes along with the model: without it rules about few rows would count the model as
            // unknown.
            "/* inherit model_rows */ INSERT INTO model_rows (version, step, role, fewest) \
             SELECT $1, step, role, fewest FROM model_rows WHERE version = $2 AND step = $3 AND role = $4 \
             ON CONFLICT (version, step, role) DO NOTHING",
        )
        .bind(to.as_str())
        .bind(&old.model_version)
        .bind(old.task.step.as_str())
        .bind(old.task.role.word())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
