//! Where a run stands, read from its job: seven words that never go back, but to `RUNNABLE` for another attempt.

use serde::{Deserialize, Serialize};
use vocabulary::{Attempt, Timestamp};

use super::Run;
use crate::job::Job;
use crate::job::state::JobState;
use crate::task::Task;
use crate::task::state::TaskState;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Stored; its parties are being asked.
    Submitted,
    /// Waits for the table it reads.
    Pending,
    /// Waits for its turn.
    Runnable,
    /// Ordered; not every party has said that it works.
    Starting,
    /// The parties work.
    Running,
    /// Done.
    Succeeded,
    /// Ended without a result.
    Failed,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [RunStatus; 7] = [
        RunStatus::Submitted,
        RunStatus::Pending,
        RunStatus::Runnable,
        RunStatus::Starting,
        RunStatus::Running,
        RunStatus::Succeeded,
        RunStatus::Failed,
    ];

    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            RunStatus::Submitted => "SUBMITTED",
            RunStatus::Pending => "PENDING",
            RunStatus::Runnable => "RUNNABLE",
            RunStatus::Starting => "STARTING",
            RunStatus::Running => "RUNNING",
            RunStatus::Succeeded => "SUCCEEDED",
            RunStatus::Failed => "FAILED",
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, RunStatus::Succeeded | RunStatus::Failed)
    }
}

/// What a run's status is read from.
#[derive(Debug, Clone, Copy)]
pub struct RunView<'a> {
    /// What it was asked to do.
    pub run: &'a Run,
    /// Its job; none when it never got one.
    pub job: Option<&'a Job>,
    /// The newest attempts of the job's tasks; only looked at while the job runs.
    pub tasks: &'a [Task],
    /// Whether the job that makes its table is still at it.
    pub imports: bool,
}

impl RunView<'_> {
    /// Where the run stands, and since when at the earliest.
    pub fn status(&self) -> (RunStatus, Option<Timestamp>) {
        if let Some(end) = self.run.ended {
            return (end.status, Some(end.at));
        }
        let Some(job) = self.job else {
            return (
                RunStatus::Failed,
                self.run.refused.as_ref().map(|(at, _)| *at),
            );
        };
        let status = match job.state {
            // Also when the table is there before the parties have answered: a status does not go back.
            JobState::Offered if self.run.import.is_some() => RunStatus::Pending,
            JobState::Queued if self.imports => RunStatus::Pending,
            JobState::Offered => RunStatus::Submitted,
            JobState::Queued => RunStatus::Runnable,
            JobState::Running => at_work(self.tasks),
            // It is as it was until everybody is quiet: a run that has failed does not work any more.
            JobState::Stopping if job.started.is_some() => RunStatus::Running,
            JobState::Stopping => RunStatus::Runnable,
            JobState::Succeeded => RunStatus::Succeeded,
            JobState::Failed | JobState::Refused | JobState::Canceled | JobState::TimedOut => {
                RunStatus::Failed
            }
        };
        (status, Some(job.updated))
    }
}

/// A job works once all parties of some step have begun; only another attempt of a step takes it back.
fn at_work(tasks: &[Task]) -> RunStatus {
    let latest = tasks
        .iter()
        .map(|task| task.key.attempt)
        .max()
        .unwrap_or_default();
    let of_try = || {
        tasks
            .iter()
            .filter(|task| task.key.attempt == latest && task.state != TaskState::Skipped)
    };
    let has_begun = |of: &Task| {
        let mut peers = of_try().filter(|task| task.key.id.step == of.key.id.step);
        // A short task may have ended before anybody saw it started.
        peers.all(|task| task.started.is_some() || task.state == TaskState::Succeeded)
    };
    if of_try().any(has_begun) {
        RunStatus::Running
    } else if latest > Attempt(0) && !of_try().any(|task| task.state.is_active()) {
        RunStatus::Runnable
    } else {
        RunStatus::Starting
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Role;

    use super::*;
    use crate::abeja::run::RunEnd;
    use crate::fixture::{cast, snapshot, step};
    use crate::schedule::JobSnapshot;

    fn status(of: &JobSnapshot, imports: bool) -> RunStatus {
        let import = imports.then(|| of.job.id.clone());
        let run = Run {
            import,
            ..Run::default()
        };
        RunView {
            run: &run,
            job: Some(&of.job),
            tasks: &of.tasks,
            imports,
        }
        .status()
        .0
    }

    fn two_steps() -> JobSnapshot {
        let roles = [Role::Guest, Role::Host];
        snapshot(
            vec![step("a_0", &[], &roles), step("b_0", &["a_0"], &roles)],
            cast(&["1"], &["2"], &[]),
        )
    }

    fn set(of: &mut JobSnapshot, index: usize, state: TaskState, attempt: u32) {
        let task = &mut of.tasks[index];
        (task.state, task.key.attempt) = (state, Attempt(attempt));
        task.started =
            matches!(state, TaskState::Running | TaskState::Succeeded).then_some(Timestamp(1));
    }

    #[test]
    fn has_a_word_for_each_status() {
        let words = RunStatus::ALL.map(RunStatus::word);
        assert_eq!(
            words,
            [
                "SUBMITTED",
                "PENDING",
                "RUNNABLE",
                "STARTING",
                "RUNNING",
                "SUCCEEDED",
                "FAILED"
            ]
        );
        for status in RunStatus::ALL {
            assert_eq!(
                serde_json::to_value(status).expect("written"),
                status.word()
            );
        }
    }

    #[test]
    fn follows_its_job() {
        let mut of = two_steps();
        assert_eq!(
            (status(&of, false), status(&of, true)),
            (RunStatus::Submitted, RunStatus::Pending)
        );
        of.job.state = JobState::Queued;
        assert_eq!(
            (status(&of, false), status(&of, true)),
            (RunStatus::Runnable, RunStatus::Pending)
        );
        for (state, expected) in [
            (JobState::Succeeded, RunStatus::Succeeded),
            (JobState::Failed, RunStatus::Failed),
            (JobState::Refused, RunStatus::Failed),
            (JobState::Canceled, RunStatus::Failed),
            (JobState::TimedOut, RunStatus::Failed),
        ] {
            of.job.state = state;
            assert_eq!((status(&of, true), expected.is_final()), (expected, true));
        }
    }

    #[test]
    fn runs_when_every_party_has_begun_and_does_not_go_back_between_steps() {
        let mut of = two_steps();
        of.job.state = JobState::Running;
        set(&mut of, 0, TaskState::Assigned, 0);
        set(&mut of, 1, TaskState::Assigned, 0);
        assert_eq!(status(&of, false), RunStatus::Starting);
        set(&mut of, 0, TaskState::Running, 0);
        assert_eq!(status(&of, false), RunStatus::Starting);
        set(&mut of, 1, TaskState::Running, 0);
        assert_eq!(status(&of, false), RunStatus::Running);
        set(&mut of, 0, TaskState::Succeeded, 0);
        set(&mut of, 1, TaskState::Succeeded, 0);
        assert_eq!(status(&of, false), RunStatus::Running);
        set(&mut of, 2, TaskState::Assigned, 0);
        assert_eq!(status(&of, false), RunStatus::Running);
    }

    #[test]
    fn waits_for_its_turn_before_another_try() {
        let mut of = two_steps();
        of.job.state = JobState::Running;
        let stands = [
            (TaskState::Waiting, RunStatus::Runnable),
            (TaskState::Assigned, RunStatus::Starting),
            (TaskState::Running, RunStatus::Running),
            (TaskState::Succeeded, RunStatus::Running),
        ];
        for (state, expected) in stands {
            set(&mut of, 0, state, 1);
            set(&mut of, 1, state, 1);
            assert_eq!(status(&of, false), expected, "{state:?}");
        }
    }

    #[test]
    fn stays_what_it_was_until_everybody_is_quiet() {
        let mut of = two_steps();
        of.job.state = JobState::Stopping;
        assert_eq!(status(&of, false), RunStatus::Runnable);
        of.job.started = Some(Timestamp(3));
        assert_eq!(status(&of, false), RunStatus::Running);
    }

    #[test]
    fn fails_without_a_job_and_keeps_an_end_that_was_seen() {
        let run = Run {
            refused: Some((Timestamp(7), "no model".to_owned())),
            ..Run::default()
        };
        let view = RunView {
            run: &run,
            job: None,
            tasks: &[],
            imports: false,
        };
        assert_eq!(view.status(), (RunStatus::Failed, Some(Timestamp(7))));
        let of = two_steps();
        let end = RunEnd {
            at: Timestamp(9),
            status: RunStatus::Succeeded,
            line: (Timestamp(9), 0),
        };
        let run = Run {
            ended: Some(end),
            ..Run::default()
        };
        let view = RunView {
            run: &run,
            job: Some(&of.job),
            tasks: &of.tasks,
            imports: false,
        };
        assert_eq!(view.status(), (RunStatus::Succeeded, Some(Timestamp(9))));
    }
}
