//! Attempts this agent ran or runs.

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use vocabulary::{
    Assignment, Attempt, JobId, PartyId, Role, StepName, TableRef, TableSummary, TaskId, Timestamp,
};

use crate::aside::Kind;
use crate::{RecordError, Records, from_json, to_json};

const ATTEMPT: Kind = Kind {
    name: "attempt",
    table: "attempts",
    key: &["job", "step", "role", "attempt"],
};

/// Where an attempt stands at this agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Runs, or ran when the agent died.
    Running,
    /// Its outputs stand.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Canceled,
    /// The agent died while it ran.
    Lost,
}

impl AttemptState {
    fn word(self) -> &'static str {
        match self {
            AttemptState::Running => "running",
            AttemptState::Succeeded => "succeeded",
            AttemptState::Failed => "failed",
            AttemptState::Canceled => "canceled",
            AttemptState::Lost => "lost",
        }
    }

    fn of(word: &str) -> Result<Self, RecordError> {
        let all = [
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::Canceled,
            Self::Lost,
        ];
        let found = all.into_iter().find(|state| state.word() == word);
        found.ok_or_else(|| RecordError::Malformed {
            kind: "attempt state",
            detail: word.to_owned(),
        })
    }
}

/// What is kept of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// What was ordered.
    pub assignment: Assignment,
    /// Where it stands.
    pub state: AttemptState,
    /// Data outputs that stand, with their numbers.
    pub outputs: Vec<(usize, TableSummary)>,
}

impl Records {
    /// Notes that an attempt starts; `false` when it was known already (a repeated order).
    pub async fn begin_attempt(
        &self,
        assignment: &Assignment,
        now: Timestamp,
    ) -> Result<bool, RecordError> {
        let task = &assignment.task;
        let done = sqlx::query(
            // A repeated order must not start an attempt twice: the table's key decides, not a
            // query before it.
            "/* begin_attempt */ INSERT INTO attempts (job, step, role, attempt, state, assignment, started_micros) \
             VALUES ($1, $2, $3, $4, 'running', $5, $6) ON CONFLICT (job, step, role, attempt) DO NOTHING",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(i64::from(assignment.attempt.0))
        .bind(to_json("assignment", assignment)?)
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Notes a data output.
    pub async fn add_output(
        &self,
        task: &TaskId,
        attempt: Attempt,
        index: usize,
        table: &TableSummary,
    ) -> Result<(), RecordError> {
        let Some(record) = self.attempt(task, attempt).await? else {
            return Ok(());
        };
        let mut outputs = record.outputs;
        // A task that is repeated writes an output again; the last one stands.
        outputs.retain(|(number, _)| *number != index);
        outputs.push((index, table.clone()));
        outputs.sort_by_key(|(number, _)| *number);
        sqlx::query("/* add_output */ UPDATE attempts SET outputs = $5 WHERE job = $1 AND step = $2 AND role = $3 AND attempt = $4")
            .bind(task.job.as_str())
            .bind(task.step.as_str())
            .bind(task.role.word())
            .bind(i64::from(attempt.0))
            .bind(to_json("outputs", &outputs)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes how an attempt ended.
    pub async fn end_attempt(
        &self,
        task: &TaskId,
        attempt: Attempt,
        state: AttemptState,
        now: Timestamp,
    ) -> Result<(), RecordError> {
        sqlx::query(
            "/* end_attempt */ UPDATE attempts SET state = $5, ended_micros = $6 \
             WHERE job = $1 AND step = $2 AND role = $3 AND attempt = $4",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(i64::from(attempt.0))
        .bind(state.word())
        .bind(now.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One attempt.
    pub async fn attempt(
        &self,
        task: &TaskId,
        attempt: Attempt,
    ) -> Result<Option<AttemptRecord>, RecordError> {
        let row = sqlx::query(
            "/* attempt */ SELECT rowid AS place, state, assignment, outputs FROM attempts \
             WHERE job = $1 AND step = $2 AND role = $3 AND attempt = $4",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(i64::from(attempt.0))
        .fetch_optional(&self.pool)
        .await?;
        self.readable_one(&ATTEMPT, row, record).await
    }

    /// How many attempts of a task began under an offer.
    pub async fn attempts_under(
        &self,
        task: &TaskId,
        fingerprint: &str,
    ) -> Result<u32, RecordError> {
        let row = sqlx::query(
            "/* attempts_under */ SELECT COUNT(*) AS begun FROM attempts \
             WHERE job = $1 AND step = $2 AND role = $3 AND \
             CASE WHEN json_valid(assignment) THEN json_extract(assignment, '$.offer') = $4 ELSE 1 END",
        )
        .bind(task.job.as_str())
        .bind(task.step.as_str())
        .bind(task.role.word())
        .bind(fingerprint)
        .fetch_one(&self.pool)
        .await?;
        // Rows whose order cannot be read count as well: a broken row must not give a further
        // attempt.
        let begun: i64 = row.try_get("begun")?;
        // Too many to count is too many to allow.
        Ok(u32::try_from(begun).unwrap_or(u32::MAX))
    }

    /// The newest attempt of a step in a role that this agent ran.
    pub async fn newest_attempt(
        &self,
        job: &JobId,
        step: &StepName,
        role: Role,
    ) -> Result<Option<AttemptRecord>, RecordError> {
        let row = sqlx::query(
            "/* newest_attempt */ SELECT rowid AS place, state, assignment, outputs FROM attempts \
             WHERE job = $1 AND step = $2 AND role = $3 ORDER BY attempt DESC LIMIT 1",
        )
        .bind(job.as_str())
        .bind(step.as_str())
        .bind(role.word())
        .fetch_optional(&self.pool)
        .await?;
        self.readable_one(&ATTEMPT, row, record).await
    }

    /// The newest attempt of every step of a job, oldest first.
    pub async fn attempts_of(&self, job: &JobId) -> Result<Vec<AttemptRecord>, RecordError> {
        let rows = sqlx::query(
            "/* attempts_of */ SELECT a.rowid AS place, state, assignment, outputs FROM attempts AS a WHERE job = $1 AND attempt = \
             (SELECT MAX(b.attempt) FROM attempts AS b WHERE b.job = a.job AND b.step = a.step AND b.role = a.role) \
             ORDER BY started_micros",
        )
        .bind(job.as_str())
        .fetch_all(&self.pool)
        .await?;
        self.readable(&ATTEMPT, &rows, record).await
    }

    /// Every attempt of a job, oldest first.
    pub async fn every_attempt(&self, job: &JobId) -> Result<Vec<AttemptRecord>, RecordError> {
        let rows = sqlx::query(
            "/* every_attempt */ SELECT rowid AS place, state, assignment, outputs FROM attempts WHERE job = $1 ORDER BY started_micros",
        )
        .bind(job.as_str())
        .fetch_all(&self.pool)
        .await?;
        self.readable(&ATTEMPT, &rows, record).await
    }

    /// Whether an attempt of another job has this table as its output, too.
    pub async fn is_used_elsewhere(
        &self,
        table: &TableRef,
        job: &JobId,
    ) -> Result<bool, RecordError> {
        let rows = sqlx::query(
            "/* used_elsewhere */ SELECT rowid AS place, state, assignment, outputs FROM attempts \
             WHERE job <> $1 AND INSTR(outputs, $2) > 0",
        )
        .bind(job.as_str())
        .bind(&table.namespace)
        .fetch_all(&self.pool)
        .await?;
        // The search for the text only narrows; names are compared below, since one may be in
        // another.
        let records = self.readable(&ATTEMPT, &rows, record).await?;
        Ok(records.iter().any(|record| {
            record
                .outputs
                .iter()
                .any(|(_, output)| output.table == *table)
        }))
    }

    /// Attempts that ran when the agent died: marked lost, and given.
    pub async fn lose_running(
        &self,
        me: &PartyId,
        now: Timestamp,
    ) -> Result<Vec<(TaskId, Attempt)>, RecordError> {
        let rows =
            sqlx::query("/* lose_running */ SELECT rowid AS place, state, assignment, outputs FROM attempts WHERE state = 'running'")
                .fetch_all(&self.pool)
                .await?;
        let mut lost = Vec::new();
        for AttemptRecord { assignment, .. } in self.readable(&ATTEMPT, &rows, record).await? {
            debug_assert_eq!(assignment.task.party, *me);
            self.end_attempt(
                &assignment.task,
                assignment.attempt,
                AttemptState::Lost,
                now,
            )
            .await?;
            lost.push((assignment.task, assignment.attempt));
        }
        Ok(lost)
    }
}

fn record(row: &SqliteRow) -> Result<AttemptRecord, RecordError> {
    Ok(AttemptRecord {
        assignment: from_json("assignment", row.try_get("assignment")?)?,
        state: AttemptState::of(row.try_get("state")?)?,
        outputs: from_json("outputs", row.try_get("outputs")?)?,
    })
}
