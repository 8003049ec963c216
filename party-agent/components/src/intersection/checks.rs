//! What the parameter objects of FATE's methods may say.

use component_kit::Problems;

use super::nested::{FINAL_HASHES, HASHES, OLD_HASHES};
use super::params::Params;

impl Params {
    /// Checks the objects of all methods.
    pub(super) fn check_nested(&self, problems: &mut Problems) {
        let roles = &["guest", "host"];
        problems.one_of(
            "encode_params.encode_method",
            &self.encode_params.encode_method,
            OLD_HASHES,
        );
        problems.one_of(
            "raw_params.hash_method",
            &self.raw_params.hash_method,
            OLD_HASHES,
        );
        problems.one_of("raw_params.join_role", &self.raw_params.join_role, roles);
        self.check_rsa(problems);
        let dh = &self.dh_params;
        problems.one_of("dh_params.hash_method", &dh.hash_method, OLD_HASHES);
        problems.expect(dh.key_length >= 1024, "dh_params.key_length", || {
            format!("{} is below 1024", dh.key_length)
        });
        problems.one_of(
            "ecdh_params.hash_method",
            &self.ecdh_params.hash_method,
            HASHES,
        );
        problems.one_of(
            "ecdh_params.curve",
            &self.ecdh_params.curve,
            &["curve25519"],
        );
        let filter = &self.intersect_preprocess_params;
        let (rate, path) = (
            filter.false_positive_rate,
            "intersect_preprocess_params.false_positive_rate",
        );
        problems.expect(rate > 0.0 && rate <= 0.5, path, || {
            format!("{rate} is not above 0 and up to 0.5")
        });
        problems.one_of(
            "intersect_preprocess_params.encrypt_method",
            &filter.encrypt_method,
            &["rsa"],
        );
        problems.one_of(
            "intersect_preprocess_params.hash_method",
            &filter.hash_method,
            FINAL_HASHES,
        );
        problems.one_of(
            "intersect_preprocess_params.preprocess_method",
            &filter.preprocess_method,
            FINAL_HASHES,
        );
        problems.one_of(
            "intersect_preprocess_params.filter_owner",
            &filter.filter_owner,
            roles,
        );
        problems.expect(!self.run_preprocess || rate >= 0.01, path, || {
            format!("{rate} is below 0.01")
        });
    }

    fn check_rsa(&self, problems: &mut Problems) {
        let rsa = &self.rsa_params;
        problems.one_of("rsa_params.hash_method", &rsa.hash_method, HASHES);
        problems.one_of(
            "rsa_params.final_hash_method",
            &rsa.final_hash_method,
            FINAL_HASHES,
        );
        problems.expect(rsa.key_length >= 1024, "rsa_params.key_length", || {
            format!("{} is below 1024", rsa.key_length)
        });
        problems.expect(rsa.random_bit > 0, "rsa_params.random_bit", || {
            "0 bits hide nothing".to_owned()
        });
        let fraction = rsa.random_base_fraction.unwrap_or(1.0);
        problems.expect(
            fraction > 0.0 && fraction <= 1.0,
            "rsa_params.random_base_fraction",
            || format!("{fraction} is not above 0 and up to 1"),
        );
    }
}
