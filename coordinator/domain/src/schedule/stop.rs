//! Bringing a job to rest: on a person's wish, at its deadline, or after a failure.

use vocabulary::{ErrorCode, Fault};

use super::mend::note_unquiet;
use super::work::Work;
use crate::job::state::{JobEvent, JobState};

/// Starts to stop the job when somebody wished it or its time is over.
pub(super) fn heed_wishes(work: &mut Work<'_>) {
    if work.state == JobState::Stopping {
        return;
    }
    if let Some(stop) = &work.job.stop {
        work.job_event(JobEvent::StopAsked, Some(stop.reason.clone()));
    } else if let Some(Err(why)) = work.held {
        work.job_event(JobEvent::StopAsked, Some(why.clone()));
    } else if work.now >= work.job.deadline() {
        work.job_event(
            JobEvent::StopAsked,
            Some(deadline_fault(work.job.settings.timeout_millis)),
        );
    }
}

fn deadline_fault(timeout_millis: i64) -> Fault {
    let message = format!(
        "the job took longer than its {} seconds",
        timeout_millis / 1_000
    );
    Fault::new(ErrorCode::DeadlinePassed, message)
        .next("set job parameter timeout to a longer time and run the job again")
}

/// Stops every task that an agent may be working on, and settles the job once none is left.
///
/// The agent of a party that is offline cannot be asked: its tasks count as lost, and what it still does counts no more.
pub(super) fn come_to_rest(work: &mut Work<'_>) {
    // A step's own time limit ends the job as timed out, too; its tasks must not be told of the
    // job's.
    let late = ends_as(work) == JobState::TimedOut && work.now >= work.job.deadline();
    let reason = if late {
        deadline_fault(work.job.settings.timeout_millis)
    } else {
        Fault::new(ErrorCode::Canceled, "the job is being stopped")
    };
    for index in work.active() {
        if work.is_online(index) {
            work.cancel(index, reason.clone());
            note_unquiet(work, index);
        } else {
            work.lose(index);
        }
    }
    if work.active().is_empty() {
        let event = quiet_event(work);
        work.job_event(event, None);
    }
}

fn quiet_event(work: &Work<'_>) -> JobEvent {
    match ends_as(work) {
        JobState::Canceled => JobEvent::QuietCanceled,
        JobState::TimedOut => JobEvent::QuietTimedOut,
        _ => JobEvent::QuietFailed,
    }
}

/// How the job settles: as the wish to stop it says. A stop decided in this very call is not yet kept as a wish.
fn ends_as(work: &Work<'_>) -> JobState {
    let kept = work.job.stop.as_ref().map(|stop| stop.settle_as);
    kept.unwrap_or_else(|| settles_as(work.stopped_for.as_ref()))
}

/// How a job settles that was stopped for this reason by the rules themselves.
pub(super) fn settles_as(reason: Option<&Fault>) -> JobState {
    match reason.map(|reason| reason.code) {
        Some(ErrorCode::DeadlinePassed) => JobState::TimedOut,
        Some(ErrorCode::Canceled) => JobState::Canceled,
        _ => JobState::Failed,
    }
}
