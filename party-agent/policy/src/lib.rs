//! The gate: what this party takes part in, what leaves it, and what it tells.
//!
//! Pure functions over a loaded policy, and the transport decorator that asks them. The coordinator cannot switch it off:
//! a task's context is built with the gated transport already inside.
#![deny(missing_docs)]

mod admission;
mod cap;
mod check;
mod columns;
mod consent;
mod disclosure;
mod explain;
mod features;
mod gated_transport;
mod grants;
mod identities;
mod limits;
mod peers;
mod recorder;
mod rejudged;
mod release;
mod rules;
mod scores;
mod settings;
mod verdict;

pub use admission::{
    ColumnCount, DailyCount, Facts, Header, MadeOf, MoreVectors, PlannedMessage, Training,
    is_online,
};
pub use cap::Cap;
pub use check::{Problem, check_text};
pub use consent::{Consent, FixedConsent};
pub use disclosure::{Grounds, RowsBehind, Telling};
pub use explain::Chapter;
pub use features::{Place, Vector, VectorVerdict, Vectors};
pub use gated_transport::GatedTransport;
pub use grants::Grants;
pub use limits::{Hours, LimitRules, ModelRules, Until};
pub use recorder::{Leaving, Recorder};
pub use rejudged::ReportBasis;
pub use rules::{
    Columns, FeatureRules, IntersectionRules, LabelRules, MaliciousHosts, OnePeer, Policy,
    PolicyError, Rules, WhenBroken,
};
pub use settings::settings;
pub use verdict::Verdict;
