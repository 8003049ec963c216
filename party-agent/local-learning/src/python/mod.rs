//! As much of Python as clients write into requests: literals, one-argument lambdas, and `repr`. Nothing is executed:
//! texts become trees of bounded depth, and trees are walked with a bounded amount of work.

mod eval;
mod literal;
mod parse;
#[cfg(test)]
mod properties;
mod repr;
mod slice;
mod token;

pub use eval::Lambda;
pub(crate) use eval::truth;
pub use literal::{Literal, read_arguments, read_literal};
pub use repr::{float_repr, repr, str_of};

/// Longest text that is read, in bytes.
pub(crate) const LONGEST_TEXT: usize = 1 << 20;
/// Deepest nesting of what is read.
pub(crate) const DEEPEST: usize = 64;
