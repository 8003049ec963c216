//! The gate: what this party takes part in, what leaves it, and what it tells.
//!
//! Pure functions over a loaded policy, and the transport decorator that asks them. The coordinator cannot switch it off:
//! a task's context is built with the gated transport already inside.
#![deny(missing_docs)]

mod admission;
mod cap;
mod consent;
mod disclosure;
mod gated_transport;
mod grants;
mod release;
mod rules;
mod verdict;

pub use admission::{Facts, Spoken, Training};
pub use cap::Cap;
pub use consent::{Consent, Fixed};
pub use gated_transport::{GatedTransport, Traffic};
pub use grants::Grants;
pub use rules::{LabelRules, Policy, PolicyError, Rules, WhenBroken};
pub use verdict::Verdict;
