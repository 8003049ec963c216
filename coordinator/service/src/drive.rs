//! The loop: claim due jobs, decide, commit, dispatch.
//!
//! It is woken when something happens and looks by itself at least once a second. What is decided on a job stands in one
//! transaction; orders leave from the outbox after the commit, so that a crash loses nothing and repeats at most an order.

use std::sync::PoisonError;
use std::time::Duration;

use domain::{CapacityBook, JobSnapshot, Presence, Waiting, decide};
use tokio_util::sync::CancellationToken;
use vocabulary::{ExperimentId, JobId, PartyId, Timestamp};

use crate::apply::Loaded;
use crate::ports::{Stored, Transaction};
use crate::{API_HOOKS, Coordinator, ServiceError};

/// Most jobs claimed at a time: writers elsewhere wait for so many decisions at most.
const CLAIMED_AT_ONCE: u32 = 32;
/// Longest sleep of the loop.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// A job is not looked at again sooner than this without a cause, in milliseconds.
const LEAST_PAUSE_MILLIS: i64 = 5;
/// A job whose rows could not be worked on is tried again after this, in milliseconds.
const PAUSE_AFTER_ERROR_MILLIS: i64 = 1_000;

impl Coordinator {
    /// Drives all jobs until `stop` is canceled. One loop for each coordinator.
    pub async fn run(&self, stop: CancellationToken) {
        // Beside it, since a submission may wait for an agent's answer.
        tokio::join!(
            Box::pin(self.drive(&stop)),
            Box::pin(self.schedules().keep(&stop))
        );
    }

    async fn drive(&self, stop: &CancellationToken) {
        // The guard ends the carriers even when this future is dropped instead of stopped.
        let _carriers = self.inner.post.open();
        let mut opened = false;
        while !stop.is_cancelled() {
            let pause = match self.turn(&mut opened).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the drive loop could not work; it tries again");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.inner.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.inner.post.close().await;
    }

    async fn turn(&self, opened: &mut bool) -> Result<Duration, ServiceError> {
        if !*opened {
            self.take_up_work().await?;
            *opened = true;
        }
        Ok(self.look_round().await?)
    }

    /// After a start: every unsettled job is looked at, and orders that were not acknowledged go out again.
    async fn take_up_work(&self) -> Result<(), ServiceError> {
        // Before any job is looked at: a party that is not known would count as never seen, and its
        // tasks as lost too soon.
        self.load_parties().await?;
        for hook in API_HOOKS {
            hook.resumed(self).await?;
        }
        let mut tx = self.inner.store.begin().await?;
        // Whatever a job waited for when the process ended may have happened meanwhile.
        tx.poke_all(self.now()).await?;
        let parties = tx.parties_with_orders().await?;
        tx.commit().await?;
        self.deliver(&parties);
        Ok(())
    }

    /// Drives every due job once, and says how long to sleep.
    async fn look_round(&self) -> Stored<Duration> {
        self.heed_silence().await?;
        loop {
            let now = self.now();
            match self.inner.store.read().await?.next_due().await? {
                Some(due) if due <= now => {}
                Some(due) => {
                    let millis = u64::try_from(due.millis_since(now))
                        .unwrap_or(0)
                        .saturating_add(1);
                    return Ok(Duration::from_millis(millis).min(LONGEST_SLEEP));
                }
                None => return Ok(LONGEST_SLEEP),
            }
            let driven = match self.drive_together(now).await {
                Ok(driven) => driven,
                Err(error) => {
                    tracing::warn!(%error, "jobs could not be driven together; each is driven by itself");
                    self.drive_apart(now).await?
                }
            };
            if driven == 0 {
                // Something is due and could not be claimed: another coordinator has it.
                return Ok(LONGEST_SLEEP);
            }
        }
    }

    /// Drives some due jobs in one transaction, so that many cost one commit; says how many. All or none stand.
    async fn drive_together(&self, now: Timestamp) -> Stored<usize> {
        let mut presence = self.inner.leases.presence_without_components(now);
        let mut tx = self.inner.store.begin().await?;
        let claimed = self.claim(&mut *tx, now).await?;
        let mut capacity = self.capacity();
        let mut parties = Vec::new();
        for id in &claimed {
            parties.extend(
                self.drive_job(&mut *tx, id, &mut presence, &mut capacity)
                    .await?,
            );
        }
        tx.commit().await?;
        // After the commit: what was rolled back must not have taken anybody's turn.
        self.set_capacity(capacity);
        // Orders leave after the commit only, so that no agent hears of a decision that does not
        // stand.
        self.driven(parties);
        Ok(claimed.len())
    }

    /// The same with a transaction for each job: one that cannot be worked on is put off and keeps no other from its turn.
    async fn drive_apart(&self, now: Timestamp) -> Stored<usize> {
        let mut presence = self.inner.leases.presence_without_components(now);
        let mut tx = self.inner.store.begin().await?;
        let claimed = self.claim(&mut *tx, now).await?;
        tx.commit().await?;
        for id in &claimed {
            let mut tx = self.inner.store.begin().await?;
            let mut capacity = self.capacity();
            match self
                .drive_job(&mut *tx, id, &mut presence, &mut capacity)
                .await
            {
                Ok(parties) => {
                    tx.commit().await?;
                    self.set_capacity(capacity);
                    self.driven(parties);
                }
                Err(error) => {
                    // The failed transaction goes first: putting the job off needs the one writer.
                    drop(tx);
                    tracing::error!(job = %id, %error, "the job could not be driven; it is tried again");
                    self.put_off(id).await?;
                }
            }
        }
        Ok(claimed.len())
    }

    fn capacity(&self) -> CapacityBook {
        self.inner
            .capacity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_capacity(&self, capacity: CapacityBook) {
        *self
            .inner
            .capacity
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = capacity;
    }

    async fn claim(&self, tx: &mut dyn Transaction, now: Timestamp) -> Stored<Vec<JobId>> {
        let options = &self.inner.options;
        tx.claim_due(
            &options.owner,
            now,
            now.plus_millis(options.claim_millis),
            CLAIMED_AT_ONCE,
        )
        .await
    }

    fn driven(&self, mut parties: Vec<PartyId>) {
        parties.sort();
        parties.dedup();
        self.deliver(&parties);
        self.inner
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Jobs of an agent that is linked but silent for a whole lease are looked at.
    async fn heed_silence(&self) -> Stored<()> {
        let now = self.now();
        let silent = self.inner.leases.newly_silent(now);
        if silent.is_empty() {
            return Ok(());
        }
        let mut tx = self.inner.store.begin().await?;
        for party in &silent {
            tracing::warn!(%party, "the agent has not been heard for a whole lease");
            tx.poke_party(party, now).await?;
        }
        tx.commit().await
    }

    /// Decides on a job and writes down what follows; gives the parties for which orders wait now.
    async fn drive_job(
        &self,
        tx: &mut dyn Transaction,
        id: &JobId,
        presence: &mut Presence,
        capacity: &mut CapacityBook,
    ) -> Stored<Vec<PartyId>> {
        // The claim may have run out while other jobs were driven, and another coordinator may be
        // at it.
        if !tx.hold_job(id, &self.inner.options.owner).await? {
            return Ok(Vec::new());
        }
        let Some(mut loaded) = Loaded::load(tx, id).await? else {
            return Ok(Vec::new());
        };
        let now = self.now();
        if matches!(loaded.snapshot.held, Some(Ok(_))) {
            self.tell_held(loaded.snapshot.job.experiment.clone());
        }
        loaded.note_asked(now);
        loaded.snapshot.short_of = capacity.short_of(&loaded.snapshot.job, presence);
        let shown = loaded.show_errors(presence);
        let decisions = decide(&loaded.snapshot, presence, now);
        // The errors are this job's own, and the same presence serves the next job of the turn.
        hide_errors(presence, shown);
        let sending = loaded.carry_out(tx, &decisions, now).await?;
        loaded.note_failing_orders();
        loaded.save(tx).await?;
        let due = sending
            .wake
            .map(|at| at.max(now.plus_millis(LEAST_PAUSE_MILLIS)));
        tx.release_job(id, due.filter(|_| !loaded.snapshot.job.state.is_settled()))
            .await?;
        if let (true, Some(queue)) = (
            loaded.snapshot.job.state.is_settled(),
            &loaded.snapshot.job.settings.queue,
        ) {
            // In the transaction that settles this job: a crash between the two would leave the
            // next one waiting for no one.
            tx.poke_queue(queue, now).await?;
        }
        take_turns(tx, &loaded.snapshot, presence, capacity, now).await?;
        Ok(sending.parties)
    }

    /// Tells the APIs, beside the loop, that a job waits for its experiment.
    fn tell_held(&self, experiment: ExperimentId) {
        let coordinator = self.clone();
        tokio::spawn(async move {
            for hook in API_HOOKS {
                if let Err(error) = hook.held(&coordinator, &experiment).await {
                    tracing::debug!(%experiment, %error, "whether the experiment is ready could not be seen");
                }
            }
        });
    }

    async fn put_off(&self, id: &JobId) -> Stored<()> {
        let mut tx = self.inner.store.begin().await?;
        tx.release_job(id, Some(self.now().plus_millis(PAUSE_AFTER_ERROR_MILLIS)))
            .await?;
        tx.commit().await
    }
}

/// Notes what capacity the job has or wants now, and has those looked at whose turn has come.
async fn take_turns(
    tx: &mut dyn Transaction,
    snapshot: &JobSnapshot,
    presence: &Presence,
    capacity: &mut CapacityBook,
    now: Timestamp,
) -> Stored<()> {
    let job = &snapshot.job;
    let works = snapshot.tasks.iter().any(|task| task.state.is_active());
    let waits =
        !job.state.is_settled() && job.waiting.as_ref().is_some_and(Waiting::is_for_capacity);
    if capacity.note(job, works, waits) {
        for next in capacity.next(presence) {
            tx.poke_job(&next, now).await?;
        }
    }
    Ok(())
}

fn hide_errors(presence: &mut Presence, shown: Vec<(PartyId, Option<vocabulary::Fault>)>) {
    for (party, error) in shown.into_iter().rev() {
        if let Some(agent) = presence.agents.get_mut(&party) {
            agent.last_error = error;
        }
    }
}

/// The pause before the next attempt of an order: doubles with each attempt, up to a bound.
pub(crate) fn back_off(
    attempts: u32,
    least_millis: i64,
    most_millis: i64,
    now: Timestamp,
) -> Timestamp {
    // The shift is bounded before the multiplication: 2^20 pauses are beyond every upper bound
    // already.
    let doubled = least_millis.saturating_mul(1_i64 << attempts.min(20));
    now.plus_millis(doubled.clamp(least_millis, most_millis.max(least_millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backs_off_up_to_a_bound() {
        let pauses: Vec<i64> = [0, 1, 2, 5, 40]
            .map(|attempts| back_off(attempts, 200, 5_000, Timestamp(0)).millis())
            .to_vec();
        assert_eq!(pauses, [200, 400, 800, 5_000, 5_000]);
    }
}
