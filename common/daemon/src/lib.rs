//! What any daemon of ours needs: settings, secrets, logs, and a way to end.
#![deny(missing_docs)]

pub mod config;
pub mod disk;
pub mod hold;
pub mod logging;
pub mod redact;
pub mod shutdown;

pub use config::{ConfigError, Loaded, Renamed, load};
pub use disk::Disk;
pub use hold::{Hold, HoldError};
pub use redact::Secret;
