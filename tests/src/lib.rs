//! What a test of the whole system may use: real daemons as processes, a REST client, tables with known answers, and
//! hostile programs that attack the daemons on the wire.
//!
//! The suite itself stands in `tests/suite` and is built as a test of the package `fedflow`, so that one build makes the
//! binary and the tests that run it. This library panics freely: it exists for tests only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed step of a test is a failed test"
)]
#![allow(clippy::disallowed_methods, reason = "tests bound their waits")]

pub mod cluster;
pub mod fixtures;
pub mod hostile;
pub mod in_process;
pub mod kills;
pub mod rest;
