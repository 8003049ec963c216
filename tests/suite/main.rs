//! The tests of the whole system; the module path is the tier.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step of a test is a failed test"
)]
#![allow(clippy::disallowed_methods, reason = "tests bound their waits")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a skipped test says why"
)]

mod cluster;
mod examples;
mod in_process;
mod policy;
mod tidy;
