//! Learning over lines of text at one party: formats of lines, transforms written as Python lambdas (interpreted, never
//! executed), learners, and figures printed in Python's form. No messages, no files, no IO.
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod error;
mod learners;
pub mod metrics;
mod model;
mod params;
mod points;
pub mod python;
mod shares;
mod steps;

pub use error::{LearnError, Result, Watch};
pub use model::{Kind, Model, Trained};
pub use params::Params;
pub use points::Format;
pub use shares::split;
pub use steps::{Step, head, run_steps, steps_of};
