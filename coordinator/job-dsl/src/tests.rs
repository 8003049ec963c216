//! Whole documents: what they become, and what is said of those that are wrong.

mod cast;
mod deployed;
mod documents;
pub(crate) mod fixture;
mod messages;
