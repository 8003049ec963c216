//! The coordinator's rules, without IO: what a job is, what may happen to it next, and what must be done about it.
//!
//! Nothing here reads a clock, a database or a network. Time comes in as a value, the world as a snapshot, and what is to
//! be done goes out as a list of decisions.
#![deny(missing_docs)]

pub mod abeja;
pub mod capacity;
pub mod catalogue;
pub mod definition;
pub mod entity;
pub mod event;
pub mod experiment;
#[cfg(test)]
mod fixture;
pub mod graph;
pub mod job;
pub mod meteos;
pub mod offering;
pub mod page;
pub mod presence;
pub mod recurring;
pub mod rerun;
pub mod schedule;
pub mod step;
pub mod task;

pub use capacity::CapacityBook;
pub use catalogue::Catalogue;
pub use definition::{Definition, Dialect};
pub use entity::{Entity, EntityKind};
pub use event::Event;
pub use experiment::{Experiment, NewExperiment, Workspace};
pub use graph::{Cycle, DataEdge, Graph, ModelEdge, ModelSource, Step};
pub use job::state::{IllegalTransition, JobEvent, JobState};
pub use job::{
    Answer, Inherited, Job, JobKind, JobSettings, Keeps, PartySettings, StopRequest, Waiting,
};
pub use offering::Offering;
pub use page::{Listing, Order, Page};
pub use presence::{AgentPresence, Presence};
pub use rerun::Rerun;
pub use schedule::{Decision, JobSnapshot, WaitReason, decide};
pub use step::{EarlierAttempts, earlier_attempts, first_cause, progress, reason_of, step_state};
pub use task::state::{TaskEvent, TaskState};
pub use task::{Task, TaskKey};
