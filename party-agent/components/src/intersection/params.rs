//! The parameters, by FATE's names and with FATE's defaults.

use component_kit::{Check, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nested::{
    CacheParams, CurveParams, EncodeParams, GroupParams, PreprocessParams, RawParams, RsaParams,
};

const METHODS: &[&str] = &["rsa", "raw", "dh", "ecdh"];
const ROLES: &[&str] = &["guest", "host"];

/// Parameters of an intersection. Texts may be written in any case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// rsa (default), raw, dh or ecdh. All are served by ECDH over ristretto255.
    pub intersect_method: String,
    /// Whether the hosts learn the result; otherwise their output has no rows. The same at all parties. Default true.
    pub sync_intersect_ids: bool,
    /// Whether the output holds ids alone. Default false.
    pub only_output_key: bool,
    /// inner_join; left_join is not served.
    pub join_method: String,
    /// Whether only the size is found, with one host; no table is left then. The same at all parties. Default false.
    pub cardinality_only: bool,
    /// Whether the host learns the size too. The same at all parties. Default false.
    pub sync_cardinality: bool,
    /// ecdh (default), rsa or dh. All are served by ECDH over ristretto255.
    pub cardinality_method: String,
    /// Accepted without effect: ids are not sent ahead in a filter. Default false; not with cardinality_only.
    pub run_preprocess: bool,
    /// Checked, without effect.
    pub intersect_preprocess_params: PreprocessParams,
    /// Checked, without effect.
    pub rsa_params: RsaParams,
    /// Checked, without effect.
    pub dh_params: GroupParams,
    /// Checked, without effect.
    pub ecdh_params: CurveParams,
    /// Checked, without effect.
    pub raw_params: RawParams,
    /// Deprecated, without effect.
    pub encode_params: EncodeParams,
    /// Deprecated, without effect.
    pub intersect_cache_param: CacheParams,
    /// Deprecated, without effect; above 0. Default 128.
    pub random_bit: u32,
    /// Deprecated, without effect: guest (default) or host.
    pub join_role: String,
    /// Deprecated, without effect. Default false.
    pub with_encode: bool,
    /// false: keeping blinded ids for later jobs is not served.
    pub run_cache: bool,
    /// false: match ids are not served.
    pub new_sample_id: bool,
    /// Without effect: guest (default) or host.
    pub sample_id_generator: String,
    /// false: match ids are not served.
    pub repeated_id_process: bool,
    /// Without effect: guest (default) or host.
    pub repeated_id_owner: String,
    /// false: match ids are not served.
    pub with_sample_id: bool,
    /// false: match ids are not served.
    pub allow_info_share: bool,
    /// Without effect: guest (default) or host.
    pub info_owner: String,
}

impl Default for Params {
    fn default() -> Self {
        let guest = || "guest".to_owned();
        Self {
            intersect_method: "rsa".to_owned(),
            sync_intersect_ids: true,
            only_output_key: false,
            join_method: "inner_join".to_owned(),
            cardinality_only: false,
            sync_cardinality: false,
            cardinality_method: "ecdh".to_owned(),
            run_preprocess: false,
            intersect_preprocess_params: PreprocessParams::default(),
            rsa_params: RsaParams::default(),
            dh_params: GroupParams::default(),
            ecdh_params: CurveParams::default(),
            raw_params: RawParams::default(),
            encode_params: EncodeParams::default(),
            intersect_cache_param: CacheParams::default(),
            random_bit: 128,
            join_role: guest(),
            with_encode: false,
            run_cache: false,
            new_sample_id: false,
            sample_id_generator: guest(),
            repeated_id_process: false,
            repeated_id_owner: guest(),
            with_sample_id: false,
            allow_info_share: false,
            info_owner: guest(),
        }
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

impl Check for Params {
    fn check(&self, problems: &mut Problems) {
        problems.one_of("intersect_method", &self.intersect_method, METHODS);
        problems.one_of(
            "cardinality_method",
            &self.cardinality_method,
            &["rsa", "dh", "ecdh"],
        );
        self.check_join(problems);
        for (path, role) in [
            ("join_role", &self.join_role),
            ("sample_id_generator", &self.sample_id_generator),
            ("repeated_id_owner", &self.repeated_id_owner),
            ("info_owner", &self.info_owner),
        ] {
            problems.one_of(path, role, ROLES);
        }
        problems.expect(self.random_bit > 0, "random_bit", || {
            "0 bits hide nothing".to_owned()
        });
        for (path, asked) in [
            ("new_sample_id", self.new_sample_id),
            ("repeated_id_process", self.repeated_id_process),
            ("with_sample_id", self.with_sample_id),
            ("allow_info_share", self.allow_info_share),
        ] {
            problems.expect(!asked, path, || {
                "match ids are not served: rows are intersected by their own id".to_owned()
            });
        }
        problems.expect(!self.run_cache, "run_cache", || {
            "a cache of blinded ids is not served: every run uses fresh keys, so that runs cannot be linked".to_owned()
        });
        problems.expect(
            !(self.run_preprocess && self.cardinality_only),
            "run_preprocess",
            || "preprocessing does not go with cardinality_only".to_owned(),
        );
        let split = self.rsa_params.split_calculation && self.cardinality_only;
        problems.expect(
            !(split && self.cardinality_method.eq_ignore_ascii_case("rsa")),
            "rsa_params.split_calculation",
            || "splitting does not go with cardinality_only".to_owned(),
        );
        self.check_nested(problems);
    }
}

impl Params {
    fn check_join(&self, problems: &mut Problems) {
        problems.one_of(
            "join_method",
            &self.join_method,
            &["inner_join", "left_join"],
        );
        problems.expect(!self.join_method.eq_ignore_ascii_case("left_join"), "join_method", || {
            "left_join is not served: hosts would have to learn the guest's unmatched ids; use inner_join".to_owned()
        });
    }
}
