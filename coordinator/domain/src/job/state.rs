//! The job's states and the table of what may follow what.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its parties are being asked to join.
    Offered,
    /// All joined; nothing runs yet.
    Queued,
    /// Tasks run.
    Running,
    /// Being stopped; some agent is not quiet yet.
    Stopping,
    /// All steps succeeded.
    Succeeded,
    /// A step failed for good.
    Failed,
    /// A party refused the offer.
    Refused,
    /// Stopped on request.
    Canceled,
    /// Took longer than allowed.
    TimedOut,
}

impl JobState {
    /// The states of jobs that are under way.
    pub const UNSETTLED: [JobState; 4] = [
        JobState::Offered,
        JobState::Queued,
        JobState::Running,
        JobState::Stopping,
    ];
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    /// Every party accepted the offer.
    AllAccepted,
    /// A party refused it.
    Refused,
    /// The first task was assigned.
    Started,
    /// Every step is settled well.
    AllSucceeded,
    /// A stop was asked for (by a person, a failed step, or a deadline).
    StopAsked,
    /// Every agent is quiet after a failure.
    QuietFailed,
    /// Every agent is quiet after a wish to cancel.
    QuietCanceled,
    /// Every agent is quiet after the deadline.
    QuietTimedOut,
    /// Somebody asked to run it again.
    RerunAsked,
    /// Somebody changed its parameters before anything ran, so its parties are asked anew.
    Amended,
}

impl JobEvent {
    /// All events.
    pub const ALL: [JobEvent; 10] = [
        JobEvent::AllAccepted,
        JobEvent::Refused,
        JobEvent::Started,
        JobEvent::AllSucceeded,
        JobEvent::StopAsked,
        JobEvent::QuietFailed,
        JobEvent::QuietCanceled,
        JobEvent::QuietTimedOut,
        JobEvent::RerunAsked,
        JobEvent::Amended,
    ];
}

/// An event that the table does not allow in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state:?} cannot take the event {event:?}")]
pub struct IllegalTransition {
    /// The state.
    pub state: JobState,
    /// The event.
    pub event: JobEvent,
}

impl JobState {
    /// All states, in the order of a job's life.
    pub const ALL: [JobState; 9] = [
        JobState::Offered,
        JobState::Queued,
        JobState::Running,
        JobState::Stopping,
        JobState::Succeeded,
        JobState::Failed,
        JobState::Refused,
        JobState::Canceled,
        JobState::TimedOut,
    ];

    /// Whether nothing happens any more but on request.
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Refused | Self::Canceled | Self::TimedOut
        )
    }

    /// The state after an event.
    pub fn after(self, event: JobEvent) -> Result<JobState, IllegalTransition> {
        use JobEvent as E;
        use JobState as S;
        match (self, event) {
            (S::Offered | S::Queued, E::Amended) => Ok(S::Offered),
            (S::Offered, E::AllAccepted) => Ok(S::Queued),
            (S::Offered, E::Refused) => Ok(S::Refused),
            (S::Queued, E::Started) => Ok(S::Running),
            // Queued too: when every step was taken over or skipped, no task ever starts.
            (S::Queued | S::Running, E::AllSucceeded) => Ok(S::Succeeded),
            // Offered too, although nothing runs: its parties may hold the offer and are told that
            // it is over.
            (S::Offered | S::Queued | S::Running, E::StopAsked) => Ok(S::Stopping),
            (S::Stopping, E::QuietFailed) => Ok(S::Failed),
            (S::Stopping, E::QuietCanceled) => Ok(S::Canceled),
            (S::Stopping, E::QuietTimedOut) => Ok(S::TimedOut),
            (S::Succeeded | S::Failed | S::Refused | S::Canceled | S::TimedOut, E::RerunAsked) => {
                Ok(S::Offered)
            }
            (state, event) => Err(IllegalTransition { state, event }),
        }
    }
}

/// The table as a Mermaid state diagram, for the documents.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> Offered\n");
    for state in JobState::ALL {
        for event in JobEvent::ALL {
            if let Ok(next) = state.after(event) {
                text.push_str(&format!("    {state:?} --> {next:?}: {event:?}\n"));
            }
        }
        if state.is_settled() {
            text.push_str(&format!("    {state:?} --> [*]\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATRIX: &str = "\
Offered: AllAccepted>Queued Refused>Refused StopAsked>Stopping Amended>Offered
Queued: Started>Running AllSucceeded>Succeeded StopAsked>Stopping Amended>Offered
Running: AllSucceeded>Succeeded StopAsked>Stopping
Stopping: QuietFailed>Failed QuietCanceled>Canceled QuietTimedOut>TimedOut
Succeeded: RerunAsked>Offered
Failed: RerunAsked>Offered
Refused: RerunAsked>Offered
Canceled: RerunAsked>Offered
TimedOut: RerunAsked>Offered
";

    #[test]
    fn knows_which_states_are_under_way() {
        for state in JobState::ALL {
            let listed = JobState::UNSETTLED.contains(&state);
            assert_eq!(listed, !state.is_settled(), "{state:?}");
        }
    }

    #[test]
    fn allows_exactly_the_pairs_of_the_table() {
        let mut text = String::new();
        for state in JobState::ALL {
            let legal = JobEvent::ALL
                .into_iter()
                .filter_map(|e| state.after(e).ok().map(|next| format!(" {e:?}>{next:?}")));
            text.push_str(&format!("{state:?}:{}\n", legal.collect::<String>()));
        }
        assert_eq!(text, MATRIX);
    }

    #[test]
    fn leaves_a_settled_state_only_by_a_rerun() {
        for state in JobState::ALL.into_iter().filter(|state| state.is_settled()) {
            for event in JobEvent::ALL {
                assert_eq!(
                    state.after(event).is_ok(),
                    event == JobEvent::RerunAsked,
                    "{state:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn draws_every_legal_pair() {
        let drawn = diagram();
        assert!(
            drawn.starts_with("stateDiagram-v2\n    [*] --> Offered\n"),
            "{drawn}"
        );
        assert!(
            drawn.contains("    Stopping --> TimedOut: QuietTimedOut\n"),
            "{drawn}"
        );
        assert_eq!(drawn.lines().count(), 2 + 18 + 5 + 1 - 1, "{drawn}");
    }
}
