//! A schedule at the moment at which it is due: read, and planned anew.

use domain::recurring::{LastTime, Recurring};
use domain::{Entity, EntityKind};
use vocabulary::{ErrorCode, Fault, JobId, Timestamp};

use crate::ServiceError;
use crate::ports::{Stored, Transaction};

/// The schedule that is due, as long as nobody switched it meanwhile and its job before has ended.
pub(crate) async fn due_schedule(
    tx: &mut dyn Transaction,
    id: &str,
    planned: Timestamp,
) -> Result<Entity, ServiceError> {
    let refused =
        |message: String| ServiceError::Conflict(Fault::new(ErrorCode::Conflict, message));
    let found = tx.entity(EntityKind::Schedule, id).await?;
    // The moment must be the one that was read: whoever switched it, or began it, has planned
    // another.
    let due = found.filter(|schedule| schedule.due == Some(planned) && !schedule.deleted);
    let schedule = due.ok_or_else(|| refused(format!("schedule {id} is not due any more")))?;
    let before = schedule.job.clone();
    if let Some(job) = before
        && tx
            .job(&job)
            .await?
            .is_some_and(|job| !job.state.is_settled())
    {
        return Err(refused(format!(
            "job {job} of the schedule has not ended yet"
        )));
    }
    Ok(schedule)
}

/// Plans the next time of a schedule whose job is being stored.
pub(crate) async fn note_begun(
    tx: &mut dyn Transaction,
    schedule: &mut Entity,
    job: &JobId,
    now: Timestamp,
) -> Stored<()> {
    note(schedule, now, Some(job), None);
    tx.save_entity(schedule).await?;
    Ok(())
}

/// Plans the next time, and writes down what came of this one.
pub(crate) fn note(
    schedule: &mut Entity,
    now: Timestamp,
    job: Option<&JobId>,
    fault: Option<Fault>,
) {
    // A body that cannot be read is left as it is, and the schedule is due no more.
    let Ok(mut body) = schedule.read::<Recurring>() else {
        schedule.due = None;
        return;
    };
    let planned = schedule.due.unwrap_or(now);
    // From the planned moment, not from now: otherwise each start would be later by the loop's own
    // delay.
    schedule.due = body.rule.next(planned, now);
    if let Some(job) = job {
        schedule.job = Some(job.clone());
        body.begun += 1;
    }
    body.last = Some(LastTime {
        at: now,
        job: job.cloned(),
        fault,
    });
    schedule.modified = now;
    if schedule.write(&body).is_err() {
        schedule.due = None;
    }
}
