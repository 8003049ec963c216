//! Tasks, one row for each attempt.

use async_trait::async_trait;
use domain::{Task, TaskKey, TaskState};
use service::ports::{Stored, Tasks};
use service::{StoreError, TaskFilter};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};
use vocabulary::{Attempt, ErrorCode, Fault, JobId, PartyId, TaskId, Timestamp};

use crate::aside::place_of;
use crate::body::task_word;
use crate::row_kinds::{Kind, Remedy};
use crate::sql::SqlTransaction;
use crate::values::{among, bind_task, bind_try, column, corrupt, failed, from_json, json};

fn task_from(row: &SqliteRow) -> Stored<Task> {
    let body: String = row.try_get("body").map_err(failed)?;
    from_json("a task", &body)
}

static TASK: Kind = Kind {
    name: "task",
    table: "tasks",
    key: &["job_id", "step", "role", "party", "attempt"],
    remedy: Remedy::Mend(|connection, place, why| Box::pin(fail_in_place(connection, place, why))),
};

/// What a task's row is read from.
macro_rules! row {
    () => {
        "rowid AS place, job_id, step, role, party, attempt, created, body"
    };
}

/// An attempt in place of one that cannot be read: it failed, so that its job ends with the reason.
fn failed_task(row: &SqliteRow, why: &str) -> Stored<Task> {
    let word = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let number = |column: &str| row.try_get::<i64, _>(column).map_err(failed);
    let id = TaskId {
        job: word("job_id")?
            .parse()
            .map_err(|error| corrupt("a task", error))?,
        step: word("step")?
            .parse()
            .map_err(|error| corrupt("a task", error))?,
        role: word("role")?
            .parse()
            .map_err(|error| corrupt("a task", error))?,
        party: word("party")?
            .parse()
            .map_err(|error| corrupt("a task", error))?,
    };
    let attempt =
        Attempt(u32::try_from(number("attempt")?).map_err(|error| corrupt("a task", error))?);
    let created = Timestamp(number("created")?);
    let fault = Fault::new(
        ErrorCode::RecordUnreadable,
        format!("task {id} was set aside: {why}"),
    )
    .next("see the coordinator's log, and run the job again");
    let mut task = Task::waiting(TaskKey { id, attempt }, None, created);
    (task.state, task.fault, task.ended) = (TaskState::Failed, Some(fault), Some(created));
    Ok(task)
}

/// Puts a failed attempt in the place of one that cannot be read; false when its key cannot be read either.
async fn fail_in_place(connection: &mut SqliteConnection, place: i64, why: &str) -> Stored<bool> {
    let get = concat!(
        "/* tasks: at a place */ SELECT ",
        row!(),
        " FROM tasks WHERE rowid = $1"
    );
    let row = sqlx::query(get)
        .bind(place)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    // Without a key nobody can say whose attempt it was; then the row is taken out.
    let Some(Ok(task)) = row.as_ref().map(|row| failed_task(row, why)) else {
        return Ok(false);
    };
    sqlx::query("/* tasks: fail in place */ UPDATE tasks SET state = $2, active = 0, body = $3 WHERE rowid = $1")
        .bind(place)
        .bind(task_word(task.state))
        .bind(json("a task", &task)?)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    // The job is looked at, whatever it waited for.
    sqlx::query("/* tasks: wake the job */ UPDATE jobs SET due = 0 WHERE id = $1 AND settled = 0")
        .bind(task.key.id.job.as_str())
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(true)
}

impl SqlTransaction {
    /// The tasks of these rows; one that cannot be read is set aside, and a failed one takes its place.
    async fn tasks_from(&mut self, rows: &[SqliteRow]) -> Stored<Vec<Task>> {
        let mut tasks = Vec::with_capacity(rows.len());
        for row in rows {
            match task_from(row) {
                Ok(task) => tasks.push(task),
                Err(error @ StoreError::Corrupt { .. }) => {
                    // Shown as failed at once: a reader moves the row later, and the job must not
                    // look as if it lacked a task.
                    tasks.extend(failed_task(row, &error.to_string()));
                    self.put_aside(&TASK, place_of(row)?, &error).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(tasks)
    }
}

#[async_trait]
impl Tasks for SqlTransaction {
    async fn insert_tasks(&mut self, tasks: &[Task]) -> Stored<()> {
        for (position, task) in tasks.iter().enumerate() {
            if task.key.attempt > Attempt(0) {
                let older = "/* tasks: no longer newest */ UPDATE tasks SET newest = 0 WHERE job_id = $1 AND step = $2 \
                             AND role = $3 AND party = $4 AND attempt < $5";
                bind_try(sqlx::query(older), &task.key)
                    .execute(&mut *self.tx)
                    .await
                    .map_err(failed)?;
            }
            // A later attempt keeps the place of the earlier ones.
            let insert = "/* tasks: insert */ INSERT INTO tasks (job_id, step, role, party, attempt, newest, position, \
                          state, active, created, body) VALUES ($1, $2, $3, $4, $5, 1, COALESCE((SELECT MIN(t.position) \
                          FROM tasks t WHERE t.job_id = $1 AND t.step = $2 AND t.role = $3 AND t.party = $4), $6), \
                          $7, $8, $9, $10) ON CONFLICT (job_id, step, role, party, attempt) DO NOTHING";
            bind_try(sqlx::query(insert), &task.key)
                .bind(column(position as u64))
                .bind(task_word(task.state))
                .bind(i64::from(task.state.is_active()))
                .bind(task.created.0)
                .bind(json("a task", task)?)
                .execute(&mut *self.tx)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    async fn task(&mut self, id: &TaskId) -> Stored<Option<Task>> {
        let get = concat!(
            "/* tasks: newest */ SELECT ",
            row!(),
            " FROM tasks WHERE job_id = $1 AND step = $2 AND role = $3 AND party = $4 AND newest = 1"
        );
        let row = bind_task(sqlx::query(get), id)
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(self.tasks_from(row.as_slice()).await?.pop())
    }

    async fn tasks_of(&mut self, job: &JobId) -> Stored<Vec<Task>> {
        let rows = sqlx::query(concat!(
            "/* tasks: newest of a job */ SELECT ",
            row!(),
            " FROM tasks WHERE job_id = $1 AND newest = 1 ORDER BY position, step, role, party"
        ))
        .bind(job.as_str())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.tasks_from(&rows).await
    }

    async fn save_task(&mut self, task: &Task) -> Stored<bool> {
        let save = "/* tasks: save */ UPDATE tasks SET state = $6, active = $7, body = $8 \
                    WHERE job_id = $1 AND step = $2 AND role = $3 AND party = $4 AND attempt = $5";
        let done = bind_try(sqlx::query(save), &task.key)
            .bind(task_word(task.state))
            .bind(i64::from(task.state.is_active()))
            .bind(json("a task", task)?)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_tasks(&mut self, filter: &TaskFilter) -> Stored<(Vec<Task>, u64)> {
        let mut count =
            QueryBuilder::new("/* tasks: count found */ SELECT COUNT(*) FROM tasks WHERE 1 = 1");
        narrow(&mut count, filter);
        let total: i64 = count
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed)?;
        let mut find = QueryBuilder::new(concat!(
            "/* tasks: find */ SELECT ",
            row!(),
            " FROM tasks WHERE 1 = 1"
        ));
        narrow(&mut find, filter);
        find.push(if filter.newest_first {
            " ORDER BY created DESC, job_id DESC, position DESC, attempt DESC"
        } else {
            " ORDER BY created, job_id, position, attempt"
        });
        find.push(" LIMIT ")
            .push_bind(filter.limit.map_or(i64::MAX, i64::from));
        find.push(" OFFSET ").push_bind(i64::from(filter.offset));
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok((
            self.tasks_from(&rows).await?,
            u64::try_from(total).unwrap_or(0),
        ))
    }

    async fn active_at(&mut self, party: &PartyId) -> Stored<Vec<Task>> {
        let rows = sqlx::query(concat!(
            "/* tasks: active at a party */ SELECT ",
            row!(),
            " FROM tasks WHERE party = $1 AND active = 1 ORDER BY created, job_id, position"
        ))
        .bind(party.as_str())
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.tasks_from(&rows).await
    }
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &TaskFilter) {
    if !filter.all_attempts {
        query.push(" AND newest = 1");
    }
    among(
        query,
        " AND job_id IN (",
        filter.job.iter().map(ToString::to_string),
    );
    among(
        query,
        " AND step IN (",
        filter.step.iter().map(ToString::to_string),
    );
    among(
        query,
        " AND role IN (",
        filter.role.iter().map(ToString::to_string),
    );
    among(
        query,
        " AND party IN (",
        filter.party.iter().map(ToString::to_string),
    );
    among(
        query,
        " AND state IN (",
        filter
            .states
            .iter()
            .map(|state| task_word(*state).to_owned()),
    );
}
