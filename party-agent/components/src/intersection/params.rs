//! The parameters, by FATE's names and with FATE's defaults.

use component_kit::params;

use super::nested::{
    CacheParams, CurveParams, EncodeParams, GroupParams, PreprocessParams, ROLES, RawParams,
    RsaParams,
};

const NO_MATCH_IDS: &str = "match ids are not served: rows are intersected by their own id";

params! {
    /// Parameters of an intersection. Texts may be written in any case.
    pub struct Params {
        /// rsa (default), raw, dh or ecdh. All are served by ECDH over ristretto255.
        intersect_method: String = "rsa", in ["rsa", "raw", "dh", "ecdh"];
        /// Whether the hosts learn the result; otherwise their output has no rows. The same at all parties. Default true.
        sync_intersect_ids: bool = true;
        /// Whether the output holds ids alone. Default false.
        only_output_key: bool = false;
        /// inner_join; left_join is not served.
        join_method: String = "inner_join", in ["inner_join", "left_join"], check |join| inner(join);
        /// Whether only the size is found, with one host; no table is left then. The same at all parties. Default false.
        cardinality_only: bool = false;
        /// Whether the host learns the size too. The same at all parties. Default false.
        sync_cardinality: bool = false;
        /// ecdh (default), rsa or dh. All are served by ECDH over ristretto255.
        cardinality_method: String = "ecdh", in ["rsa", "dh", "ecdh"];
        /// Accepted without effect: ids are not sent ahead in a filter. Default false; not with cardinality_only.
        run_preprocess: bool = false;
        /// Checked, without effect.
        intersect_preprocess_params: PreprocessParams;
        /// Checked, without effect.
        rsa_params: RsaParams;
        /// Checked, without effect.
        dh_params: GroupParams;
        /// Checked, without effect.
        ecdh_params: CurveParams;
        /// Checked, without effect.
        raw_params: RawParams;
        /// Deprecated, without effect.
        encode_params: EncodeParams;
        /// Deprecated, without effect.
        intersect_cache_param: CacheParams;
        /// Deprecated, without effect; above 0. Default 128.
        random_bit: u32 = 128, in above(0);
        /// Deprecated, without effect: guest (default) or host.
        join_role: String = "guest", in ROLES;
        /// Deprecated, without effect. Default false.
        with_encode: bool = false;
        /// false: keeping blinded ids for later jobs is not served.
        run_cache: bool = false, in not_served("a cache of blinded ids is not served: every run uses fresh keys, so that runs cannot be linked");
        /// false: match ids are not served.
        new_sample_id: bool = false, in not_served(NO_MATCH_IDS);
        /// Without effect: guest (default) or host.
        sample_id_generator: String = "guest", in ROLES;
        /// false: match ids are not served.
        repeated_id_process: bool = false, in not_served(NO_MATCH_IDS);
        /// Without effect: guest (default) or host.
        repeated_id_owner: String = "guest", in ROLES;
        /// false: match ids are not served.
        with_sample_id: bool = false, in not_served(NO_MATCH_IDS);
        /// false: match ids are not served.
        allow_info_share: bool = false, in not_served(NO_MATCH_IDS);
        /// Without effect: guest (default) or host.
        info_owner: String = "guest", in ROLES;
    }
    check |own, problems| {
        let sizes = own.cardinality_only;
        problems.expect(!(own.run_preprocess && sizes), "run_preprocess", || {
            "preprocessing does not go with cardinality_only".to_owned()
        });
        let split = own.rsa_params.split_calculation && own.cardinality_method.eq_ignore_ascii_case("rsa");
        problems.expect(!(split && sizes), "rsa_params.split_calculation", || {
            "splitting does not go with cardinality_only".to_owned()
        });
        let rate = own.intersect_preprocess_params.false_positive_rate;
        let path = "intersect_preprocess_params.false_positive_rate";
        // FATE's own rule, kept although nothing is preprocessed here.
        problems.expect(!own.run_preprocess || rate >= 0.01, path, || format!("{rate} is below 0.01"));
    }
}

fn inner(join: &str) -> Result<(), &'static str> {
    match join.eq_ignore_ascii_case("left_join") {
        true => Err(
            "left_join is not served: hosts would have to learn the guest's unmatched ids; use inner_join",
        ),
        false => Ok(()),
    }
}

impl Params {
    /// Whether the host learns what this run finds: the rows, or their number.
    pub(super) fn host_is_told(&self) -> bool {
        if self.cardinality_only {
            self.sync_cardinality
        } else {
            self.sync_intersect_ids
        }
    }

    /// A log line on how the asked method is served.
    pub(super) fn served_by(&self) -> String {
        let method = if self.cardinality_only {
            &self.cardinality_method
        } else {
            &self.intersect_method
        };
        let asked = match method.to_uppercase().as_str() {
            "ECDH" => String::new(),
            other => format!("{other} asked for: "),
        };
        let learned = match (self.cardinality_only, self.host_is_told()) {
            (false, true) => {
                "each side learns the intersection and nothing else but the number of ids"
            }
            (false, false) => {
                "the guest learns the intersection, each side the number of ids and nothing else"
            }
            (true, true) => {
                "each side learns the size of the intersection and nothing else but the number of ids"
            }
            (true, false) => {
                "the guest learns the size of the intersection, each side the number of ids and nothing else"
            }
        };
        format!("{asked}ECDH over ristretto255 serves it: {learned}")
    }
}
