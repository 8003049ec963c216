//! Statistics of a column of numbers: moments that are taken part by part and merged, and exact quantiles. NaN is a value that is
//! missing: it is counted and otherwise left out.

mod moments;
mod quantile;

pub use moments::Moments;
pub use quantile::quantile;
