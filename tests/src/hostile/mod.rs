//! Hostile programs on the wire, for tests of unmodified daemons: a coordinator, parties and clients that hold good
//! certificates and do what they please.
//!
//! A test starts real agents and a hostile program, shows that an honest job runs, twists one thing, and sees it refused:
//!
//! ```ignore
//! let federation = Federation::new(&program());
//! let coordinator = Coordinator::start(&federation);
//! let bank = federation.agent("9999", ALL_MINE);
//! let clinic = federation.agent("10000", ALL_MINE);
//! bank.table("experiment", "guest", &pair(60).guest);
//! clinic.table("experiment", "host", &pair(60).host);
//! coordinator.joined(&["9999", "10000"]).await;
//!
//! // The honest job works: its parties agree, its steps run.
//! let job = Job::training(&coordinator.catalogue(), ["9999", "10000", "10000"], 3);
//! coordinator.run(&job).await.expect("it runs");
//!
//! // The same with one thing changed after all have agreed.
//! let job = job.anew();
//! let offer = coordinator.agree(&job).await.expect("agreed");
//! let mut order = job.assignment("reader_0", &host("10000"), 0);
//! order.parameters = json!({"table": {"namespace": "secret", "name": "salaries"}});
//! let refused = coordinator.assign("10000", order).await.expect_err("refused");
//! assert_eq!(refused.code, ErrorCode::OfferRefused);
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`Federation`] | a root, identities (also expired, revoked, foreign ones), real daemons below one folder |
//! | [`Agent`] | a real `fedflow agent`: tables, policy, restart, kill, its folder, its log, its records |
//! | [`CoordinatorDaemon`] | a real `fedflow coordinator`, for hostile peers |
//! | [`Coordinator`] | a program with the coordinator's certificate: every call to agents, everything they say |
//! | [`Job`], [`Step`] | a job as an honest coordinator would describe it: its offer and its orders |
//! | [`Peer`] | a program with an agent's certificate: hello, offers, reports, messages, directly and relayed |
//! | [`client`] | REST requests that no honest client makes |
//!
//! Hostile programs run on threads of their own, so that a test may block (on the end of a daemon, on a file) while they
//! answer. Every wait is bounded by [`PATIENCE`] and fails the test with what was waited for. Daemons end when their
//! handle is dropped; declare the [`Federation`] first, so that its folder goes last.

mod agent;
pub mod client;
mod coordinator;
mod federation;
mod job;
mod peer;
mod policies;
mod runtime;
mod step;

use std::time::{Duration, Instant};

use vocabulary::{Attempt, JobId, Participant, PartyId, Role, StepName, TaskId};
use wire::{Address, AttemptKey, Envelope};

pub use agent::{Agent, CoordinatorDaemon};
pub use coordinator::{Coordinator, Messages, ProxiedRequest, Statement, Word};
pub use federation::{Federation, Setup};
pub use job::{Job, order_of};
pub use peer::{Direct, Peer, head_of};
pub use policies::{ALL_MINE, SMALL_TABLES, STRICT, careful};
pub use records::harness::spoil;
pub use step::{ModelWire, Step, Wire};

/// The longest that anything may take before the test fails.
pub const PATIENCE: Duration = crate::rest::PATIENCE;
/// The longest that one call may take.
pub const CALL_PATIENCE: Duration = Duration::from_secs(30);

/// A party's name.
pub fn party(id: &str) -> PartyId {
    PartyId::new(id).expect("a party")
}

/// A step's name.
pub fn step_name(name: &str) -> StepName {
    StepName::new(name).expect("a step")
}

/// The party as guest.
pub fn guest(id: &str) -> Participant {
    Participant::new(Role::Guest, party(id))
}

/// The party as host.
pub fn host(id: &str) -> Participant {
    Participant::new(Role::Host, party(id))
}

/// The party as arbiter.
pub fn arbiter(id: &str) -> Participant {
    Participant::new(Role::Arbiter, party(id))
}

/// The party working alone.
pub fn local(id: &str) -> Participant {
    Participant::new(Role::Local, party(id))
}

/// One step of a job at one participant.
pub fn task_of(job: &JobId, step: &str, who: &Participant) -> TaskId {
    TaskId {
        job: job.clone(),
        step: step_name(step),
        role: who.role,
        party: who.party.clone(),
    }
}

/// A message from a task to another participant of its step. `tag` is what it is addressed by, such as
/// `epoch.0/batch.0/host_forward`; the declared message is the tag's last part, and may be changed afterwards.
pub fn envelope(
    from: &TaskId,
    (attempt, offer): (u32, &str),
    to: &Participant,
    tag: &str,
    body: impl Into<bytes::Bytes>,
) -> Envelope {
    let (job, step) = (from.job.clone(), from.step.clone());
    let key = AttemptKey {
        job,
        step,
        attempt: Attempt(attempt),
        offer: offer.to_owned(),
    };
    let address = Address {
        attempt: key,
        from: from.participant(),
        to: to.clone(),
        tag: tag.to_owned(),
    };
    let message = tag.rsplit('/').next().unwrap_or_default().to_owned();
    Envelope {
        address,
        message,
        body: body.into(),
    }
}

/// Looks again and again until there is something; fails the test after [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether something stays away for a while: the counterpart of [`until`], for what must not happen.
pub async fn never<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> bool {
    let began = Instant::now();
    while began.elapsed() < within {
        if look().is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    look().is_none()
}
