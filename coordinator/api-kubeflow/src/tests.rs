//! The API as clients see it, in process.

mod fixture;
mod golden;
mod malformed;
mod rest;
mod rpc;
mod tokens;
