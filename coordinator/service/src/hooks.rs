//! Where APIs' use cases hang on to what the core does. The core knows these traits and two lists of who keeps them
//! ([`crate::WHEN_SETTLED`], [`crate::API_HOOKS`]); it calls no API's function by name.

use async_trait::async_trait;
use domain::Job;
use vocabulary::{ExperimentId, PartyId, TableRef, Timestamp};

use crate::ports::{Stored, Transaction};
use crate::{Coordinator, ServiceError};

/// What is written down when a job settles, in the transaction that settles it: both stand, or neither.
///
/// A job settles once for each time it is run. What is written may have been written before: a job that is run again settles
/// again, and must find its own traces rather than leave a second set.
#[async_trait]
pub(crate) trait WhenSettled: Send + Sync {
    /// The job has settled, however it ended ([`Job::state`]), at that moment.
    async fn settled(&self, tx: &mut dyn Transaction, job: &Job, at: Timestamp) -> Stored<()> {
        let (_, _, _) = (tx, job, at);
        Ok(())
    }

    /// A settled job is about to be run again; `job` is still as it ended.
    async fn run_again(
        &self,
        tx: &mut dyn Transaction,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let (_, _, _) = (tx, job, now);
        Ok(())
    }
}

/// What an API does beside the core, in transactions of its own.
#[async_trait]
pub(crate) trait ApiHook: Send + Sync {
    /// The coordinator takes its work up after a start.
    async fn resumed(&self, coordinator: &Coordinator) -> Result<(), ServiceError> {
        let _ = coordinator;
        Ok(())
    }

    /// A job waits for its experiment.
    async fn held(
        &self,
        coordinator: &Coordinator,
        experiment: &ExperimentId,
    ) -> Result<(), ServiceError> {
        // Named without underscores, so that the documentation shows what a hook is given.
        let (_, _) = (coordinator, experiment);
        Ok(())
    }

    /// A party has removed a table of its.
    async fn table_removed(
        &self,
        coordinator: &Coordinator,
        party: &PartyId,
        table: &TableRef,
    ) -> Result<(), ServiceError> {
        let (_, _, _) = (coordinator, party, table);
        Ok(())
    }
}
