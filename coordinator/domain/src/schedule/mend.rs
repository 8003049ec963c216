//! Attempts that came to nothing: stop what is left of them, then try again or give the job up.

use vocabulary::{Attempt, Fault};

use super::work::Work;
use crate::graph::Step;
use crate::job::state::JobEvent;
use crate::step::{EarlierAttempts, Ending, echo_of, root_of};

/// Looks after every step whose present try broke.
pub(super) fn mend(work: &mut Work<'_>) {
    for step in &work.job.definition.graph.steps {
        let tasks = work.of_step(&step.name);
        let Some((_, root)) = root_of(tasks.iter().filter_map(|index| work.tasks.get(*index)))
        else {
            continue;
        };
        if !quieten(work, &tasks, &root) {
            continue;
        }
        // Tasks may have been lost while the rest was stopped; the first cause is looked up again.
        let Some((ending, root)) = root_of(tasks.iter().filter_map(|index| work.tasks.get(*index)))
        else {
            continue;
        };
        if !try_again(work, step, ending, &root) {
            return work.job_event(JobEvent::StopAsked, Some(root));
        }
    }
}

/// Stops the tasks beside a broken one; true when no agent works on any of them.
fn quieten(work: &mut Work<'_>, tasks: &[usize], root: &Fault) -> bool {
    for index in tasks.iter().copied() {
        if !work.state_of(index).is_active() {
            continue;
        }
        if work.is_online(index) {
            work.cancel(index, echo_of(root));
            note_unquiet(work, index);
        } else {
            // An agent that is away cannot be asked to stop, and the next attempt must not wait for
            // it.
            work.lose(index);
        }
    }
    tasks.iter().all(|index| !work.state_of(*index).is_active())
}

/// Notes that the job waits for a party to stop its task.
pub(super) fn note_unquiet(work: &mut Work<'_>, index: usize) {
    if let Some(party) = work.party_of(index) {
        work.wait_for(
            format!("party {party} has not stopped its task yet"),
            vec![party],
        );
    }
}

/// Whether another attempt would come to the same: a failure in which nothing hangs on the moment, or the very one of the attempt
/// before.
fn is_in_vain(ending: Ending, root: &Fault, earlier: &EarlierAttempts) -> bool {
    let same = |before: &Fault| {
        (before.code, &before.party, &before.path, &before.message)
            == (root.code, &root.party, &root.path, &root.message)
    };
    ending == Ending::Failed
        && (root.code.is_permanent()
            // The same words twice: nothing was different the second time, and a third would not
            // be.
            || (!root.code.may_pass() && earlier.cause.as_ref().is_some_and(same)))
}

/// Gives the step a new attempt when its allowance is not used up and another attempt may come to something.
fn try_again(work: &mut Work<'_>, step: &Step, ending: Ending, root: &Fault) -> bool {
    let settings = &work.job.settings;
    let earlier = work.earlier_of(&step.name);
    if is_in_vain(ending, root, &earlier) {
        return false;
    }
    let allowed = match ending {
        Ending::Failed | Ending::Lost if settings.shared_retries => {
            work.earlier_in_all() < settings.retries
        }
        Ending::Failed => earlier.failed < settings.retries,
        Ending::Lost => earlier.lost < settings.restarts,
        // Somebody stopped it; to begin anew would be to overrule him.
        Ending::Canceled => false,
    };
    if !allowed {
        return false;
    }
    let last = work
        .of_step(&step.name)
        .iter()
        .filter_map(|i| work.tasks.get(*i))
        .map(|task| task.key.attempt)
        .max();
    // What an agent's end cost is begun anew at once, the first time: nothing is wrong with the work itself.
    let at_once = ending == Ending::Lost && earlier.lost == 0;
    let pause = if at_once {
        0
    } else {
        settings.retry_delay_millis.max(0)
    };
    let not_before = work.now.plus_millis(pause);
    work.retry(&step.name, last.unwrap_or(Attempt(0)).next(), not_before);
    true
}
