//! Whole documents: what they become, and what is said of those that are wrong.

mod documents;
mod fixture;
mod messages;
