//! The API as a client meets it: requests against a router over a coordinator with a store in memory.

mod access;
mod again;
mod fixture;
mod golden;
mod lists;
mod logs;
mod malformed;
mod runs;
mod things;
