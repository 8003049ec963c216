//! All roles of a component in one process: what a component's tests run on.
//!
//! A [`Federation`] says who takes part, what each reads and with which parameters; `run` plays every role at the same
//! time over recorded in-memory messages and gives what each part left. The functions in [`checks`] are the tests every component
//! has ready.

mod checklist;
pub mod checks;
mod federation;
mod memory;
mod messages;

pub use federation::{Federation, Part, RunRecord};
pub use messages::{Faults, RecordedMessage};
