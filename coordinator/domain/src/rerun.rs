//! Running a settled job again: which steps get a new attempt, and what that does to the job.

use std::collections::BTreeSet;

use vocabulary::{ErrorCode, Fault, StepName, Timestamp};

use crate::job::Answer;
use crate::job::state::{IllegalTransition, JobEvent};
use crate::schedule::JobSnapshot;
use crate::step::step_state;
use crate::task::state::TaskState;
use crate::task::{Task, TaskKey};

/// What running again means for a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rerun {
    /// Steps that get a new attempt, in graph order. Their old metrics are to be removed.
    pub again: Vec<StepName>,
    /// Whether the job starts again at all: some step gets a new attempt, or some step never ran.
    pub restarts: bool,
}

/// Decides what to run again.
///
/// `wanted` names steps, meant with everything that hangs on them; nothing, or the word `pipeline`, means all. A step
/// that succeeded is kept unless `force`; a step that never ran needs no new attempt. Refuses an unknown step, and a job
/// that still runs.
pub fn plan(snapshot: &JobSnapshot, wanted: &[String], force: bool) -> Result<Rerun, Fault> {
    if !snapshot.job.state.is_settled() {
        let message = format!(
            "job {} is {:?} and can run again only when it has ended",
            snapshot.job.id, snapshot.job.state
        );
        return Err(Fault::new(ErrorCode::JobState, message)
            .next("stop the job first, or wait for its end"));
    }
    let graph = &snapshot.job.definition.graph;
    let candidates = candidates(snapshot, wanted)?;
    let mut rerun = Rerun::default();
    for step in graph
        .steps
        .iter()
        .filter(|step| candidates.contains(&step.name))
    {
        match step_state(
            snapshot
                .tasks
                .iter()
                .filter(|task| task.key.id.step == step.name),
        ) {
            TaskState::Waiting => rerun.restarts = true,
            TaskState::Succeeded if !force => {}
            _ => rerun.again.push(step.name.clone()),
        }
    }
    rerun.restarts |= !rerun.again.is_empty();
    Ok(rerun)
}

fn candidates(snapshot: &JobSnapshot, wanted: &[String]) -> Result<BTreeSet<StepName>, Fault> {
    let graph = &snapshot.job.definition.graph;
    if wanted.is_empty() || wanted.iter().any(|name| name == "pipeline") {
        return Ok(graph.steps.iter().map(|step| step.name.clone()).collect());
    }
    let mut chosen = BTreeSet::new();
    for name in wanted {
        let Some(step) = graph.steps.iter().find(|step| step.name.as_str() == name) else {
            let message = format!("job {} has no component {name}", snapshot.job.id);
            return Err(Fault::new(ErrorCode::NotFound, message).path("component_name"));
        };
        chosen.extend(graph.descendants(&step.name));
        chosen.insert(step.name.clone());
    }
    Ok(chosen)
}

impl JobSnapshot {
    /// Carries a rerun out: new attempts of its steps, the job offered again. Parties that accepted the offer are not asked
    /// twice; those that refused it are. Does nothing when the plan restarts nothing.
    pub fn rerun(&mut self, plan: &Rerun, now: Timestamp) -> Result<(), IllegalTransition> {
        if !plan.restarts {
            return Ok(());
        }
        let job = &mut self.job;
        job.state = job.state.after(JobEvent::RerunAsked)?;
        job.answers
            // Who refused may decide otherwise now, which is often why it is run again.
            .retain(|_, answer| matches!(answer, Answer::Accepted(_)));
        (job.reason, job.waiting, job.stop) = (None, None, None);
        (job.started, job.ended, job.progress) = (None, None, 0);
        (job.rerun, job.updated) = (Some(now), now);
        self.asked
            .retain(|party, _| job.answers.contains_key(party));
        // Somebody asked for it: the steps have all their retries again.
        self.earlier.clear();
        // What runs again is the job's own from now on.
        job.settings
            .inherited
            .retain(|step, _| !plan.again.contains(step));
        for task in self
            .tasks
            .iter_mut()
            .filter(|task| plan.again.contains(&task.key.id.step))
        {
            // A new attempt, never the old one anew: messages and tables of the old one may still
            // be under way.
            let key = TaskKey {
                id: task.key.id.clone(),
                attempt: task.key.attempt.next(),
            };
            *task = Task::waiting(key, None, now);
        }
        Ok(())
    }
}
