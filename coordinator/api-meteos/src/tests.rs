//! The API in one process: a coordinator over a store in memory, one party whose agent takes every order and says nothing.
#![allow(
    clippy::too_many_lines,
    reason = "tables of cases and of answers stand line by line"
)]

mod access;
mod golden;
mod malformed;
mod things;
mod world;
