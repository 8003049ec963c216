//! The API as a client meets it: requests against a router over a coordinator with a store in memory.
#![allow(
    clippy::too_many_lines,
    reason = "tables of cases and of answers stand line by line"
)]

mod access;
mod archives;
mod experiments;
mod fixture;
mod forms;
mod golden;
mod jobs;
mod malformed;
mod models;
mod rows;
mod services;
mod serving;
mod submission;
mod tables;
mod tracking;
