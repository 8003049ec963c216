//! The parameters of the toy.

use component_kit::params;

params! {
    /// Parameters of `secure_add_example`.
    pub struct Params {
        /// Accepted and not used: shares made from a known seed would hide nothing. Default null.
        seed: Option<i64>;
        /// In how many pieces the shares travel, 1 to 1023. Both parties must give the same number. Default 1.
        partition: u32 = 1, in 1..=1023;
        /// How many values each party adds, 1 to 10000000. Both parties must give the same number. Default 1000.
        data_num: u32 = 1000, in 1..=10_000_000;
        /// How many attempts fail on purpose at the guest, 0 to 100: a rehearsal of retries. Default 0.
        fail_attempts: u32 = 0, in 0..=100;
    }
}
