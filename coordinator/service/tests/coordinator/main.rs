//! The coordinator with a store in memory and agents that play along, or not. Time is tokio's, paused: it jumps to the
//! next thing to happen, so that leases and pauses cost nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test expects"
)]

mod agents;
mod bounds;
mod experiments;
mod explanations;
mod normal;
mod schedules;
mod settling;
mod stopping;
mod trouble;
mod turns;
mod world;
