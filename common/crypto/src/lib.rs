//! Cryptographic primitives: no parties, no messages, no IO. What a party means by a key or a share is
//! decided above; here stand only the operations, each with its standard, its limits and its checks.
//! The README of this crate lists what every primitive protects against and what it does not.
#![deny(missing_docs)]

pub mod curve;
pub mod fixed_point;
pub mod random;
pub mod rlwe;
pub mod seal;
pub mod sharing;

pub use fixed_point::FixedPoint;
pub use random::Random;
