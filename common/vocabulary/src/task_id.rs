//! Which task is meant: one step at one participant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PartyId, StepName};
use crate::role::{Participant, Role};

/// One step at one participant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepName,
    /// The role.
    pub role: Role,
    /// The party.
    pub party: PartyId,
}

impl TaskId {
    /// Who runs it.
    pub fn participant(&self) -> Participant {
        Participant::new(self.role, self.party.clone())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} at {} {}",
            self.job, self.step, self.role, self.party
        )
    }
}
