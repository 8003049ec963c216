//! What any daemon of ours needs: settings, logs, and a way to end.
#![deny(missing_docs)]

pub mod config;
pub mod logging;
pub mod shutdown;

pub use config::{ConfigError, load};
