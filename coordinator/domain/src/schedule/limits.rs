//! Time limits of steps: whoever runs longer is stopped at all its parties.

use vocabulary::{ErrorCode, Fault, StepName};

use super::mend::note_unquiet;
use super::work::Work;
use crate::task::state::TaskState;

/// Stops the steps whose time is over. An attempt counts from the moment in which its first task was ordered.
pub(super) fn end_overdue(work: &mut Work<'_>) {
    for step in &work.job.definition.graph.steps {
        let Some(limit) = work.job.settings.limit_of(&step.name) else {
            continue;
        };
        let tasks = work.of_step(&step.name);
        let Some(since) = tasks
            .iter()
            .filter_map(|index| work.ordered_at(*index))
            .min()
        else {
            continue;
        };
        let running = |work: &Work<'_>, index: usize| {
            matches!(
                work.state_of(index),
                TaskState::Assigned | TaskState::Running
            )
        };
        if !tasks.iter().any(|index| running(work, *index)) {
            continue;
        }
        let moment = since.plus_millis(limit);
        if moment > work.now {
            work.wake_at(moment);
            continue;
        }
        for index in tasks {
            if running(work, index) {
                work.cancel(index, overdue(&step.name, limit));
                note_unquiet(work, index);
            }
        }
    }
}

fn overdue(step: &StepName, limit_millis: i64) -> Fault {
    let message = format!(
        "step {step} took longer than its {} seconds",
        limit_millis / 1_000
    );
    Fault::new(ErrorCode::DeadlinePassed, message).next(
        "set job parameter task_timeout, or timeout of the step under task_conf, to a longer time",
    )
}
