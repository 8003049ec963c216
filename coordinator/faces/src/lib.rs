//! The faces of the coordinator: thin views that read a foreign API's requests, call the service, and show its answers.
//!
//! Each face owns its envelope, its words for states and errors, and its paging; no face knows another.

pub mod fate_flow;

pub use fate_flow::{FaceOptions, FateFlow, Rows};
