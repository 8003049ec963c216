//! Parties and the outbox in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use service::Tally;
use service::ports::{Asides, Growth, Outbox, Parties, Stored};
use service::records::{PartyRecord, PendingOrder};
use vocabulary::{Fault, JobId, PartyId, Timestamp};

use super::{MemoryTransaction, page};

#[async_trait]
impl Parties for MemoryTransaction {
    async fn put_party(&mut self, record: &PartyRecord) -> Stored<()> {
        self.tables
            .parties
            .put(record.party.clone(), record.clone());
        Ok(())
    }

    async fn parties(&mut self) -> Stored<Vec<PartyRecord>> {
        Ok(self.tables.parties.rows().values().cloned().collect())
    }
}

#[async_trait]
impl Growth for MemoryTransaction {
    async fn told(&mut self, counted: Tally, name: &str) -> Stored<u64> {
        Ok(self
            .tables
            .told
            .get(&(counted, name.to_owned()))
            .copied()
            .unwrap_or(0))
    }

    async fn count_told(&mut self, counted: Tally, name: &str, more: u64) -> Stored<()> {
        let sum = self.told(counted, name).await?.saturating_add(more);
        self.tables.told.put((counted, name.to_owned()), sum);
        Ok(())
    }

    async fn lower_told(&mut self, counted: Tally, name: &str, less: u64) -> Stored<()> {
        let key = (counted, name.to_owned());
        match self.told(counted, name).await?.saturating_sub(less) {
            0 => {
                self.tables.told.remove(&key);
            }
            left => self.tables.told.put(key, left),
        }
        Ok(())
    }
}

#[async_trait]
impl Outbox for MemoryTransaction {
    async fn enqueue(&mut self, order: &PendingOrder) -> Stored<bool> {
        if self.tables.outbox.get(&order.key).is_some() {
            return Ok(false);
        }
        self.tables.outbox.put(order.key.clone(), order.clone());
        Ok(true)
    }

    async fn due_orders(
        &mut self,
        party: &PartyId,
        now: Timestamp,
        limit: u32,
    ) -> Stored<Vec<PendingOrder>> {
        let own = self
            .tables
            .outbox
            .rows()
            .values()
            .filter(|order| order.party == *party && order.next_attempt <= now);
        let mut due: Vec<&PendingOrder> = own.collect();
        due.sort_by_key(|order| (order.next_attempt, order.created, &order.key));
        Ok(page(due, Some(limit), 0).into_iter().cloned().collect())
    }

    async fn next_order(&mut self, party: &PartyId) -> Stored<Option<Timestamp>> {
        let own = self
            .tables
            .outbox
            .rows()
            .values()
            .filter(|order| order.party == *party);
        Ok(own.map(|order| order.next_attempt).min())
    }

    async fn orders_of(&mut self, job: &JobId) -> Stored<Vec<PendingOrder>> {
        let mut own: Vec<PendingOrder> = self
            .tables
            .outbox
            .rows()
            .values()
            .filter(|order| order.job == *job)
            .cloned()
            .collect();
        own.sort_by(|one, two| (one.created, &one.key).cmp(&(two.created, &two.key)));
        Ok(own)
    }

    async fn remove_order(&mut self, key: &str) -> Stored<bool> {
        Ok(self.tables.outbox.remove(&key.to_owned()))
    }

    async fn postpone_order(
        &mut self,
        key: &str,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<()> {
        self.tables.outbox.change(&key.to_owned(), |order| {
            postpone(order, next_attempt, error)
        });
        Ok(())
    }

    async fn postpone_party(
        &mut self,
        party: &PartyId,
        next_attempt: Timestamp,
        error: &Fault,
    ) -> Stored<Vec<JobId>> {
        let rows = self.tables.outbox.rows().values();
        let fresh = rows.filter(|order| order.party == *party && order.last_error.is_none());
        let mut jobs: Vec<JobId> = fresh.map(|order| order.job.clone()).collect();
        jobs.sort();
        jobs.dedup();
        self.tables.outbox.change_where(
            |_, order| order.party == *party,
            |order| postpone(order, next_attempt, error),
        );
        Ok(jobs)
    }

    async fn recall_party(&mut self, party: &PartyId, now: Timestamp) -> Stored<()> {
        let fits =
            |_: &String, order: &PendingOrder| order.party == *party && order.next_attempt > now;
        self.tables
            .outbox
            .change_where(fits, |order| order.next_attempt = now);
        Ok(())
    }

    async fn parties_with_orders(&mut self) -> Stored<Vec<PartyId>> {
        let mut parties: Vec<PartyId> = self
            .tables
            .outbox
            .rows()
            .values()
            .map(|order| order.party.clone())
            .collect();
        parties.sort();
        parties.dedup();
        Ok(parties)
    }
}

fn postpone(order: &mut PendingOrder, next_attempt: Timestamp, error: &Fault) {
    order.next_attempt = next_attempt;
    order.attempts = order.attempts.saturating_add(1);
    order.last_error = Some(error.clone());
}

/// Nothing here has to be read back.
#[async_trait]
impl Asides for MemoryTransaction {
    async fn count_set_aside(&mut self) -> Stored<BTreeMap<String, u64>> {
        Ok(BTreeMap::new())
    }

    async fn is_set_aside(&mut self, _: &str, _: &str) -> Stored<bool> {
        Ok(false)
    }
}
