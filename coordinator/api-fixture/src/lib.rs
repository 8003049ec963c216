//! A federation for tests of the APIs: two parties, a training, an upload and a job that waits, on a store in memory.
//!
//! It exists for tests only and panics freely: a failed step of a fixture is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step of a test is a failed test"
)]

pub mod golden;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::store::MemoryStore;
use async_trait::async_trait;
use service::parties::AgentFacts;
use service::{AgentGateway, Coordinator, Options, Order, OrderReply, Store};
use vocabulary::{Fault, ManualClock, PartyId, Timestamp};

pub use store::{catalogue, component};

/// The model of the training.
pub const MODEL: &str = "arbiter-10000#guest-9999#host-10000#model";
/// The training: two steps, of which the second failed once at the guest.
pub const TRAIN: &str = "202611230624312345670";
/// An upload that both parties did.
pub const UPLOAD: &str = "202611230624310000000";
/// A training that waits for a party.
pub const WAITING: &str = "202611230624350000000";
const START: i64 = 1_795_000_000_000_000;

/// A party by its id.
pub fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("valid")
}

fn at(millis: i64) -> Timestamp {
    Timestamp(START).plus_millis(millis)
}

/// A gateway whose agents find every parameter right.
struct Gateway;

#[async_trait]
impl AgentGateway for Gateway {
    async fn call(
        &self,
        _party: &PartyId,
        order: Order,
        _patience: Duration,
    ) -> Result<OrderReply, Fault> {
        Ok(match order {
            Order::Check(_) => OrderReply::Checked(Vec::new()),
            _ => OrderReply::Done,
        })
    }
}

/// A coordinator of parties 9999 and 10000 with the three jobs. Nothing drives it.
pub async fn coordinator(rows_through_coordinator: bool) -> Coordinator {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let clock = Arc::new(ManualClock::at(at(60_000)));
    // Nothing drives the jobs of a fixture: no verdict would come.
    let options = Options {
        verdict_millis: 0,
        ..Options::default()
    };
    let coordinator = Coordinator::new(store.clone(), Arc::new(Gateway), clock, options);
    for id in ["10000", "9999"] {
        let facts = AgentFacts {
            rest: Some(format!("http://party-{id}:9380")),
            rows_through_coordinator,
            attempts: vec![],
            slots: Some(64),
        };
        coordinator
            .parties()
            .connected(&party(id), catalogue(), facts)
            .await
            .expect("connected");
    }
    store::fill(store.as_ref()).await;
    coordinator
}
