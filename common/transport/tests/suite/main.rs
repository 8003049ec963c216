//! The real transports over real QUIC on this machine, with throw-away federations.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "a suite of tests"
)]

mod calls;
mod federation;
mod handshake;
mod messages;
mod relay;
mod restarts;
