//! What is derived from the tasks of a step: its state, how its attempt ended, and how far the job is.

use vocabulary::{Attempt, ErrorCode, Fault, StepName, Timestamp};

use crate::job::Job;
use crate::job::state::JobState;
use crate::task::state::TaskState;
use crate::task::{Task, TaskKey};

/// The state of a step, from those of its tasks: one of Waiting, Running, Succeeded, Failed, TimedOut and Canceled.
///
/// A skipped task counts as done and a lost one as failed. Failed outweighs timed out, which outweighs canceled, which
/// outweighs running; done beside waiting is running.
pub fn step_state<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> TaskState {
    state_of(tasks.into_iter().map(|task| task.state))
}

/// [`step_state`], for states alone.
pub(crate) fn state_of(states: impl Iterator<Item = TaskState>) -> TaskState {
    use TaskState as S;
    let plain: Vec<TaskState> = states
        .map(|state| match state {
            S::Skipped => S::Succeeded,
            S::Lost => S::Failed,
            S::Assigned | S::Stopping => S::Running,
            other => other,
        })
        .collect();
    for severe in [S::Failed, S::TimedOut, S::Canceled, S::Running] {
        if plain.contains(&severe) {
            return severe;
        }
    }
    match (plain.contains(&S::Waiting), plain.contains(&S::Succeeded)) {
        (true, true) => S::Running,
        (true, false) => S::Waiting,
        (false, _) => S::Succeeded,
    }
}

/// How far a job is, 0 to 100: ended tasks of all, and the part done of those that run. It never falls, and is 100 only
/// when the job succeeded.
pub fn progress(job: &Job, tasks: &[Task]) -> u8 {
    if job.state == JobState::Succeeded {
        return 100;
    }
    if tasks.is_empty() {
        return job.progress.min(99);
    }
    let done: f64 = tasks.iter().map(part_done).sum();
    let percent = (100.0 * done / tasks.len() as f64).floor().clamp(0.0, 99.0);
    // A retry takes tasks back, but people do not expect a bar to go back.
    (percent as u8).max(job.progress.min(99))
}

fn part_done(task: &Task) -> f64 {
    if task.state.is_settled() {
        return 1.0;
    }
    let fraction = task
        .progress
        .as_ref()
        .map_or(0.0, |progress| progress.fraction.get());
    if task.state.is_active() {
        fraction.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The parts of a task that rules look at.
#[derive(Debug, Clone)]
pub(crate) struct StepAttempt {
    pub(crate) key: TaskKey,
    pub(crate) state: TaskState,
    pub(crate) fault: Option<Fault>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) ordered: Option<Timestamp>,
}

impl From<&Task> for StepAttempt {
    fn from(task: &Task) -> Self {
        Self {
            key: task.key.clone(),
            state: task.state,
            fault: task.fault.clone(),
            ended: task.ended,
            not_before: task.not_before,
            ordered: task.ordered,
        }
    }
}

/// Why an attempt of a step came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Failed,
    Lost,
    Canceled,
}

/// The first cause of a step's broken try; `None` when no task of it broke.
///
/// What a task says of its peers (it waited in vain, a peer failed) is an echo and counts only when nothing else does.
pub(crate) fn root_of<'a>(tasks: impl Iterator<Item = &'a StepAttempt>) -> Option<(Ending, Fault)> {
    let broken = tasks.filter(|task| task.state.is_settled() && !task.state.is_settled_well());
    // Echoes last, then by time: a peer that gave up first is still not the cause.
    let root = broken.min_by_key(|task| (is_echo(task), task.ended))?;
    let ending = match root.state {
        TaskState::Lost => Ending::Lost,
        TaskState::Canceled => Ending::Canceled,
        _ => Ending::Failed,
    };
    let fault = root.fault.clone().unwrap_or_else(|| unexplained(root));
    Some((ending, fault.at(&root.key.id.party)))
}

/// What the peers of a failed task are told: which party failed, and the first cause.
pub(crate) fn echo_of(root: &Fault) -> Fault {
    let whose = root
        .party
        .as_ref()
        .map_or_else(|| "a peer".to_owned(), |party| format!("party {party}"));
    let mut fault = Fault::new(
        ErrorCode::PeerFailed,
        format!("{whose} ended this step: [{}] {}", root.code, root.message),
    );
    fault.party.clone_from(&root.party);
    fault.next.clone_from(&root.next);
    fault
}

/// Why an attempt of a task is no success, as its row says it: its own fault; where it has none, or was only stopped, and its step
/// broke elsewhere, which party broke it and why; where it never began, why the job ended. `all` are the tasks of the job.
pub fn reason_of(job: &Job, task: &Task, all: &[Task]) -> Option<Fault> {
    let same_try = |other: &&Task| {
        other.key.id.step == task.key.id.step && other.key.attempt == task.key.attempt
    };
    let attempts: Vec<StepAttempt> = all.iter().filter(same_try).map(StepAttempt::from).collect();
    let root = root_of(attempts.iter()).map(|(_, root)| root);
    match (&task.fault, root) {
        // That it was stopped is no reason where another task's is known.
        (Some(own), Some(root))
            if own.code == ErrorCode::Canceled && root.code != ErrorCode::Canceled =>
        {
            return Some(echo_of(&root));
        }
        (Some(own), _) => return Some(own.clone()),
        (None, Some(root)) => return Some(echo_of(&root)),
        (None, None) => {}
    }
    let ended_badly = job.state.is_settled() && job.state != JobState::Succeeded;
    let reason = job
        .reason
        .as_ref()
        .filter(|_| ended_badly && task.state == TaskState::Waiting)?;
    let mut fault = reason.clone();
    fault.message = format!("the step did not begin: {}", reason.message);
    Some(fault)
}

/// Why the newest attempt of a step among these rows came to nothing; `None` when none of its tasks broke.
pub fn first_cause(step: &StepName, rows: &[Task]) -> Option<Fault> {
    let own = || rows.iter().filter(|task| task.key.id.step == *step);
    let newest = own().map(|task| task.key.attempt).max()?;
    let attempts: Vec<StepAttempt> = own()
        .filter(|task| task.key.attempt == newest)
        .map(StepAttempt::from)
        .collect();
    root_of(attempts.iter()).map(|(_, fault)| fault)
}

fn is_echo(task: &StepAttempt) -> bool {
    use ErrorCode as C;
    let code = task.fault.as_ref().map(|fault| fault.code);
    match task.state {
        TaskState::Lost => false,
        TaskState::Canceled => true,
        _ => matches!(
            code,
            Some(C::PeerFailed | C::PeerTimeout | C::PartyLost | C::PartyOffline | C::Canceled)
        ),
    }
}

fn unexplained(task: &StepAttempt) -> Fault {
    let (code, what) = match task.state {
        TaskState::Lost => (ErrorCode::PartyLost, "was lost while it ran"),
        TaskState::TimedOut => (ErrorCode::DeadlinePassed, "took longer than allowed"),
        TaskState::Canceled => (ErrorCode::Canceled, "was stopped"),
        _ => (ErrorCode::Internal, "failed without giving a reason"),
    };
    Fault::new(code, format!("task {} {what}", task.key.id))
}

/// How many earlier attempts of a step came to nothing since the job was submitted or rerun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierAttempts {
    /// The step.
    pub step: StepName,
    /// Attempts that ended because an agent was lost.
    pub lost: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Why the last of them came to nothing.
    pub cause: Option<Fault>,
}

/// Counts earlier attempts from the rows of all attempts of a job.
///
/// Only attempts that an automatic retry followed count: the rows of such a retry carry `not_before`, those of a rerun do
/// not, so a rerun starts with a fresh allowance.
pub fn earlier_attempts(rows: &[Task]) -> Vec<EarlierAttempts> {
    let mut names: Vec<&StepName> = rows.iter().map(|task| &task.key.id.step).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|step| earlier_of(step, rows))
        .collect()
}

fn earlier_of(step: &StepName, rows: &[Task]) -> Option<EarlierAttempts> {
    let own: Vec<&Task> = rows
        .iter()
        .filter(|task| &task.key.id.step == step)
        .collect();
    let mut attempt = own.iter().map(|task| task.key.attempt).max()?;
    let mut count = EarlierAttempts {
        step: step.clone(),
        lost: 0,
        failed: 0,
        cause: None,
    };
    while attempt > Attempt(0)
        && own
            .iter()
            .any(|task| task.key.attempt == attempt && task.not_before.is_some())
    {
        attempt = Attempt(attempt.0 - 1);
        let attempts: Vec<StepAttempt> = own
            .iter()
            .filter(|task| task.key.attempt == attempt)
            .map(|task| StepAttempt::from(*task))
            .collect();
        let (ending, fault) = root_of(attempts.iter()).unzip();
        count.add(ending);
        // They are gone through from the last one to the first.
        count.cause = count.cause.or(fault);
    }
    (count.lost + count.failed > 0).then_some(count)
}

impl EarlierAttempts {
    /// Counts one more try that ended so.
    pub(crate) fn add(&mut self, ending: Option<Ending>) {
        match ending {
            Some(Ending::Lost) => self.lost += 1,
            Some(_) => self.failed += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TaskState as S;

    #[test]
    fn derives_a_steps_state_by_severity() {
        let cases: [(&[TaskState], TaskState); 13] = [
            (&[], S::Succeeded),
            (&[S::Waiting, S::Waiting], S::Waiting),
            (&[S::Succeeded, S::Succeeded], S::Succeeded),
            (&[S::Skipped, S::Skipped], S::Succeeded),
            (&[S::Succeeded, S::Skipped], S::Succeeded),
            (&[S::Succeeded, S::Waiting], S::Running),
            (&[S::Skipped, S::Waiting], S::Running),
            (&[S::Succeeded, S::Running], S::Running),
            (&[S::Assigned, S::Waiting], S::Running),
            (&[S::Running, S::Canceled], S::Canceled),
            (&[S::Canceled, S::TimedOut], S::TimedOut),
            (&[S::TimedOut, S::Failed, S::Canceled], S::Failed),
            (&[S::Lost, S::Running], S::Failed),
        ];
        for (tasks, expected) in cases {
            assert_eq!(state_of(tasks.iter().copied()), expected, "{tasks:?}");
        }
    }

    #[test]
    fn that_it_was_stopped_is_no_reason_where_another_party_broke_the_step() {
        use crate::fixture::{cast, party, snapshot, step};
        use crate::schedule::JobSnapshot;
        use vocabulary::Role;
        let stopped = || Fault::new(ErrorCode::Canceled, "the attempt was stopped");
        let broke = Fault::new(ErrorCode::TableMissing, "no such table");
        for (own, root, told) in [
            (Some(stopped()), Some(broke.clone()), ErrorCode::PeerFailed),
            (None, Some(broke.clone()), ErrorCode::PeerFailed),
            (
                Some(broke.clone()),
                Some(stopped()),
                ErrorCode::TableMissing,
            ),
            (Some(stopped()), Some(stopped()), ErrorCode::Canceled),
        ] {
            let step = step("union_0", &[], &[Role::Guest, Role::Host]);
            let JobSnapshot { job, mut tasks, .. } =
                snapshot(vec![step], cast(&["1"], &["2"], &[]));
            for (task, fault) in tasks.iter_mut().zip([root.clone(), own.clone()]) {
                (task.state, task.fault) = (S::Failed, fault);
            }
            let why = reason_of(&job, &tasks[1], &tasks).expect("a reason");
            assert_eq!(why.code, told, "{own:?} beside {root:?}");
            if told == ErrorCode::PeerFailed {
                assert!(
                    why.message.contains("no such table") && why.party == Some(party("1")),
                    "{why}"
                );
            }
        }
    }
}
