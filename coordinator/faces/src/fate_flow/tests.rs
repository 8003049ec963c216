//! The face as a client meets it: requests against a router over a coordinator with a store in memory.

mod archives;
mod fixture;
mod forms;
mod golden;
mod jobs;
mod models;
mod rows;
mod serving;
mod submission;
mod tracking;
