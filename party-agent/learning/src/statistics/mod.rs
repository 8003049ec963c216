//! Statistics of a column of numbers: moments that are taken part by part and merged, and exact quantiles, and FATE's names for them. NaN is a value that is
//! missing: it is counted and otherwise left out.

mod moments;
mod named;
mod quantile;

pub use moments::Moments;
pub use named::{Statistic, Statistics};
pub use quantile::quantile;
