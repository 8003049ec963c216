//! The tests of the whole system; the module path is the tier.

mod cluster;
mod examples;
mod tidy;
