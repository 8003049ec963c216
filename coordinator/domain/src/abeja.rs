//! What ABEJA's clients alone speak of: deployments, channels and files, training models, and runs. Each is the body of an
//! entity.

pub mod deployment;
pub mod run;

pub use run::{Run, RunStatus};
