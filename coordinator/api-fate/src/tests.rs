//! The API as a client meets it: requests against a router over a coordinator with a store in memory.

mod access;
mod archives;
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
mod table_stores;
mod tables;
mod tracking;
