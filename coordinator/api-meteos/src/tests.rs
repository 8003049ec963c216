//! The API in one process: a coordinator over a store in memory, one party whose agent takes every order and says nothing.

mod access;
mod golden;
mod malformed;
mod things;
mod world;
