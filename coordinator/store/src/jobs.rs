//! Jobs and the notes on them.

mod rows;

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{Job, JobState};
use service::ports::{Jobs, Stored};
use service::{JobFilter, JobOrder, RowFilter};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use vocabulary::{JobId, Participant};

use crate::body::{body_of, job_from, job_without_signatures, job_word};
use crate::row_kinds::{Kind, Remedy};
use crate::signatures;
use crate::sql::SqlTransaction;
use crate::values::{among, column, containing, corrupt, failed, json};

pub(crate) static JOB: Kind = Kind {
    name: "job",
    table: "jobs",
    key: &["id"],
    remedy: Remedy::TakeJobOut,
};
pub(crate) static PARTICIPANT: Kind = Kind {
    name: "participant",
    table: "participants",
    key: &["job_id", "role", "party"],
    remedy: Remedy::TakeOut,
};

/// Ids in one question, well below what the database takes.
const IDS_AT_ONCE: usize = 500;

#[async_trait]
impl Jobs for SqlTransaction {
    async fn insert_job(&mut self, job: &Job) -> Stored<bool> {
        let done = sqlx::query(
            "/* jobs: insert */ INSERT INTO jobs (id, state, settled, initiator_role, initiator_party, name, description, \
             model_version, created, started, ended, due, definition, papers, body, experiment, archived, queue) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (id) DO NOTHING",
        )
        .bind(job.id.as_str())
        .bind(job_word(job.state))
        .bind(i64::from(job.state.is_settled()))
        .bind(job.initiator.role.word())
        .bind(job.initiator.party.as_str())
        .bind(&job.name)
        .bind(&job.description)
        .bind(&job.model_version)
        .bind(job.created.0)
        .bind(job.started.map(|at| at.0))
        .bind(job.ended.map(|at| at.0))
        .bind(job.created.0)
        .bind(json("a definition", &job.definition)?)
        .bind(signatures::write(job)?)
        .bind(body_of(job)?)
        .bind(job.experiment.as_str())
        .bind(job.archived.map_or(0, |at| at.0))
        .bind(&job.settings.queue)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let mut participants: Vec<Participant> = job.cast.participants().collect();
        if !participants.contains(&job.initiator) {
            // Listed too where it plays no role: jobs are found and poked by the parties in this
            // table.
            participants.push(job.initiator.clone());
        }
        for (position, participant) in participants.iter().enumerate() {
            sqlx::query(
                "/* participants: insert */ INSERT INTO participants (job_id, position, role, party) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (job_id, role, party) DO NOTHING",
            )
            .bind(job.id.as_str())
            .bind(column(position as u64))
            .bind(participant.role.word())
            .bind(participant.party.as_str())
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        }
        Ok(true)
    }

    async fn job(&mut self, id: &JobId) -> Stored<Option<Job>> {
        let row = sqlx::query(
            "/* jobs: get */ SELECT rowid AS place, id, definition, papers, archived, body FROM jobs WHERE id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(failed)?;
        self.readable_one(&JOB, row, job_from).await
    }

    async fn save_job(&mut self, job: &Job) -> Stored<bool> {
        let done = sqlx::query(
            "/* jobs: save */ UPDATE jobs SET state = $2, settled = $3, name = $4, description = $5, started = $6, \
             ended = $7, body = $8 WHERE id = $1",
        )
        .bind(job.id.as_str())
        .bind(job_word(job.state))
        .bind(i64::from(job.state.is_settled()))
        .bind(&job.name)
        .bind(&job.description)
        .bind(job.started.map(|at| at.0))
        .bind(job.ended.map(|at| at.0))
        .bind(body_of(job)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn save_definition(&mut self, job: &Job) -> Stored<bool> {
        let done = sqlx::query(
            "/* jobs: save definition */ UPDATE jobs SET definition = $2 WHERE id = $1",
        )
        .bind(job.id.as_str())
        .bind(json("a definition", &job.definition)?)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn save_signatures(&mut self, job: &Job) -> Stored<bool> {
        let done = sqlx::query("/* jobs: save papers */ UPDATE jobs SET papers = $2 WHERE id = $1")
            .bind(job.id.as_str())
            .bind(signatures::write(job)?)
            .execute(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn find_jobs(&mut self, filter: &JobFilter) -> Stored<(Vec<Job>, u64)> {
        let mut find = QueryBuilder::new(
            "/* jobs: find */ SELECT j.rowid AS place, j.id, j.definition, j.archived, j.body FROM jobs j WHERE 1 = 1",
        );
        narrow(&mut find, filter);
        page(&mut find, filter);
        let rows = find
            .build()
            .fetch_all(&mut *self.tx)
            .await
            .map_err(failed)?;
        let jobs = self.readable(&JOB, &rows, job_without_signatures).await?;
        // A page that ends early shows the total: the second, slower question is saved.
        if let Some(total) = total_of_last_page(rows.len(), filter) {
            return Ok((jobs, total));
        }
        let mut count =
            QueryBuilder::new("/* jobs: count found */ SELECT COUNT(*) FROM jobs j WHERE 1 = 1");
        narrow(&mut count, filter);
        let total: i64 = count
            .build_query_scalar()
            .fetch_one(&mut *self.tx)
            .await
            .map_err(failed)?;
        Ok((jobs, u64::try_from(total).unwrap_or(0)))
    }

    async fn find_rows(&mut self, filter: &RowFilter) -> Stored<(Vec<(JobId, Participant)>, u64)> {
        rows::find(self, filter).await
    }

    async fn count_jobs(&mut self) -> Stored<Vec<(JobState, u64)>> {
        let rows = sqlx::query(
            "/* jobs: count by state */ SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state",
        )
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed)?;
        let mut counts = Vec::new();
        for state in JobState::ALL {
            for row in &rows {
                let word: String = row.try_get("state").map_err(failed)?;
                if word == job_word(state) {
                    let jobs: i64 = row.try_get("jobs").map_err(failed)?;
                    counts.push((state, u64::try_from(jobs).unwrap_or(0)));
                }
            }
        }
        Ok(counts)
    }

    async fn set_notes(
        &mut self,
        job: &JobId,
        participant: &Participant,
        notes: &str,
    ) -> Stored<bool> {
        let done = sqlx::query(
            "/* participants: set notes */ UPDATE participants SET notes = $4 \
             WHERE job_id = $1 AND role = $2 AND party = $3",
        )
        .bind(job.as_str())
        .bind(participant.role.word())
        .bind(participant.party.as_str())
        .bind(notes)
        .execute(&mut *self.tx)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn notes_on(
        &mut self,
        jobs: &[JobId],
    ) -> Stored<BTreeMap<JobId, Vec<(Participant, String)>>> {
        let mut notes: BTreeMap<JobId, Vec<(Participant, String)>> = BTreeMap::new();
        for some in jobs.chunks(IDS_AT_ONCE) {
            let mut find = QueryBuilder::new(
                "/* participants: notes */ SELECT rowid AS place, job_id, role, party, notes FROM participants WHERE notes IS NOT NULL",
            );
            among(
                &mut find,
                " AND job_id IN (",
                some.iter().map(ToString::to_string),
            );
            find.push(" ORDER BY job_id, position");
            let rows = find
                .build()
                .fetch_all(&mut *self.tx)
                .await
                .map_err(failed)?;
            let read = |row: &SqliteRow| {
                Ok((
                    participant_from(row)?,
                    row.try_get("notes").map_err(failed)?,
                ))
            };
            for ((job, participant), note) in self.readable(&PARTICIPANT, &rows, read).await? {
                notes.entry(job).or_default().push((participant, note));
            }
        }
        Ok(notes)
    }
}

/// Whose row it is, from the columns `job_id`, `role` and `party`.
pub(crate) fn participant_from(row: &SqliteRow) -> Stored<(JobId, Participant)> {
    let word = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let job = word("job_id")?
        .parse()
        .map_err(|error| corrupt("a participant", error))?;
    let role = word("role")?
        .parse()
        .map_err(|error| corrupt("a participant", error))?;
    let party = word("party")?
        .parse()
        .map_err(|error| corrupt("a participant", error))?;
    Ok((job, Participant::new(role, party)))
}

/// Puts jobs in order and cuts the page out.
pub(crate) fn page(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    order(query, filter);
    cut(query, filter);
}

pub(crate) fn order(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    let direction = if filter.newest_first { " DESC" } else { "" };
    query.push(match filter.order {
        JobOrder::Created => " ORDER BY j.created",
        JobOrder::Started => " ORDER BY COALESCE(j.started, 0)",
        JobOrder::Ended => " ORDER BY COALESCE(j.ended, 0)",
        JobOrder::Id => " ORDER BY j.id",
        JobOrder::Elapsed => " ORDER BY COALESCE((j.ended - j.started) / 1000, 0)",
    });
    if filter.order == JobOrder::Elapsed {
        query.push(direction).push(", j.created");
    }
    query.push(direction).push(", j.id").push(direction);
}

pub(crate) fn cut(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    query
        .push(" LIMIT ")
        .push_bind(filter.limit.map_or(i64::MAX, i64::from));
    query.push(" OFFSET ").push_bind(i64::from(filter.offset));
}

/// How many fit in all, where the page shows it by ending before its limit.
pub(crate) fn total_of_last_page(found: usize, filter: &JobFilter) -> Option<u64> {
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    let is_short = filter.limit.is_none_or(|limit| found < u64::from(limit));
    // An empty page behind the end says nothing of how many stand before it.
    (is_short && (found > 0 || filter.offset == 0)).then(|| u64::from(filter.offset) + found)
}

/// Whether any job fits.
pub(crate) fn asks_for_any(filter: &JobFilter) -> bool {
    let (order, newest_first, limit, offset) = (
        filter.order,
        filter.newest_first,
        filter.limit,
        filter.offset,
    );
    *filter
        == JobFilter {
            order,
            newest_first,
            limit,
            offset,
            ..JobFilter::default()
        }
}

pub(crate) fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    narrow_by_column(query, filter);
    narrow_by_text(query, filter);
    narrow_by_time(query, filter);
    narrow_by_participant(query, filter);
}

/// What a column of the job itself equals.
fn narrow_by_column(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    among(
        query,
        " AND j.id IN (",
        filter.ids.iter().map(|id| id.as_str().to_owned()),
    );
    among(
        query,
        " AND j.id NOT IN (",
        filter.without.iter().map(|id| id.as_str().to_owned()),
    );
    among(
        query,
        " AND j.state IN (",
        filter
            .states
            .iter()
            .map(|state| job_word(*state).to_owned()),
    );
    if let Some(role) = filter.initiator_role {
        query
            .push(" AND j.initiator_role = ")
            .push_bind(role.word());
    }
    among(
        query,
        " AND j.initiator_party IN (",
        filter.initiator_parties.iter().map(ToString::to_string),
    );
    among(query, " AND j.name IN (", filter.names.iter().cloned());
    if let Some(version) = &filter.model_version {
        query
            .push(" AND j.model_version = ")
            .push_bind(version.clone());
    }
    if let Some(experiment) = &filter.experiment {
        query
            .push(" AND j.experiment = ")
            .push_bind(experiment.to_string());
    }
}

/// What a text of the job, or a note of one of its parties, contains.
fn narrow_by_text(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    if let Some(text) = &filter.id_contains {
        containing(query.push(" AND "), "j.id", text);
    }
    if let Some(text) = filter.description_contains.as_deref() {
        containing(query.push(" AND ("), "j.description", text);
        containing(
            query.push(" OR EXISTS (SELECT 1 FROM participants n WHERE n.job_id = j.id AND "),
            "n.notes",
            text,
        );
        query.push("))");
    }
}

/// When the job was made, and after which job a page begins.
fn narrow_by_time(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    if let Some(from) = filter.created_from {
        query.push(" AND j.created >= ").push_bind(from.0);
    }
    if let Some(to) = filter.created_to {
        query.push(" AND j.created <= ").push_bind(to.0);
    }
    if let Some((moment, id)) = &filter.after {
        query.push(" AND (j.created > ").push_bind(moment.0);
        query.push(" OR (j.created = ").push_bind(moment.0);
        query
            .push(" AND j.id > ")
            .push_bind(id.to_string())
            .push("))");
    }
}

/// Who takes part in the job.
fn narrow_by_participant(query: &mut QueryBuilder<Sqlite>, filter: &JobFilter) {
    if filter.roles.is_empty() && filter.parties.is_empty() && filter.party_contains.is_none() {
        return;
    }
    // Parties are found by their index; everything else is looked at job by job.
    query.push(if filter.parties.is_empty() {
        " AND EXISTS (SELECT 1 FROM participants p WHERE p.job_id = j.id"
    } else {
        " AND j.id IN (SELECT p.job_id FROM participants p WHERE 1 = 1"
    });
    among(
        query,
        " AND p.role IN (",
        filter.roles.iter().map(ToString::to_string),
    );
    among(
        query,
        " AND p.party IN (",
        filter.parties.iter().map(ToString::to_string),
    );
    if let Some(text) = &filter.party_contains {
        containing(query.push(" AND "), "p.party", text);
    }
    query.push(")");
}
