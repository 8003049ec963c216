//! The parameters of the masked sum.

use component_kit::params;

params! {
    /// Parameters of `template`.
    pub struct Params {
        /// The numeric column to add up; every party has one of that name. Default `x0`.
        column: String = "x0", in filled("the column has no name");
        /// Binary digits after the point that survive the sum, 0 to 40. Default 20.
        fractional_bits: u32 = 20, in 0..=40;
    }
}
