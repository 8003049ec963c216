//! FATE's words for the states of jobs and tasks. `ready` is never one of them: clients take it for an error.

use domain::{Job, JobState, TaskState};
use vocabulary::ErrorCode;

/// The word for a job's state.
pub(super) fn of_job(state: JobState) -> &'static str {
    match state {
        JobState::Offered | JobState::Queued => "waiting",
        JobState::Running | JobState::Stopping => "running",
        JobState::Succeeded => "success",
        JobState::Failed | JobState::Refused => "failed",
        JobState::Canceled => "canceled",
        JobState::TimedOut => "timeout",
    }
}

/// The word for a job: one that somebody stops shows at once what it ends as.
pub(super) fn of(job: &Job) -> &'static str {
    let asked = job
        .stop
        .as_ref()
        .filter(|stop| stop.reason.code == ErrorCode::Canceled);
    match (job.state, asked) {
        (JobState::Stopping, Some(stop)) => of_job(stop.settle_as),
        (state, _) => of_job(state),
    }
}

/// The states that a word for jobs means; none for a word that is none.
pub(super) fn job_states(word: &str) -> Vec<JobState> {
    // Wider than what is shown: which of them a stopping job shows is known only with its reason,
    // so rows are compared again.
    let stopping = |state| state == JobState::Stopping && matches!(word, "canceled" | "failed");
    JobState::ALL
        .into_iter()
        .filter(|state| of_job(*state) == word || stopping(*state))
        .collect()
}

/// The word for one party's task (`f_party_status`).
pub(super) fn of_task(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Assigned | TaskState::Running | TaskState::Stopping => "running",
        TaskState::Succeeded => "success",
        TaskState::Failed | TaskState::Lost => "failed",
        TaskState::Canceled => "canceled",
        TaskState::TimedOut => "timeout",
        TaskState::Skipped => "pass",
    }
}

/// The word for a task over all its parties (`f_status`): all equal, else the gravest end, else running.
pub(super) fn federated(states: impl IntoIterator<Item = TaskState>) -> &'static str {
    let words: Vec<&str> = states
        .into_iter()
        .map(|state| match of_task(state) {
            // A party with nothing to do must not keep the step from counting as a success.
            "pass" => "success",
            word => word,
        })
        .collect();
    let Some(first) = words.first().copied() else {
        return "waiting";
    };
    if words.iter().all(|word| *word == first) {
        return of_same(first);
    }
    // In this order: when one party fails, the others are stopped, and "canceled" would hide why.
    for grave in ["failed", "timeout", "canceled"] {
        if words.contains(&grave) {
            return of_same(grave);
        }
    }
    "running"
}

/// The same word with a life of its own.
fn of_same(word: &str) -> &'static str {
    [
        "waiting", "running", "success", "failed", "canceled", "timeout",
    ]
    .into_iter()
    .find(|own| *own == word)
    .unwrap_or("running")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_only_words_that_clients_know() {
        let known = [
            "success", "failed", "waiting", "canceled", "timeout", "running",
        ];
        for state in JobState::ALL {
            assert!(known.contains(&of_job(state)), "{state:?}");
            assert!(job_states(of_job(state)).contains(&state));
        }
        for state in TaskState::ALL {
            assert!(known.contains(&federated([state])), "{state:?}");
        }
        assert!(job_states("ready").is_empty());
    }

    #[test]
    fn shows_the_table_of_the_design() {
        use JobState as J;
        let table = [
            (J::Offered, "waiting"),
            (J::Queued, "waiting"),
            (J::Running, "running"),
            (J::Stopping, "running"),
            (J::Succeeded, "success"),
            (J::Failed, "failed"),
            (J::Refused, "failed"),
            (J::Canceled, "canceled"),
            (J::TimedOut, "timeout"),
        ];
        for (state, word) in table {
            assert_eq!(of_job(state), word);
        }
    }

    #[test]
    fn joins_the_parties_of_a_step() {
        use TaskState as T;
        let cases: [(&[T], &str); 7] = [
            (&[T::Waiting, T::Waiting], "waiting"),
            (&[T::Succeeded, T::Skipped], "success"),
            (&[T::Succeeded, T::Waiting], "running"),
            (&[T::Running, T::Waiting], "running"),
            (&[T::Canceled, T::Failed, T::Running], "failed"),
            (&[T::Canceled, T::TimedOut], "timeout"),
            (&[], "waiting"),
        ];
        for (states, word) in cases {
            assert_eq!(federated(states.iter().copied()), word, "{states:?}");
        }
    }
}
