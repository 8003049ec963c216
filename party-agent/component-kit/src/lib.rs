//! Everything a component may touch: how a component declares itself, and the one interface through which it works.
//!
//! A component implements [`Component`]; its `run` gets a [`TaskContext`] and nothing else: no transport, no table store, no policy,
//! no clock, no coordinator. Behind that interface stand [`TaskHost`] and a `wire::Transport`, given by the
//! runner (or by the harness in tests).
#![deny(missing_docs)]

// The macros name this crate as its users do.
#[cfg(test)]
extern crate self as component_kit;

pub mod bounds;
mod columns;
mod component;
mod declare;
#[doc(hidden)]
pub mod declared;
mod description;
mod error;
mod given;
#[cfg(feature = "harness")]
pub mod harness;
mod import_request;
pub mod lenient;
mod local;
mod message;
mod meter;
mod metrics;
mod model;
mod params;
mod payload;
mod peer;
mod task;
mod task_host;
mod word;

pub use columns::{ColumnIndexes, PerColumn};
pub use component::{AnyComponent, Component, ParamSet, Plugin, RolePlan};
pub use description::{CastLine, Description, NeedLine, PortLine};
pub use error::{ComponentError, Result};
pub use given::Given;
pub use import_request::ImportRequest;
pub use local::{Fitted, LocalOutput, LocalTask, LocalTransform, PassOn};
pub use message::Message;
pub use metrics::{Metrics, metric};
pub use model::SavedModel;
pub use params::{Check, Problem, Problems};
pub use payload::{Packed, Payload, PayloadError, Raw};
pub use peer::{Peer, Peers};
pub use task::TaskContext;
pub use task_host::{
    About, CheckpointAt, CopiedModel, CopyRequest, ExportRequest, IdRules, LabelRules, LogLevel,
    MaliciousHosts, ModelCopy, Reading, TaskHost,
};
pub use word::Word;
