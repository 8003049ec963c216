//! All roles of a component in one process: what a room's tests run on.
//!
//! A [`Federation`] says who takes part, what each reads and with which parameters; `run` plays every role at the same
//! time over recorded in-memory mail and gives what each part left. The functions in [`checks`] are the tests every room
//! has ready.

pub mod checks;
mod federation;
mod mail;
mod memory;

pub use federation::{Federation, Part, Played};
pub use mail::{Faults, Letter};
