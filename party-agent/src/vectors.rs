//! Vectors of row values of a running attempt: how many left, in the records, and of how many columns they are.

use std::sync::Arc;

use async_trait::async_trait;
use policy::{Cap, Vector, VectorVerdict};
use records::{CountedVector, NewVector};
use vocabulary::{Attempt, Fault, TaskId};

use crate::account::Account;
use crate::agent_state::AgentState;

/// Counts the vectors of one attempt.
pub(crate) struct Vectors {
    agent_state: Arc<AgentState>,
    account: Arc<Account>,
    task: TaskId,
    attempt: Attempt,
}

impl Vectors {
    pub(crate) fn new(
        agent_state: Arc<AgentState>,
        account: Arc<Account>,
        task: TaskId,
        attempt: Attempt,
    ) -> Self {
        Self {
            agent_state,
            account,
            task,
            attempt,
        }
    }
}

#[async_trait]
impl policy::Vectors for Vectors {
    fn columns(&self) -> Option<u64> {
        self.account.columns()
    }

    async fn draw(&self, vector: &Vector, most: Cap, repeats: Cap) -> Result<VectorVerdict, Fault> {
        let place = vector.place.name();
        let new = NewVector {
            to: &vector.to,
            place: &place,
            digest: &vector.digest,
            most: most.most(),
            repeats: repeats.most(),
        };
        let counted = self
            .agent_state
            .records
            .count_vector(&self.task, self.attempt, new)
            .await?;
        Ok(match counted {
            CountedVector::Counted => VectorVerdict::Counted,
            CountedVector::TooMany => VectorVerdict::TooMany,
            CountedVector::TooOften => VectorVerdict::TooOften,
        })
    }
}
