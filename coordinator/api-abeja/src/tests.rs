//! The API as a client meets it: requests against a router over a coordinator with a store in memory.
#![allow(
    clippy::too_many_lines,
    reason = "tables of cases and of answers stand line by line"
)]

mod access;
mod again;
mod fixture;
mod golden;
mod lists;
mod logs;
mod malformed;
mod runs;
mod things;
