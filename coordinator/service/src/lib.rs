//! The coordinator's use cases, one file each, behind one cheap handle: [`Coordinator`].
//!
//! APIs and the agent gateway call it; it calls a [`ports::Store`] and a [`ports::AgentGateway`]. What may happen next is
//! decided by `domain::decide`; [`drive`] is the loop that carries decisions out.
#![deny(missing_docs)]

/// Declares a handle: a borrowed view of the coordinator with the use cases of one aggregate, and how it is got.
macro_rules! handle {
    ($(#[$doc:meta])+ $name:ident, $of:ident) => {
        $(#[$doc])+
        #[derive(Clone, Copy)]
        pub struct $name<'a> {
            pub(crate) coordinator: &'a crate::Coordinator,
        }

        impl crate::Coordinator {
            $(#[$doc])+
            pub fn $of(&self) -> $name<'_> {
                $name { coordinator: self }
            }
        }
    };
}

pub mod abeja;
mod addresses;
mod apply;
mod archived;
mod assignment;
mod bounds;
mod dispatch;
pub mod drive;
mod entities;
pub mod error;
mod events;
mod experiments;
pub mod fate;
pub mod filter;
mod home;
mod hooks;
mod job_ids;
pub mod jobs;
mod lines;
pub mod meteos;
pub mod models;
pub mod numbered;
mod orders;
pub mod parties;
pub mod ports;
mod presence;
pub mod principal;
pub mod records;
mod recurring;
mod schedules;
mod tables;
mod versions;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use domain::{CapacityBook, Presence};
use tokio::sync::{Notify, watch};
use vocabulary::{Clock, PartyId, Timestamp};

pub use addresses::AddressKey;
pub use bounds::Bounds;
pub use entities::Entities;
pub use error::ServiceError;
pub use experiments::Experiments;
pub use fate::{Fate, Serving, Tags};
pub use filter::{
    EntityFilter, EventQuery, JobFilter, JobOrder, ModelFilter, PartFilter, RowFilter, TaskFilter,
    VersionFilter,
};
pub use jobs::submit::{NamedEntity, Placement, SubmitJob, Submitted};
pub use jobs::{Health, Jobs};
pub use meteos::{
    EntityView, NewDataset, NewEvaluation, NewLearning, NewModel, NewWorkspace, Project, Projects,
};
pub use models::{Deploy, Deployed, ModelDocuments, ModelKey, ModelPart, ModelVersion, Models};
pub use parties::{AgentFacts, ParametersView, Parties, Parting};
pub use ports::{AgentGateway, Order, OrderReply, StepCheck, Store, StoreError, Transaction};
pub use principal::{Principal, Who};
pub use records::{StoredModel, Tag, Tally};
pub use schedules::{NewSchedule, Schedules};
pub use tables::Tables;

use dispatch::OrderDispatcher;
use hooks::{ApiHook, WhenSettled};
use job_ids::JobIds;
use presence::Leases;

/// What is written down when a job settles, in this order.
static WHEN_SETTLED: [&dyn WhenSettled; 4] = [
    // First: the others look for the version and the models that it writes down.
    &models::KeepTraining,
    &abeja::training_models::NumberTraining,
    &abeja::channels::NoteKept,
    &abeja::runs::EndRuns,
];
/// The APIs that do something beside the core.
static API_HOOKS: [&dyn ApiHook; 2] = [&abeja::Abeja, &meteos::Meteos];

/// How the coordinator behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long an agent may stay silent before its running tasks count as lost, in milliseconds.
    pub lease_millis: i64,
    /// How often agents are told to send a heartbeat, in milliseconds.
    pub heartbeat_millis: u64,
    /// The federation's name.
    pub federation: String,
    /// The parties of the federation; `None` when only those that ever connected are known.
    pub known_parties: Option<Vec<PartyId>>,
    /// The party to which data of tenants goes that are no parties; the first of the federation when `None`.
    pub home_party: Option<PartyId>,
    /// The name under which this coordinator claims jobs; coordinators that share a store need different ones.
    pub owner: String,
    /// How long a coordinator keeps a claimed job to itself, in milliseconds.
    pub claim_millis: i64,
    /// How long an agent may take to answer an order, in milliseconds.
    pub patience_millis: u64,
    /// How long a submission waits for the verdicts of connected parties, in milliseconds.
    pub verdict_millis: u64,
    /// Most orders under way to one party at a time.
    pub orders_at_once: usize,
    /// Pause before an order is tried again, in milliseconds; doubles with each attempt.
    pub retry_least_millis: i64,
    /// Longest such pause, in milliseconds.
    pub retry_most_millis: i64,
    /// How much agents may have this coordinator keep.
    pub bounds: Bounds,
    /// The key of addresses that hold a secret.
    pub addresses: AddressKey,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lease_millis: 15_000,
            heartbeat_millis: 3_000,
            federation: "local".to_owned(),
            known_parties: None,
            home_party: None,
            owner: "coordinator".to_owned(),
            claim_millis: 10_000,
            patience_millis: 20_000,
            verdict_millis: 1_000,
            orders_at_once: 16,
            retry_least_millis: 200,
            retry_most_millis: 10_000,
            bounds: Bounds::default(),
            addresses: AddressKey::default(),
        }
    }
}

/// The object every API calls; a cheap handle.
#[derive(Clone)]
pub struct Coordinator {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    gateway: Arc<dyn AgentGateway>,
    clock: Arc<dyn Clock>,
    options: Options,
    leases: Leases,
    ids: JobIds,
    /// Wakes the drive loop.
    wake: Notify,
    /// Counts changes of jobs, for those who wait for one.
    changes: watch::Sender<u64>,
    post: OrderDispatcher,
    /// Who holds capacity at the agents and who waits for it; written by the drive loop alone.
    capacity: Mutex<CapacityBook>,
    /// Whether the parties of the store were read in.
    parties_loaded: AtomicBool,
    /// Counts runs that ask for no queue, so that they take turns.
    turns: AtomicU64,
}

impl Coordinator {
    /// A coordinator; nothing happens to jobs until [`Coordinator::run`] runs.
    pub fn new(
        store: Arc<dyn Store>,
        gateway: Arc<dyn AgentGateway>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let leases = Leases::new(clock.now(), options.lease_millis);
        Self {
            inner: Arc::new(Inner {
                store,
                gateway,
                clock,
                options,
                leases,
                ids: JobIds::default(),
                wake: Notify::new(),
                changes: watch::Sender::new(0),
                post: OrderDispatcher::default(),
                capacity: Mutex::default(),
                parties_loaded: AtomicBool::new(false),
                turns: AtomicU64::new(0),
            }),
        }
    }

    /// How it behaves.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The present moment, by the coordinator's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Which agents are there, and what each announced. Agents seen before a restart are known once the store was read
    /// ([`Coordinator::run`] does that first).
    pub fn presence(&self) -> Presence {
        self.inner.leases.presence(self.now())
    }

    /// Reads the last catalogue of every party from the store, once.
    pub async fn load_parties(&self) -> Result<(), ServiceError> {
        // Two may read at the same time; the second finds all of them remembered and changes
        // nothing.
        if self.inner.parties_loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        let records = self.inner.store.read().await?.parties().await?;
        self.inner.leases.remember(records);
        self.inner.parties_loaded.store(true, Ordering::Release);
        Ok(())
    }

    /// Tells the loop, and whoever waits for a job, that something changed.
    fn changed(&self) {
        self.inner
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
        // Keeps one wake-up: a change while the loop works is looked at right after.
        self.inner.wake.notify_one();
    }
}
