//! The gate: what this party takes part in, what leaves it, and what it tells.
//!
//! Pure functions over a loaded policy, and the transport decorator that asks them. The coordinator cannot switch it off:
//! a task's context is built with the gated transport already inside.
#![deny(missing_docs)]

mod admission;
mod cap;
mod columns;
mod consent;
mod disclosure;
mod gated_transport;
mod grants;
mod recorder;
mod rejudged;
mod release;
mod rules;
mod scores;
mod verdict;

pub use admission::{Facts, Spoken, Training};
pub use cap::Cap;
pub use consent::{Consent, Fixed};
pub use disclosure::{Grounds, Read, Telling};
pub use gated_transport::GatedTransport;
pub use grants::Grants;
pub use recorder::{Leaving, Recorder};
pub use rejudged::Judged;
pub use rules::{LabelRules, Policy, PolicyError, Rules, WhenBroken};
pub use verdict::Verdict;
