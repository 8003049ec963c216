//! Sub-protocols that several components share: keys made by an arbiter, encrypted sums, hidden batches, agreed stops.
//! A component keeps its own message table and hands the messages in; what is sent when stands in the functions here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod agreed_stop;
pub mod aligned_batches;
pub mod encrypted_algebra;
pub mod encrypted_gradient;
pub mod fixed;
pub mod hidden_members;
pub mod key_ceremony;
pub mod key_limit;
pub mod key_use;
pub mod label_protection;

pub use encrypted_algebra::{
    LinearScheme, Origin, PublicKeyBytes, RingLwe, SchemeError, SchemeResult, SumsBytes, SumsShape,
    VectorBytes,
};
pub use key_ceremony::{Encryptor, KeyHolder};
pub use key_limit::Limit;
pub use key_use::KeyUse;

#[cfg(test)]
mod tests;
