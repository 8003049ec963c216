//! The task's states and the table of what may follow what.

use serde::{Deserialize, Serialize};

/// Where one attempt of a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Not ordered yet.
    Waiting,
    /// Ordered; the agent has not said that it runs.
    Assigned,
    /// Runs.
    Running,
    /// Ordered to stop; the agent is not quiet yet.
    Stopping,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Stopped on request.
    Canceled,
    /// Its agent was lost while it ran.
    Lost,
    /// Took longer than allowed.
    TimedOut,
    /// Nothing to do at this participant.
    Skipped,
}

/// What can happen to a task's try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEvent {
    /// It is ordered.
    Assigned,
    /// The agent says that it runs.
    Started,
    /// It is ordered to stop.
    StopOrdered,
    /// The agent says that it is done.
    Succeeded,
    /// The agent says that it failed.
    Failed,
    /// The agent says that it stopped, or it never started.
    Canceled,
    /// The agent was lost, or does not know it any more.
    Lost,
    /// Its time is over.
    TimedOut,
    /// There is nothing to do.
    Skipped,
}

impl TaskEvent {
    /// All events.
    pub const ALL: [TaskEvent; 9] = [
        TaskEvent::Assigned,
        TaskEvent::Started,
        TaskEvent::StopOrdered,
        TaskEvent::Succeeded,
        TaskEvent::Failed,
        TaskEvent::Canceled,
        TaskEvent::Lost,
        TaskEvent::TimedOut,
        TaskEvent::Skipped,
    ];
}

impl TaskState {
    /// All states.
    pub const ALL: [TaskState; 10] = [
        TaskState::Waiting,
        TaskState::Assigned,
        TaskState::Running,
        TaskState::Stopping,
        TaskState::Succeeded,
        TaskState::Failed,
        TaskState::Canceled,
        TaskState::Lost,
        TaskState::TimedOut,
        TaskState::Skipped,
    ];

    /// Whether this attempt is over.
    pub const fn is_settled(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::Failed
                | Self::Canceled
                | Self::Lost
                | Self::TimedOut
                | Self::Skipped
        )
    }

    /// Whether an agent may be working on it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Assigned | Self::Running | Self::Stopping)
    }

    /// Whether this attempt did what it had to do, or had nothing to do.
    pub const fn is_settled_well(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }

    /// The state after an event; `None` when the event does not count in this state (a late or repeated report).
    pub const fn after(self, event: TaskEvent) -> Option<TaskState> {
        use TaskEvent as E;
        use TaskState as S;
        match (self, event) {
            (S::Waiting, E::Assigned) => Some(S::Assigned),
            (S::Waiting, E::Skipped) => Some(S::Skipped),
            (S::Waiting, E::Canceled) => Some(S::Canceled),
            (S::Assigned, E::Started) => Some(S::Running),
            (S::Assigned | S::Running, E::StopOrdered) => Some(S::Stopping),
            // From Assigned too: it does not matter whether a start was heard. From Stopping: it
            // was done before it heard.
            (S::Assigned | S::Running | S::Stopping, E::Succeeded) => Some(S::Succeeded),
            (S::Assigned | S::Running | S::Stopping, E::Failed) => Some(S::Failed),
            (S::Assigned | S::Running | S::Stopping, E::Canceled) => Some(S::Canceled),
            (S::Assigned | S::Running | S::Stopping, E::Lost) => Some(S::Lost),
            (S::Assigned | S::Running | S::Stopping, E::TimedOut) => Some(S::TimedOut),
            // No error: reports are told at least once, and an agent may tell of an attempt that is
            // over.
            _ => None,
        }
    }
}

/// The table as a Mermaid state diagram, for the documents.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> Waiting\n");
    for state in TaskState::ALL {
        for event in TaskEvent::ALL {
            if let Some(next) = state.after(event) {
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
Waiting: Assigned>Assigned Canceled>Canceled Skipped>Skipped
Assigned: Started>Running StopOrdered>Stopping Succeeded>Succeeded Failed>Failed Canceled>Canceled Lost>Lost TimedOut>TimedOut
Running: StopOrdered>Stopping Succeeded>Succeeded Failed>Failed Canceled>Canceled Lost>Lost TimedOut>TimedOut
Stopping: Succeeded>Succeeded Failed>Failed Canceled>Canceled Lost>Lost TimedOut>TimedOut
Succeeded:
Failed:
Canceled:
Lost:
TimedOut:
Skipped:
";

    #[test]
    fn allows_exactly_the_pairs_of_the_table() {
        let mut text = String::new();
        for state in TaskState::ALL {
            let legal = TaskEvent::ALL
                .into_iter()
                .filter_map(|e| state.after(e).map(|next| format!(" {e:?}>{next:?}")));
            text.push_str(&format!("{state:?}:{}\n", legal.collect::<String>()));
        }
        assert_eq!(text, MATRIX);
    }

    #[test]
    fn is_either_waiting_active_or_settled() {
        for state in TaskState::ALL {
            let kinds = [
                state == TaskState::Waiting,
                state.is_active(),
                state.is_settled(),
            ];
            assert_eq!(
                kinds.into_iter().filter(|kind| *kind).count(),
                1,
                "{state:?}"
            );
        }
    }

    #[test]
    fn draws_the_way_of_a_good_try() {
        let drawn = diagram();
        for line in [
            "[*] --> Waiting",
            "Waiting --> Assigned: Assigned",
            "Running --> Succeeded: Succeeded",
            "Succeeded --> [*]",
        ] {
            assert!(
                drawn.contains(&format!("    {line}\n")),
                "{line} is missing in {drawn}"
            );
        }
    }
}
