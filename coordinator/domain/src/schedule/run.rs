//! Starting steps whose inputs stand, and giving up tasks of agents that are gone.

use super::work::Work;
use crate::graph::Step;
use crate::job::Waiting;
use crate::job::state::{JobEvent, JobState};
use crate::task::state::TaskState;

/// A job that waits for what another makes is looked at again after this.
const LOOK_AGAIN_MILLIS: i64 = 300;

/// Counts tasks as lost whose party has been offline longer than its lease; until then the job waits for it.
pub(super) fn give_up_lost(work: &mut Work<'_>) {
    for index in work.active() {
        let Some(party) = work.party_of(index) else {
            continue;
        };
        match work.presence.lost_from(&party) {
            Some(moment) if moment <= work.now => work.lose(index),
            Some(moment) => {
                work.wake_at(moment);
                work.wait_for_connection(party);
            }
            None => {}
        }
    }
}

/// Starts every step that can start, in graph order, and settles the job when all are done.
pub(super) fn start_steps(work: &mut Work<'_>) {
    let graph = &work.job.definition.graph;
    let is_active = |work: &Work<'_>, step: &Step| {
        work.of_step(&step.name)
            .iter()
            .any(|i| work.state_of(*i).is_active())
    };
    let mut active = graph
        .steps
        .iter()
        .filter(|step| is_active(work, step))
        .count();
    let most = usize::try_from(work.job.settings.parallelism.max(1)).unwrap_or(usize::MAX);
    for step in &graph.steps {
        let ready = ready_tasks(work, step);
        if ready.is_empty() || !may_start(work, step, &ready) {
            continue;
        }
        let runs_already = is_active(work, step);
        // Tasks of a step that runs already start in any case: its parties wait for each other.
        if active >= most && !runs_already {
            continue;
        }
        if let Some(Ok(held)) = work.held {
            work.wait_for(held.reason.clone(), held.parties.clone());
            // The other job's end wakes nobody here, so it is looked at again by itself.
            work.wake_at(work.now.plus_millis(LOOK_AGAIN_MILLIS));
            continue;
        }
        if let Some(first) = work.behind {
            work.wait_for(
                format!("job {first} comes first in the same queue"),
                Vec::new(),
            );
            continue;
        }
        if !work.short_of.is_empty() {
            for party in work.short_of {
                work.wait_for(Waiting::no_capacity(party), vec![party.clone()]);
            }
            continue;
        }
        active += usize::from(!runs_already);
        if work.state == JobState::Queued {
            work.job_event(JobEvent::Started, None);
        }
        for index in ready {
            work.assign(index);
        }
    }
    if graph.steps.iter().all(|step| is_done(work, step)) {
        work.job_event(JobEvent::AllSucceeded, None);
    }
}

/// The tasks of a step that could be ordered now; skips those that have nothing to do.
fn ready_tasks(work: &mut Work<'_>, step: &Step) -> Vec<usize> {
    let graph = &work.job.definition.graph;
    let inputs_stand = step
        .upstream()
        .filter_map(|name| graph.step(name))
        .all(|upstream| is_done(work, upstream));
    let tasks = work.of_step(&step.name);
    let is_broken = tasks
        .iter()
        .any(|i| work.state_of(*i).is_settled() && !work.state_of(*i).is_settled_well());
    // A broken step is mended first: to start the rest of it would be work for an attempt that is
    // lost.
    if !inputs_stand || is_broken {
        return Vec::new();
    }
    let mut ready = Vec::new();
    for index in tasks
        .into_iter()
        .filter(|index| work.state_of(*index) == TaskState::Waiting)
        .collect::<Vec<_>>()
    {
        let participant = work.tasks.get(index).map(|task| task.key.id.participant());
        if participant.is_some_and(|who| step.skipped.contains(&who)) {
            work.skip(index);
        } else {
            ready.push(index);
        }
    }
    ready
}

/// Whether the pause before a retry is over and all parties are there; notes what is waited for.
fn may_start(work: &mut Work<'_>, step: &Step, ready: &[usize]) -> bool {
    let pause = ready
        .iter()
        .filter_map(|index| work.tasks.get(*index)?.not_before)
        .max();
    if let Some(moment) = pause.filter(|moment| *moment > work.now) {
        work.wake_at(moment);
        work.wait_for(
            format!("step {} pauses before its next attempt", step.name),
            Vec::new(),
        );
        return false;
    }
    let absent: Vec<_> = ready
        .iter()
        .filter(|i| !work.is_online(**i))
        .filter_map(|i| work.party_of(*i))
        .collect();
    let all_there = absent.is_empty();
    for party in absent {
        work.wait_for_connection(party);
    }
    all_there
}

fn is_done(work: &Work<'_>, step: &Step) -> bool {
    work.of_step(&step.name)
        .into_iter()
        .all(|index| work.state_of(index).is_settled_well())
}
