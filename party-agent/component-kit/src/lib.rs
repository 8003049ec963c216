//! Everything a room may touch: how a component declares itself, and the one door through which it works.
//!
//! A room implements [`Component`]; its `run` gets a [`TaskContext`] and nothing else: no transport, no shelf, no policy,
//! no clock, no coordinator. What stands behind the doors is [`Surroundings`] and a `wire::Transport`, given by the
//! runner (or by the harness in tests).
#![deny(missing_docs)]

mod component;
mod description;
mod error;
mod given;
#[cfg(feature = "harness")]
pub mod harness;
pub mod lenient;
mod message;
mod meter;
mod metrics;
mod model;
mod params;
mod payload;
mod peer;
mod surroundings;
mod task;

pub use component::{AnyComponent, Component, Room};
pub use description::{CastLine, Description, NeedLine, PortLine};
pub use error::{ComponentError, Result};
pub use given::Given;
pub use message::Message;
pub use metrics::Metrics;
pub use model::SavedModel;
pub use params::{Check, Problem, Problems};
pub use payload::{Packed, Payload, PayloadError, Raw};
pub use peer::{Peer, Peers};
pub use surroundings::{
    About, CheckpointAt, CopiedModel, CopyRequest, ExportRequest, IdRules, ImportRequest,
    LabelRules, LogLevel, MaliciousHosts, ModelCopy, Reading, Surroundings,
};
pub use task::TaskContext;
