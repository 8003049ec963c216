//! One small task for each party sends that party's orders, so that a dead or slow party delays nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use vocabulary::{ErrorCode, Fault, JobId, PartyId, TaskId, Timestamp};

use crate::Coordinator;
use crate::ports::Stored;
use crate::records::{OrderKind, PendingOrder};

/// How long a carrier sleeps when it knows of no order.
const LONG_SLEEP: Duration = Duration::from_secs(60);
/// How long it sleeps at most while orders wait.
const SHORT_SLEEP: Duration = Duration::from_secs(1);

/// The carriers at work.
#[derive(Default)]
pub(crate) struct OrderDispatcher {
    open: Mutex<Option<Open>>,
}

struct Open {
    carriers: HashMap<PartyId, Arc<Notify>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl OrderDispatcher {
    /// Carriers may start; they end when the guard is dropped.
    pub(crate) fn open(&self) -> DropGuard {
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let open = Open {
            carriers: HashMap::new(),
            tracker: TaskTracker::new(),
            stop,
        };
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        guard
    }

    /// Stops the carriers; what they did not bring to an end waits in the outbox.
    pub(crate) async fn close(&self) {
        let open = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(open) = open {
            open.stop.cancel();
            open.tracker.close();
            open.tracker.wait().await;
        }
    }
}

impl Coordinator {
    /// Tells the carriers of these parties that orders wait.
    pub(crate) fn deliver(&self, parties: &[PartyId]) {
        let mut open = self
            .inner
            .post
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_mut() else { return };
        for party in parties {
            if let Some(carrier) = open.carriers.get(party) {
                carrier.notify_one();
                continue;
            }
            // A `Notify` keeps one ring: a carrier that is just reading the outbox looks once more
            // and misses no order.
            let bell = Arc::new(Notify::new());
            open.carriers.insert(party.clone(), Arc::clone(&bell));
            let carrier = Carrier {
                coordinator: self.clone(),
                party: party.clone(),
                under_way: HashMap::new(),
            };
            open.tracker.spawn(carrier.run(bell, open.stop.clone()));
        }
    }
}

struct Carrier {
    coordinator: Coordinator,
    party: PartyId,
    under_way: HashMap<Id, PendingOrder>,
}

impl Carrier {
    async fn run(mut self, bell: Arc<Notify>, stop: CancellationToken) {
        let mut calls = JoinSet::new();
        loop {
            let pause = match self.send_due(&mut calls).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(party = %self.party, %error, "orders could not be sent; they are tried again");
                    SHORT_SLEEP
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = bell.notified() => {}
                Some(ended) = calls.join_next_with_id(), if !calls.is_empty() => self.call_ended(ended).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Calls under way are given up: their orders are in the outbox still and go out after the
        // next start.
        calls.shutdown().await;
    }

    async fn call_ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        match ended {
            Ok((id, ())) => {
                self.under_way.remove(&id);
            }
            Err(error) => {
                let Some(order) = self.under_way.remove(&error.id()) else {
                    return;
                };
                let fault =
                    Fault::new(ErrorCode::Internal, "sending an order broke off unforeseen")
                        .at(&self.party);
                if let Err(error) = self.coordinator.postpone(&order, &fault).await {
                    tracing::error!(order = %order.key, %error, "an order could not be postponed");
                }
            }
        }
    }

    /// Starts sending what is due and not under way; says how long to sleep.
    async fn send_due(&mut self, calls: &mut JoinSet<()>) -> Stored<Duration> {
        let most = self.coordinator.inner.options.orders_at_once.max(1);
        // The end of a call wakes the carrier, so it need not look before that.
        if self.under_way.len() >= most {
            return Ok(LONG_SLEEP);
        }
        let now = self.coordinator.now();
        // More than can start: some of them wait for others of the same task, and those behind them
        // may go.
        let limit = u32::try_from(most.saturating_mul(4)).unwrap_or(u32::MAX);
        let mut tx = self.coordinator.inner.store.read().await?;
        let due = tx.due_orders(&self.party, now, limit).await?;
        let next = tx.next_order(&self.party).await?;
        // The store in memory keeps writers out while somebody reads.
        drop(tx);
        if !due.is_empty() && !self.coordinator.inner.leases.is_linked(&self.party) {
            self.coordinator.postpone_all(&self.party).await?;
            return Ok(SHORT_SLEEP);
        }
        for order in due {
            if self.under_way.len() >= most {
                break;
            }
            if self
                .under_way
                .values()
                .any(|other| in_the_way(other, &order))
            {
                continue;
            }
            let handle = calls.spawn(send(self.coordinator.clone(), order.clone()));
            self.under_way.insert(handle.id(), order);
        }
        Ok(next.map_or(LONG_SLEEP, |next| until(next, now)))
    }
}

/// How long to sleep until an order is due. One that is due already and is not under way waits for one that is, whose end wakes
/// the carrier.
fn until(next: Timestamp, now: Timestamp) -> Duration {
    let millis = u64::try_from(next.millis_since(now)).unwrap_or(0);
    if millis == 0 {
        SHORT_SLEEP
    } else {
        Duration::from_millis(millis.saturating_add(1)).min(SHORT_SLEEP)
    }
}

async fn send(coordinator: Coordinator, order: PendingOrder) {
    if let Err(error) = coordinator.send_order(&order).await {
        tracing::error!(order = %order.key, %error, "an order could not be brought to an end; it is tried again");
        // The order is still due: without a pause the carrier would send it again at once, and
        // again.
        tokio::time::sleep(SHORT_SLEEP).await;
    }
}

/// Orders about one task, and orders about the whole job among all of that job, go one after the other: a cancel must not
/// overtake the assignment it cancels, nor a new offer the closing of the job's last run.
fn in_the_way(other: &PendingOrder, order: &PendingOrder) -> bool {
    if other.key == order.key {
        return true;
    }
    let same_job = |job: &JobId| other.job == *job;
    match (subject(&other.kind), subject(&order.kind)) {
        (Some(one), Some(two)) => one == two,
        _ => same_job(&order.job),
    }
}

fn subject(kind: &OrderKind) -> Option<&TaskId> {
    match kind {
        OrderKind::Assign { task, .. } | OrderKind::Cancel { task, .. } => Some(task),
        OrderKind::Sign | OrderKind::Offer | OrderKind::Close => None,
    }
}
