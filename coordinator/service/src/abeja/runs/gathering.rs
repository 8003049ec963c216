//! Lines of the parties' own logs, put among those of a run's job.

use domain::abeja::Run;
use domain::{Entity, EntityKind, Event, Job};
use vocabulary::{JobId, Timestamp};

use crate::ServiceError;
use crate::abeja::runs::Runs;
use crate::abeja::targets::unknown;
use crate::filter::EventQuery;
use crate::ports::{Stored, Transaction};

impl Runs<'_> {
    /// Adds lines of a participant's log, which follow the `read` ones that are there already; false when somebody else added
    /// them meanwhile. Who reads page by page misses none: lines that come late stand behind those that may have been seen,
    /// unless this is the `first` time that anybody asks; and a job's last line stays its last.
    pub async fn gather_lines(
        self,
        run: &str,
        (participant, read): (&str, u64),
        lines: Vec<Event>,
        first: bool,
    ) -> Result<bool, ServiceError> {
        let now = self.coordinator.now();
        let mut tx = self.coordinator.inner.store.begin().await?;
        let (mut entity, mut body) = taken(&mut *tx, run).await?;
        let Some(id) = entity.job.clone() else {
            return Ok(false);
        };
        let known = body.lines_read.get(participant).copied();
        // Two readers fetched the same lines at the same time: the first to commit has added them.
        if known.unwrap_or(0) != read {
            return Ok(false);
        }
        if let Some(job) = tx.job(&id).await? {
            let lines = in_order(&mut *tx, &job, lines, (first, now)).await?;
            // Noted in the transaction that adds the lines, so that a crash neither repeats nor
            // drops any.
            body.lines_read
                .insert(participant.to_owned(), read + lines.len() as u64);
            tx.add_events(&id, &lines).await?;
        }
        entity.write(&body).map_err(ServiceError::Internal)?;
        tx.save_entity(&entity).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that no more lines will come.
    pub async fn lines_are_gathered(self, run: &str) -> Result<(), ServiceError> {
        let mut tx = self.coordinator.inner.store.begin().await?;
        let (mut entity, mut body) = taken(&mut *tx, run).await?;
        body.gathered = true;
        entity.write(&body).map_err(ServiceError::Internal)?;
        tx.save_entity(&entity).await?;
        Ok(tx.commit().await?)
    }
}

async fn taken(tx: &mut dyn Transaction, run: &str) -> Result<(Entity, Run), ServiceError> {
    let entity = tx
        .entity(EntityKind::Run, run)
        .await?
        .ok_or_else(|| unknown(EntityKind::Run, run))?;
    let body = entity.read().map_err(ServiceError::Internal)?;
    Ok((entity, body))
}

/// The lines with moments between the latest that may have been seen and the job's end.
async fn in_order(
    tx: &mut dyn Transaction,
    job: &Job,
    mut lines: Vec<Event>,
    (first, now): (bool, Timestamp),
) -> Stored<Vec<Event>> {
    let ended = job.ended.filter(|_| job.state.is_settled());
    // A microsecond before the end, so that the line that tells the end stays the last.
    let latest = ended.map_or(now, |ended| Timestamp(ended.0.saturating_sub(1)));
    let mut earliest = if first {
        job.created
    } else {
        newest(tx, &job.id, latest).await?.unwrap_or(job.created)
    };
    for line in &mut lines {
        line.at = line.at.max(earliest).min(latest.max(earliest));
        earliest = line.at;
    }
    Ok(lines)
}

/// The place of a job's last line.
pub(super) async fn last_line(
    tx: &mut dyn Transaction,
    job: &JobId,
) -> Stored<Option<(Timestamp, u64)>> {
    let query = latest(job, None);
    Ok(tx
        .events(&query)
        .await?
        .first()
        .map(|line| (line.at, line.seq)))
}

async fn newest(tx: &mut dyn Transaction, job: &JobId, to: Timestamp) -> Stored<Option<Timestamp>> {
    let query = latest(job, Some(to));
    Ok(tx.events(&query).await?.first().map(|line| line.at))
}

/// The latest line, up to a moment.
fn latest(job: &JobId, to: Option<Timestamp>) -> EventQuery {
    EventQuery {
        job: job.clone(),
        from: None,
        to,
        after: None,
        before: None,
        newest_first: true,
        limit: 1,
    }
}
